"""A large mail shows on a terminal how much of it has left, and nowhere else."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from esmtp_py.cli.meter import Meter, state
from tests.conftest import Command
from tests.server import SubmissionServer

LARGE = b"Subject: x\n\n" + b"x" * 76 + b"\n" + (b"y" * 76 + b"\n") * 30000


class Body:
    size = 4_000_000
    eight_bit = True

    def chunks(self) -> Iterator[bytes]:
        yield from [b"x" * 1_000_000] * 4


def test_every_byte_is_passed_on_and_the_line_is_gone_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[str] = []
    monkeypatch.setattr("esmtp_py.cli.live_line.LiveLine.show", lambda line, text: drawn.append(text))
    monkeypatch.setattr("esmtp_py.cli.live_line.LiveLine.clear", lambda line: drawn.append("gone"))
    times = iter([0.0, 0.1, 1.0, 1.1, 2.0])
    meter = Meter(Body(), clock=lambda: next(times))
    assert (meter.size, meter.eight_bit) == (4_000_000, True)
    assert list(meter.chunks()) == [b"x" * 1_000_000] * 4
    assert drawn == ["1.0 of 4.0 MB, 1.0 MB/s", "3.0 of 4.0 MB, 1.5 MB/s", "gone"]


def test_state_at_the_very_beginning() -> None:
    assert state(0, 5_000_000, 0.0) == "0.0 of 5.0 MB, 0.0 MB/s"


@pytest.fixture(autouse=True)
def every_picture(esmtp: Command) -> None:
    """The servers of these tests read too fast for the usual pace."""
    (esmtp.home / "sitecustomize.py").write_text("import esmtp_py.cli.meter\nesmtp_py.cli.meter._PACE = 0\n")
    esmtp.environ["PYTHONPATH"] = str(esmtp.home)


def test_on_a_terminal(esmtp: Command, rc: Callable[[str], Path]) -> None:
    """Its own, and one of another session, where it cannot ask who is in front."""
    argv = [str(esmtp.program), "-f", "me@x.org", "you@y.org"]
    with SubmissionServer(tls="none", mechanisms=()) as server:
        rc(f"identity me@x.org hostname localhost:{server.port} starttls disabled\n")
        for before in ([], ["setsid", "--wait"]):
            program, *args = before + argv
            terminal = esmtp.at_terminal(*args, program=program, stdin=LARGE, stdout=subprocess.DEVNULL)
            terminal.until(r"\resmtp: [12]\.\d of 2\.\d MB, \d+\.\d MB/s")
            assert terminal.end() == 0
            assert terminal.lines == [""], "nothing is left of it"
        assert len(server.mails) == 2


def test_nowhere_else(esmtp: Command, rc: Callable[[str], Path]) -> None:
    with SubmissionServer(tls="none", mechanisms=()) as server:
        rc(f"identity me@x.org hostname localhost:{server.port} starttls disabled\n")
        done = esmtp("-f", "me@x.org", "you@y.org", stdin=LARGE)
        assert (done.code, done.err) == (0, "")
        small = esmtp.at_terminal("-f", "me@x.org", "you@y.org", stdin=b"Subject: x\n\ny\n")
        assert small.end() == 0
        assert small.shown == ""
