"""Who may call, with keys and without, and what a client sees."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest
from starlette.datastructures import Headers

from http_intake.access import client_of
from http_intake.doors import HttpSettings
from http_intake.problems import ProblemError
from shared.errors import SettingsError
from tests.support.http_door import JPEG, KEY, KEYS, MAIL, open_door

if TYPE_CHECKING:
    from pathlib import Path

WITH_KEYS = HttpSettings(keys=KEYS | {"other": hashlib.sha256(b"other-key").hexdigest().upper()})
WITHOUT_KEYS = HttpSettings(public_base_url="https://intake.example.org")


@pytest.mark.parametrize(
    ("headers", "client"),
    [
        ({"Authorization": f"Bearer {KEY}"}, "desk-app"),
        ({"Authorization": f"bearer  {KEY} "}, "desk-app"),
        ({"X-Api-Key": KEY}, "desk-app"),
        ({"X-Api-Key": "other-key"}, "other"),
    ],
)
def test_a_key_tells_which_client_calls(headers: dict[str, str], client: str) -> None:
    assert client_of(Headers(headers), WITH_KEYS) == client


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer wrong"},
        {"Authorization": f"Basic {KEY}"},
        {"Authorization": f"Bearer {KEYS['desk-app']}"},
        {"X-Api-Key": ""},
    ],
)
def test_no_key_or_a_wrong_one_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(ProblemError) as caught:
        client_of(Headers(headers), WITH_KEYS)
    assert caught.value.problem.kind.status == 401
    assert caught.value.problem.headers["WWW-Authenticate"].startswith("Bearer")


IDENTITY = {"X-Ms-Client-Principal-Id": "0F3C5A2E-1111-2222-3333-444455556666"}
WITH_IDENTITIES = HttpSettings(
    principals={"logicapp": "0f3c5a2e-1111-2222-3333-444455556666", "nobody": ""}
)


def test_a_managed_identity_tells_which_client_calls() -> None:
    bearing = IDENTITY | {"Authorization": "Bearer a.signed.token"}
    assert client_of(Headers(bearing), WITH_IDENTITIES) == "logicapp"


@pytest.mark.parametrize("headers", [{}, {"X-Ms-Client-Principal-Id": ""}, {"X-Api-Key": KEY}])
def test_a_caller_without_a_known_identity_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(ProblemError) as caught:
        client_of(Headers(headers), WITH_IDENTITIES)
    assert caught.value.problem.kind.status == 401


def test_the_name_of_an_identity_counts_only_where_identities_are_configured() -> None:
    with pytest.raises(ProblemError):
        client_of(Headers(IDENTITY), WITH_KEYS)
    assert client_of(Headers(IDENTITY), WITHOUT_KEYS) == "local"


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "127.0.0.1:8080"},
        {"Host": "localhost:8080", "Origin": "http://localhost:8080"},
        {"Host": "[::1]:8080"},
        {"Host": "intake.example.org"},
        {},
    ],
)
def test_without_keys_programs_of_this_machine_are_the_local_client(
    headers: dict[str, str],
) -> None:
    assert client_of(Headers(headers), WITHOUT_KEYS) == "local"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example:8080"}, 421),
        ({"Host": "127.0.0.1.evil.example"}, 421),
        ({"Host": "[broken"}, 421),
        ({"Host": ":8080"}, 421),
        ({"Host": "127.0.0.1:8080", "Origin": "https://evil.example"}, 403),
        ({"Host": "127.0.0.1:8080", "Origin": "http://127.0.0.1:9999"}, 403),
        ({"Host": "127.0.0.1:8080", "Origin": "null"}, 403),
        ({"Host": "127.0.0.1:8080", "Origin": "http://[broken"}, 403),
        ({"Host": "127.0.0.1:8080", "Origin": ""}, 403),
    ],
)
@pytest.mark.parametrize("settings", [WITHOUT_KEYS, HttpSettings()])
def test_without_keys_web_pages_of_other_sites_are_kept_out(
    headers: dict[str, str], status: int, settings: HttpSettings
) -> None:
    with pytest.raises(ProblemError) as caught:
        client_of(Headers(headers), settings)
    assert caught.value.problem.kind.status == status


@pytest.mark.parametrize(
    ("client", "digest"),
    [("a|b", "0" * 64), ("", "0" * 64), ("line\nbreak", "0" * 64), ("app", KEY), ("app", "")],
)
def test_a_key_that_could_never_match_is_refused_at_the_start(client: str, digest: str) -> None:
    with pytest.raises(SettingsError, match="MAIL_INGEST_KEYS"):
        HttpSettings(keys={client: digest})


async def test_a_client_sees_its_own_submissions_and_mails_only(tmp_path: Path) -> None:
    other = {"Authorization": "Bearer other-key"}
    async with open_door(tmp_path, WITH_KEYS) as door:
        form = await door.client.post("/v1/submissions", files={"a": ("a.jpg", JPEG)})
        mail = await door.client.post(
            "/v1/emails", content=MAIL, headers={"Content-Type": "message/rfc822"}
        )
        for posted in (form, mail):
            location = posted.headers["location"]
            assert (await door.client.get(location)).status_code == 200
            hidden = await door.client.get(location, headers=other)
            assert hidden.status_code == 404
            refused = await door.client.get(location, headers={"Authorization": "Bearer wrong"})
            assert refused.status_code == 401


async def test_two_clients_may_use_the_same_idempotency_key(tmp_path: Path) -> None:
    async with open_door(tmp_path, WITH_KEYS) as door:
        ids: set[str] = set()
        for key in (KEY, "other-key"):
            headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": "same"}
            files = {"a": ("a.jpg", JPEG)}
            posted = await door.client.post("/v1/submissions", files=files, headers=headers)
            ids.add(posted.json()["id"])
        assert len(ids) == 2


async def test_a_wrong_key_is_refused_before_the_body_is_read(tmp_path: Path) -> None:
    async with open_door(tmp_path, WITH_KEYS) as door:
        headers = {"Authorization": "Bearer wrong", "Content-Type": "text/plain"}
        answer = await door.client.post("/v1/submissions", content=bytes(10), headers=headers)
        assert answer.status_code == 401
        assert answer.headers["connection"] == "close"
        assert (await door.client.get("/health/ready")).status_code == 200
