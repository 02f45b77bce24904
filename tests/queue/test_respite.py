"""A server that has turned us away is left alone by all mails and all runs, until its back-off is over."""

import os
import socket
import threading
from collections import Counter
from collections.abc import Callable

import pytest

from esmtp_py.queue.store import OFF
from tests.queue.conftest import NOW, YEAR, Queue, section
from tests.server import SubmissionServer

LOGIN = ("username alice", "password secret")
BUSY = "421 4.7.0 too many connections from you"


@pytest.fixture
def server() -> SubmissionServer:
    """Another password than ours."""
    return SubmissionServer(tls="none", users={"alice": "another"})


def attempts(server: SubmissionServer) -> int:
    """How often somebody has tried to log in."""
    server.settle()
    return sum(line.startswith(b"AUTH") for session in server.sessions for line in session.commands)


def off(queue: Queue) -> list[str]:
    place = queue.home / ".esmtp_queue" / OFF
    return os.listdir(place) if place.exists() else []


def test_one_attempt_for_many_mails_each_with_a_run_of_its_own(queue: Queue, server: SubmissionServer) -> None:
    with server:
        queue.way(server, *LOGIN)
        for number in range(8):
            queue.put(f"{number}@x.org")
            tally = queue.run()
        assert attempts(server) == 1
    first, *others = queue.ids()
    assert queue.fates(first) == ["auth"]
    assert [queue.marks(name).times for name in others] == [[]] * 7, "no attempt was made, and none is charged"
    [(why, count)] = tally.waits.items()
    assert (tally.deferred, count) == (7, 7)
    assert why.startswith("put off until Tue Nov 14 22:14:")
    assert "535 5.7.8 authentication failed" in why


def test_attempts_become_fewer_and_the_mails_count_those_that_were_made(queue: Queue, server: SubmissionServer) -> None:
    with server:
        queue.way(server, *LOGIN)
        queue.put("a@x.org")
        seen = []
        for seconds in (0, 50, 30, 90, 60, 200):
            queue.later(seconds)
            queue.put("b@x.org")
            queue.run()
            seen.append(attempts(server))
    assert seen == [1, 1, 2, 2, 3, 3]
    assert [len(queue.marks(name).times) for name in queue.ids()] == [3, 3, 2, 2, 1, 1, 0]


def test_who_is_named_by_a_person_is_tried_at_once(queue: Queue, server: SubmissionServer) -> None:
    with server:
        queue.way(server, *LOGIN)
        queue.put("a@x.org")
        queue.run()
        name = queue.put("b@x.org")
        queue.run(name)
        assert attempts(server) == 2
        assert queue.fates(name) == ["auth"]
        queue.put("c@x.org")
        server.users["alice"] = "secret"
        queue.run(queue.put("d@x.org"))
        assert off(queue) == [], "the log-in has succeeded"
        queue.run()
    assert [mail.recipients for mail in server.mails] == [["d@x.org"], ["c@x.org"]]


def test_a_log_in_is_enough_whatever_becomes_of_the_mail(queue: Queue, server: SubmissionServer) -> None:
    with server:
        queue.way(server, *LOGIN)
        queue.put("a@x.org")
        queue.run()
        assert len(off(queue)) == 1
        server.users["alice"] = "secret"
        server.replies["RCPT"] = "451 4.7.1 greylisted"
        queue.later()
        queue.run()
    assert off(queue) == []


@pytest.mark.parametrize(
    "change",
    [
        lambda queue, server: queue.way(server, "username alice", "password different"),
        lambda queue, server: queue.way(server, "username bob", "password secret"),
        lambda queue, server: (queue.home / ".esmtp_queue" / OFF / off(queue)[0]).unlink(),
        lambda queue, server: (queue.home / ".esmtp_queue" / OFF / off(queue)[0]).write_bytes(b"deferred 17"),
        lambda queue, server: queue.later(-YEAR),
    ],
    ids=["another password", "another account", "the file is gone", "it was torn", "the clock was wrong"],
)
def test_what_makes_it_void(
    queue: Queue, server: SubmissionServer, change: Callable[[Queue, SubmissionServer], object]
) -> None:
    with server:
        queue.way(server, *LOGIN)
        queue.put("a@x.org")
        queue.run()
        change(queue, server)
        queue.run()
        queue.put("b@x.org")
        queue.run()
        assert attempts(server) == 2


def test_a_password_file_that_was_written_anew(queue: Queue, server: SubmissionServer) -> None:
    secret = queue.home / "secret"
    secret.touch(0o600)
    with server:
        secret.write_text("wrong\n")
        queue.way(server, "username alice", f"password_file {secret}")
        queue.put("a@x.org")
        queue.run()
        secret.write_text("another\n")
        name = queue.put("b@x.org")
        queue.run()
    assert [mail.recipients for mail in server.mails] == [["b@x.org"]]
    assert name not in queue.ids()


