"""A container that says what it has imported after it began to serve.

``python -m tests.support.late_imports FILE intake`` runs the program of that name to its end, and
writes the names of those modules to the file.
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import override

from host.containers import main


class AtTheStart(logging.Handler):
    """Notes the modules that are there when the program says that it serves."""

    def __init__(self) -> None:
        super().__init__()
        self.modules: set[str] = set()

    @override
    def emit(self, record: logging.LogRecord) -> None:
        if vars(record).get("action") == "server_started":
            self.modules = set(sys.modules)


if __name__ == "__main__":
    file, program = sys.argv[1:]
    at_the_start = AtTheStart()
    logging.getLogger("host.containers").addHandler(at_the_start)
    code = main([program])
    Path(file).write_text("\n".join(sorted(set(sys.modules) - at_the_start.modules)))
    sys.exit(code)
