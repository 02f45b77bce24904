"""The relay: counts turns by order, not by time, passes everything on, and adds the round trip it says."""

import pathlib
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from bench.relay import Relay
from tests.ports import free_port


class Echo:
    """Greets, then sends back whatever comes; ends when the client has ended."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection:
                connection.sendall(b"hello")
                while data := connection.recv(65536):
                    connection.sendall(data)


@pytest.fixture
def echo() -> Iterator[int]:
    server = Echo()
    yield server.port
    server.listener.shutdown(socket.SHUT_RDWR)
    server.listener.close()


def exactly(connection: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        more = connection.recv(count - len(data))
        assert more
        data += more
    return data


def test_turns_are_waits_not_writes(echo: int) -> None:
    with Relay(echo, keep=True) as relay:
        with socket.create_connection(("127.0.0.1", relay.port)) as client:
            assert exactly(client, 5) == b"hello"
            for word in (b"one", b"two", b"three"):
                client.sendall(word)
                assert exactly(client, len(word)) == word
        [trip] = relay.trips()
    assert (trip.turns, trip.up, trip.down, bytes(trip.sent)) == (3, 11, 16, b"onetwothree")


def test_writes_in_a_row_are_one_turn() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, Relay(listener.getsockname()[1]) as relay:
        with socket.create_connection(("127.0.0.1", relay.port)) as client, listener.accept()[0] as server:
            server.sendall(b"hello")
            exactly(client, 5)
            for _ in range(3):  # each has passed before the next one leaves
                client.sendall(b"x")
                exactly(server, 1)
            server.sendall(b"xxx")
            exactly(client, 3)
        [trip] = relay.trips()
    assert trip.turns == 1


def test_each_wait_costs_a_round_trip(echo: int) -> None:
    rtt = 0.03
    began = time.monotonic()
    with Relay(echo, rtt=rtt) as relay:
        with socket.create_connection(("127.0.0.1", relay.port)) as client:
            exactly(client, 5)
            assert time.monotonic() - began >= 2 * rtt  # connect, greeting
            for _ in range(4):
                client.sendall(b"x")
                exactly(client, 1)
            assert time.monotonic() - began >= 6 * rtt
        [trip] = relay.trips()
    assert trip.turns == 4


def test_much_data_both_ways_and_the_end_of_each(echo: int) -> None:
    data = bytes(range(256)) * 100_000
    with Relay(echo) as relay, socket.create_connection(("127.0.0.1", relay.port)) as client:

        def send() -> None:
            client.sendall(data)
            client.shutdown(socket.SHUT_WR)

        sender = threading.Thread(target=send)
        sender.start()
        back = b"".join(iter(lambda: client.recv(1 << 20), b""))
        sender.join()
    assert back == b"hello" + data


def test_unix_socket(echo: int, tmp_path: pathlib.Path) -> None:
    path = str(tmp_path / "relay")
    with Relay(echo, listen=path), socket.socket(socket.AF_UNIX) as client:
        client.connect(path)
        assert exactly(client, 5) == b"hello"
    assert not pathlib.Path(path).exists()


def test_a_server_that_hangs_up_ends_the_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, Relay(listener.getsockname()[1]) as relay:
        with socket.create_connection(("127.0.0.1", relay.port)) as client:
            listener.accept()[0].close()
            assert client.recv(1) == b""
        assert relay.trips()[0].turns == 0


def test_nobody_there(echo: int) -> None:
    with Relay(free_port()) as relay, socket.create_connection(("127.0.0.1", relay.port)) as client:
        assert client.recv(1) == b""


def test_a_server_that_takes_no_more_is_not_waited_for() -> None:
    """What it has taken goes on, or it could never take the others."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener, Relay(listener.getsockname()[1]) as relay:
        clients = [socket.create_connection(("127.0.0.1", relay.port), timeout=10) for _ in range(4)]
        with listener.accept()[0] as taken:
            clients[0].sendall(b"hello")
            assert taken.recv(5) == b"hello"
        for client in clients:
            client.close()
