"""A process that exports to Azure Monitor, because that sets OpenTelemetry's globals for good.

Arguments: a connection string, and a traceparent that came with the data.
"""

from __future__ import annotations

import contextlib
import logging
import sys
import time

from opentelemetry import trace

from adapters.azure.telemetry import AzureMonitorTelemetry

logger = logging.getLogger("shared.intake")


def main(connection_string: str, parent: str) -> None:
    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    telemetry = AzureMonitorTelemetry.open(connection_string, service_name="newsroom")
    again = AzureMonitorTelemetry.open(connection_string, service_name="newsroom")
    with telemetry.span("dispatch_submission", parent=parent, submission_id="mail-a"):
        with again.span("accept_submission", submission_id="mail-a"):
            logger.info(
                "submission accepted",
                extra={"action": "submission_accepted", "submission_id": "mail-a", "media": 2},
            )
        with trace.get_tracer("durabletask").start_as_current_span("activity:reply"):
            pass
    _fail(telemetry, parent)
    telemetry.count("replies", state="sent")
    telemetry.gauge("queue_depth", 4)
    telemetry.record("answer_age_seconds", 12.5)
    begun = time.monotonic()
    telemetry.close()
    sys.stdout.write(f"closed in {time.monotonic() - begun:.1f}\n")


def _fail(telemetry: AzureMonitorTelemetry, parent: str) -> None:
    with contextlib.suppress(ValueError), telemetry.span("take_description", parent=parent):
        raise ValueError("ann@example.org")


if __name__ == "__main__":
    main(*sys.argv[1:])
