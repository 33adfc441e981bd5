"""Settings of what is measured and where it goes. The names are OpenTelemetry's own."""

from __future__ import annotations

from dataclasses import dataclass

from shared.config import setting


@dataclass(frozen=True, slots=True, kw_only=True)
class TelemetrySettings:
    """Metrics and traces."""

    otlp_endpoint: str = setting(
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "",
        unit="URL",
        example="http://127.0.0.1:4318",
        meaning="The collector that gets traces and metrics by OTLP over HTTP; empty: none.",
    )
    service_name: str = setting(
        "OTEL_SERVICE_NAME",
        "mail-ingest",
        unit="name",
        example="mail-ingest-intake",
        meaning="The name that this program has in traces and metrics.",
    )
    trace_share: float = setting(
        "OTEL_TRACES_SAMPLER_ARG",
        1.0,
        unit="0 to 1",
        example="0.1",
        meaning="The share of the traces that is recorded, each whole or not at all.",
    )
    measure_every_s: float = setting(
        "MAIL_INGEST_MEASURE_EVERY_S",
        60.0,
        unit="seconds",
        example="15",
        meaning="How often levels (the queue's depth) are measured and changes are logged.",
        least=0.01,
    )
