from __future__ import annotations

import base64
import json
import logging
import socket
from io import BytesIO
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from describer.describe import Described, Describer, Unreadable
from describer.media import Source
from describer.providers.base import Unavailable
from describer.settings import ProviderKind, SendMode, Settings, ThirdPartySettings
from shared.errors import SettingsError
from shared.model import Kind
from tests.support.third_party_server import GOOD, Reply, json_reply, third_party_server

if TYPE_CHECKING:
    from pathlib import Path

KEY = "s3cr3t-key"
POLLED = """
name = "polled"
[polling]
status_url = "header:Operation-Location"
status = "/status"
done = ["Succeeded"]
failed = ["Failed"]
[answer]
present = "/result"
caption = "/result/caption"
error = "/error/message"
"""


def _settings(url: str, **changes: Any) -> Settings:
    values: dict[str, Any] = {
        "url": url,
        "key": KEY,
        "allow_loopback_http": True,
        "timeout_s": 2.0,
        "poll_s": 0.01,
        "deadline_s": 5.0,
    }
    return Settings(
        provider=ProviderKind.THIRD_PARTY, third_party=ThirdPartySettings(**(values | changes))
    )


def _ask(
    url: str, path: Path, kind: Kind = Kind.PHOTO, media_url: str = "", **changes: Any
) -> Described | Unreadable | Unavailable:
    source = Source(
        path=path, kind=kind, media_type="image/jpeg", file_name="cat.jpg", url=media_url
    )
    return Describer.load(_settings(url, **changes)).describe(source)


@pytest.fixture
def cat(media: Path) -> Path:
    return media / "cat_exif_gps_orient6.jpg"


@pytest.fixture
def polled(tmp_path: Path) -> str:
    (tmp_path / "polled.toml").write_text(POLLED)
    return str(tmp_path / "polled.toml")


def test_an_answer_becomes_a_description_with_our_own_facts(cat: Path) -> None:
    with third_party_server(json_reply(GOOD)) as service:
        outcome = _ask(service.url, cat)
    assert isinstance(outcome, Described)
    description = outcome.description
    assert description.provider == "third-party-plain"
    assert (description.model.id, description.model.version) == ("acme-vision", "7")
    assert description.caption is not None
    assert (description.caption.text, description.caption.generated) == (
        "A cat on a sofa.",
        "model",
    )
    assert [label.name for label in description.labels] == ["cat", "sofa"]
    assert description.objects[0].box == (0.1, 0.2, 0.3, 0.4)
    assert (description.people.persons, description.people.faces) == (1, 2)
    assert description.text[0].text == "EXIT"
    assert description.safety.adult == 0.01
    assert description.raw == GOOD
    assert description.capture.camera == "Apple iPhone 15"
    assert (description.width, description.height) == (451, 300)


def test_the_service_gets_an_upright_jpeg_without_the_senders_place(cat: Path) -> None:
    with third_party_server(json_reply(GOOD)) as service:
        _ask(service.url, cat)
    (request,) = service.seen
    assert request.headers["content-type"] == "image/jpeg"
    assert request.headers["authorization"] == f"Bearer {KEY}"
    picture = Image.open(BytesIO(request.body))
    assert picture.size == (451, 300)
    assert not picture.getexif()
    assert KEY not in request.path


def test_the_key_can_go_into_a_header_of_the_service(cat: Path) -> None:
    with third_party_server(json_reply(GOOD)) as service:
        _ask(service.url, cat, auth="header:Ocp-Apim-Subscription-Key")
    assert service.seen[0].headers["ocp-apim-subscription-key"] == KEY
    assert "authorization" not in service.seen[0].headers


def test_a_video_is_streamed_as_it_is(media: Path) -> None:
    path = media / "scenes3.mp4"
    with third_party_server(json_reply(GOOD)) as service:
        outcome = _ask(service.url, path, Kind.VIDEO)
    assert service.seen[0].body == path.read_bytes()
    assert isinstance(outcome, Described)
    assert outcome.description.video is not None


def test_the_service_can_get_a_url_instead(cat: Path) -> None:
    with third_party_server(json_reply(GOOD)) as service:
        _ask(service.url, cat, media_url="https://x.example/a?sig=1", mode=SendMode.URL)
    assert json.loads(service.seen[0].body) == {"url": "https://x.example/a?sig=1"}


