"""A queue run as it is seen on a terminal, and that nobody else sees anything."""

import re
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from esmtp_py.cli.live_line import clipped
from esmtp_py.cli.progress import Progress, state, summary
from esmtp_py.outcome import Outcome
from esmtp_py.queue.tally import OTHER, REASONS, Tally
from tests.cli.conftest import way_to
from tests.cli.queue import Queue, queue
from tests.conftest import Command
from tests.server import SubmissionServer

__all__ = ["queue"]

Rc = Callable[[str], Path]


class Slow(SubmissionServer):
    """Takes each mail only when ``go`` allows one more."""

    def __init__(self) -> None:
        super().__init__(tls="none", mechanisms=(), without=("PIPELINING", "CHUNKING"))
        self.go = threading.Semaphore(0)

    def planned(self, what: str, subject: str) -> "str | None":
        if what == "END":
            assert self.go.acquire(timeout=60)
        return super().planned(what, subject)


def two_identities(server: SubmissionServer) -> str:
    """One of them goes to a port where nobody listens."""
    return f"identity me@x.org\n{way_to(server)}identity away@x.org\nhostname 127.0.0.1:1\n"


def fill(esmtp: Command, *senders: str) -> None:
    for sender in senders:
        assert esmtp("-odq", "-f", sender, "joe@x.org", stdin=b"Subject: x\n\n" + b"x" * 2000 + b"\n").code == 0


def test_the_line_is_drawn_again_while_the_run_goes_on(esmtp: Command, rc: Rc) -> None:
    fill(esmtp, "me@x.org", "away@x.org", "me@x.org", "away@x.org")
    with Slow() as server:
        rc(two_identities(server))
        terminal = esmtp.at_terminal("-q", columns=200, stdin=b"", stdout=subprocess.DEVNULL)
        waits = "2 wait: cannot connect to 127.0.0.1[^\r]*: Connection refused"
        terminal.until(rf"\resmtp: 2 of 4 mails, 0 kB, 0\.0 mails/s, 0\.0 kB/s; {waits}")
        server.go.release()
        terminal.until(rf"\resmtp: 3 of 4 mails, 2 kB, \d+\.\d mails/s, \d+\.\d kB/s; {waits}")
        server.go.release()
        assert terminal.end() == 0
    lines = terminal.lines
    assert "\n" not in terminal.shown.partition("delivered")[0], "all of it on one line"
    assert re.fullmatch(
        r"esmtp: 2 delivered \(\d+ bytes\), 2 still waiting, 0 failed and reported; \d+\.\d mails/s, \d+\.\d kB/s",
        lines[0],
    )
    assert re.fullmatch(rf"esmtp: {waits}", lines[1])
    assert len(lines) == 2
    assert len(server.mails) == 2


@pytest.mark.parametrize("columns", [20, 40])
def test_it_stays_on_one_line_of_a_narrow_terminal(esmtp: Command, rc: Rc, columns: int) -> None:
    fill(esmtp, "me@x.org", "away@x.org")
    with Slow() as server:
        rc(two_identities(server))
        terminal = esmtp.at_terminal("-q", columns=columns, stdin=b"")
        terminal.until("…")
        server.go.release()
        assert terminal.end() == 0
    drawn = [line for line in terminal.shown.split("\r") if "…" in line]
    assert {len(line.rstrip()) for line in drawn} == {columns - 1}
    assert max(len(line) for line in terminal.shown.partition("delivered")[0].split("\r")[:-1]) == columns - 1


def test_what_a_server_says_cannot_play_tricks(esmtp: Command, rc: Rc) -> None:
    fill(esmtp, "me@x.org", "me@x.org")
    with Slow() as server:
        server.replies["RCPT"] = "451 4.3.0 \x1b[2J\x07 later"
        rc(way_to(server))
        terminal = esmtp.at_terminal("-q", stdin=b"")
        assert terminal.end() == 0
    assert "later" in terminal.lines[1]
    assert "\x1b" not in terminal.shown
    assert "\x07" not in terminal.shown


def test_with_v_dialogue_and_line_do_not_run_into_each_other(esmtp: Command, rc: Rc) -> None:
    fill(esmtp, "me@x.org", "me@x.org")
    with Slow() as server:
        rc(way_to(server))
        terminal = esmtp.at_terminal("-v", "-q", stdin=b"")
        terminal.until("0 of 2 mails")
        server.go.release()
        terminal.until("1 of 2 mails")
        server.go.release()
        assert terminal.end() == 0
    assert all(re.match(r"(C: |S: |\* |esmtp: )", line) for line in terminal.lines), terminal.lines


