"""Runs a program and everything it starts, sees each call of theirs, and spoils one of them.

What strace -f and its inject do, with what they cannot: a call is named by
process and place in it, so that one of several programs under a shell can be
hit; a read or write can be made short; and what a descriptor leads to is noted
at the moment of the call.

A thread is counted like a process of its own, so its calls have the same
places however the threads take turns.  Being killed is for all of them.
"""

import ctypes
import errno
import os
import pathlib
import platform
import signal
import struct
import subprocess
from collections.abc import Mapping, Sequence

from tests.crash.syscalls import AT, CALLS, FD, PATH, READS, SHORTENED, TWO_AT, TWO_PATHS

Process = tuple[int, ...]
Point = tuple[Process, int, str]

KILL, SHORT = "SIGKILL", "short"

# linux/ptrace.h
_SYSCALL, _SEIZE, _SETOPTIONS, _GETEVENTMSG, _GETREGS, _SETREGS, _LISTEN = 24, 0x4206, 0x4200, 0x4201, 12, 13, 0x4208
_GET_SYSCALL_INFO, _ENTRY, _EXIT = 0x420E, 1, 2
_EVENT_FORKS, _EVENT_EXEC, _EVENT_STOP = (1, 2, 3), 4, 128
_OPTIONS = 1 | 2 | 4 | 8 | 16 | 0x100000  # SYSGOOD, FORK, VFORK, CLONE, EXEC, EXITKILL
_WALL = 0x40000000
# sys/user.h, struct user_regs_struct of x86-64: 27 words
_REGISTERS, _RAX, _RDX, _ORIG_RAX = 27, 10, 12, 15
_AT_FDCWD = 0xFFFFFF9C

_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
_libc.ptrace.restype = ctypes.c_long


def works() -> str:
    """Why programs cannot be traced here; "" if they can."""
    if platform.machine() != "x86_64" or platform.system() != "Linux":
        return "the tracer knows the registers of x86-64 Linux only"
    try:
        run(["/bin/true"])
    except OSError as error:
        return f"tracing is not allowed: {error}"
    return ""


class Call:
    """One call that has been made.

    process: () for the first program, (0,) for the first that it started, (0, 2) for the third of that one.
    number:  its place among the calls of that process, from 0.  A look at something that had nothing to read
             does not count, for how often one looks is a matter of luck; the next call has the same number.
    program: name of what the process was running.
    name:    of the call.  args: its first three arguments, raw.
    paths:   what it is about: files by their absolute path, or "socket:[…]", "pipe:[…]"; one, two or none.
    result:  as the kernel returned it, negative for an error; None if it never returned.
    """

    __slots__ = ("args", "name", "number", "paths", "process", "program", "result")

    def __init__(
        self, process: Process, number: int, program: str, name: str, args: tuple[int, ...], paths: tuple[str, ...]
    ) -> None:
        self.process = process
        self.number = number
        self.program = program
        self.name = name
        self.args = args
        self.paths = paths
        self.result: int | None = None

    @property
    def point(self) -> Point:
        return self.process, self.number, self.name

    @property
    def path(self) -> str:
        return self.paths[0] if self.paths else ""

    def __repr__(self) -> str:
        who = ".".join(map(str, self.process)) or "main"
        return f"[{who} {self.program} #{self.number}] {self.name}({', '.join(self.paths)}) = {self.result}"


class Fault:
    """What happens at a point: KILL (before the call does anything), SHORT (some of the bytes), or an errno."""

    __slots__ = ("kind", "point")

    def __init__(self, point: Point, kind: str) -> None:
        self.point = point
        self.kind = kind

    def __repr__(self) -> str:
        return f"{self.kind} at {self.point}"


class Run:
    """A run that has ended: the first program's exit status (negative for a signal), what it wrote, all calls.

    hit: the call that the fault met, None if it was not reached.
    """

    def __init__(self) -> None:
        self.code = 0
        self.out = b""
        self.err = b""
        self.calls: list[Call] = []
        self.hit: Call | None = None

    def __repr__(self) -> str:
        return f"Run(code={self.code}, hit={self.hit}, out={self.out!r}, err={self.err!r})"


class _Tracee:
    def __init__(self, pid: int, process: Process) -> None:
        self.pid = pid
        self.process = process
        self.program = _program(pid)
        self.children = 0
        self.count = 0
        self.call: Call | None = None
        self.verdict = 0  # the error that the call in progress is to return


