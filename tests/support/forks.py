"""Processes of the tests' own, forked from one that has imported the product.

Imports are most of what a Python program does until it works. A fork spares them, and is a process
like any other: it takes signals, and kill -9 ends it anywhere.
"""

from __future__ import annotations

import multiprocessing
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.context import ForkServerProcess

# Python forks from one server, which starts once: it has to know what all tests fork.
IMPORTED = (
    "pydantic.type_adapter",
    "jinja2",
    "magic",
    "host.cli",
    "host.commands.dead_letters",
    "host.commands.desk",
    "host.commands.doctor",
    "host.commands.replay",
    "host.commands.serve",
    "host.commands.status",
    "host.functions",
    "httpcore",
    "azure.durable_functions",
    "tests.fakes.functions_host.program",
    "tests.fakes.functions_host.program_on_services",
    "tests.support.faulty_intake",
)
_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload(list(IMPORTED))


def fork[*Ts](target: Callable[[*Ts], None], *arguments: *Ts) -> ForkServerProcess:
    """Run a function of a module in a process of its own."""
    process = _forks.Process(target=target, args=arguments)
    process.start()
    return process
