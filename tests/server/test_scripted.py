"""The scripted server: it plays the script and nothing else."""

import socket
import ssl

import pytest

from tests.server import ScriptedServer, script, shared_authority


def connect(server: ScriptedServer) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", server.port))
    connection.settimeout(20)
    return connection


def test_it_says_hears_and_keeps_what_comes_after_the_end() -> None:
    steps = script("S: 220 a", "S: 220 b", "C: EHLO *", r"s: 250-x\r\n250", r"d:  y\r\n", "= data", "= take 3")
    with ScriptedServer(steps) as server, connect(server) as client:
        client.sendall(b"EHLO me\r\nbody\r\n.\r\nabcrest")
        client.shutdown(socket.SHUT_WR)
        received = b"".join(iter(lambda: client.recv(100), b""))
    assert received == b"220 a\r\n220 b\r\n250-x\r\n250 y\r\n"
    assert server.heard == [b"EHLO me"]
    assert server.data == [b"body\r\n", b"abc"]
    assert server.tail == b"rest"
    assert server.unplayed == [0]


@pytest.mark.parametrize("line", [b"HELO me\r\n", b"EHLO me\n"])
def test_a_client_that_leaves_the_script_fails_the_test(line: bytes) -> None:
    server = ScriptedServer(script("C: EHLO *", "S: 250 x"))
    with pytest.raises(AssertionError, match="EHLO"), server, connect(server) as client:  # noqa: PT012 - __exit__ raises
        client.sendall(line)
        assert client.recv(10) == b""


def test_a_client_that_leaves_early_is_no_failure_but_counted() -> None:
    with ScriptedServer(script("S: 220 x", "C: QUIT", "S: 221 y")) as server, connect(server) as client:
        client.recv(100)
    assert server.unplayed == [2]


def test_each_connection_has_its_script_and_the_last_one_stays() -> None:
    with ScriptedServer(script("S: 1", "= close"), script("S: 2", "= close")) as server:
        seen = []
        for _ in range(3):
            with connect(server) as client:
                seen.append(b"".join(iter(lambda c=client: c.recv(10), b"")))  # type: ignore[misc]
    assert seen == [b"1\r\n", b"2\r\n", b"2\r\n"]
    assert server.connections == 3


def test_tls() -> None:
    with ScriptedServer(script("C: STARTTLS", "S: 220 go", "= tls", "S: 250 in", "C: QUIT")) as server:
        client = connect(server)
        client.sendall(b"STARTTLS\r\n")
        client.recv(100)
        context = ssl.create_default_context(cafile=shared_authority().file)
        with context.wrap_socket(client, server_hostname="localhost") as tls:
            assert tls.recv(100) == b"250 in\r\n"
            tls.sendall(b"QUIT\r\n")
    assert server.heard == [b"STARTTLS", b"QUIT"]


def test_reset() -> None:
    with ScriptedServer(script("C: NOOP", "= reset")) as server, connect(server) as client:
        client.sendall(b"NOOP\r\n")
        with pytest.raises(ConnectionResetError):
            client.recv(100)


def test_a_client_that_reads_a_flood_to_its_end_fails() -> None:
    server = ScriptedServer(script("= flood"))
    with pytest.raises(AssertionError, match="for ever"), server, connect(server) as client:  # noqa: PT012 - as above
        while client.recv(1 << 20):
            pass


@pytest.mark.parametrize("line", ["X: y", "= dance", "=  ", "hello"])
def test_a_script_with_a_mistake(line: str) -> None:
    with pytest.raises(ValueError, match="no such step"):
        script(line)
