"""Whether a file begins like a mail: for people who name a file on a command line. What comes by
mail or HTTP is taken for a mail whatever it looks like.
"""

from __future__ import annotations

import re

HEAD_BYTES = 64 * 1024
NOT_A_MAIL = "This is not a mail: it does not begin with header fields such as From and Subject."

# RFC 5322 3.6, RFC 2045, and what relays put in front; one of them is in every mail that we know.
_FIELDS = frozenset(
    (
        *(b"from", b"sender", b"reply-to", b"to", b"cc", b"bcc", b"message-id", b"in-reply-to"),
        *(b"references", b"subject", b"comments", b"keywords", b"date", b"received"),
        *(b"return-path", b"resent-from", b"resent-to", b"resent-date", b"delivered-to"),
        *(b"mime-version", b"content-type", b"content-transfer-encoding", b"content-disposition"),
        *(b"dkim-signature", b"authentication-results", b"arc-seal", b"x-mailer"),
    )
)
_FIELD_NAME = re.compile(rb"([!-9;-~]+)[ \t]*:")


def begins_like_a_mail(head: bytes) -> bool:
    """Whether the header block that `head` (64 KB are enough) begins with has a field of a mail."""
    for line in head.lstrip(b"\xef\xbb\xbf\r\n").splitlines():
        if not line:
            return False
        field = _FIELD_NAME.match(line)
        if field is not None and field[1].lower() in _FIELDS:
            return True
    return False
