"""What became of each submission, asked of the services themselves, past all weather."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from adapters.azure.blob_store import AzureBlobStore
from adapters.azure.submission_index import TableSubmissionIndex
from adapters.azure.tables import Tables
from adapters.clock import SystemClock
from shared.codec import from_json
from shared.intake import outcome_name
from shared.model import Outcome
from shared.ports import SubmissionState
from tests.support.cloud.load import Way

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from tests.support.cloud.load import Sent
    from tests.support.cloud.services import Cloud

_LOOK_S = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What is wrong, a sentence each, and how often a webhook came again under its own ID (which
    its receiver must bear: Standard Webhooks).
    """

    complaints: tuple[str, ...]
    repeats: int


class Audit:
    """Reads index, outcomes, mailbox and webhooks."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        clock = SystemClock()
        self._blobs = AzureBlobStore.open(cloud.storage, clock)
        self._index = TableSubmissionIndex(Tables.open(cloud.storage), clock)

    async def __aenter__(self) -> Audit:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._blobs.close()
        await self._index.close()

    async def until_finished(self, sent: Sequence[Sent], *, within_s: float) -> bool:
        """Wait until all have ended, in whatever way, and nothing is left in the mailbox; False
        when that takes too long.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + within_s
        waiting = list(sent)
        while loop.time() < deadline:
            waiting = [each for each in waiting if not await self._has_ended(each.id)]
            if not waiting and not self._cloud.graph.mailbox.folder("Inbox"):
                return True
            await asyncio.sleep(_LOOK_S)
        return False

    async def findings(self, sent: Sequence[Sent]) -> Findings:
        """Look at everything."""
        complaints = list[str]()
        for each in sent:
            complaints += await self._submission(each)
        complaints += self._answers(sent)
        if dead := self._cloud.events.deliveries.dead:
            complaints.append(f"{len(dead)} events were given up")
        if left := self._cloud.graph.mailbox.folder("DeadLetter"):
            complaints.append(f"{len(left)} mails were given up")
        hooks = {(hook.path, hook.webhook_id) for hook in self._cloud.receiver.hooks}
        repeats = len(self._cloud.receiver.hooks) - len(hooks)
        return Findings(complaints=tuple(complaints), repeats=repeats)

    async def _has_ended(self, submission_id: str) -> bool:
        entry = await self._index.get(submission_id)
        return entry is not None and entry.state in {
            SubmissionState.DONE,
            SubmissionState.DEAD_LETTERED,
        }

    async def _submission(self, sent: Sent) -> list[str]:
        name = f"{sent.id} ({sent.way.value})"
        entry = await self._index.get(sent.id)
        if entry is None:
            return [f"{name} is lost: the index does not know it"]
        if entry.state is not SubmissionState.DONE:
            return [f"{name} is not finished, but {entry.state}: {entry.reason}"]
        outcome = from_json(await self._blobs.get(outcome_name(sent.id)), Outcome, where=sent.id)
        wrong = [f"{item.status}: {item.reason}" for item in outcome.media if not item.description]
        if wrong or len(outcome.media) != 1:
            return [f"{name} has {len(outcome.media)} media, and without a description {wrong}"]
        return []

    def _answers(self, sent: Sequence[Sent]) -> list[str]:
        mails = Counter(to for mail in self._cloud.graph.sent for to in mail.to)
        hooks: dict[str, set[str]] = {}
        for hook in self._cloud.receiver.hooks:
            hooks.setdefault(hook.path, set()).add(hook.webhook_id)
        complaints = list[str]()
        for each in sent:
            by_mail = each.way in {Way.MAILBOX, Way.MAIL}
            answers = mails[each.reader] if by_mail else len(hooks.get(each.hook_path, ()))
            if answers != 1:
                complaints.append(f"{each.id} ({each.way.value}) has {answers} answers")
        return complaints
