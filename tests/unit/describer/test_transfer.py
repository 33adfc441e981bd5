"""What a container fetches and delivers over a bad line, and from a busy service."""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, override

import pytest

from describer.transfer import Transfer, TransferError
from tests.support.third_party_server import Reply, third_party_server
from tests.support.threaded_server import QuietHandler, threaded_server

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

MIB = 1024 * 1024
FILM = hashlib.shake_256(b"film").digest(5 * MIB + 17)
DONE = Reply(status=201)
PATIENT = Transfer(pauses_s=(0.0, 0.0, 0.0))


@dataclass(slots=True)
class BadLine:
    """A store behind a line that breaks after so many bytes of each answer; None: it holds.

    After the first answer the file is replaced by `then`.
    """

    content: bytes
    breaks: list[int | None]
    versions: bool = True
    then: bytes = b""
    url: str = ""
    ranges: list[str] = field(default_factory=list[str])

    @property
    def version(self) -> str:
        return f'"{hashlib.sha256(self.content).hexdigest()[:8]}"' if self.versions else ""


class _Handler(QuietHandler):
    def __init__(self, *args: Any, line: BadLine) -> None:
        self._line = line
        super().__init__(*args)

    @override
    def respond(self, body: bytes) -> None:
        line, wanted = self._line, self.headers.get("Range", "")
        line.ranges.append(wanted)
        if self.headers.get("If-Match", line.version) != line.version:
            self.send_response(412)
            self.end_headers()
            return
        content = line.content[int(wanted[len("bytes=") : -1]) :] if wanted else line.content
        self.send_response(206 if wanted else 200)
        self.send_header("Content-Length", str(len(content)))
        if line.version:
            self.send_header("ETag", line.version)
        self.end_headers()
        self.wfile.write(content[: line.breaks.pop(0)])
        line.content = line.then or line.content


@contextmanager
def bad_line(line: BadLine) -> Generator[BadLine]:
    with threaded_server(partial(_Handler, line=line)) as url:
        line.url = f"{url}/film.mp4"
        yield line


def test_a_download_goes_on_where_it_broke_off(tmp_path: Path) -> None:
    with bad_line(BadLine(FILM, [2 * MIB + 5, 100, None])) as line:
        PATIENT.download(line.url, tmp_path / "film")
    assert (tmp_path / "film").read_bytes() == FILM
    assert line.ranges == ["", f"bytes={2 * MIB}-", f"bytes={2 * MIB}-"]


def test_a_file_without_a_version_is_fetched_from_its_start(tmp_path: Path) -> None:
    with bad_line(BadLine(FILM, [2 * MIB + 5, None], versions=False)) as line:
        PATIENT.download(line.url, tmp_path / "film")
    assert (tmp_path / "film").read_bytes() == FILM
    assert line.ranges == ["", ""]


def test_two_versions_are_never_mixed(tmp_path: Path) -> None:
    with (
        bad_line(BadLine(FILM, [2 * MIB + 5, None], then=FILM[::-1])) as line,
        pytest.raises(TransferError),
    ):
        PATIENT.download(line.url, tmp_path / "film")


def test_a_line_that_always_breaks_is_given_up(tmp_path: Path) -> None:
    with (
        bad_line(BadLine(FILM, [0] * 4)) as line,
        pytest.raises(TransferError, match="cannot be fetched"),
    ):
        PATIENT.download(line.url, tmp_path / "film")
    assert len(line.ranges) == 4


@pytest.mark.parametrize("passing", [408, 429, 500, 503])
def test_a_service_that_is_busy_is_asked_again(passing: int) -> None:
    with third_party_server(Reply(status=passing), Reply(hang_up=True), DONE) as service:
        PATIENT.put(service.url, b"result", "application/json")
    assert [one.body for one in service.seen] == [b"result"] * 3


def test_an_event_is_sent_once_because_the_report_tells_too() -> None:
    with third_party_server(Reply(status=503)) as service, pytest.raises(TransferError):
        PATIENT.post(service.url, b"event", {"aeg-sas-key": "key"})
    assert len(service.seen) == 1


@pytest.mark.parametrize("final", [400, 403, 404, 409, 412])
def test_what_is_refused_for_good_is_asked_for_once(tmp_path: Path, final: int) -> None:
    with third_party_server(Reply(status=final)) as service:
        with pytest.raises(TransferError):
            PATIENT.put(service.url, b"result", "application/json")
        with pytest.raises(TransferError):
            PATIENT.download(service.url, tmp_path / "film")
    assert len(service.seen) == 2