def test_without_a_url_to_send_the_job_waits(cat: Path) -> None:
    outcome = _ask("https://x.example/", cat, mode=SendMode.URL)
    assert isinstance(outcome, Unavailable)


def test_a_json_template_carries_the_photo_in_base64(cat: Path) -> None:
    answer = {"responses": [{"labelAnnotations": [{"description": "Cat", "score": 0.9}]}]}
    with third_party_server(json_reply(answer)) as service:
        outcome = _ask(service.url, cat, mapping="google-vision")
    sent = json.loads(service.seen[0].body)["requests"][0]["image"]["content"]
    assert base64.b64decode(sent).startswith(b"\xff\xd8\xff")
    assert isinstance(outcome, Described)
    assert outcome.description.labels[0].name == "Cat"


@pytest.mark.parametrize(
    ("reply", "reason", "pause"),
    [
        (Reply(status=503), "status 503", None),
        (Reply(status=500, headers={"Retry-After": "7"}), "status 500", 7.0),
        (Reply(status=429, headers={"Retry-After": "120"}), "status 429", 120.0),
        (
            Reply(status=429, headers={"Retry-After": "Thu, 01 Jan 2099 00:00:00 GMT"}),
            "status 429",
            86_400.0,
        ),
        (Reply(status=429, headers={"Retry-After": "soon"}), "status 429", None),
        (Reply(status=401), "refused our key", None),
        (Reply(status=403), "refused our key", None),
        (Reply(status=404), "status 404", None),
        (Reply(status=302, headers={"Location": "https://elsewhere.example/"}), "has moved", None),
        (Reply(status=200, body=b"<html>busy</html>"), "else than JSON", None),
        (Reply(status=200, body=b""), "else than JSON", None),
        (Reply(status=200, body=b"[" * 30_000), "else than JSON", None),
        (Reply(status=200, body=b'{"hello": "world"}'), "not the form", None),
        (Reply(status=200, body=b'"text"'), "not the form", None),
        (Reply(hang_up=True), "cannot be reached", None),
        (Reply(wait_s=1.0), "too slow", None),
        (Reply(body=b" " * 100, drip_s=0.05), "too slow", None),
        (json_reply(GOOD | {"padding": "x" * 50_000}), "too large", None),
    ],
)
def test_trouble_that_may_pass_is_unavailable(
    cat: Path, reply: Reply, reason: str, pause: float | None
) -> None:
    with third_party_server(reply) as service:
        outcome = _ask(service.url, cat, timeout_s=0.5, max_answer_bytes=40_000)
    assert isinstance(outcome, Unavailable)
    assert reason in outcome.reason
    assert outcome.retry_after_s == pause


def test_a_service_that_is_down_is_unavailable(cat: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]
    outcome = _ask(f"http://127.0.0.1:{port}/", cat)
    assert outcome == Unavailable(reason="The description service cannot be reached.")


@pytest.mark.parametrize("status", [400, 413, 415, 422])
def test_media_that_the_service_refuses_is_unreadable_in_its_words(cat: Path, status: int) -> None:
    reply = json_reply({"error": {"message": "Image\r\n is too\x00 small"}}, status=status)
    with third_party_server(reply) as service:
        outcome = _ask(service.url, cat)
    assert outcome == Unreadable(
        reason="The description service refused the file: Image is too small"
    )


def test_a_refusal_inside_a_good_answer_counts(cat: Path) -> None:
    answer = {"responses": [{"error": {"code": 3, "message": "Bad image data."}}]}
    with third_party_server(json_reply(answer)) as service:
        outcome = _ask(service.url, cat, mapping="google-vision")
    assert isinstance(outcome, Unreadable)
    assert "Bad image data." in outcome.reason


def test_a_service_recovers_with_the_same_connection_pool(cat: Path) -> None:
    with third_party_server(Reply(status=503), Reply(hang_up=True), json_reply(GOOD)) as service:
        describer = Describer.load(_settings(service.url))
        source = Source(path=cat, kind=Kind.PHOTO, media_type="image/jpeg")
        outcomes = [describer.describe(source) for _ in range(3)]
    assert [type(outcome) for outcome in outcomes] == [Unavailable, Unavailable, Described]


