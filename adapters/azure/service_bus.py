"""A client of Service Bus, from settings and an identity, and what it raises as errors of ours."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from adapters.azure.errors import ROLES
from shared.errors import (
    AccessRefusedError,
    ServiceUnavailableError,
    SettingsError,
    StorageFullError,
    TooLargeError,
)

if TYPE_CHECKING:
    from collections.abc import Generator

    from azure.core.credentials_async import AsyncTokenCredential
    from azure.servicebus.aio import ServiceBusClient

    from shared.settings.azure import ServiceBusSettings

SERVICE = "Azure Service Bus"
MOST_MESSAGE_BYTES = 256 * 1024  # of the Standard tier, with header and properties
_RETRIES: dict[str, Any] = {
    "retry_total": 0,  # adapters/azure/kept_link.py tries again, on another link
    # Seconds; without it a peer that hangs is waited for without end. To open a link takes five
    # answers, to renew a lock for the first time two, and the service may be slow.
    "try_timeout": 30,
}
# What the SDK lets out when one call closes a link under another ("'NoneType' object has no
# attribute 'close'"), or under whoever settles a message ("the handler has already been shutdown").
_UNDER_OTHERS = (AttributeError, RuntimeError, ValueError)


def service_bus_client(
    settings: ServiceBusSettings, credential: AsyncTokenCredential | None
) -> ServiceBusClient:
    """A client of the namespace; it connects when it is used. Raises SettingsError."""
    from azure.servicebus.aio import ServiceBusClient

    if settings.connection_string:
        try:
            return ServiceBusClient.from_connection_string(settings.connection_string, **_RETRIES)
        except ValueError as exc:
            raise SettingsError("ServiceBusConnection", f"it cannot be used: {exc}") from exc
    if not settings.namespace or credential is None:
        raise SettingsError(
            "ServiceBusConnection__fullyQualifiedNamespace",
            "it is not set. Set it to the host name of the Service Bus namespace.",
        )
    return ServiceBusClient(settings.namespace, credential, **_RETRIES)


@contextmanager
def service_bus_errors_translated(entity: str) -> Generator[None]:
    """Turn what the SDK raises about a queue or topic into errors of ours.

    A queue that is missing is a fault that a retry may cure, because it is made by a deployment
    that may still run; so is a right that was not granted yet.
    """
    from azure.core.exceptions import AzureError
    from azure.servicebus.exceptions import (
        MessageSizeExceededError,
        ServiceBusAuthenticationError,
        ServiceBusAuthorizationError,
        ServiceBusQuotaExceededError,
    )

    try:
        yield
    except ServiceBusQuotaExceededError as exc:
        raise StorageFullError(f"{SERVICE}, {entity}") from exc
    except MessageSizeExceededError as exc:
        raise TooLargeError("The message", MOST_MESSAGE_BYTES) from exc
    except (ServiceBusAuthenticationError, ServiceBusAuthorizationError) as exc:
        raise AccessRefusedError(SERVICE, f"{entity}: unauthorized access", ROLES) from exc
    except (AzureError, OSError, *_UNDER_OTHERS) as exc:
        raise ServiceUnavailableError(SERVICE, f"{entity}: {_sentence(exc)}") from exc


def _sentence(exc: Exception) -> str:
    from azure.servicebus.exceptions import MessagingEntityNotFoundError, ServiceBusServerBusyError

    match exc:
        case MessagingEntityNotFoundError():
            return "there is no queue or topic of this name"
        case ServiceBusServerBusyError():
            return "it is busy"
        case _:
            return f"it does not answer properly ({type(exc).__name__})"
