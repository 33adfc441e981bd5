"""The program of a container: one assignment from the environment, then the end."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING

from describer.assignment import SECRETS, Assignment
from describer.job import ContainerJob
from describer.rules import WORKER, JobRules
from describer.supervised import SupervisedDescriber
from describer.transfer import Transfer

if TYPE_CHECKING:
    from collections.abc import Mapping


def run_container(env: Mapping[str, str], worker: tuple[str, ...] = WORKER) -> int:
    """Work off what the environment says; the exit code of `ContainerJob.run`.

    Raises SettingsError, TransferError and StorageCorruptError when the assignment cannot be read.
    """
    transfer = Transfer()
    assignment = Assignment.from_env(env, transfer)
    visible = {name: value for name, value in env.items() if name not in SECRETS}
    describer = SupervisedDescriber(JobRules(environment=visible, command=worker))
    job = ContainerJob(assignment=assignment, describer=describer, transfer=transfer)
    return asyncio.run(_until_stopped(job, describer))


async def _until_stopped(job: ContainerJob, describer: SupervisedDescriber) -> int:
    """Run the job. SIGTERM ends it: the first process of a container must see to that itself."""
    running = asyncio.ensure_future(job.run())
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, running.cancel)
    try:
        return await running
    except asyncio.CancelledError:
        return 1
    finally:
        await describer.stop()
