"""Several connections for one identity: they share its mails, and do each other's work when one is refused."""

import socket
import threading
from collections import Counter

import pytest

from esmtp_py.config.identity import Identity
from esmtp_py.queue.respite import Respite
from esmtp_py.queue.supply import Supply
from tests.queue.conftest import TEXT, Queue, section
from tests.server import SubmissionServer

BUSY = "421 4.7.0 too many connections from you"


class Narrow(SubmissionServer):
    """Allows so many sessions at a time.  The others get that greeting, "" for none; refused counts them."""

    def __init__(self, allowed: int, refusal: str = BUSY, **options: object) -> None:
        super().__init__(tls="none", mechanisms=(), **options)  # type: ignore[arg-type]
        self.allowed = allowed
        self.refusal = refusal
        self.refused = 0
        self.open = 0
        self._counting = threading.Lock()

    def serve(self, connection: socket.socket) -> None:
        with self._counting:
            welcome = self.open < self.allowed
            self.open += welcome
            self.refused += not welcome
        if welcome:
            super().serve(connection)
        elif self.refusal:
            connection.sendall(self.refusal.encode() + b"\r\n")

    def planned(self, what: str, subject: str) -> "str | None":
        if what == "QUIT":  # counted before the client can know of it
            with self._counting:
                self.open -= 1
        return super().planned(what, subject)


def put_all(queue: Queue, count: int) -> list[str]:
    addresses = [f"r{number}@x.org" for number in range(count)]
    for address in addresses:
        queue.put(address)
    return addresses


def recipients(server: SubmissionServer) -> list[str]:
    return sorted(address for mail in server.mails for address in mail.recipients)


@pytest.mark.parametrize("without", [(), ("PIPELINING", "CHUNKING")])
@pytest.mark.parametrize("refusal", [BUSY, "554 5.7.1 go away", ""])
@pytest.mark.parametrize(("allowed", "asked", "mails"), [(1, 4, 40), (2, 5, 100), (1, 2, 2), (3, 20, 21), (4, 4, 30)])
def test_those_that_are_allowed_carry_the_share_of_the_others(
    queue: Queue, allowed: int, asked: int, mails: int, refusal: str, without: tuple[str, ...]
) -> None:
    with Narrow(allowed, refusal, without=without) as server:
        queue.way(server, f"connections {asked}")
        addresses = put_all(queue, mails)
        tally = queue.run()
    assert recipients(server) == sorted(addresses)
    assert (queue.ids(), tally.delivered, tally.deferred, tally.said) == ([], mails, 0, [])
    assert server.violations == []


def test_put_off_only_when_none_is_left(queue: Queue) -> None:
    with Narrow(0) as server:
        queue.way(server, "connections 3")
        put_all(queue, 10)
        tally = queue.run()
    assert server.refused == 3, "each of them asks once"
    assert (tally.delivered, tally.deferred) == (0, 10)
    assert {queue.words(name) for name in queue.ids()} == {queue.words(queue.ids()[0])}
    assert "too many connections" in queue.words(queue.ids()[0])
    assert [len(queue.marks(name).times) for name in queue.ids()] == [1] * 10


def test_other_identities_do_not_wait_for_that(queue: Queue) -> None:
    with Narrow(0) as closed, SubmissionServer(tls="none", mechanisms=()) as server:
        queue.rc(section(closed, "connections 2") + section(server, "connections 2", address="you@x.org"))
        for number in range(4):
            queue.put(f"r{number}@x.org", sender="me@x.org" if number % 2 else "you@x.org")
        tally = queue.run()
    assert recipients(server) == ["r0@x.org", "r2@x.org"]
    assert (tally.delivered, tally.deferred) == (2, 2)


class Ending(SubmissionServer):
    """The first session to get so far says 421 instead of taking its third mail."""

    def __init__(self) -> None:
        super().__init__(tls="none", mechanisms=(), without=("PIPELINING", "CHUNKING"))
        self.taken: Counter[int] = Counter()
        self.ended = 0
        self._counting = threading.Lock()

    def planned(self, what: str, subject: str) -> "str | None":
        if what == "MAIL":
            with self._counting:
                me = threading.get_ident()
                self.taken[me] += 1
                if self.taken[me] == 3 and not self.ended:
                    self.ended = me
                    return BUSY
        return super().planned(what, subject)


def test_421_in_the_middle_leaves_the_rest_to_the_others(queue: Queue) -> None:
    with Ending() as server:
        queue.way(server, "connections 3")
        addresses = put_all(queue, 30)
        tally = queue.run()
    assert server.ended
    assert (tally.delivered, tally.deferred) == (29, 1), "the one that was told so waits"
    [name] = queue.ids()
    assert "too many connections" in queue.words(name)
    assert len(set(recipients(server))) == 29
    assert set(recipients(server)) < set(addresses)


