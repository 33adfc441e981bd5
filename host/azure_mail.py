"""The mailbox on Azure: read, answered from, and looked into for mails handed in by reference."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.azure.fetch_by_reference import GraphFetchByReference
from adapters.azure.graph_client import GraphClient
from adapters.azure.graph_mail import GraphMail
from adapters.azure.graph_subscription import GraphSubscription
from adapters.azure.ledger import TableLedger
from adapters.azure.mailbox import Folders, GraphMailbox
from adapters.azure.mailbox_state_table import TableMailboxState
from adapters.azure.reply_channel import GraphReplyChannel
from adapters.web.address_guard import AddressGuard
from adapters.web.signing import Signer
from adapters.web.webhook import WebhookSender
from mail_ingest.reply import Sender

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential

    from adapters.azure.tables import Tables
    from shared.ports import BlobStore, Clock
    from shared.settings.azure_mail import GraphSettings
    from shared.settings.work import AnswerSettings


def graph_client(graph: GraphSettings, credential: AsyncTokenCredential) -> GraphClient:
    """What calls Graph; nothing is called yet."""
    return GraphClient.open(credential, url=graph.url, max_calls=graph.max_calls)


def graph_mailbox(
    graph: GraphSettings, mail: GraphMail, tables: Tables, clock: Clock, *, max_attempts: int
) -> GraphMailbox:
    """The mailbox as a queue; `max_attempts` is after how many the poll gives a mail up."""
    return GraphMailbox(
        mail,
        TableMailboxState(tables.table("Mailbox"), graph.mailbox),
        clock=clock,
        folders=Folders(processed=graph.processed_folder, dead_letter=graph.dead_letter_folder),
        sweep_s=graph.sweep_s,
        max_attempts=max_attempts,
    )


def graph_fetch(client: GraphClient, address: str) -> GraphFetchByReference:
    """What reads mails of a mailbox that were handed in by reference."""
    return GraphFetchByReference(GraphMail(client, address))


def graph_subscription(
    graph: GraphSettings, mail: GraphMail, tables: Tables, clock: Clock
) -> GraphSubscription:
    """What asks Graph to tell of new mail."""
    return GraphSubscription(
        mail,
        TableLedger(tables.table("Replies")),
        url=graph.notification_url,
        secret=graph.notification_secret,
        clock=clock,
    )


def webhooks(answer: AnswerSettings, clock: Clock) -> WebhookSender:
    """What sends webhooks. Raises SettingsError when there is no secret to sign them with."""
    return WebhookSender(
        AddressGuard(answer.webhook_allow),
        Signer(answer.webhook_secrets),
        clock=clock,
        timeout_s=answer.webhook_timeout_s,
    )


def graph_replies(
    answer: AnswerSettings,
    mail: GraphMail | None,
    webhooks: WebhookSender,
    blobs: BlobStore,
    tables: Tables,
    clock: Clock,
) -> GraphReplyChannel:
    """Answers: by Graph from the mailbox, if there is one, and by webhooks."""
    return GraphReplyChannel(
        mail,
        blobs,
        TableLedger(tables.table("Replies")),
        webhooks=webhooks,
        sender=Sender(
            newsroom=answer.from_name,
            address=answer.from_address,
            suggestions=answer.suggestions,
        ),
        desk_address=answer.desk_address,
        clock=clock,
    )
