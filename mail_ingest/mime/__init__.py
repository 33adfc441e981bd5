"""A streaming MIME reader: bytes in, events out. It knows nothing of news, storage or sockets."""
