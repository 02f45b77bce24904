"""A connected socket with deadlines, against one end of a socket pair.  Nothing here sleeps."""

import _socket
import socket
import struct
import threading
import time
from collections.abc import Iterator

import pytest

from esmtp_py.errors import MailError
from esmtp_py.net import stream as module
from esmtp_py.net.stream import MAX_UNREAD, READ_SIZE, Stream

SOON = 0.02


def soon() -> float:
    return time.monotonic() + SOON


def later() -> float:
    return time.monotonic() + 20


class Pair:
    def __init__(self, ours: socket.socket, peer: socket.socket) -> None:
        self.peer = peer
        self.stream = Stream(raw(ours), "mx[192.0.2.1]:25")

    def close(self) -> None:
        self.stream.close()
        self.peer.close()


def raw(sock: socket.socket) -> _socket.socket:
    """As ``net.connect`` makes it."""
    return _socket.socket(sock.family, sock.type, sock.proto, sock.detach())


@pytest.fixture(params=["unix", "tcp"])
def pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    if request.param == "unix":
        ours, peer = socket.socketpair()
    else:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            ours = socket.create_connection(listener.getsockname())
            peer, _ = listener.accept()
    both = Pair(ours, peer)
    yield both
    both.close()


def lost(raised: "pytest.ExceptionInfo[MailError]") -> str:
    error = raised.value
    assert (error.kind, error.remote) == ("connection_lost", "mx[192.0.2.1]:25")
    assert "mx[192.0.2.1]:25" in error.text
    return error.text


def test_there_and_back(pair: Pair) -> None:
    pair.stream.send(b"EHLO\r\n", later())
    assert pair.peer.recv(100) == b"EHLO\r\n"
    pair.peer.sendall(b"250 ok\r\n")
    assert pair.stream.receive(later()) == b"250 ok\r\n"


@pytest.mark.parametrize("make", [bytes, bytearray, memoryview])
def test_anything_like_bytes_is_sent(pair: Pair, make: type) -> None:
    pair.stream.send(make(b"abc"), later())
    assert pair.peer.recv(100) == b"abc"


def test_a_bytearray_can_be_emptied_after_it_was_sent(pair: Pair) -> None:
    data = bytearray(b"abc")
    pair.stream.send(data, later())
    data.clear()


def test_nothing_comes_in_time(pair: Pair) -> None:
    with pytest.raises(MailError, match="did not answer in time") as raised:
        pair.stream.receive(soon())
    lost(raised)


def test_a_deadline_that_is_over_still_gives_what_is_there(pair: Pair) -> None:
    pair.peer.sendall(b"220")
    assert pair.stream.waiting()
    assert pair.stream.receive(0) == b"220"


def test_the_deadline_is_kept_against_a_peer_that_does_not_read(pair: Pair) -> None:
    with pytest.raises(MailError, match="did not answer in time") as raised:
        pair.stream.send(b"x" * (64 << 20), soon())
    lost(raised)


def test_an_absurdly_long_wait_is_no_overflow(pair: Pair) -> None:
    pair.peer.sendall(b"1")
    assert pair.stream.receive(1e18) == b"1"
    timer = threading.Timer(SOON, pair.peer.sendall, (b"2",))
    timer.start()
    assert pair.stream.receive(time.monotonic() + 1e12) == b"2"
    timer.join()


def test_the_end(pair: Pair) -> None:
    pair.peer.sendall(b"221 bye\r\n")
    pair.peer.close()
    assert pair.stream.receive(later()) == b"221 bye\r\n"
    assert pair.stream.receive(later()) == b""
    assert pair.stream.receive(0) == b"", "and again"
    assert pair.stream.waiting()


def test_waiting_does_not_wait(pair: Pair) -> None:
    assert not pair.stream.waiting()
    pair.peer.sendall(b"a")
    assert _until(pair.stream.waiting)
    assert pair.stream.waiting(), "looking takes nothing away"
    assert pair.stream.receive(0) == b"a"
    assert not pair.stream.waiting()
    pair.peer.close()
    assert _until(pair.stream.waiting)
    assert pair.stream.receive(0) == b""


