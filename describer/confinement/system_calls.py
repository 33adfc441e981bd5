"""The system calls that decoding needs once everything is loaded, and their numbers.

What is not here is refused, also what a later kernel adds. Numbers are those of Linux's
arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h (aarch64), None where a
processor has no such call.
"""

from __future__ import annotations

from dataclasses import dataclass

# name: (x86_64, aarch64)
ALLOWED: dict[str, tuple[int | None, int | None]] = {
    # memory and threads; the most frequent ones first
    "futex": (202, 98),
    "read": (0, 63),
    "lseek": (8, 62),
    "newfstatat": (262, 79),
    "close": (3, 57),
    "write": (1, 64),
    "mmap": (9, 222),
    "munmap": (11, 215),
    "mprotect": (10, 226),
    "madvise": (28, 233),
    "mremap": (25, 216),
    "brk": (12, 214),
    "membarrier": (324, 283),
    "set_robust_list": (273, 99),
    "rseq": (334, 293),
    "exit": (60, 93),
    "exit_group": (231, 94),
    "sched_yield": (24, 124),
    "sched_getaffinity": (204, 123),
    "getcpu": (309, 168),
    "gettid": (186, 178),
    "getpid": (39, 172),
    "getppid": (110, 173),
    # descriptors that are open already, and looking at files
    "readv": (19, 65),
    "writev": (20, 66),
    "pread64": (17, 67),
    "fstat": (5, 80),
    "stat": (4, None),
    "lstat": (6, None),
    "statx": (332, 291),
    "access": (21, None),
    "faccessat": (269, 48),
    "faccessat2": (439, 439),
    "readlink": (89, None),
    "readlinkat": (267, 78),
    "getdents64": (217, 61),
    "getcwd": (79, 17),
    "dup": (32, 23),
    "dup2": (33, None),
    "dup3": (292, 24),
    "fadvise64": (221, 223),
    "recvmsg": (47, 212),
    "poll": (7, None),
    "ppoll": (271, 73),
    "select": (23, None),
    "pselect6": (270, 72),
    "epoll_create1": (291, 20),
    # signals to ourselves
    "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139),
    "sigaltstack": (131, 132),
    "restart_syscall": (219, 128),
    "setitimer": (38, 103),  # our CPU alarm; who takes it away still has the limit of the parent
    # clocks, chance, and who we are
    "clock_gettime": (228, 113),
    "clock_getres": (229, 114),
    "clock_nanosleep": (230, 115),
    "nanosleep": (35, 101),
    "gettimeofday": (96, 169),
    "time": (201, None),
    "times": (100, 153),
    "getrusage": (98, 165),
    "getrlimit": (97, 163),
    "getrandom": (318, 278),
    "uname": (63, 160),
    "sysinfo": (99, 179),
    "getuid": (102, 174),
    "geteuid": (107, 175),
    "getgid": (104, 176),
    "getegid": (108, 177),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditional:
    """A call that is allowed by one of its arguments: it must be one of `values`, or its low 32
    bits have one of `some_of`, or none of `none_of`.
    """

    numbers: tuple[int | None, int | None]
    argument: int
    values: tuple[int, ...] = ()
    some_of: int = 0
    none_of: int = 0


_CLONE_THREAD = 0x10000
_WRITE_CREATE_TRUNCATE = 0o1 | 0o2 | 0o100 | 0o1000  # O_WRONLY, O_RDWR, O_CREAT, O_TRUNC
_TCGETS, _FIONREAD, _FIONBIO, _FIONCLEX, _FIOCLEX = 0x5401, 0x541B, 0x5421, 0x5450, 0x5451
_PR_SET_NAME, _PR_GET_NAME, _PR_SET_VMA = 15, 16, 0x53564D41
_F_DUPFD, _F_GETFD, _F_SETFD, _F_GETFL, _F_SETFL, _F_DUPFD_CLOEXEC = 0, 1, 2, 3, 4, 1030


def conditional_calls(our_pid: int) -> tuple[Conditional, ...]:
    """The calls that may do one thing and not another."""
    return (
        Conditional(numbers=(257, 56), argument=2, none_of=_WRITE_CREATE_TRUNCATE),  # openat
        Conditional(numbers=(2, None), argument=1, none_of=_WRITE_CREATE_TRUNCATE),  # open
        # clone: a thread of ours, which ends with us; a process of its own could outlive us.
        Conditional(numbers=(56, 220), argument=0, some_of=_CLONE_THREAD),
        # ioctl: no more than Python asks of a file; TIOCSTI would type into a terminal.
        Conditional(
            numbers=(16, 29),
            argument=1,
            values=(_TCGETS, _FIONREAD, _FIONBIO, _FIONCLEX, _FIOCLEX),
        ),
        Conditional(
            numbers=(72, 25),  # fcntl: F_SETOWN would send signals to others
            argument=1,
            values=(_F_DUPFD, _F_GETFD, _F_SETFD, _F_GETFL, _F_SETFL, _F_DUPFD_CLOEXEC),
        ),
        # prctl: the names that glibc gives to threads and memory
        Conditional(
            numbers=(157, 167), argument=0, values=(_PR_SET_NAME, _PR_GET_NAME, _PR_SET_VMA)
        ),
        Conditional(numbers=(234, 131), argument=0, values=(our_pid,)),  # tgkill, by abort
        # prlimit64: asking only, with no new limit (a null pointer)
        Conditional(numbers=(302, 261), argument=2, values=(0,)),
    )


# glibc tries clone3 first, whose arguments a filter cannot see, and falls back to clone.
MISSING: tuple[tuple[int, int], ...] = ((435, 435),)
