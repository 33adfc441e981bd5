"""The Durable Task Scheduler: a client that starts and wakes, a worker that works off.

An endpoint with http:// is an emulator, without TLS and without an identity.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    import grpc
    from azure.core.credentials import TokenCredential
    from azure.core.credentials_async import AsyncTokenCredential
    from durabletask.client import AsyncTaskHubGrpcClient
    from durabletask.grpc_options import GrpcChannelOptions
    from durabletask.worker import TaskHubGrpcWorker

    from shared.settings.azure_observed import SchedulerSettings

_ACTIVITIES_AT_ONCE = 64  # each waits in a thread of its own, and mostly for somebody else
_TURNS_AT_ONCE = 16  # of orchestrators: these have threads of their own too, and need them briefly
_PING_AFTER_MS = 60_000
_PING_ANSWER_MS = 20_000
_RECONNECT_AFTER_MS = 5_000
_GREETED_WITHIN_S = 10.0  # a hub that accepts and says nothing; less than a container's drain
_MOST_BYTES = 16 * 1024 * 1024  # of a gRPC message: the history of a submission with 500 photos


def scheduler_client(
    settings: SchedulerSettings, identity: Callable[[], AsyncTokenCredential]
) -> AsyncTaskHubGrpcClient:
    """A client; whoever made it closes it."""
    from durabletask.azuremanaged.client import AsyncDurableTaskSchedulerClient

    secure = _is_secure(settings)
    return AsyncDurableTaskSchedulerClient(
        host_address=settings.endpoint,
        taskhub=settings.task_hub,
        token_credential=identity() if secure else None,
        secure_channel=secure,
        channel_options=_channel_options(),
        logger=logging.getLogger("durabletask.client"),
    )


def scheduler_worker(
    settings: SchedulerSettings,
    identity: Callable[[], TokenCredential],
    interceptor: grpc.UnaryUnaryClientInterceptor,
) -> TaskHubGrpcWorker:
    """A worker that is not started, and has nothing registered. All its calls go through the
    interceptor.
    """
    from durabletask.azuremanaged.worker import DurableTaskSchedulerWorker
    from durabletask.grpc_options import GrpcWorkerResiliencyOptions
    from durabletask.worker import ConcurrencyOptions

    secure = _is_secure(settings)
    return DurableTaskSchedulerWorker(
        host_address=settings.endpoint,
        taskhub=settings.task_hub,
        token_credential=identity() if secure else None,
        secure_channel=secure,
        channel_options=_channel_options(),
        interceptors=[interceptor],
        resiliency_options=GrpcWorkerResiliencyOptions(hello_timeout_seconds=_GREETED_WITHIN_S),
        concurrency_options=ConcurrencyOptions(
            maximum_concurrent_activity_work_items=_ACTIVITIES_AT_ONCE,
            maximum_concurrent_orchestration_work_items=_TURNS_AT_ONCE,
            maximum_thread_pool_workers=_ACTIVITIES_AT_ONCE + _TURNS_AT_ONCE,
        ),
        logger=logging.getLogger("durabletask.worker"),
    )


def _channel_options() -> GrpcChannelOptions:
    from durabletask.grpc_options import GrpcChannelOptions

    return GrpcChannelOptions(
        max_receive_message_length=_MOST_BYTES,
        max_send_message_length=_MOST_BYTES,
        # A hub that is gone without a word would be waited for until TCP gives up, a quarter of an
        # hour; one that is back would be left alone for up to two minutes.
        keepalive_time_ms=_PING_AFTER_MS,
        keepalive_timeout_ms=_PING_ANSWER_MS,
        raw_options=[
            ("grpc.http2.ping_timeout_ms", _PING_ANSWER_MS),  # the shorter one would not count
            ("grpc.max_reconnect_backoff_ms", _RECONNECT_AFTER_MS),
        ],
    )


def _is_secure(settings: SchedulerSettings) -> bool:
    return not settings.endpoint.startswith("http://")
