"""Landlock: from now on this process reads files below a few folders, writes none, makes no TCP
connection, and signals nobody outside.

Linux 5.13 and newer (docs.kernel.org/userspace-api/landlock.html); each ABI adds rights. Files that
are open already stay usable: the media comes by descriptor. Call it while there is one thread,
because it holds for the calling thread and for those that it starts.
"""

from __future__ import annotations

import ctypes
import os
import struct
from typing import TYPE_CHECKING

from describer.confinement.kernel import syscall

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same on every processor
_VERSION_FLAG = 1
_RULE_PATH_BENEATH = 1
_READ_FILE, _READ_DIR = 1 << 2, 1 << 3
# How many rights on files each ABI knows; what is not handled would stay allowed.
_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15}
_LATEST_FILE_RIGHTS = 16  # from ABI 5 on, which adds ioctl on devices
NET_FROM, _SCOPES_FROM = 4, 6
_BIND_AND_CONNECT_TCP = 0b11
_ABSTRACT_SOCKETS_AND_SIGNALS = 0b11


def abi() -> int:
    """The version of Landlock that this kernel has. Raises OSError where it has none."""
    return syscall(_CREATE_RULESET, None, 0, _VERSION_FLAG)


def restrict_files(readable: Iterable[Path]) -> int:
    """Read only what lies below these; the ABI that holds. Raises OSError."""
    version = abi()
    ruleset = _create_ruleset(version)
    try:
        for path in readable:
            _allow_reading(ruleset, path)
        syscall(_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)
    return version


def _create_ruleset(version: int) -> int:
    """A ruleset that denies everything that this ABI can deny."""
    handled = [(1 << _FILE_RIGHTS.get(version, _LATEST_FILE_RIGHTS)) - 1]
    if version >= NET_FROM:
        handled.append(_BIND_AND_CONNECT_TCP)
    if version >= _SCOPES_FROM:
        handled.append(_ABSTRACT_SOCKETS_AND_SIGNALS)
    attributes = struct.pack(f"={len(handled)}Q", *handled)
    return syscall(_CREATE_RULESET, ctypes.c_char_p(attributes), len(attributes), 0)


def _allow_reading(ruleset: int, path: Path) -> None:
    """Of a folder everything below it; what is not there need not be allowed."""
    try:
        beneath = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        rights = _READ_FILE | _READ_DIR if path.is_dir() else _READ_FILE
        rule = ctypes.c_char_p(struct.pack("=Qi", rights, beneath))
        syscall(_ADD_RULE, ruleset, _RULE_PATH_BENEATH, rule, 0)
    finally:
        os.close(beneath)
