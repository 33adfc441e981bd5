"""A seccomp filter of system calls: what decoding does not need is refused with EPERM.

An allow list, because the kernel gets new calls with every release (io_uring came so, and went past
every deny list). Refused, not killed: a library that tries something and goes on without it must
not cost a photo its description. In short: no process, no program, no socket, no file but for
reading, no look at another process, no signal but to ourselves.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
from typing import TYPE_CHECKING

from describer.confinement.kernel import prctl, syscall
from describer.confinement.system_calls import ALLOWED, MISSING, conditional_calls

if TYPE_CHECKING:
    from collections.abc import Iterator

    from describer.confinement.system_calls import Conditional

# processor: (its column in the tables, AUDIT_ARCH of linux/audit.h, number of seccomp itself)
_PROCESSORS = {"x86_64": (0, 0xC000003E, 317), "aarch64": (1, 0xC00000B7, 277)}

# struct seccomp_data (linux/seccomp.h): number, architecture, instruction pointer, six arguments.
_NUMBER_AT, _ARCHITECTURE_AT, _ARGUMENTS_AT = 0, 4, 16
_LOAD, _JUMP_IF_EQUAL, _JUMP_IF_ANY_BIT, _RETURN = 0x20, 0x15, 0x45, 0x06
_ALLOW, _KILL_PROCESS, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000

_PR_SET_SECCOMP, _MODE_FILTER = 22, 2
_SET_MODE_FILTER = 1
_ALL_THREADS = 1
# Before 5.16 a filter also switched off speculation for its process, which slows decoding down by
# a fifth or more; there is one file at a time in this process, and nothing in it to guess at.
_KEEP_SPECULATION = 4

type Instruction = tuple[int, int, int, int]  # code, jump if true, jump if false, operand


def refuse_system_calls() -> None:
    """Install the filter, for every thread. Needs no_new_privs. Raises OSError."""
    processor = platform.machine()
    if processor not in _PROCESSORS:
        raise OSError(errno.ENOSYS, f"there is no table of system calls for {processor}")
    column, architecture, seccomp = _PROCESSORS[processor]
    program = tuple(build_filter(column, architecture, os.getpid()))
    code = b"".join(struct.pack("=HBBI", *instruction) for instruction in program)
    buffer = ctypes.create_string_buffer(code, len(code))
    header = struct.pack("@HP", len(program), ctypes.addressof(buffer))
    argument = ctypes.create_string_buffer(header, len(header))
    try:
        syscall(seccomp, _SET_MODE_FILTER, _ALL_THREADS | _KEEP_SPECULATION, argument)
    except OSError:  # a sandbox that knows the older way only, such as gVisor
        prctl(_PR_SET_SECCOMP, _MODE_FILTER, ctypes.addressof(argument))


def build_filter(column: int, architecture: int, our_pid: int) -> Iterator[Instruction]:
    """The program, for one processor."""
    yield _LOAD, 0, 0, _ARCHITECTURE_AT
    # A call in the way of another processor (32 bits on x86-64) has other numbers.
    yield _JUMP_IF_EQUAL, 1, 0, architecture
    yield _RETURN, 0, 0, _KILL_PROCESS
    yield _LOAD, 0, 0, _NUMBER_AT
    for numbers in ALLOWED.values():
        if (number := numbers[column]) is not None:
            yield _JUMP_IF_EQUAL, 0, 1, number
            yield _RETURN, 0, 0, _ALLOW
    for numbers in MISSING:
        yield _JUMP_IF_EQUAL, 0, 1, numbers[column]
        yield _RETURN, 0, 0, _ERRNO | errno.ENOSYS
    for call in conditional_calls(our_pid):
        if (number := call.numbers[column]) is not None:
            checks = tuple(_checks(call))
            yield _JUMP_IF_EQUAL, 0, len(checks), number
            yield from checks
    yield _RETURN, 0, 0, _ERRNO | errno.EPERM


def _checks(call: Conditional) -> Iterator[Instruction]:
    """Instructions that end in a return. Both processors are little-endian: the low half first."""
    low = _ARGUMENTS_AT + 8 * call.argument
    refuse = (_RETURN, 0, 0, _ERRNO | errno.EPERM)
    allow = (_RETURN, 0, 0, _ALLOW)
    if call.values:
        yield _LOAD, 0, 0, low + 4
        yield _JUMP_IF_EQUAL, 1, 0, 0
        yield refuse
        yield _LOAD, 0, 0, low
        for value in call.values:
            yield _JUMP_IF_EQUAL, 0, 1, value
            yield allow
        yield refuse
        return
    yield _LOAD, 0, 0, low
    yield _JUMP_IF_ANY_BIT, 0, 1, call.some_of or call.none_of
    yield allow if call.some_of else refuse
    yield refuse if call.some_of else allow