def run(
    argv: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    stdin: bytes = b"",
    cwd: pathlib.Path | None = None,
    fault: Fault | None = None,
    names: frozenset[str] | None = None,
) -> Run:
    """Runs it to the end of all its processes.  names: the calls to note and count; all of ``syscalls`` if None.

    Nothing else may wait for children of this process meanwhile.
    """
    tracer = _Tracer(fault, names)
    with File(stdin) as feed, File() as out, File() as err:
        # Stops itself, so that nothing is missed before it is seized; and leaves no variable of its own behind.
        foreign = [name for name in ("PWD", "OLDPWD", "_") if env is not None and name not in env]
        script = f'unset {" ".join(foreign)}; kill -STOP $$; exec "$0" "$@"'
        process = subprocess.Popen(
            ["/bin/sh", "-c", script, *argv], stdin=feed.fd, stdout=out.fd, stderr=err.fd, env=env, cwd=cwd
        )
        os.waitpid(process.pid, os.WUNTRACED)
        tracer.follow(process.pid)
        process.returncode = tracer.run.code  # it has been waited for
        tracer.run.out, tracer.run.err = out.content(), err.content()
    return tracer.run


def attach(pid: int, fault: Fault | None = None) -> Run:
    """The same with a process that has stopped itself; ``out`` and ``err`` are the caller's business."""
    tracer = _Tracer(fault, None)
    tracer.started = True
    tracer.follow(pid)
    return tracer.run


class File:
    """A file in memory, gone when it is closed."""

    def __init__(self, content: bytes = b"") -> None:
        self.fd = os.memfd_create("tracer")
        os.write(self.fd, content)
        os.lseek(self.fd, 0, os.SEEK_SET)

    def content(self) -> bytes:
        return os.pread(self.fd, os.fstat(self.fd).st_size, 0)

    def __enter__(self) -> "File":
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.fd)


class _Tracer:
    """The loop over stops of all processes."""

    def __init__(self, fault: Fault | None, names: frozenset[str] | None) -> None:
        self.run = Run()
        self.fault = fault
        self.names = names
        self.tracees: dict[int, _Tracee] = {}
        self.early: dict[int, int] = {}  # stops of children whose birth has not been told yet
        self.started = False

    def follow(self, pid: int) -> None:
        self.tracees[pid] = _Tracee(pid, ())
        _ptrace(_SEIZE, pid, 0, _OPTIONS)
        os.kill(pid, signal.SIGCONT)
        first = pid
        while self.tracees:
            pid, status = os.waitpid(-1, _WALL)
            if os.WIFSTOPPED(status):
                self._stopped(pid, status)
                continue
            if self.tracees.pop(pid, None) and pid == first:
                self.run.code = os.waitstatus_to_exitcode(status)

    def _stopped(self, pid: int, status: int) -> None:
        tracee = self.tracees.get(pid)
        if tracee is None:
            self.early[pid] = status
            return
        number, event = os.WSTOPSIG(status), status >> 16
        passed_on = 0
        try:
            if number == signal.SIGTRAP | 0x80:
                self._at_call(tracee)
            elif event in _EVENT_FORKS:
                self._born(tracee)
            elif event == _EVENT_EXEC:
                tracee.program = _program(pid)
                if not self.started:  # what was asked for begins here
                    self.started = True
                    tracee.count, tracee.children = 0, 0
            elif event == _EVENT_STOP:
                pass
            elif number != signal.SIGTRAP:
                passed_on = number
            _ptrace(_SYSCALL, pid, 0, passed_on)
        except ProcessLookupError:
            pass  # killed; its end comes next

    def _born(self, parent: _Tracee) -> None:
        message = ctypes.c_ulong()
        _ptrace(_GETEVENTMSG, parent.pid, 0, ctypes.addressof(message))
        pid = message.value
        self.tracees[pid] = _Tracee(pid, (*parent.process, parent.children))
        parent.children += 1
        if pid in self.early:
            self._stopped(pid, self.early.pop(pid))

    def _at_call(self, tracee: _Tracee) -> None:
        info = ctypes.create_string_buffer(88)
        _ptrace(_GET_SYSCALL_INFO, tracee.pid, 88, ctypes.addressof(info))
        if info.raw[0] == _ENTRY:
            number, *args = struct.unpack_from("=Q6Q", info.raw, 24)
            if self.started and number in CALLS:
                self._enters(tracee, number, args)
        elif info.raw[0] == _EXIT and tracee.call:
            self._leaves(tracee, struct.unpack_from("=q", info.raw, 24)[0])

    def _enters(self, tracee: _Tracee, number: int, args: list[int]) -> None:
        name, kind = CALLS[number]
        if self.names is not None and name not in self.names:
            return
        paths = _paths(tracee.pid, kind, args)
        call = Call(tracee.process, tracee.count, tracee.program, name, tuple(args[:3]), paths)
        tracee.call = call
        tracee.count += 1
        self.run.calls.append(call)
        if self.fault and self.fault.point == call.point and not self.run.hit:
            self._spoil(tracee, call, self.fault.kind, args)

    def _spoil(self, tracee: _Tracee, call: Call, kind: str, args: list[int]) -> None:
        self.run.hit = call
        if kind == KILL:
            os.kill(tracee.pid, signal.SIGKILL)
        elif kind == SHORT:
            some = _some(tracee.pid, call, args[3])
            if some:
                _set_register(tracee.pid, _RDX, some)
            else:
                self.run.hit = None
        else:
            tracee.verdict = getattr(errno, kind)
            _set_register(tracee.pid, _ORIG_RAX, 0xFFFFFFFFFFFFFFFF)

    def _leaves(self, tracee: _Tracee, result: int) -> None:
        assert tracee.call
        if tracee.verdict:
            result = -tracee.verdict
            _set_register(tracee.pid, _RAX, result & 0xFFFFFFFFFFFFFFFF)
            tracee.verdict = 0
        tracee.call.result = result
        if result == -errno.EAGAIN and tracee.call.name in READS:
            tracee.count -= 1
            if self.fault and self.fault.kind == SHORT and self.run.hit is tracee.call:
                self.run.hit = None  # what there is will come with the next one
        tracee.call = None