def _until(condition: object) -> bool:
    assert callable(condition)
    end = later()
    while not condition():
        assert time.monotonic() < end
    return True


def reset(peer: socket.socket) -> None:
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()


@pytest.mark.parametrize("pair", ["tcp"], indirect=True)
def test_reset_while_reading(pair: Pair) -> None:
    reset(pair.peer)
    with pytest.raises(MailError, match="reset by peer") as raised:
        pair.stream.receive(later())
    lost(raised)


def test_gone_while_writing(pair: Pair) -> None:
    reset(pair.peer)
    with pytest.raises(MailError) as raised:
        pair.stream.send(b"x" * (64 << 20), later())
    assert "reset" in lost(raised) or "roken pipe" in lost(raised)


@pytest.mark.parametrize("pair", ["tcp"], indirect=True)
def test_what_was_said_before_a_reset_is_heard(pair: Pair) -> None:
    pair.peer.sendall(b"552 too big\r\n")
    assert _until(pair.stream.waiting)
    reset(pair.peer)
    assert pair.stream.receive(later()) == b"552 too big\r\n"


def test_both_ends_write_without_reading_first(pair: Pair) -> None:
    """RFC 2920 section 3.1: with full buffers on both sides somebody has to read."""
    size = 8 << 20
    heard: list[int] = []

    def chatter() -> None:
        pair.peer.sendall(b"y" * (1 << 20))  # far more than the kernel's buffers hold
        got = 0
        while got < size:
            got += len(pair.peer.recv(1 << 20))
        heard.append(got)

    thread = threading.Thread(target=chatter)
    thread.start()
    pair.stream.send(b"x" * size, later())
    thread.join(20)
    assert heard == [size]
    unread = b""
    while len(unread) < 1 << 20:
        unread += pair.stream.receive(later())
    assert unread == b"y" * (1 << 20)


def test_a_flood_while_we_send_is_not_kept(pair: Pair) -> None:
    """A peer that talks without end and never reads: bounded memory, and the deadline."""

    def flood() -> None:
        try:
            while True:
                pair.peer.sendall(b"z" * READ_SIZE)
        except OSError:
            pass  # shut down below

    thread = threading.Thread(target=flood)
    thread.start()
    with pytest.raises(MailError, match="in time"):
        pair.stream.send(b"x" * (64 << 20), time.monotonic() + 0.2)
    pair.peer.shutdown(socket.SHUT_RDWR)
    thread.join(20)
    assert len(pair.stream._unread) <= MAX_UNREAD + READ_SIZE


def test_what_came_meanwhile_is_gathered_in_linear_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """However small the pieces are."""
    pair = Pair(*socket.socketpair())
    monkeypatch.setattr(pair.stream, "_read", lambda: b"x")

    def seconds(size: int) -> float:
        monkeypatch.setattr(module, "MAX_UNREAD", size)
        start = time.process_time()
        assert pair.stream.waiting()
        assert len(pair.stream.receive(0)) == size
        return time.process_time() - start

    seconds(1000)
    assert seconds(1 << 19) < 40 * max(seconds(1 << 15), 0.001)
    pair.close()


def test_half_closed_and_not_reading_is_waited_for_without_spinning(pair: Pair) -> None:
    """End of file is readable for ever: polling for it would burn the processor until the deadline."""
    pair.peer.shutdown(socket.SHUT_WR)
    waits: list[int] = []
    wait = pair.stream._wait
    pair.stream._wait = lambda events, deadline: (waits.append(events), wait(events, deadline))[1]  # type: ignore
    with pytest.raises(MailError, match="in time"):
        pair.stream.send(b"x" * (64 << 20), time.monotonic() + 0.2)
    assert len(waits) < 1000


@pytest.mark.parametrize("pair", ["tcp"], indirect=True)
def test_nagle_holds_nothing_back(pair: Pair) -> None:
    assert pair.stream._sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


@pytest.mark.parametrize(("pair", "address"), [("tcp", "127.0.0.1"), ("unix", "")], indirect=["pair"])
def test_our_own_address(pair: Pair, address: str) -> None:
    assert pair.stream.local_address() == address