def test_identities_with_the_same_account_share_it(queue: Queue, server: SubmissionServer) -> None:
    with server:
        queue.rc(section(server, *LOGIN) + section(server, *LOGIN, address="you@x.org"))
        queue.put("a@x.org", sender="me@x.org")
        queue.run()
        queue.put("a@x.org", sender="you@x.org")
        queue.run()
        assert attempts(server) == 1


def test_421_is_heeded_by_all_runs_too(queue: Queue, server: SubmissionServer) -> None:
    server.replies["GREETING"] = BUSY
    with server:
        queue.way(server, *LOGIN)
        for number in range(3):
            queue.put(f"{number}@x.org")
            queue.run()
        server.settle()
        assert len(server.sessions) == 1
        del server.replies["GREETING"]
        server.users["alice"] = "secret"
        queue.later()
        queue.run()
    assert len(server.mails) == 3
    assert off(queue) == []


class Sparing(SubmissionServer):
    """Takes so many mails in a session."""

    def __init__(self, mails: int, without: tuple[str, ...], then: str = "421 4.7.0 too many messages") -> None:
        super().__init__(tls="none", mechanisms=(), without=without)
        self._mails, self._then = mails, then
        self._asked: Counter[int] = Counter()

    def serve(self, connection: socket.socket) -> None:
        self._asked[threading.get_ident()] = 0  # the number of a thread that has ended may come again
        super().serve(connection)

    def planned(self, what: str, subject: str) -> "str | None":
        if what == "MAIL":
            self._asked[threading.get_ident()] += 1
            if self._asked[threading.get_ident()] > self._mails:
                return self._then
        return super().planned(what, subject)


@pytest.mark.parametrize("connections", [1, 2])
@pytest.mark.parametrize("without", [(), ("CHUNKING",), ("CHUNKING", "PIPELINING")])
def test_a_server_that_takes_a_few_mails_at_a_time_gets_them_in_a_few_minutes(
    queue: Queue, without: tuple[str, ...], connections: int
) -> None:
    """What it has not spoken of is not tried later each time."""
    with Sparing(20, without) as server:
        queue.way(server, f"connections {connections}")
        for number in range(70):
            queue.put(f"{number}@x.org")
        left = []
        for _ in range(4):
            queue.run()
            left.append(len(queue.ids()))
            tried = [name for name in queue.ids() if queue.marks(name).times]
            assert len(tried) <= connections
            assert all("too many messages" in queue.words(name) for name in tried)
            sessions = len(server.sessions)
            queue.run()
            assert len(server.sessions) == sessions, "no retry within the back-off"
            queue.later(75)
    if connections == 1:
        assert left == [50, 30, 10, 0]
    assert (left[0], left[-1]) == (70 - 20 * connections, 0)
    addresses = [mail.recipients[0] for mail in server.mails]
    assert sorted(addresses) == sorted(f"{number}@x.org" for number in range(70))


@pytest.mark.parametrize("connections", [1, 2])
@pytest.mark.parametrize("without", [(), ("CHUNKING",), ("CHUNKING", "PIPELINING")])
def test_mails_beyond_those_of_a_session_have_another_one(
    queue: Queue, without: tuple[str, ...], connections: int
) -> None:
    """OpenSMTPD takes a hundred, then refuses MAIL and leaves it to us to say QUIT."""
    with Sparing(20, without, "452 4.5.3 Too many recipients: Too many messages sent") as server:
        queue.way(server, f"connections {connections}")
        for number in range(70):
            queue.put(f"{number}@x.org")
        tally = queue.run()
        server.settle()
    assert (tally.delivered, tally.deferred, queue.ids()) == (70, 0, [])
    assert sorted(mail.recipients[0] for mail in server.mails) == sorted(f"{number}@x.org" for number in range(70))
    assert 4 <= len(server.sessions) <= 4 + connections


@pytest.mark.parametrize("without", [(), ("CHUNKING", "PIPELINING")])
def test_a_session_for_no_mail_at_all_is_the_last_one(queue: Queue, without: tuple[str, ...]) -> None:
    with Sparing(0, without, "452 4.5.3 Too many messages") as server:
        queue.way(server)
        for number in range(3):
            queue.put(f"{number}@x.org")
        tally = queue.run()
        server.settle()
    assert (tally.delivered, tally.deferred) == (0, 3)
    assert len(server.sessions) == 1


