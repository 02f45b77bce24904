"""A run killed before each change it makes, with aliases and a copy for the sender: no member is forgotten."""

import pathlib
import subprocess
import sys
import time

import pytest

from esmtp_py.message.envelope import Recipient
from esmtp_py.queue.marks import member_mark
from tests.queue.conftest import Queue
from tests.queue.test_killed import PROGRAM
from tests.server import SubmissionServer

CALLS = 22  # enough for all there are; the last ones are not reached


@pytest.mark.parametrize("record", ["sent/", "sent", "imap"])
@pytest.mark.parametrize("call", range(1, CALLS, 2))
def test_killed_before(queue: Queue, monkeypatch: pytest.MonkeyPatch, call: int, record: str) -> None:
    monkeypatch.setenv("PYTHONPATH", str(pathlib.Path(__file__).parents[2]))
    with SubmissionServer(tls="none", mechanisms=()) as server:
        copies = f"record {record}"
        queue.way(server, "aliases aliases", copies, "qualifydomain x.org", "imap_server 127.0.0.1:1")
        (queue.home / "aliases").write_text("root: joe, ann@y.org\njoe: joe, joe@home.org\n")
        queue.now = time.time() - 10
        queue.put("root", "other@y.org")
        killed = subprocess.run([sys.executable, "-c", PROGRAM, str(call)], timeout=60).returncode == 9
        for _ in range(2):
            queue.later(1000)
            queue.run()
    assert queue.ids() == []
    taken = [address for mail in server.mails for address in mail.recipients]
    assert set(taken) == {"joe@x.org", "joe@home.org", "ann@y.org", "other@y.org"}
    assert max(map(taken.count, taken)) <= 1 + killed
    assert 1 <= count(queue, record) <= 1 + killed


def test_a_disk_that_was_full_behind_the_first_member(queue: Queue) -> None:
    with SubmissionServer(tls="none", mechanisms=()) as server:
        queue.way(server, "aliases aliases", "qualifydomain x.org")
        (queue.home / "aliases").write_text("joe: joe, joe@home.org\n")
        locked = queue.store.lock(queue.put("joe"))
        assert locked
        with locked:
            locked.mark(member_mark(queue.now, 0, Recipient("joe")))
        queue.run()
    assert queue.ids() == []
    assert sorted(address for mail in server.mails for address in mail.recipients) == ["joe@home.org", "joe@x.org"]


def count(queue: Queue, record: str) -> int:
    """How many copies there are."""
    if record == "sent":
        return (queue.home / "sent").read_bytes().count(b"\nSubject: hello\n")
    place = queue.home / ("sent/cur" if record == "sent/" else ".esmtp_queue/sent")
    return len(list(place.iterdir()))


def test_no_directory_for_copies_ends_no_run(queue: Queue) -> None:
    (queue.home / ".esmtp_queue/sent").symlink_to("elsewhere")
    with SubmissionServer(tls="none", mechanisms=()) as server:
        queue.way(server)
        queue.put("a@x.org")
        tally = queue.run()
    assert (tally.delivered, len(server.mails)) == (1, 1)
    assert any("/sent is a link" in line for line in tally.said)
