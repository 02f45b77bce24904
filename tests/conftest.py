"""What every kind of test may use: the installed command in a home of its own; and in CI nothing is skipped.

Properties are about results: how long one example takes says something about the machine only.
"""

import contextlib
import os
import pathlib
import subprocess
import sysconfig
from collections.abc import Callable, Generator, Iterator

import pytest
from hypothesis import settings

from tests.terminal import Terminal

settings.register_profile("results", deadline=None)
settings.load_profile("results")

SCRIPTS = pathlib.Path(sysconfig.get_path("scripts"))


class Done:
    """A command that has ended.  code: its exit status, negative for a signal.  out, err: what it printed."""

    def __init__(self, process: "subprocess.CompletedProcess[bytes]") -> None:
        self.code = process.returncode
        self.out = process.stdout.decode("utf-8", "backslashreplace")
        self.err = process.stderr.decode("utf-8", "backslashreplace")

    def __repr__(self) -> str:
        return f"Done(code={self.code}, out={self.out!r}, err={self.err!r})"


class Command:
    """Runs an installed command: ``esmtp("-f", "me@x", "you@y", stdin=b"…")``.

    home: its HOME, also its working directory.  environ: all it gets; change it for one test.
    """

    def __init__(self, home: pathlib.Path) -> None:
        self.home = home
        self.program = SCRIPTS / "esmtp"
        self.environ = {"HOME": str(home), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "TZ": "UTC"}
        self._terminals: list[Terminal] = []

    def __call__(self, *args: str, stdin: bytes = b"", **more: str) -> Done:
        """Run it to its end; ``more`` is added to the environment."""
        return self.run(str(self.program), *args, stdin=stdin, **more)

    def run(self, *argv: str, stdin: bytes = b"", **more: str) -> Done:
        """Run any program in the same home and environment."""
        environ = self.environ | more
        return Done(subprocess.run(argv, input=stdin, capture_output=True, env=environ, cwd=self.home, timeout=60))

    def at_terminal(
        self,
        *args: str,
        program: "str | os.PathLike[str] | None" = None,
        stdin: "bytes | None" = None,
        stdout: "int | None" = None,
        columns: int = 80,
    ) -> Terminal:
        """Start it, or another program, at a terminal that is closed after the test."""
        argv = [program or self.program, *args]
        made = Terminal(argv, self.environ, self.home, stdin=stdin, stdout=stdout, columns=columns)
        self._terminals.append(made)
        return made

    def close(self) -> None:
        """Nothing of it runs on at a terminal."""
        for terminal in self._terminals:
            terminal.close()

    def named(self, name: str) -> pathlib.Path:
        """A symbolic link to it with that name in a directory of its own, as /usr/sbin/sendmail would be."""
        link = self.home / "sbin" / name
        link.parent.mkdir(exist_ok=True)
        if not link.is_symlink():
            link.symlink_to(self.program)
        return link


@pytest.fixture
def esmtp(tmp_path: pathlib.Path) -> Iterator[Command]:
    home = tmp_path / "home"
    home.mkdir()
    with contextlib.closing(Command(home)) as command:
        yield command


@pytest.fixture
def rc(esmtp: Command) -> Callable[[str], pathlib.Path]:
    """Writes ~/.esmtprc of the ``esmtp`` fixture's home, as its owner must have it."""

    def write(text: str) -> pathlib.Path:
        path = esmtp.home / ".esmtprc"
        path.touch(0o600)
        path.write_text(text, encoding="utf-8")
        return path

    return write


# -- in CI a skipped test is a failure: .ci/run installs whatever there is to skip for -----------------------------


def _not_in_ci(report: pytest.TestReport | pytest.CollectReport) -> None:
    if os.environ.get("CI") and report.skipped and not hasattr(report, "wasxfail"):
        why = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"skipped, which CI forbids: {why}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    _not_in_ci(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    _not_in_ci(report)
    return report