def test_without_progress_it_is_left_alone_for_longer_each_time(queue: Queue) -> None:
    with Sparing(0, ()) as server:
        queue.way(server)
        for number in range(30):
            queue.put(f"{number}@x.org")
        sessions = []
        for _ in range(4):
            queue.run()
            sessions.append(len(server.sessions))
            queue.later(75)
    assert sessions == [1, 2, 2, 3]


def test_a_server_that_is_only_away_is_asked_again_by_each_mail(queue: Queue, server: SubmissionServer) -> None:
    server.replies["GREETING"] = ""
    with server:
        queue.way(server, *LOGIN)
        for number in range(3):
            queue.put(f"{number}@x.org")
            queue.run()
        server.settle()
        assert len(server.sessions) == 3
    assert off(queue) == []


def test_local_recipients_do_not_wait_for_it(queue: Queue, server: SubmissionServer) -> None:
    mailbox = queue.home / "mailbox"
    with server:
        queue.way(server, *LOGIN, f"mda 'cat >>{mailbox}'")
        queue.put("a@x.org")
        queue.run()
        local, mixed = queue.put("joe"), queue.put("b@x.org", "joe")
        queue.run()
        assert mailbox.read_text().count("Subject: hello") == 2
        assert local not in queue.ids()
        assert queue.fates(mixed) == ["", "delivered"]
        queue.run()
        assert mailbox.read_text().count("Subject: hello") == 2
        assert attempts(server) == 1
        server.users["alice"] = "secret"
        queue.later()
        queue.run()
    assert [mail.recipients for mail in server.mails] == [["a@x.org"], ["b@x.org"]]


def test_without_a_place_for_it_each_mail_has_its_own_back_off(queue: Queue, server: SubmissionServer) -> None:
    (queue.home / ".esmtp_queue" / OFF).write_bytes(b"no directory")
    with server:
        queue.way(server, *LOGIN)
        queue.put("a@x.org")
        queue.run()
        assert queue.run().said == []
        assert attempts(server) == 1


def test_what_is_of_no_use_any_more_is_swept(queue: Queue, server: SubmissionServer) -> None:
    with server:
        queue.way(server, *LOGIN)
        queue.put("a@x.org")
        queue.run()
    [name] = off(queue)
    os.utime(queue.file(name, OFF), (NOW, NOW))
    queue.now = NOW + 80000
    queue.store.sweep(queue.now)
    assert off(queue) == [name]
    queue.now = NOW + 90000
    queue.store.sweep(queue.now)
    assert off(queue) == []


# -- several connections -------------------------------------------------------------------------------------------


class Watched(SubmissionServer):
    """Answers the first AUTH late, and the first mail of each session when so many are here."""

    def __init__(self, sessions: int) -> None:
        super().__init__(tls="none")
        self.first = threading.Lock()
        self.another_here = threading.Event()
        self.early: list[bool] = []
        self.all_here = threading.Barrier(sessions, timeout=60)
        self.met: set[int] = set()

    def serve(self, connection: socket.socket) -> None:
        if not self.first.acquire(blocking=False):
            self.another_here.set()
        super().serve(connection)

    def planned(self, what: str, subject: str) -> "str | None":
        if what == "AUTH" and not self.early:
            self.early.append(self.another_here.wait(0.3))
        if what == "END" and threading.get_ident() not in self.met:
            self.met.add(threading.get_ident())
            self.all_here.wait()
        return super().planned(what, subject)


def test_the_others_begin_when_the_first_has_logged_in(queue: Queue) -> None:
    with Watched(4) as server:
        queue.way(server, *LOGIN, "connections 4")
        for number in range(60):
            queue.put(f"{number}@x.org")
        assert queue.run().delivered == 60
    assert server.early == [False]
    assert len(server.sessions) == 4


def test_a_wrong_password_is_shown_once_whatever_the_connections(queue: Queue, server: SubmissionServer) -> None:
    with server:
        queue.way(server, *LOGIN, "connections 4")
        for number in range(60):
            queue.put(f"{number}@x.org")
        assert queue.run().deferred == 60
        server.settle()
        assert len(server.sessions) == 1
        queue.run()
        assert attempts(server) == 1


def test_nobody_waits_for_a_first_one_that_does_not_come_to_a_log_in(queue: Queue, server: SubmissionServer) -> None:
    mailbox = queue.home / "mailbox"
    server.users["alice"] = "secret"
    with server:
        queue.way(server, *LOGIN, "connections 2", f"mda 'cat >>{mailbox}'")
        for number in range(4):
            queue.put("joe" if number % 2 else f"{number}@x.org")
        assert queue.run().delivered == 4
        queue.way(server, *LOGIN, "connections 2", "preconnect false")
        queue.put("a@x.org")
        queue.put("b@x.org")
        assert queue.run().deferred == 2
