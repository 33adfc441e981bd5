"""The durable engine of one machine: durabletask's in-memory backend, corrected, kept in SQLite.

From the inside out: `backend` keeps instances as durabletask does, `history_store` writes them
down, `hub` is every operation on both, `engine_thread` runs operations and orchestrator turns in
batches of one commit each, `activity_runner` runs activities on the host's event loop.
"""
