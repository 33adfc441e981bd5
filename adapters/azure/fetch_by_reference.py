"""Reads one mail that somebody else saw in the mailbox, such as a Logic App.

Its ID may be a mutable one, which dies when the mail is moved; then the mail is looked for by its
Message-ID and its time, which also tell that the ID leads to the mail that is meant.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import aclosing, contextmanager
from typing import TYPE_CHECKING

from adapters.azure.graph_client import SERVICE
from adapters.azure.graph_errors import GraphCutError, GraphRefusedError, UnexpectedContentError
from adapters.azure.graph_fallback import composed
from adapters.azure.mailbox import raw_mail
from shared.errors import ServiceUnavailableError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator, Sequence

    from adapters.azure.graph_mail import GraphMail
    from http_intake.doors import MailReference
    from shared.model import JsonObject

logger = logging.getLogger(__name__)

_FIELDS = ("internetMessageId", "receivedDateTime")
_PAUSES_S = (1.0, 4.0)  # before the second and the third try; the caller waits for the answer


class GraphFetchByReference:
    """Finds and reads mails of one mailbox."""

    def __init__(self, mail: GraphMail, *, pauses_s: Sequence[float] = _PAUSES_S) -> None:
        self._mail = mail
        self._pauses_s = pauses_s

    async def __call__(self, reference: MailReference) -> AsyncGenerator[bytes] | None:
        """See `FetchByReference`. When the raw mail cannot be had, one of its attachments is
        made.
        """
        with _refusals_may_pass():
            graph_id = await self._find(reference)
        return None if graph_id is None else self._read(graph_id)

    async def _find(self, reference: MailReference) -> str | None:
        found = await self._mail.message(reference.graph_id, *_FIELDS)
        if found is not None and _is_meant(found, reference):
            return reference.graph_id
        rows = await self._mail.with_message_id(reference.message_id, "id", *_FIELDS)
        meant = (str(row["id"]) for row in rows if _is_meant(row, reference))
        return next(meant, None)

    async def _read(self, graph_id: str) -> AsyncGenerator[bytes]:
        with _refusals_may_pass():
            async with aclosing(self._raw_or_composed(graph_id)) as chunks:
                async for chunk in chunks:
                    yield chunk

    async def _raw_or_composed(self, graph_id: str) -> AsyncGenerator[bytes]:
        for pause_s in (*self._pauses_s, None):
            try:
                async with aclosing(raw_mail(self._mail, graph_id)) as chunks:
                    async for chunk in chunks:
                        yield chunk
            except GraphRefusedError as exc:  # before the first byte, so it may be tried again
                if exc.is_gone or exc.may_pass:  # whoever asks again finds it
                    raise
                facts = {"action": "mime_refused", "code": exc.code}
                logger.warning("raw mail refused", extra=facts)
            else:
                return
            if pause_s is not None:
                await asyncio.sleep(pause_s)
        async with aclosing(composed(self._mail, graph_id)) as chunks:
            async for chunk in chunks:
                yield chunk


def _is_meant(found: JsonObject, reference: MailReference) -> bool:
    return (found.get("internetMessageId"), found.get("receivedDateTime")) == (
        reference.message_id,
        reference.received_at,
    )


@contextmanager
def _refusals_may_pass() -> Generator[None]:
    """Who asked must ask again: nothing here is the fault of what it asked for."""
    try:
        yield
    except (GraphRefusedError, GraphCutError, UnexpectedContentError) as exc:
        raise ServiceUnavailableError(SERVICE, str(exc)) from exc