def test_a_slow_service_is_polled_until_it_is_done(cat: Path, polled: str) -> None:
    with third_party_server(
        json_reply({"status": "Running"}, status=202, Operation_Location="{url}/op/1"),
        json_reply({"status": "Running"}),
        Reply(status=503, headers={"Retry-After": "0"}),
        Reply(hang_up=True),
        json_reply({"status": "Succeeded", "result": {"caption": "A cat."}}),
    ) as service:
        outcome = _ask(service.url, cat, mapping=polled)
    assert isinstance(outcome, Described)
    assert outcome.description.caption is not None
    assert outcome.description.caption.text == "A cat."
    assert [(seen.method, seen.path) for seen in service.seen] == [
        ("POST", "/describe"),
        *[("GET", "/describe/op/1")] * 4,
    ]
    assert all(seen.headers["authorization"] == f"Bearer {KEY}" for seen in service.seen)


@pytest.mark.parametrize(
    ("location", "sentence"),
    [
        ("https://evil.example/op/1", "no status URL on its own host"),
        ("http://127.0.0.1:1/op/1", "no status URL on its own host"),
        ("file:///etc/passwd", "no status URL on its own host"),
        ("", "no status URL on its own host"),
    ],
)
def test_a_status_url_elsewhere_is_never_asked(
    cat: Path, polled: str, location: str, sentence: str
) -> None:
    with third_party_server(json_reply({}, status=202, Operation_Location=location)) as service:
        outcome = _ask(service.url, cat, mapping=polled)
        assert len(service.seen) == 1
    assert isinstance(outcome, Unavailable)
    assert sentence in outcome.reason


def test_a_job_that_failed_at_the_service_is_refused(cat: Path, polled: str) -> None:
    with third_party_server(
        json_reply({}, status=202, Operation_Location="/op/1"),
        json_reply({"status": "Failed", "error": {"message": "No picture in it."}}),
    ) as service:
        outcome = _ask(service.url, cat, mapping=polled)
    assert outcome == Unreadable(
        reason="The description service refused the file: No picture in it."
    )


@pytest.mark.parametrize("status", [404, 401, 302])
def test_a_job_that_the_service_lost_is_tried_again_later(
    cat: Path, polled: str, status: int
) -> None:
    with third_party_server(
        json_reply({}, status=202, Operation_Location="/op/1"), Reply(status=status)
    ) as service:
        assert isinstance(_ask(service.url, cat, mapping=polled), Unavailable)


def test_polling_ends_at_its_deadline(cat: Path, polled: str) -> None:
    with third_party_server(
        json_reply({}, status=202, Operation_Location="/op/1"), json_reply({"status": "Running"})
    ) as service:
        outcome = _ask(service.url, cat, mapping=polled, deadline_s=0.2)
    assert outcome == Unavailable(
        reason="The description service did not finish within 0.2 seconds."
    )


def test_the_key_is_never_logged(cat: Path, polled: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO), third_party_server(Reply(status=401)) as service:
        _ask(service.url, cat)
    assert caplog.records
    assert not any(KEY in str(vars(record)) for record in caplog.records)
    assert KEY not in repr(_settings("https://x.example/"))


@pytest.mark.parametrize(
    ("changes", "setting"),
    [
        ({"url": "http://vision.example/"}, "THIRD_PARTY_URL"),
        ({"url": "http://127.0.0.1/", "allow_loopback_http": False}, "THIRD_PARTY_URL"),
        ({"url": "http://127.0.0.1.evil.example/"}, "THIRD_PARTY_URL"),
        ({"url": "https://user:key@vision.example/"}, "THIRD_PARTY_URL"),
        ({"url": "ftp://vision.example/"}, "THIRD_PARTY_URL"),
        ({"url": "https://"}, "THIRD_PARTY_URL"),
        ({"url": "https://vision.example:port/"}, "THIRD_PARTY_URL"),
        ({"key": ""}, "THIRD_PARTY_KEY"),
        ({"key": "a\r\nX-Evil: 1"}, "THIRD_PARTY_KEY"),
        ({"auth": "basic"}, "THIRD_PARTY_AUTH"),
        ({"auth": "header:"}, "THIRD_PARTY_AUTH"),
        ({"auth": "header:X\r\nY"}, "THIRD_PARTY_AUTH"),
        ({"mapping": "/nowhere.toml"}, "THIRD_PARTY_MAPPING"),
    ],
)
def test_settings_that_cannot_work_are_named(changes: dict[str, Any], setting: str) -> None:
    with pytest.raises(SettingsError, match=setting):
        Describer.load(_settings(**({"url": "https://vision.example/"} | changes)))
