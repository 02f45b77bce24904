"""Runs a command and measures it: wall clock, processor time, peak memory.

As a program (``python -I -S bench/gauge.py OUT COMMAND…``) it writes the
peak memory of the command, in kB, to the file OUT.  That is for memory only:
the kernel counts what a process was before exec too, so the number is never
less than the size of the process that started it, and a bare interpreter is
the smallest we have.
"""

import os
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


class Run:
    """One measured run.  wall, cpu: seconds (cpu: user and system).  rss: peak kB.  code: exit status."""

    __slots__ = ("code", "cpu", "rss", "wall")

    def __init__(self, wall: float, cpu: float, rss: int, code: int) -> None:
        self.wall = wall
        self.cpu = cpu
        self.rss = rss
        self.code = code


def run(
    argv: "list[str]",
    environ: "dict[str, str]",
    *,
    stdin: int = 0,
    output: int = 2,
    meanwhile: "Callable[[], object] | None" = None,
) -> Run:
    """Run argv to its end, stdin and output being file descriptors.  ``meanwhile()`` is called while it runs."""
    actions = [(os.POSIX_SPAWN_DUP2, stdin, 0), (os.POSIX_SPAWN_DUP2, output, 1), (os.POSIX_SPAWN_DUP2, output, 2)]
    began = time.perf_counter()
    pid = os.posix_spawn(argv[0], argv, environ, file_actions=actions)
    if meanwhile:
        meanwhile()
    _, status, used = os.wait4(pid, 0)
    wall = time.perf_counter() - began
    return Run(wall, used.ru_utime + used.ru_stime, used.ru_maxrss, os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    measured = run(sys.argv[2:], dict(os.environ))
    with open(sys.argv[1], "w") as out:
        out.write(str(measured.rss))
    sys.exit(measured.code)
