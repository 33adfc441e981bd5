"""The Durable Task Scheduler: a client that starts and wakes, a worker that works off.

An endpoint with http:// is an emulator, without TLS and without an identity.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from azure.core.credentials import TokenCredential
    from azure.core.credentials_async import AsyncTokenCredential
    from durabletask.client import AsyncTaskHubGrpcClient
    from durabletask.worker import TaskHubGrpcWorker

    from shared.settings.azure_observed import SchedulerSettings

_ACTIVITIES_AT_ONCE = 64  # each waits in a thread of its own, and mostly for somebody else
_MOST_BYTES = 16 * 1024 * 1024  # of a gRPC message: the history of a submission with 500 photos


def scheduler_client(
    settings: SchedulerSettings, identity: Callable[[], AsyncTokenCredential]
) -> AsyncTaskHubGrpcClient:
    """A client; whoever made it closes it."""
    from durabletask.azuremanaged.client import AsyncDurableTaskSchedulerClient
    from durabletask.grpc_options import GrpcChannelOptions

    secure = _is_secure(settings)
    return AsyncDurableTaskSchedulerClient(
        host_address=settings.endpoint,
        taskhub=settings.task_hub,
        token_credential=identity() if secure else None,
        secure_channel=secure,
        channel_options=GrpcChannelOptions(
            max_receive_message_length=_MOST_BYTES, max_send_message_length=_MOST_BYTES
        ),
        logger=logging.getLogger("durabletask.client"),
    )


def scheduler_worker(
    settings: SchedulerSettings, identity: Callable[[], TokenCredential]
) -> TaskHubGrpcWorker:
    """A worker that is not started, and has nothing registered."""
    from durabletask.azuremanaged.worker import DurableTaskSchedulerWorker
    from durabletask.grpc_options import GrpcChannelOptions
    from durabletask.worker import ConcurrencyOptions

    secure = _is_secure(settings)
    return DurableTaskSchedulerWorker(
        host_address=settings.endpoint,
        taskhub=settings.task_hub,
        token_credential=identity() if secure else None,
        secure_channel=secure,
        channel_options=GrpcChannelOptions(
            max_receive_message_length=_MOST_BYTES, max_send_message_length=_MOST_BYTES
        ),
        concurrency_options=ConcurrencyOptions(
            maximum_concurrent_activity_work_items=_ACTIVITIES_AT_ONCE,
            maximum_thread_pool_workers=_ACTIVITIES_AT_ONCE,
        ),
        logger=logging.getLogger("durabletask.worker"),
    )


def _is_secure(settings: SchedulerSettings) -> bool:
    return not settings.endpoint.startswith("http://")
