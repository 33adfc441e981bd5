"""The description service, asked by the parent of the process that opens the files."""

from __future__ import annotations

import os
import signal
import socket
import sys
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

import pytest

from describer.providers.base import Unavailable
from describer.providers.broker import BrokeredService, answer_questions
from describer.providers.exchange import Answer
from describer.providers.third_party import connect
from describer.settings import ThirdPartySettings
from tests.support.describer_process import describer_process
from tests.support.third_party_server import GOOD, Reply, json_reply, third_party_server

if TYPE_CHECKING:
    from collections.abc import Generator

KEY = "k3y-of-the-service"


@contextmanager
def brokered(url: str) -> Generator[BrokeredService]:
    """Both sides, on a real socket."""
    service = connect(ThirdPartySettings(url=url, key=KEY, allow_loopback_http=True))
    ours, theirs = socket.socketpair()
    with ours, ours.makefile("rb") as questions, ours.makefile("wb") as replies:
        parent = Thread(target=answer_questions, args=(service, questions, replies))
        parent.start()
        child = BrokeredService.connect(url, theirs.detach())
        try:
            yield child
        finally:
            child.questions.close()
            child.replies.close()
            parent.join(20)
            assert not parent.is_alive()


def test_the_parent_adds_the_key_and_passes_the_answer_on() -> None:
    busy = Reply(status=429, headers={"Retry-After": "30"}, body=b"later")
    with third_party_server(busy) as service, brokered(service.url) as asked:
        answer = asked.post(b'{"a":1}', {"Content-Type": "application/json"})
    assert isinstance(answer, Answer)
    assert (answer.status, answer.retry_after_s, answer.body) == (429, 30.0, b"later")
    (seen,) = service.seen
    assert (seen.body, seen.headers["content-type"]) == (b'{"a":1}', "application/json")
    assert seen.headers["authorization"] == f"Bearer {KEY}"


def test_a_file_is_streamed_with_its_length(tmp_path: Path) -> None:
    content = bytes(range(256)) * 20_000
    (tmp_path / "film.mp4").write_bytes(content)
    with third_party_server(json_reply(GOOD)) as service, brokered(service.url) as asked:
        with (tmp_path / "film.mp4").open("rb") as file:
            answer = asked.post(file, {"Content-Type": "video/mp4"})
        assert isinstance(answer, Answer)
    assert service.seen[0].body == content
    assert service.seen[0].headers["content-length"] == str(len(content))


def test_the_parent_fetches_from_the_service_and_from_nowhere_else() -> None:
    with (
        third_party_server(json_reply(GOOD)) as service,
        third_party_server(json_reply(GOOD)) as inside,
        brokered(service.url) as asked,
    ):
        status = asked.own_url("/status/7")
        assert status is not None
        assert isinstance(asked.get(status), Answer)
        assert asked.own_url(inside.url) is None
        # What code in the child might send, past its own look at the URL.
        foreign = asked.get(status.join(inside.url))
        assert isinstance(foreign, Unavailable)
        assert service.seen[0].path.endswith("/status/7")
        assert not inside.seen


def test_an_outage_comes_back_as_its_sentence() -> None:
    with third_party_server(json_reply(GOOD)) as service:
        url = service.url
    with brokered(url) as asked:
        answer = asked.post(b"{}", {"Content-Type": "application/json"})
    assert answer == Unavailable(reason="The description service cannot be reached.")


@pytest.mark.skipif(sys.platform != "linux", reason="finds the child by /proc")
@pytest.mark.parametrize("number", [signal.SIGPROF, signal.SIGKILL])
def test_what_ends_the_process_that_opens_the_files_ends_its_parent_alike(
    number: signal.Signals,
) -> None:
    with third_party_server(json_reply(GOOD)) as service, describer_process(env(service.url)) as it:
        it.read()
        os.kill(child_of(it.process.pid), number)
        assert it.process.wait(20) == -number


@pytest.mark.skipif(sys.platform != "linux", reason="looks into memory by /proc")
def test_the_process_that_opens_the_files_never_holds_the_key(media: Path) -> None:
    with (
        third_party_server(json_reply(GOOD)) as service,
        describer_process(env(service.url)) as worker,
    ):
        worker.read()
        assert worker.ask(media / "cat.jpg")["status"] == "described"
        parent = worker.process.pid
        try:
            assert holds(parent, KEY)
            assert not holds(child_of(parent), KEY)
        except PermissionError:
            pytest.skip("only root may look into the memory of both")


def env(url: str) -> dict[str, str]:
    return {
        "MAIL_INGEST_DESCRIBER": "third_party",
        "MAIL_INGEST_THIRD_PARTY_URL": url,
        "MAIL_INGEST_THIRD_PARTY_KEY": KEY,
        "MAIL_INGEST_THIRD_PARTY_ALLOW_LOOPBACK_HTTP": "1",
    }


def child_of(pid: int) -> int:
    """The only one."""
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii"))


def holds(pid: int, text: str) -> bool:
    """Whether a text is anywhere in the memory or the environment of a process."""
    regions = Path(f"/proc/{pid}/maps").read_text("utf-8").splitlines()
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for region in regions:
            extent, rights, *_ = region.split()
            if not rights.startswith("rw"):
                continue
            start, end = (int(address, 16) for address in extent.split("-"))
            memory.seek(start)
            try:
                if text.encode() in memory.read(end - start):
                    return True
            except OSError:  # a region of the kernel's own
                continue
    return False
