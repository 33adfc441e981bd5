"""The Functions app from door to answer, on the Functions host of tests/fakes."""

from __future__ import annotations

import json
from email import message_from_bytes
from email.policy import default
from typing import TYPE_CHECKING

from standardwebhooks import Webhook

from tests.support.functions_process import (
    PHOTO,
    SECRET,
    FunctionsProcess,
    is_done,
    post_form,
    until,
)
from tests.support.local_http import local_http
from tests.support.mails import mail, photo

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.webhooks import Webhooks


def outbox(app: FunctionsProcess) -> list[Path]:
    return list((app.folder / "outbox").glob("*.eml"))


def test_a_form_ends_in_a_signed_webhook(app: FunctionsProcess, webhooks: Webhooks) -> None:
    status_url = post_form(app, webhooks.url)
    (call,) = until(lambda: webhooks.calls)
    outcome = Webhook(SECRET).verify(call.body, call.headers)
    assert outcome["reference"] == "42"
    assert outcome["media"][0]["status"] == "described"
    assert until(lambda: is_done(status_url))


def test_a_raw_mail_ends_in_an_answer_mail(app: FunctionsProcess) -> None:
    response = local_http.post(
        f"{app.url}/v1/emails",
        content=mail(photo(PHOTO)),
        headers={"content-type": "message/rfc822"},
    )
    assert response.status_code == 202, response.text
    (answer,) = until(lambda: outbox(app))
    assert message_from_bytes(answer.read_bytes(), policy=default)["To"] == "kari@example.org"


def test_a_mail_in_the_mailbox_is_taken_by_the_timer(app: FunctionsProcess) -> None:
    delivered = app.folder / "mailbox" / "new" / "1700000000.M1P1.host"
    delivered.write_bytes(mail(photo(PHOTO)))
    app.fire("poll_mailbox")
    assert len(until(lambda: outbox(app))) == 1
    app.fire("poll_mailbox")
    app.fire("put_failed_aside")
    app.fire("queue_forgotten")
    assert len(outbox(app)) == 1


def test_sending_the_same_twice_starts_once(app: FunctionsProcess, webhooks: Webhooks) -> None:
    first = post_form(app, webhooks.url)
    until(lambda: webhooks.calls)
    assert post_form(app, webhooks.url) == first
    post_form(app, webhooks.url, key="k2")
    until(lambda: len(webhooks.calls) > 1)
    ids = [call.headers["webhook-id"] for call in webhooks.calls]
    assert len(ids) == len(set(ids)) == 2


def test_a_body_that_is_too_large_is_refused_with_a_problem(app: FunctionsProcess) -> None:
    app.kill()
    app.settings = {**app.settings, "MAIL_INGEST_MAX_MESSAGE_BYTES": "1000"}
    app.start()
    app.wait_until_ready()
    response = local_http.post(
        f"{app.url}/v1/emails",
        content=mail(photo(PHOTO)),
        headers={"content-type": "message/rfc822"},
    )
    assert response.status_code == 413
    assert response.headers["content-type"] == "application/problem+json"
    assert "1,000 bytes" in json.loads(response.content)["detail"]
