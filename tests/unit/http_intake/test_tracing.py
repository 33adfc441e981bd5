"""Requests as spans."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import httpx
import pytest

from http_intake.app import build_app
from http_intake.serving import ServerSettings, serving
from shared.errors import ServiceUnavailableError
from tests.support.http_door import MAIL, open_door
from tests.support.local_http import NO_TLS
from tests.support.recorded_telemetry import RecordedTelemetry

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator
    from pathlib import Path

    from mail_ingest.receive import MailOrigin
    from shared.intake import Accepted

PARENT = "00-11111111111111111111111111111111-2222222222222222-01"
HEADERS = {"content-type": "message/rfc822", "traceparent": PARENT}


@asynccontextmanager
async def traced_door(
    folder: Path, *, broken: bool = False
) -> AsyncGenerator[tuple[httpx.AsyncClient, RecordedTelemetry]]:
    telemetry = RecordedTelemetry()
    async with open_door(folder) as door:
        doors = replace(door.doors, telemetry=telemetry)
        if broken:
            doors = replace(doors, receive_mail=_broken)
        where = serving(build_app(doors), ServerSettings(port=0), has_keys=False)
        async with (
            where as address,
            httpx.AsyncClient(base_url=address.url, verify=NO_TLS) as client,
        ):
            yield client, telemetry


async def _broken(chunks: AsyncIterator[bytes], *, origin: MailOrigin) -> Accepted:
    del chunks, origin
    raise ServiceUnavailableError("the store")


async def test_a_request_that_hands_something_in_goes_on_with_its_clients_trace(
    tmp_path: Path,
) -> None:
    async with traced_door(tmp_path) as (client, telemetry):
        await client.post("/v1/emails", content=MAIL, headers=HEADERS)
        refused = await client.post("/v1/submissions", content=MAIL)
    by_mail, by_form = telemetry.spans
    assert (by_mail.name, by_mail.parent) == ("POST /v1/emails", PARENT)
    assert by_mail.attributes == {
        "http.request.method": "POST",
        "url.path": "/v1/emails",
        "http.response.status_code": 202,
    }
    assert (by_form.name, by_form.parent) == ("POST /v1/submissions", "")
    assert by_form.attributes["http.response.status_code"] == refused.status_code
    assert refused.is_client_error


async def test_a_service_that_is_down_is_seen_by_its_status(tmp_path: Path) -> None:
    async with traced_door(tmp_path, broken=True) as (client, telemetry):
        await client.post("/v1/emails", content=MAIL, headers=HEADERS)
    (span,) = telemetry.spans
    assert span.attributes["http.response.status_code"] == 503


@pytest.mark.parametrize("path", ["/", "/health/ready", "/v1/submissions/http-none", "/nothing"])
async def test_questions_are_not_traced(tmp_path: Path, path: str) -> None:
    async with traced_door(tmp_path) as (client, telemetry):
        await client.get(path)
        await client.post("/v1/emails/more", content=MAIL, headers=HEADERS)
    assert not telemetry.spans
