"""What Graph refuses, as errors with their facts."""

from __future__ import annotations

from http import HTTPStatus

from shared.errors import IngestError

_MAY_PASS = frozenset({403, 409, 412, 423, 507})
_STATE_GONE = frozenset({"syncstatenotfound", "syncstateinvalid", "resyncrequired"})


class GraphRefusedError(IngestError):
    """Graph said no, and will say it again: `status` of HTTP, and `code`, Graph's own word."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(f"Microsoft Graph refused it with status {status} {code}".rstrip() + ".")
        self.status = status
        self.code = code

    @property
    def is_gone(self) -> bool:
        """What was asked for is not there."""
        return self.status == HTTPStatus.NOT_FOUND

    @property
    def may_pass(self) -> bool:
        """Time or a person can cure it (a lock, a conflict, a full mailbox, a right), so nothing of
        a mail is left out for it.
        """
        return self.status in _MAY_PASS

    @property
    def is_sync_state_gone(self) -> bool:
        """The place in the change log is forgotten: start over. Graph says it with several
        statuses.
        """
        return self.status == HTTPStatus.GONE or self.code.lower() in _STATE_GONE


class UnexpectedContentError(IngestError):
    """A page, an error or nothing at all came with a status that promised the content. It counts
    as an attempt of the mail that it was asked for.
    """

    def __init__(self, detail: str) -> None:
        super().__init__(f"Microsoft Graph gave something else instead of the content ({detail}).")
        self.detail = detail


class GraphCutError(IngestError):
    """A body ended too early. It counts as an attempt: the cut can be the mail's own fault."""

    def __init__(self, detail: str) -> None:
        super().__init__(f"Microsoft Graph ended the mail too early ({detail}).")
        self.detail = detail