def _ptrace(request: int, pid: int, address: int, data: int) -> None:
    if _libc.ptrace(request, pid, address, data) < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _set_register(pid: int, index: int, value: int) -> None:
    registers = (ctypes.c_ulonglong * _REGISTERS)()
    _ptrace(_GETREGS, pid, 0, ctypes.addressof(registers))
    registers[index] = value
    _ptrace(_SETREGS, pid, 0, ctypes.addressof(registers))


def _some(pid: int, call: Call, offset: int) -> int:
    """For how many bytes a short call asks: half of what a file has for it, one byte of what is no file; 0 for none."""
    if call.name not in SHORTENED or call.args[2] < 2:
        return 0
    wanted = call.args[2]
    if call.name in READS:
        if not call.path.startswith("/"):
            return 1
        wanted = min(wanted, _left(pid, call.args[0], offset if call.name == "pread64" else None))
    return wanted // 2


def _left(pid: int, fd: int, offset: int | None) -> int:
    """Bytes from the place where the next one is read to the end of the file."""
    if offset is None:
        with open(f"/proc/{pid}/fdinfo/{fd}", encoding="ascii") as lines:
            offset = int(next(lines).split()[1])
    return max(0, os.stat(f"/proc/{pid}/fd/{fd}").st_size - offset)


# -- what a call is about ------------------------------------------------------------------------------------------


def _paths(pid: int, kind: str, args: list[int]) -> tuple[str, ...]:
    if kind == FD:
        return (_of_descriptor(pid, args[0]),)
    if kind == PATH:
        return (_of_name(pid, _AT_FDCWD, args[0]),)
    if kind == AT:
        return (_of_name(pid, args[0], args[1]),)
    if kind == TWO_PATHS:
        return (_of_name(pid, _AT_FDCWD, args[0]), _of_name(pid, _AT_FDCWD, args[1]))
    if kind == TWO_AT:
        return (_of_name(pid, args[0], args[1]), _of_name(pid, args[2], args[3]))
    return ()


def _of_descriptor(pid: int, fd: int) -> str:
    where = "cwd" if fd & 0xFFFFFFFF == _AT_FDCWD else f"fd/{fd & 0xFFFFFFFF}"
    try:
        return os.readlink(f"/proc/{pid}/{where}")
    except OSError:
        return ""


def _of_name(pid: int, directory: int, address: int) -> str:
    name = _string(pid, address) if address else ""
    if name.startswith("/"):
        return os.path.normpath(name)
    return os.path.normpath(os.path.join(_of_descriptor(pid, directory), name))


def _string(pid: int, address: int) -> str:
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        memory.seek(address)
        try:
            data = memory.read(4096)
        except OSError:  # the next page is not there
            memory.seek(address)
            data = memory.read(4096 - address % 4096)
    return os.fsdecode(data.split(b"\0", 1)[0])


def _program(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as comm:
            return comm.read().strip()
    except OSError:
        return ""
