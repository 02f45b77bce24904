"""Happy eyeballs (RFC 8305): which address is tried when, and who wins; with sockets and a clock of our own."""

import errno
import select
import socket
import time
from collections.abc import Iterator

import pytest

from esmtp_py.config.server import Server
from esmtp_py.errors import MailError
from esmtp_py.net import connect as module
from esmtp_py.net.connect import ATTEMPT_DELAY, Race, Target, connect, interleaved
from tests.leftovers import descriptors
from tests.unit.net.test_connect import Greeter, later, rows

NEVER = 1e9
Fate = tuple[float, int]  # after how many seconds, with which errno; NEVER for a packet that is lost
SILENT: Fate = (NEVER, 0)


class World:
    """Stands for the modules _socket, select and time: hosts that answer, refuse or are silent, in no time at all.

    begun: (address, when) of each attempt.  open: sockets that are not closed.
    """

    def __init__(self, **hosts: Fate) -> None:
        self.hosts = hosts
        self.now = 1000.0
        self.begun: list[tuple[str, float]] = []
        self.open: list[FakeSocket] = []

    def __getattr__(self, name: str) -> object:
        return getattr(socket, name, None) or getattr(select, name)

    def monotonic(self) -> float:
        return self.now

    def socket(self, *_: int) -> "FakeSocket":
        return FakeSocket(self)

    def poll(self) -> "FakePoll":
        return FakePoll(self)


class FakeSocket:
    family = socket.AF_UNIX  # for Stream: nothing to tune

    def __init__(self, world: World) -> None:
        self.world = world
        self.due = NEVER
        self.code = 0
        world.open.append(self)

    def fileno(self) -> int:
        return id(self)

    def setblocking(self, flag: bool) -> None:
        pass

    def connect_ex(self, address: tuple[str, int]) -> int:
        after, self.code = self.world.hosts[address[0]]
        self.world.begun.append((address[0], round(self.world.now - 1000, 3)))
        self.due = self.world.now + after
        return errno.EINPROGRESS if after else self.code

    def getsockopt(self, *_: int) -> int:
        return self.code

    def close(self) -> None:
        self.world.open.remove(self)


class FakePoll:
    def __init__(self, world: World) -> None:
        self.world = world
        self.watched: dict[int, FakeSocket] = {}

    def register(self, sock: FakeSocket, events: int) -> None:
        self.watched[id(sock)] = sock

    def unregister(self, number: int) -> None:
        del self.watched[number]

    def poll(self, milliseconds: float) -> list[tuple[int, int]]:
        end = self.world.now + milliseconds / 1000
        due = min((s.due for s in self.watched.values()), default=NEVER)
        self.world.now = max(self.world.now, min(end, due))
        return [(n, select.POLLOUT) for n, s in self.watched.items() if s.due <= self.world.now]


def race(world: World, monkeypatch: pytest.MonkeyPatch, *, seconds: float = 30, deadline: float = 300) -> "Race":
    for name in ("_socket", "select", "time"):
        monkeypatch.setattr(module, name, world)
    targets = [Target(socket.AF_INET, socket.SOCK_STREAM, 6, (host, 25), host) for host in world.hosts]
    return Race(targets, 1000 + deadline, seconds)