def test_with_v_and_no_terminal_the_end_is_told(esmtp: Command, rc: Rc, server: SubmissionServer) -> None:
    fill(esmtp, "me@x.org", "away@x.org")
    rc(two_identities(server))
    done = esmtp("-v", "-q")
    assert "\r" not in done.err
    assert "esmtp: 1 delivered (" in done.err
    assert done.err.splitlines()[-1].startswith("esmtp: 1 waits: cannot connect to 127.0.0.1")


def test_for_cron_nothing_is_said_and_nothing_imported(esmtp: Command, rc: Rc, server: SubmissionServer) -> None:
    fill(esmtp, "me@x.org", "away@x.org")
    rc(two_identities(server))
    done = esmtp.run("/bin/sh", "-c", f"PYTHONPROFILEIMPORTTIME=1 {esmtp.program} -q 2>log; grep -c cli.queue_run log")
    assert done.out == "1\n"
    assert "progress" not in (esmtp.home / "log").read_text()
    assert len(server.mails) == 1
    done = esmtp("-q")
    assert (done.code, done.out, done.err) == (0, "", "")


def test_a_run_behind_the_prompt_draws_nothing(esmtp: Command, rc: Rc, queue: Queue) -> None:
    """The terminal is its session's, and another process group has it."""
    fill(esmtp, "me@x.org")
    with Slow() as server:
        rc(way_to(server))
        terminal = esmtp.at_terminal("-c", f"set -m; {esmtp.program} -q & wait", program="/bin/sh")
        assert terminal.quiet(1)  # the line would come within 0.2 s
        server.go.release()
        terminal.until("delivered")
        assert terminal.end() == 0
    assert " of 1 mails" not in terminal.shown
    assert queue.files() == []


# -- the words -----------------------------------------------------------------------------------------------------


def tally(**waits: int) -> Tally:
    made = Tally()
    made.count(found=10, delivered=3, size=4_200, failed=1)
    for host, number in waits.items():
        for _ in range(number):
            made.defer(Outcome("try_again", "451 busy", remote=f"mx-{host}"))
    return made


@pytest.mark.parametrize(
    ("waits", "end"),
    [
        ({}, ""),
        ({"a": 1}, "; 1 waits: mx-a: 451 busy"),
        ({"a": 2}, "; 2 wait: mx-a: 451 busy"),
        ({"a": 1, "b": 2}, "; 3 wait: 2 × mx-b: 451 busy, 1 × mx-a: 451 busy"),
    ],
)
def test_the_line(waits: dict[str, int], end: str) -> None:
    done = 4 + sum(waits.values())
    assert state(tally(**waits), 2) == f"{done} of 10 mails, 4 kB, 2.0 mails/s, 2.1 kB/s{end}"


def test_the_summary() -> None:
    assert summary(tally(a=1, b=2), 1.5) == [
        "3 delivered (4200 bytes), 3 still waiting, 1 failed and reported; 2.0 mails/s, 2.8 kB/s",
        "2 wait: mx-b: 451 busy",
        "1 waits: mx-a: 451 busy",
    ]
    made = Tally()
    made.count(failed=2)
    made.count(failed=1, untold=1)
    [line] = summary(made, 1)
    assert line == "0 delivered (0 bytes), 0 still waiting, 2 failed and reported, 1 failed and nobody told"
    assert summary(Tally(), 0) == ["0 delivered (0 bytes), 0 still waiting, 0 failed and reported"]


def test_reasons_without_end_are_not_all_kept() -> None:
    made = tally(**{f"h{number}": 1 for number in range(REASONS + 5)})
    assert len(made.waits) == REASONS + 1
    assert made.waits[OTHER] == 5
    assert made.deferred == REASONS + 5


@pytest.mark.parametrize(
    ("text", "columns", "shown"),
    [
        ("abc", 3, "abc"),
        ("abcd", 3, "ab…"),
        ("日本語", 6, "日本語"),
        ("日本語", 5, "日本…"),
        ("日本語", 4, "日…"),
        ("日本語", 2, "…"),
        ("ab", 1, "…"),
    ],
)
def test_clipped(text: str, columns: int, shown: str) -> None:
    assert clipped(text, columns) == shown


def test_without_threads_there_is_still_an_end(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def none_left(*_: object) -> int:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("esmtp_py.cli.progress._thread.start_new_thread", none_left)
    with Progress(tally()):
        pass
    assert "3 delivered" in capfd.readouterr().err


def test_mail_that_is_not_tried_is_counted(esmtp: Command, rc: Rc) -> None:
    fill(esmtp, "away@x.org", "away@x.org")
    rc("identity away@x.org\nhostname 127.0.0.1:1\n")
    assert "more in the queue" not in esmtp("-v", "-q").err
    assert esmtp("-v", "-q").err.endswith("\nesmtp: 2 more in the queue wait; mailq -v says for what\n")
