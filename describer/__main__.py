"""The describer's program: ``python -m describer --worker``, or without it a container's job.

Exit codes: 0 done, 1 the job could not be done now, 2 the settings are wrong.
"""

from __future__ import annotations

import logging
import os
import sys

from describer.confinement.kernel import deny_inspection
from describer.logs import log_to_stderr
from describer.process import ignore_interrupts, limit_resources, reserve_stdout
from describer.settings import Settings
from shared.errors import IngestError

logger = logging.getLogger("describer")


def main(arguments: list[str]) -> int:
    """Run as a worker or as a container job."""
    log_to_stderr()
    try:
        settings = Settings.from_env(os.environ)
        limit_resources(settings.memory_mb)
        if arguments == ["--worker"]:
            return _work(settings)
        if not arguments:
            from describer.container import run_container

            deny_inspection()  # the URLs of a job are secrets
            return run_container(os.environ)
    except IngestError as exc:
        logger.error("%s", exc, extra={"action": "describer_stopped"})  # noqa: TRY400 - a sentence
        return 2
    logger.error("Call it with --worker, or without arguments for one job from the environment.")
    return 2


def _work(settings: Settings) -> int:
    ignore_interrupts()
    responses = reserve_stdout()
    from describer.describe import Describer
    from describer.worker import Worker

    Worker(describer=Describer.load(settings), requests=sys.stdin.buffer, responses=responses).run()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
