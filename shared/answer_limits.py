"""How many answer mails may go out in a day: to one address, to one domain, and all together.

Whoever forges senders makes us write to people who never wrote to us; these limits are what one
victim, one victim's provider and everybody together get at the most. A file of its own because the
settings, the activities and the previews share it. Not here: the counting (`SubmissionIndex`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shared.ports import SubmissionIndex

_DOTLESS = {"gmail.com": "gmail.com", "googlemail.com": "gmail.com"}  # n.ame@ is name@ there
_REGISTRIES = frozenset({"ac", "co", "com", "edu", "go", "gob", "gov", "ne", "net", "or", "org"})
_EVERYBODY = "*"  # no address: it has no @

_ADDRESS_REASON = "This address has had its answers for today."
_DOMAIN_REASON = "The addresses of this domain have had their answers for today."
_TOTAL_REASON = "All answers that we send in a day have been sent."


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerLimits:
    """The most answer mails of one day (UTC)."""

    per_address: int
    per_domain: int
    total: int

    async def refusal(self, index: SubmissionIndex, *, reply_id: str, target: str, day: str) -> str:
        """Count an answer to an address; why it may not go out, in a sentence, or nothing. The same
        reply_id gets the same verdict again.
        """
        address = counted_address(target)
        domain = f"@{counted_domain(address.rpartition('@')[2])}"
        # What one victim may get comes first: an answer that stops there uses up nobody else's.
        for suffix, recipient, limit, reason in (
            ("", address, self.per_address, _ADDRESS_REASON),
            ("|domain", domain, self.per_domain, _DOMAIN_REASON),
            ("|total", _EVERYBODY, self.total, _TOTAL_REASON),
        ):
            if not await index.take_answer(
                reply_id=reply_id + suffix, recipient=recipient, day=day, limit=limit
            ):
                return reason
        return ""


def counted_address(address: str) -> str:
    """The mailbox that an address leads to: without ``+tag``, and without dots where the provider
    ignores them.
    """
    local_part, _, domain = address.strip().casefold().rpartition("@")
    local_part = local_part.partition("+")[0] or local_part
    if domain in _DOTLESS:
        local_part, domain = local_part.replace(".", ""), _DOTLESS[domain]
    return f"{local_part}@{domain}"


def counted_domain(domain: str) -> str:
    """The domain that somebody owns, as near as it can be told without a list: the last two labels,
    or three below a registry such as ``co.uk``.
    """
    labels = domain.rstrip(".").split(".")
    below_registry = len(labels[-1]) == len("uk") and not _REGISTRIES.isdisjoint(labels[-2:-1])
    return ".".join(labels[-3 if below_registry else -2 :])
