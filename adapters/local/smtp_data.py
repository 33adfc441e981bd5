"""The data of an SMTP DATA command, freed of its dots as it streams; sans-I/O.

Only CR LF, a dot, CR LF ends the data (RFC 5321 4.1.1.4): taking a bare LF for a line end is how
mails are smuggled past other servers. Lines may be of any length, and bytes of any value.
"""

from __future__ import annotations

_END = b"\r\n.\r\n"
_DOT = b"\r\n."
_CRLF = b"\r\n"


class DataDecoder:
    """Feed it what the client sends until `ended`; then `rest` is what followed the end."""

    def __init__(self) -> None:
        self.ended = False
        self.rest = b""
        self._held = _CRLF  # as if a line had just ended, so that a dot may come at once
        self._skip = len(_CRLF)  # and that line end is not part of the data

    def feed(self, chunk: bytes) -> bytes:
        """The next bytes of the message, perhaps none."""
        data = self._held + chunk
        end = data.find(_END)
        if end >= 0:
            self.ended = True
            self.rest = data[end + len(_END) :]
            data = data[: end + len(_CRLF)]
            self._held = b""
        else:
            held = _end_begun(data)
            data, self._held = data[: len(data) - held], data[len(data) - held :]
        plain = data.replace(_DOT, _CRLF)  # RFC 5321 4.5.2
        skipped = min(self._skip, len(plain))
        self._skip -= skipped
        return plain[skipped:]


def _end_begun(data: bytes) -> int:
    """How many bytes at the end of `data` may be the beginning of the end."""
    return next(n for n in range(len(_END) - 1, -1, -1) if data.endswith(_END[:n]))
