"""``undo``, seen from a run: what it holds, what it does not."""

import pytest

from esmtp_py.queue.entry import RAW
from tests.queue.conftest import HOUR, YEAR, Queue
from tests.server import SubmissionServer


@pytest.fixture
def server(queue: Queue) -> SubmissionServer:
    return SubmissionServer(tls="none", mechanisms=())


def test_until_the_time_has_come(queue: Queue, server: SubmissionServer) -> None:
    with server:
        queue.way(server, "undo 1h")
        name = queue.put("a@x.org")
        content = queue.file(name).read_bytes()
        tally = queue.run()
        assert (tally.early, tally.found, tally.done) == (1, 0, 0)
        assert tally.next == pytest.approx(queue.now + HOUR, abs=2)
        assert queue.file(name).read_bytes() == content
        queue.later(HOUR)
        assert queue.run().delivered == 1


def test_a_mail_of_the_wrapper_too(queue: Queue, server: SubmissionServer) -> None:
    with server:
        queue.way(server, "undo 1h")
        queue.put(sender=None, form=RAW, argv=[b"-fme@x.org", b"a@x.org"])
        assert (queue.run().early, server.sessions) == (1, [])
        queue.later(HOUR)
        assert queue.run().delivered == 1


def test_the_identity_that_sends_it_says_for_how_long(queue: Queue, server: SubmissionServer) -> None:
    with server:
        way = f"hostname 127.0.0.1:{server.port}\nstarttls disabled\n"
        queue.rc(f"identity me@x.org\n{way}undo 1h\nidentity you@x.org\n{way}undo 10s\nidentity x@x.org\n{way}")
        for sender in ("me@x.org", "you@x.org", "x@x.org"):
            queue.put("a@x.org", sender=sender)
        tally = queue.run()
        assert (tally.delivered, tally.early) == (1, 2)
        assert tally.next == pytest.approx(queue.now + 10, abs=2)
        queue.later(10)
        assert queue.run().delivered == 1
        assert [mail.sender for mail in server.mails] == ["x@x.org", "you@x.org"]


def test_once_tried_it_is_the_back_off_that_counts(queue: Queue, server: SubmissionServer) -> None:
    with server:
        server.replies["RCPT"] = "451 4.3.0 later"
        queue.way(server, "undo 1h")
        queue.put("a@x.org")
        queue.later(HOUR)
        assert queue.run().deferred == 1
        server.replies.clear()
        queue.later(100)
        assert queue.run().delivered == 1


def test_reports_are_not_for_taking_back(queue: Queue, server: SubmissionServer) -> None:
    with server:
        server.replies["RCPT a@x.org"] = "550 5.1.1 no such user"
        queue.way(server, "undo 1h")
        queue.put("a@x.org")
        queue.later(HOUR)
        tally = queue.run()
        assert (tally.failed, tally.delivered, tally.early) == (1, 1, 0)
        assert [mail.recipients for mail in server.mails] == [["me@x.org"]]


def test_a_clock_that_was_ahead_holds_no_mail_for_years(queue: Queue, server: SubmissionServer) -> None:
    with server:
        queue.way(server, "undo 1h")
        queue.put("a@x.org")
        queue.now -= YEAR
        assert queue.run().delivered == 1


def test_later_than_a_day_nobody_waits_for_it(queue: Queue, server: SubmissionServer) -> None:
    with server:
        queue.way(server)
        queue.put("a@x.org", not_before=queue.now + 90000)
        queue.put("b@x.org", not_before=queue.now + 80000)
        tally = queue.run()
        assert tally.early == 1
        assert tally.next == pytest.approx(queue.now + 80000, abs=2)
