"""A Microsoft Graph mailbox that runs in the test, over real sockets, for the official SDK.

It keeps one mailbox in memory and answers what `adapters.azure` asks of Graph: change tracking by
delta, listing, raw MIME, moves, drafts, replies, attachments, upload sessions and subscriptions.
It counts calls as Graph's throttling does, and plays every fault that a test lays out (`faults`).

What it does not do: rights, search, `$batch`, `$count`, `$orderby` (a listing is newest first),
several mailboxes, recurring throttling penalties, and the text of Exchange's own quotes. Its MIME
is what the test delivered; Exchange writes it anew each time. Whether real Graph agrees with it was
never tried: it follows the documentation.
"""

from tests.fakes.graph.faults import Fault, FaultKind, Limits
from tests.fakes.graph.mailbox import Attachment, Mailbox, Message
from tests.fakes.graph.server import FakeGraph, fake_graph

__all__ = [
    "Attachment",
    "FakeGraph",
    "Fault",
    "FaultKind",
    "Limits",
    "Mailbox",
    "Message",
    "fake_graph",
]
