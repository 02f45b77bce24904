"""A run killed before each single change it makes to the disk: nobody is forgotten, nobody is told twice.

Sent twice are only mails whose 250 came and was not yet noted: those of one window.
"""

import email
import pathlib
import subprocess
import sys
import time

import pytest

from esmtp_py.message.envelope import Recipient
from tests.queue.conftest import Queue
from tests.server import SubmissionServer

# Ends like SIGKILL before the call of that number; says how many there were if it gets so far.
PROGRAM = """
import os, sys
from esmtp_py.cli.raw import unpack
from esmtp_py.queue.runner import Run
from esmtp_py.queue.store import Store
count, last = 0, int(sys.argv[1])
def counted(real):
    def call(*given, **more):
        global count
        count += 1
        if count == last:
            os._exit(9)
        return real(*given, **more)
    return call
for name in ("write", "fsync", "fdatasync", "unlink", "rename", "utime"):
    setattr(os, name, counted(getattr(os, name)))
with Store.open() as store:
    Run(store, unpack).all_due()
os._exit(0)
"""
CALLS = 24  # enough for all there are; the last ones are not reached


@pytest.mark.parametrize("call", range(1, CALLS))
def test_killed_before(queue: Queue, monkeypatch: pytest.MonkeyPatch, call: int) -> None:
    monkeypatch.setenv("PYTHONPATH", str(pathlib.Path(__file__).parents[2]))
    replies = {"RCPT no@x.org": "550 5.1.1 no such user", "RCPT later@x.org": "451 4.2.1 busy"}
    with SubmissionServer(tls="none", mechanisms=(), without=["DSN"], replies=replies) as server:
        queue.way(server)
        queue.now = time.time() - 10
        people = ("yes@x.org", "no@x.org", "later@x.org")
        name = queue.put(*(Recipient(address, ("SUCCESS", "FAILURE")) for address in people))
        queue.put("single@x.org")
        killed = subprocess.run([sys.executable, "-c", PROGRAM, str(call)], timeout=60).returncode == 9
        for _ in range(2):
            queue.later(1000)
            queue.run()
        assert queue.ids() == [name], "it waits for later@x.org and for nobody else"
        assert queue.fates(name) == ["delivered", "unknown_user", "try_again"]
        queue.store.sweep(queue.now + 200_000)
        assert list((queue.home / ".esmtp_queue/tmp").iterdir()) == []
    taken = [mail.recipients for mail in server.mails if mail.sender]
    assert taken.count(["yes@x.org"]) in (1, 1 + killed)
    assert taken.count(["single@x.org"]) in (1, 1 + killed)
    for address, action in (("no@x.org", "failed"), ("yes@x.org", "relayed")):
        reports = [mail.data for mail in server.mails if not mail.sender and f"Action: {action}".encode() in mail.data]
        assert len({email.message_from_bytes(data)["Message-ID"] for data in reports}) == 1
        assert all(f"Final-Recipient: rfc822; {address}".encode() in data for data in reports)
        assert len(reports) <= 1 + killed


def test_the_calls_are_all_there(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that makes more changes than are tried above would go untested."""
    monkeypatch.setenv("PYTHONPATH", str(pathlib.Path(__file__).parents[2]))
    program = PROGRAM.replace("os._exit(0)", "os._exit(count)")
    replies = {"RCPT no@x.org": "550 5.1.1 no such user", "RCPT later@x.org": "451 4.2.1 busy"}
    with SubmissionServer(tls="none", mechanisms=(), without=["DSN"], replies=replies) as server:
        queue.way(server)
        queue.now = time.time() - 10
        people = ("yes@x.org", "no@x.org", "later@x.org")
        queue.put(*(Recipient(address, ("SUCCESS", "FAILURE")) for address in people))
        queue.put("single@x.org")
        calls = subprocess.run([sys.executable, "-c", program, "0"], timeout=60).returncode
    assert 15 < calls < CALLS
