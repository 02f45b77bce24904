"""rc ``log``: one line for each mail, sent directly or by a run over the queue, delivered or not."""

import pathlib
from collections.abc import Callable

from tests.conftest import Command
from tests.interop.postfix import wait_until
from tests.server import SubmissionServer

MAIL = b"Subject: x\n\ny\n"


def lines(esmtp: Command) -> list[str]:
    path = esmtp.home / "log"
    return path.read_text().splitlines() if path.exists() else []


def test_direct_delivery(esmtp: Command, rc: Callable[[str], pathlib.Path], server: SubmissionServer) -> None:
    rc(f"identity me@x.org hostname localhost:{server.port} log ~/log")
    assert esmtp("-f", "me@x.org", "a@y.org", "b@y.org", stdin=MAIL).code == 0
    [line] = lines(esmtp)
    assert " host=localhost " in line
    assert " recipients=a@y.org,b@y.org " in line
    assert line.endswith("exitcode=EX_OK")


def test_a_server_that_is_not_there(esmtp: Command, rc: Callable[[str], pathlib.Path]) -> None:
    rc("identity me@x.org hostname 127.0.0.1:1 log ~/log")
    assert esmtp("-f", "me@x.org", "a@y.org", stdin=MAIL).code == 75
    [line] = lines(esmtp)
    assert line.endswith("exitcode=EX_TEMPFAIL")
    assert "Connection refused" in line


def test_each_attempt_of_the_queue(esmtp: Command, rc: Callable[[str], pathlib.Path], server: SubmissionServer) -> None:
    rc("identity me@x.org hostname 127.0.0.1:1 log ~/log")
    for _ in range(2):
        assert esmtp("-odq", "-f", "me@x.org", "a@y.org", stdin=MAIL).code == 0
    assert lines(esmtp) == []
    esmtp("-q")
    rc(f"identity me@x.org hostname localhost:{server.port} log ~/log")
    esmtp("--retry-now", "ALL")  # which leaves them to a run in the background
    wait_until(lambda: len(lines(esmtp)) >= 4, "the lines of that run")
    assert [line.rpartition("=")[2] for line in lines(esmtp)] == ["EX_TEMPFAIL"] * 2 + ["EX_OK"] * 2


def test_mail_goes_although_the_log_cannot_be_written(
    esmtp: Command, rc: Callable[[str], pathlib.Path], server: SubmissionServer
) -> None:
    rc(f"identity me@x.org hostname localhost:{server.port} log ~/no/log")
    done = esmtp("-f", "me@x.org", "a@y.org", stdin=MAIL)
    assert done.code == 0
    assert "warning: not logged: " in done.err
