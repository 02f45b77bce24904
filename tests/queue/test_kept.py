"""Mail in failed/ that somebody moves back is tried anew, and does not end there again because of what was."""

import os

import pytest

from esmtp_py.message.envelope import Recipient
from tests.queue.conftest import DAY, HOUR, Queue
from tests.server import SubmissionServer

NOBODY = "550 5.1.1 no such user"


@pytest.fixture
def server() -> SubmissionServer:
    return SubmissionServer(tls="none", mechanisms=(), replies={"RCPT b@x.org": NOBODY})


def kept(queue: Queue) -> str:
    """A mail with the null sender, which a@x.org has, and b@x.org could not have."""
    name = queue.put("a@x.org", Recipient("b@x.org"), sender="")
    queue.run()
    assert (queue.ids(), queue.ids("failed")) == ([], [name])
    return name


def move_back(queue: Queue, name: str) -> None:
    os.rename(queue.file(name, "failed"), queue.file(name))


def test_it_is_tried_again_and_only_for_those_who_have_not_got_it(queue: Queue, server: SubmissionServer) -> None:
    with server:
        queue.way(server)
        name = kept(queue)
        move_back(queue, name)
        server.replies.clear()
        assert queue.run().delivered == 1
        assert [mail.recipients for mail in server.mails] == [["a@x.org"], ["b@x.org"]]
        assert (queue.ids(), queue.ids("failed")) == ([], [])


def test_refused_again_it_is_kept_again(queue: Queue, server: SubmissionServer) -> None:
    with server:
        queue.way(server)
        name = kept(queue)
        move_back(queue, name)
        before = len(server.sessions)
        assert queue.run().failed == 1
        assert len(server.sessions) == before + 1, "it was asked"
        assert queue.ids("failed") == [name]


def test_it_waits_as_a_new_one_would(queue: Queue, server: SubmissionServer) -> None:
    """Years later, and with a lifetime of an hour."""
    with server:
        queue.way(server, "queue_lifetime 1h")
        name = kept(queue)
        queue.later(400 * DAY)
        move_back(queue, name)
        server.replies["RCPT b@x.org"] = "451 4.3.0 later"
        assert queue.run().deferred == 1
        assert queue.fates(name) == ["delivered", "try_again"]
        queue.later(100)
        assert queue.run().deferred == 1
        assert queue.ids() == [name]
        queue.later(2 * HOUR)
        assert queue.run().failed == 1
        assert queue.ids("failed") == [name]


def test_killed_on_its_way_there_it_is_not_lost(queue: Queue, server: SubmissionServer) -> None:
    """The mark is there and the rename is not: the same as if it had been moved back."""
    with server:
        queue.way(server)
        name = kept(queue)
        move_back(queue, name)
        assert queue.marks(name).kept
        queue.run()
        assert queue.ids("failed") == [name]