class Stuck(SubmissionServer):
    """The session that takes the first mail has no answer for it until all others, but one, are here."""

    def __init__(self, mails: int) -> None:
        super().__init__(tls="none", mechanisms=(), without=("PIPELINING", "CHUNKING"))
        self._mails = mails
        self._first = threading.Lock()

    def planned(self, what: str, subject: str) -> "str | None":
        if what == "END" and self._first.acquire(blocking=False):
            # that session has taken one mail more, to know whether it is the last
            self.wait(self._mails - 2)
        return super().planned(what, subject)


def test_a_slow_session_takes_no_more_than_it_can_carry(queue: Queue) -> None:
    """With a share of its own it would keep half of them waiting, and this run would not end."""
    with Stuck(20) as server:
        queue.way(server, "connections 2")
        addresses = put_all(queue, 20)
        queue.run()
    assert recipients(server) == sorted(addresses)


def test_no_mail_is_taken_for_a_session_that_there_is_not(queue: Queue) -> None:
    """While one lane waits for its greeting, the other carries all there is; the late one then has nothing to say."""

    class Late(SubmissionServer):
        def __init__(self) -> None:
            super().__init__(tls="none", mechanisms=())
            self.first = threading.Lock()

        def serve(self, connection: socket.socket) -> None:
            if not self.first.acquire(blocking=False):
                self.wait(6)
            super().serve(connection)

    with Late() as server:
        queue.way(server, "connections 2")
        addresses = put_all(queue, 6)
        queue.run()
    assert recipients(server) == sorted(addresses)
    assert queue.ids() == []


def test_a_mail_that_is_only_looked_at_is_not_gone(queue: Queue) -> None:
    """The last one is in the hands of a lane that will give it back: who asks for a mail waits for that."""
    supply = Supply(Respite(queue.store, Identity()))
    supply.names.append("m")
    asked, given = threading.Event(), []

    def ask() -> None:
        asked.set()
        given.append(supply.next())

    other = threading.Thread(target=ask)
    with supply.looking:
        name = supply.next()
        assert name == "m"
        assert supply.next() is None, "the lane that looks does not wait for itself"
        other.start()
        assert asked.wait(60)
        other.join(0.2)
        assert given == []
        supply.give_back(name)
    other.join(60)
    assert given == ["m"]


def test_only_as_many_as_there_are_mails(queue: Queue) -> None:
    with SubmissionServer(tls="none", mechanisms=()) as server:
        queue.way(server, "connections 20")
        put_all(queue, 3)
        queue.run()
    assert 1 <= len(server.sessions) <= 3


def test_reports_go_when_all_others_are_done(queue: Queue) -> None:
    """Also when the last lane to end was refused: it has a session then."""

    class SecondRefused(SubmissionServer):
        def __init__(self) -> None:
            super().__init__(tls="none", mechanisms=(), replies={"RCPT r3@x.org": "550 5.1.1 no such user"})
            self.count = 0
            self.counting = threading.Lock()
            self.second_here = threading.Event()
            self.first_over = threading.Event()

        def serve(self, connection: socket.socket) -> None:
            with self.counting:
                self.count += 1
                number = self.count
            if number == 1:
                assert self.second_here.wait(60)
            if number == 2:
                self.second_here.set()
                assert self.first_over.wait(60)
                connection.sendall(BUSY.encode() + b"\r\n")
                return
            super().serve(connection)
            self.first_over.set()

    with SecondRefused() as server:
        queue.way(server, "connections 2")
        put_all(queue, 8)
        tally = queue.run()
    assert [mail.recipients for mail in server.mails if mail.sender == ""] == [["me@x.org"]]
    assert queue.ids() == []
    assert (tally.delivered, tally.failed, tally.deferred) == (8, 1, 0)


def test_a_mail_with_local_recipients_is_given_back_whole(queue: Queue) -> None:
    """Nothing of it is done by the lane whose session is refused, and all of it once by the other."""
    out = queue.home / "local"
    with Narrow(1, without=("PIPELINING", "CHUNKING")) as server:
        queue.way(server, "connections 4", f"mda 'cat >>{out}'")
        for number in range(8):
            queue.put(f"r{number}@x.org", "joe", text=TEXT)
        queue.run()
    assert len(recipients(server)) == len(set(recipients(server))) == 8
    assert out.read_bytes().count(b"Subject: hello") == 8
    assert queue.ids() == []
