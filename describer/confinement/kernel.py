"""The calls of the Linux kernel that the standard library lacks. Elsewhere they fail as OSError."""

from __future__ import annotations

import ctypes
import errno
import os
import sys

_PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 4, 38
_PR_CAPBSET_DROP = 24
_CAPABILITY_VERSION_3 = 0x20080522


def prctl(option: int, argument: int = 0, more: int = 0) -> int:
    """prctl(2). Raises OSError."""
    if sys.platform != "linux":
        raise OSError(errno.ENOSYS, "only Linux has prctl")
    libc = ctypes.CDLL(None, use_errno=True)
    numbers = (ctypes.c_ulong(value) for value in (argument, more, 0, 0))
    return _checked(libc.prctl(ctypes.c_int(option), *numbers))


def syscall(number: int, *arguments: object) -> int:
    """Any system call, by its number; an int is passed as a long. Raises OSError."""
    if sys.platform != "linux":
        raise OSError(errno.ENOSYS, "only Linux has these system calls")
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    passed = (ctypes.c_long(one) if isinstance(one, int) else one for one in arguments)
    return _checked(libc.syscall(ctypes.c_long(number), *passed))


def deny_inspection() -> bool:
    """Let no process of our user read our memory and environment in /proc; whether that holds.

    A debugger or profiler then needs root, and we leave no core dump. Exec ends it, fork does not.
    """
    try:
        prctl(_PR_SET_DUMPABLE, 0)
    except OSError:
        return False
    return True


def forbid_new_privileges() -> None:
    """No setuid program gives us more than we have; seccomp and Landlock demand it."""
    prctl(_PR_SET_NO_NEW_PRIVS, 1)


def drop_capabilities() -> None:
    """Root without capabilities is a user like others: it owns files, and that is all."""
    if os.geteuid() == 0:
        for capability in range(64):
            try:
                prctl(_PR_CAPBSET_DROP, capability)
            except OSError:  # beyond the last one that this kernel knows, or already without
                break
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    nothing = (ctypes.c_uint32 * 6)()
    libc = ctypes.CDLL(None, use_errno=True)
    _checked(libc.capset(header, nothing))


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