@pytest.fixture
def hosts(monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    """run(a=FATE, b=FATE) -> (name of the winner or "", the world, the race)."""

    def run(seconds: float = 30, deadline: float = 300, **fates: Fate) -> tuple[str, World, Race]:
        world = World(**fates)
        ours = race(world, monkeypatch, seconds=seconds, deadline=deadline)
        stream = ours.run()
        assert len(world.open) == (1 if stream else 0), "whoever lost is closed"
        return stream.peer if stream else "", world, ours

    return run


def test_the_first_answers_in_time_and_nobody_else_is_asked(hosts) -> None:  # type: ignore[no-untyped-def]
    winner, world, _ = hosts(a=(0.2, 0), b=(0.01, 0))
    assert winner == "a"
    assert world.begun == [("a", 0)]
    assert world.now == 1000.2


def test_a_silent_address_costs_a_quarter_of_a_second(hosts) -> None:  # type: ignore[no-untyped-def]
    winner, world, _ = hosts(a=SILENT, b=(0.02, 0), c=(0.02, 0))
    assert winner == "b"
    assert world.begun == [("a", 0), ("b", pytest.approx(ATTEMPT_DELAY, abs=0.002))]
    assert world.now - 1000 < 0.3


def test_a_slow_one_may_still_win(hosts) -> None:  # type: ignore[no-untyped-def]
    winner, world, _ = hosts(a=(0.4, 0), b=(0.3, 0))
    assert winner == "a"
    assert len(world.begun) == 2


@pytest.mark.parametrize("after", [0.0, 0.01])
def test_after_a_refusal_the_next_is_asked_at_once(after: float, hosts) -> None:  # type: ignore[no-untyped-def]
    winner, world, ours = hosts(a=(after, errno.ECONNREFUSED), b=(0.02, 0))
    assert winner == "b"
    assert world.begun == [("a", 0), ("b", after)]
    assert [(name, error.errno) for name, error in ours.failures] == [("a", errno.ECONNREFUSED)]


def test_a_refusal_of_an_earlier_one_brings_the_next_forward(hosts) -> None:  # type: ignore[no-untyped-def]
    winner, world, _ = hosts(a=(0.3, errno.EHOSTUNREACH), b=SILENT, c=(0.02, 0))
    assert winner == "c"
    assert world.begun[2] == ("c", 0.3)


def test_all_silent(hosts) -> None:  # type: ignore[no-untyped-def]
    winner, world, ours = hosts(seconds=10, a=SILENT, b=SILENT)
    assert winner == ""
    assert [str(error) for _, error in ours.failures] == [f"[Errno {errno.ETIMEDOUT}] no answer"] * 2
    assert world.now - 1000 == pytest.approx(10.25, abs=0.01), "each has its own time"


def test_all_refuse(hosts) -> None:  # type: ignore[no-untyped-def]
    winner, _, ours = hosts(a=(0.01, errno.ECONNREFUSED), b=(0, errno.ENETUNREACH), c=(0.01, errno.ECONNREFUSED))
    assert winner == ""
    assert [name for name, _ in ours.failures] == ["a", "b", "c"]


def test_the_deadline_ends_all_of_them(hosts) -> None:  # type: ignore[no-untyped-def]
    winner, world, ours = hosts(deadline=1, a=SILENT, b=SILENT, c=SILENT, d=SILENT, e=SILENT, f=SILENT)
    assert winner == ""
    assert len(ours.failures) == 6
    assert world.now - 1000 < 1.1


def test_nobody_to_ask(hosts) -> None:  # type: ignore[no-untyped-def]
    assert hosts()[0] == ""


# -- the order of addresses -------------------------------------------------------------------


def test_families_take_turns() -> None:
    def named(*names: str) -> list[object]:
        six, four = socket.AF_INET6, socket.AF_INET
        return [(six if name.isupper() else four, 1, 6, "", (name, 25)) for name in names]

    def order(*names: str) -> str:
        return "".join(row[4][0] for row in interleaved(named(*names)))  # type: ignore[arg-type, misc]

    assert order("A", "B", "C", "d", "e", "f") == "AdBeCf"
    assert order("a", "b", "C") == "aCb"
    assert order("A", "B") == "AB"
    assert order() == ""


def test_sixteen_addresses_of_one_family_do_not_hide_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    with Greeter() as server:
        many = [("::1", 1)] * 20 + [("127.0.0.1", server.port)]
        monkeypatch.setattr(module._socket, "getaddrinfo", rows(*many))
        stream = connect(Server("mx.example.org", "587"), later())
        assert stream.peer.endswith(f"[127.0.0.1]:{server.port}")
        stream.close()


# -- real sockets --------------------------------------------------------------------------------


@pytest.fixture
def black_hole() -> Iterator[tuple[str, int]]:
    """An IPv6 address that takes no connection and refuses none: a listener whose queue is full drops the SYN."""
    with socket.socket(socket.AF_INET6) as full:
        full.bind(("::1", 0))
        full.listen(0)
        filling = [socket.socket(socket.AF_INET6) for _ in range(4)]
        for each in filling:
            each.setblocking(False)
            each.connect_ex(full.getsockname())
        yield full.getsockname()[:2]
        for each in filling:
            each.close()


def test_broken_ipv6_is_not_waited_for(black_hole: tuple[str, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """What it costs to the millisecond is shown above."""
    with Greeter() as server:
        monkeypatch.setattr(module._socket, "getaddrinfo", rows(black_hole, ("127.0.0.1", server.port)))
        begun = time.monotonic()
        stream = connect(Server("mx.example.org", "587"), later())
        took = time.monotonic() - begun
        assert stream.receive(later()) == b"220 here\r\n"
        stream.close()
    assert ATTEMPT_DELAY <= took < module.CONNECT_SECONDS / 3


def test_the_time_for_each_address(black_hole: tuple[str, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module._socket, "getaddrinfo", rows(black_hole))
    begun = time.monotonic()
    with pytest.raises(MailError, match="no answer"):
        connect(Server("mx.example.org", "587"), later(), "", 0.05)
    assert 0.05 <= time.monotonic() - begun < 5


# -- where from ------------------------------------------------------------------------------------


class Witness(Greeter):
    seen = ""

    def serve(self, connection: socket.socket) -> None:
        self.seen = connection.getpeername()[0]
        super().serve(connection)


def test_the_address_to_connect_from() -> None:
    with Witness() as server:
        stream = connect(Server("127.0.0.1", str(server.port)), later(), "127.0.0.3")
        assert stream.receive(later())
        assert stream.local_address() == "127.0.0.3"
        stream.close()
    assert server.seen == "127.0.0.3"


@pytest.mark.parametrize(("source", "tried"), [("127.0.0.2", "127.0.0.1"), ("::1", "::1")])
def test_only_addresses_of_that_family_are_tried(source: str, tried: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with Greeter() as four, Greeter(host="::1") as six:
        both = rows(("::1", six.port), ("127.0.0.1", four.port))
        monkeypatch.setattr(module._socket, "getaddrinfo", both)
        stream = connect(Server("mx.example.org", "587"), later(), source)
        assert f"[{tried}]" in stream.peer
        stream.close()


def test_no_address_of_that_family(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module._socket, "getaddrinfo", rows(("127.0.0.1", 587)))
    with pytest.raises(MailError) as raised:
        connect(Server("mx.example.org", "587"), later(), "::1")
    assert raised.value.kind == "unreachable"
    assert "mx.example.org has no IPv6 address to connect to from source_address ::1" in raised.value.text


def test_an_address_that_is_somebody_elses() -> None:
    before = descriptors()
    with pytest.raises(MailError) as raised, Greeter() as server:
        connect(Server("127.0.0.1", str(server.port)), later(), "192.0.2.1")
    assert raised.value.kind == "unreachable"
    assert "source_address 192.0.2.1: Cannot assign requested address: it must be one of this" in raised.value.text
    assert descriptors() <= before
