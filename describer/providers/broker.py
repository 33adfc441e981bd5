"""Who opens the files of strangers has neither the key of the description service nor a network:
its parent asks the service for it, and nothing else for it.

One request at a time on a socket: a line of JSON, then as many bytes of body as it says; the answer
likewise. The parent decides the address and adds the key.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import httpx

from describer.providers.base import Unavailable
from describer.providers.exchange import Answer, Service, own_url
from shared.codec import from_json, to_json
from shared.errors import StorageCorruptError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

OPTION = "--service"  # of a describer's command line: the descriptor of the socket
_KEY = "MAIL_INGEST_THIRD_PARTY_KEY"
_TIED = str(Path(__file__).parents[1] / "tied.py")
_LONGEST_LINE = 1024 * 1024
_CHUNK = 1024 * 1024
_TYPE = "content-type"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    """A POST of `size` bytes to the service, or where `url` is given a GET of it."""

    url: str = ""
    media_type: str = ""
    size: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reply:
    """An answer whose body of `size` bytes follows, or the `reason` why there is none."""

    status: int = 0
    headers: tuple[tuple[str, str], ...] = ()
    size: int = 0
    reason: str = ""
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokeredService:
    """The service, as the process sees it that opens the files."""

    origin: httpx.URL
    replies: BinaryIO
    questions: BinaryIO

    @classmethod
    def connect(cls, url: str, descriptor: int) -> BrokeredService:
        """By the socket that our parent gave us."""
        return cls(
            origin=httpx.URL(url),
            # By read and write, not by socket calls: those are refused here.
            replies=os.fdopen(descriptor, "rb"),
            questions=os.fdopen(os.dup(descriptor), "wb"),
        )

    def own_url(self, text: object) -> httpx.URL | None:
        """A URL that the service named, if it is its own; the parent looks too."""
        return own_url(self.origin, text)

    def post(self, content: bytes | BinaryIO, headers: Mapping[str, str]) -> Answer | Unavailable:
        """Send a body to the service's URL."""
        media_type = next((text for name, text in headers.items() if name.lower() == _TYPE), "")
        if isinstance(content, bytes):
            return self._ask(_Question(media_type=media_type, size=len(content)), iter((content,)))
        size = os.fstat(content.fileno()).st_size
        return self._ask(_Question(media_type=media_type, size=size), _bytes(content, size))

    def get(self, url: httpx.URL) -> Answer | Unavailable:
        """Fetch a URL that `own_url` allowed."""
        return self._ask(_Question(url=str(url)), iter(()))

    def _ask(self, question: _Question, body: Iterator[bytes]) -> Answer | Unavailable:
        self.questions.write(to_json(question) + b"\n")
        for chunk in body:
            self.questions.write(chunk)
        self.questions.flush()
        reply = from_json(self.replies.readline(), _Reply, where="the answer of our parent")
        if reply.reason:
            return Unavailable(reason=reply.reason, retry_after_s=reply.retry_after_s)
        content = self.replies.read(reply.size)
        return Answer(status=reply.status, headers=httpx.Headers(reply.headers), body=content)


def run_with_broker(service: Service, environment: Mapping[str, str]) -> int:
    """Start the process that opens the files, and ask the service for it until it ends; its exit
    code. A signal that ended it ends us too: our parent reads from it what the file did.
    """
    ours, theirs = socket.socketpair()
    worker = (sys.executable, "-m", "describer", "--worker", OPTION, str(theirs.fileno()))
    child = subprocess.Popen(  # noqa: S603 - our own program
        (sys.executable, "-I", "-S", _TIED, str(os.getpid()), *worker),
        env={name: text for name, text in environment.items() if name != _KEY},
        pass_fds=(theirs.fileno(),),
    )
    theirs.close()
    with ours, ours.makefile("rb") as questions, ours.makefile("wb") as replies:
        try:
            answer_questions(service, questions, replies)
        except (OSError, StorageCorruptError, ValueError):
            child.kill()  # it has died in the middle, or says what ours never would
    if (code := child.wait()) < 0:
        with suppress(OSError):  # SIGKILL has no other way
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    return code


def answer_questions(service: Service, questions: BinaryIO, replies: BinaryIO) -> None:
    """Until there are no more. Raises OSError, StorageCorruptError and ValueError."""
    while line := questions.readline(_LONGEST_LINE):
        question = from_json(line, _Question, where="a describer's question")
        if question.size < 0:
            raise ValueError("a body cannot have fewer bytes than none")
        body = _bytes(questions, question.size)
        answer = _exchange(service, question, body)
        for _ in body:  # what the service did not want to read; both writing would block both
            pass
        _write(replies, answer)


def _exchange(service: Service, question: _Question, body: Iterator[bytes]) -> Answer | Unavailable:
    if not question.url:
        headers = {"Content-Type": question.media_type, "Content-Length": str(question.size)}
        return service.post(body, headers)
    url = service.own_url(question.url)
    return (
        Unavailable(reason="That is not a URL of the service.") if url is None else service.get(url)
    )


def _write(replies: BinaryIO, answer: Answer | Unavailable) -> None:
    if isinstance(answer, Unavailable):
        reply = _Reply(reason=answer.reason, retry_after_s=answer.retry_after_s)
        content = b""
    else:
        content = answer.body
        fields = tuple(answer.headers.multi_items())
        reply = _Reply(status=answer.status, headers=fields, size=len(content))
    replies.write(to_json(reply) + b"\n" + content)
    replies.flush()


def _bytes(stream: BinaryIO, size: int) -> Iterator[bytes]:
    """So many bytes of a stream, in chunks. Raises ValueError when there are fewer."""
    while size > 0:
        chunk = stream.read(min(size, _CHUNK))
        if not chunk:
            raise ValueError("the body ends too early")
        size -= len(chunk)
        yield chunk
