"""The describer's program: ``python -m describer --worker``, or without it a container's job.

Exit codes: 0 done, 1 the job could not be done now, 2 the settings are wrong.
"""

from __future__ import annotations

import logging
import os
import sys
from typing import TYPE_CHECKING

from describer.confinement.kernel import deny_inspection
from describer.logs import log_to_stderr
from describer.process import (
    ignore_interrupts,
    limit_resources,
    reserve_stdout,
    set_cpu_alarm,
)
from describer.request_lines import RequestReader
from describer.settings import Settings
from shared.errors import IngestError

if TYPE_CHECKING:
    from describer.providers.exchange import AnyService
    from describer.settings import ThirdPartySettings

logger = logging.getLogger("describer")


def main(arguments: list[str]) -> int:
    """Run as a worker or as a container job."""
    log_to_stderr()
    try:
        settings = Settings.from_env(os.environ)
        limit_resources(settings.memory_mb)
        match arguments:
            case ["--worker"] if settings.third_party is not None:
                return _work_with_broker(settings.third_party)
            case ["--worker"]:
                return _work(settings)
            case ["--worker", "--service", descriptor] if settings.third_party is not None:
                return _work(settings, _brokered(settings.third_party, int(descriptor)))
            case _:
                pass
        if not arguments:
            from describer.container import run_container

            deny_inspection()  # the URLs of a job are secrets
            return run_container(os.environ)
    except IngestError as exc:
        logger.error("%s", exc, extra={"action": "describer_stopped"})  # noqa: TRY400 - a sentence
        return 2
    logger.error("Call it with --worker, or without arguments for one job from the environment.")
    return 2


def _work_with_broker(settings: ThirdPartySettings) -> int:
    """Be the parent of the worker that opens the files: it has the key and the network."""
    ignore_interrupts()
    from describer.providers.broker import run_with_broker
    from describer.providers.third_party import connect

    deny_inspection()  # the key is a secret
    return run_with_broker(connect(settings), os.environ)


def _brokered(settings: ThirdPartySettings, descriptor: int) -> AnyService:
    from describer.providers.broker import BrokeredService

    return BrokeredService.connect(settings.url, descriptor)


def _work(settings: Settings, service: AnyService | None = None) -> int:
    ignore_interrupts()
    responses = reserve_stdout()
    requests = RequestReader(sys.stdin.fileno())
    # numpy's OpenBLAS must start no threads: we multiply no matrices, there is a describer for each
    # core, and what confines a thread does not reach those that run before.
    os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = "1"
    from describer.confinement.confine import confine
    from describer.describe import Describer
    from describer.worker import Worker

    describer = Describer.load(settings, service, set_alarm=set_cpu_alarm)
    # Everything is loaded, and nothing from outside has been opened.
    confinement = confine(any_file=not requests.hands_over_media)
    Worker(
        describer=describer, requests=requests, responses=responses, confinement=confinement
    ).run()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
