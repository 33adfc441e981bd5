"""A describer worker (describer/protocol.py) that does what the file's name tells it to do.

``crash-always``, ``crash-once``, ``hang``, ``spin``, ``slow`` and ``unreadable`` say it all;
``unavailable`` is so as often as the file has bytes. Each request leaves a line in runs.txt beside
the original.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from describer.process import set_cpu_alarm
from describer.protocol import Ready, Request, Response, Status
from shared.codec import from_json, to_json
from shared.description import Description, Model

PROVIDER = "fake-1"


def main() -> None:
    _say(Ready(provider=PROVIDER))
    for line in sys.stdin.buffer:
        _say(_answer(from_json(line, Request, where="a request")))


def _answer(request: Request) -> Response:
    path, name = _original(request), request.file_name
    with (path.parent / "runs.txt").open("a") as runs:
        runs.write(f"{os.getpid()} {request.job_id} {name}\n")
    if "crash-once" in name and _runs(path, request.job_id) == 1:
        os.abort()
    if "crash-always" in name:
        os.abort()
    if "hang" in name:
        time.sleep(60)
    if "spin" in name:
        set_cpu_alarm(0.1)
        sum(range(10**12))
    if "slow" in name:
        time.sleep(0.3)
    if "unavailable" in name and _runs(path, request.job_id) <= path.stat().st_size:
        return _unavailable(request)
    if "unreadable" in name:
        return Response(
            job_id=request.job_id, status=Status.UNREADABLE, reason="It is cut off in the middle."
        )
    return Response(
        job_id=request.job_id,
        status=Status.DESCRIBED,
        description=Description(
            kind=request.kind, provider="fake", model=Model(id="fake", version="1")
        ),
        thumbnail=b"a thumbnail",
    )


def _original(request: Request) -> Path:
    """The file in the blob store, also when we were given a copy."""
    at_hand = request.media_url.startswith("file:")
    return Path.from_uri(request.media_url) if at_hand else Path(request.path)


def _unavailable(request: Request) -> Response:
    return Response(
        job_id=request.job_id, status=Status.UNAVAILABLE, reason="It is down.", retry_after_s=0.05
    )


def _runs(path: Path, job_id: str) -> int:
    lines = (path.parent / "runs.txt").read_text().splitlines()
    return sum(line.split()[1] == job_id for line in lines)


def _say(value: Ready | Response) -> None:
    sys.stdout.buffer.write(to_json(value) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
