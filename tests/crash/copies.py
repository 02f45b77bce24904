"""A Python that has imported the whole package, and runs the command in copies of itself.

Most of what a short command does is to start, and starting it under the tracer
hundreds of times is what a sweep would spend its time with.  The copy, made by
fork, does what the console script does from its first line on; a test compares
its calls with those of the command.
"""

import json
import os
import pathlib
import subprocess
import sys
from collections.abc import Mapping
from types import TracebackType

from tests.crash.scenario import Command
from tests.crash.tracer import Fault, File, Run, attach

ROOT = pathlib.Path(__file__).resolve().parents[2]

# A line in: how to run a copy.  A line out: its process, which has stopped itself.
PROGRAM = """
import importlib, json, os, pathlib, signal, sys
for path in sorted(pathlib.Path(sys.argv[1], "esmtp_py").rglob("*.py")):
    name = ".".join(path.relative_to(sys.argv[1]).with_suffix("").parts)
    if "__" not in name and ".grammar." not in name:
        try:
            importlib.import_module(name)
        except ModuleNotFoundError:
            pass  # PLY, which no run needs
from esmtp_py.cli.main import run
from esmtp_py.queue import digest
digest.new()  # imports, too, and to import is to look at directories that others change meanwhile
for line in sys.stdin:
    asked = json.loads(line)
    pid = os.fork()
    if not pid:
        sys.argv = asked["argv"]
        os.environ.clear()
        os.environ.update(asked["env"])
        os.chdir(asked["cwd"])
        for number, path in enumerate(asked["files"]):
            fd = os.open(path, os.O_RDWR)
            os.dup2(fd, number)
            os.close(fd)
        os.kill(os.getpid(), signal.SIGSTOP)
        run()
    os.waitpid(pid, os.WUNTRACED)
    print(pid, flush=True)
    # the end of the last one is told to its tracer first
    sys.stdin.readline()
    os.waitpid(pid, 0)
"""


class Copies:
    """The program that is copied.  As a context manager it ends with the block.  package: the directory it is in."""

    def __init__(self, package: pathlib.Path = ROOT) -> None:
        argv = [sys.executable, "-S", "-P", "-c", PROGRAM, str(package)]
        env = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(package), "PYTHONDONTWRITEBYTECODE": "1", "LC_ALL": "C"}
        self._process = subprocess.Popen(argv, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self) -> "Copies":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.communicate()

    def traced(self, argv: list[str], *, env: Mapping[str, str], stdin: bytes, cwd: str, fault: Fault | None) -> Run:
        with File(stdin) as feed, File() as out, File() as err:
            files = [f"/proc/{os.getpid()}/fd/{file.fd}" for file in (feed, out, err)]
            asked = {"argv": argv, "env": dict(env), "cwd": cwd, "files": files}
            self._say(json.dumps(asked))
            assert self._process.stdout
            run = attach(int(self._process.stdout.readline()), fault)
            self._say("")
            run.out, run.err = out.content(), err.content()
        return run

    def _say(self, line: str) -> None:
        assert self._process.stdin
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()


class Copied(Command):
    """The command ``esmtp`` with these arguments, traced in a copy."""

    def __init__(self, copies: Copies, *args: str, env: dict[str, str], cwd: pathlib.Path, stdin: bytes = b"") -> None:
        super().__init__([sys.executable, "-S", "-P", "-m", "esmtp_py", *args], env=env, stdin=stdin, cwd=cwd)
        self._copies = copies
        self._args = args

    def traced(self, fault: Fault | None = None) -> Run:
        return self._copies.traced(
            ["esmtp", *self._args], env=self.env, stdin=self.stdin, cwd=str(self.cwd), fault=fault
        )
