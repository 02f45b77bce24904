"""From a server's name to a connected socket: every address in turn, every failure its own kind."""

import _socket
import errno
import os
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from esmtp_py.config.server import Server
from esmtp_py.errors import MailError
from esmtp_py.net import connect as module
from esmtp_py.net.connect import connect, resolve
from tests.leftovers import descriptors
from tests.ports import free_port
from tests.server.listener import Listener


def later() -> float:
    return time.monotonic() + 20


class Greeter(Listener):
    def serve(self, connection: socket.socket) -> None:
        connection.sendall(b"220 here\r\n")


@pytest.fixture(autouse=True)
def _no_descriptor_is_left_open() -> Iterator[None]:
    before = descriptors()
    yield
    assert descriptors() <= before


def refused(server: Server) -> MailError:
    with pytest.raises(MailError) as raised:
        connect(server, later())
    assert raised.value.text.isprintable()
    return raised.value


Rows = Callable[..., list[tuple[int, int, int, str, tuple[object, ...]]]]


def rows(*addresses: tuple[str, int]) -> Rows:
    """A name that has these addresses."""

    def getaddrinfo(*_: object) -> list[tuple[int, int, int, str, tuple[object, ...]]]:
        return [
            (socket.AF_INET6, socket.SOCK_STREAM, 6, "", (host, port, 0, 0))
            if ":" in host
            else (socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port))
            for host, port in addresses
        ]

    return getaddrinfo


def test_a_connection() -> None:
    with Greeter() as server:
        stream = connect(Server("127.0.0.1", str(server.port)), later())
        assert stream.receive(later()) == b"220 here\r\n"
        assert stream.peer == f"127.0.0.1[127.0.0.1]:{server.port}"
        stream.close()


def test_a_unix_socket(tmp_path: Path) -> None:
    path = str(tmp_path / "lmtp")
    with Greeter(path=path):
        stream = connect(Server("", "", path=path), later())
        assert stream.receive(later()) == b"220 here\r\n"
        assert stream.peer == path
        stream.close()


def test_an_ipv6_literal() -> None:
    with Greeter(host="::1") as server:
        stream = connect(Server("::1", str(server.port)), later())
        assert stream.receive(later()) == b"220 here\r\n"
        assert stream.local_address() == "::1"
        stream.close()


def test_all_addresses_are_tried_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    with Greeter() as server:
        monkeypatch.setattr(_socket, "getaddrinfo", rows(("::1", free_port()), ("127.0.0.1", server.port)))
        stream = connect(Server("mx.example.org", "587"), later())
        assert stream.peer == f"mx.example.org[127.0.0.1]:{server.port}"
        stream.close()


def test_none_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = free_port(), free_port()
    monkeypatch.setattr(_socket, "getaddrinfo", rows(("::1", one), ("127.0.0.1", two)))
    error = refused(Server("mx.example.org", "587"))
    assert (error.kind, error.remote) == ("unreachable", "mx.example.org")
    assert f"mx.example.org[::1]:{one}: Connection refused" in error.text
    assert f"mx.example.org[127.0.0.1]:{two}: Connection refused" in error.text


def test_not_a_thousand_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_socket, "getaddrinfo", rows(*[("127.0.0.1", free_port())] * 1000))
    error = refused(Server("mx.example.org", "587"))
    assert error.text.count("Connection refused") == module.MAX_ADDRESSES


def test_an_address_of_a_family_this_system_has_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel without IPv6 still gets AAAA records."""

    class WithoutIpv6:
        """The module ``_socket`` of such a system."""

        def __getattr__(self, name: str) -> object:
            return getattr(_socket, name)

        @staticmethod
        def socket(family: int, *rest: int) -> _socket.socket:
            if family == socket.AF_INET6:
                raise OSError(errno.EAFNOSUPPORT, os.strerror(errno.EAFNOSUPPORT))
            return _socket.socket(family, *rest)

    monkeypatch.setattr(module, "_socket", WithoutIpv6())
    with Greeter() as server:
        monkeypatch.setattr(_socket, "getaddrinfo", rows(("::1", server.port), ("127.0.0.1", server.port)))
        connect(Server("mx.example.org", "587"), later()).close()
        monkeypatch.setattr(_socket, "getaddrinfo", rows(("::1", server.port)))
        error = refused(Server("mx.example.org", "587"))
    assert error.kind == "unreachable"
    assert "not supported" in error.text


def test_no_answer_within_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    """A listener whose queue is full drops the SYN, as a firewall does."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        address = full.getsockname()
        filling = [socket.socket() for _ in range(4)]
        for each in filling:
            each.setblocking(False)
            each.connect_ex(address)
        monkeypatch.setattr(module, "CONNECT_SECONDS", 0.02)
        error = refused(Server("127.0.0.1", str(address[1])))
        for each in filling:
            each.close()
    assert error.kind == "unreachable"
    assert "no answer" in error.text


def test_a_deadline_that_is_over() -> None:
    with pytest.raises(MailError, match="no answer"), Greeter() as server:
        connect(Server("127.0.0.1", str(server.port)), time.monotonic() - 1)


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        (socket.EAI_NONAME, "host_unknown", "no host is called mx.example.org"),
        (socket.EAI_NODATA, "host_unknown", "no host is called mx.example.org"),
        (socket.EAI_AGAIN, "dns", "cannot look up mx.example.org now"),
        (socket.EAI_FAIL, "dns", "cannot look up mx.example.org now"),
        (socket.EAI_MEMORY, "dns", "cannot look up mx.example.org now"),
        (socket.EAI_SERVICE, "config", "no service called 'smtpp'"),
    ],
)
def test_a_name_that_cannot_be_looked_up(code: int, kind: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise socket.gaierror(code, "words of the resolver")

    monkeypatch.setattr(_socket, "getaddrinfo", fails)
    error = refused(Server("mx.example.org", "smtpp"))
    assert error.kind == kind
    assert words in error.text


def test_the_resolver_itself_is_in_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    """EAI_SYSTEM comes as a plain OSError."""

    def fails(*_: object) -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(_socket, "getaddrinfo", fails)
    error = refused(Server("mx.example.org", "587"))
    assert error.kind == "dns"
    assert "Too many open files" in error.text


def test_a_service_by_its_name() -> None:
    assert {row[4][1] for row in resolve("127.0.0.1", "submission")} == {587}


@pytest.mark.parametrize("service", ["no-such-service", "", "-1", "65536", "99999999999", "5 87", "587\0"])
def test_a_service_that_is_none(service: str) -> None:
    error = refused(Server("127.0.0.1", service))
    assert error.kind == "config"
    assert "port" in error.text


HOSTS = ["mx\0.example.org", "mx example.org", "mx\n.example.org", "\udcff.example.org", "ü" * 64 + ".example.org"]


@pytest.mark.parametrize("host", HOSTS, ids=ascii)
def test_a_host_that_is_none(host: str) -> None:
    """A NUL would end the name that the resolver sees, and not the one that the certificate is for."""
    assert refused(Server(host, "587")).kind == "config"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What a resolver was asked for that knows nobody."""
    names: list[object] = []

    def getaddrinfo(host: object, *_: object) -> list[object]:
        names.append(host)
        return []

    monkeypatch.setattr(_socket, "getaddrinfo", getaddrinfo)
    return names


def test_the_resolver_gets_no_nul(asked: list[object]) -> None:
    assert refused(Server("localhost\0.example.org", "587")).kind == "config"
    assert asked == []


def test_a_name_beyond_ascii_is_asked_for_as_bytes(asked: list[object]) -> None:
    """A str would make getaddrinfo import the idna codec."""
    for host in ("mx.example.org", "mx.bücher.example"):
        with pytest.raises(MailError):
            connect(Server(host, "587"), later())
    assert asked == [b"mx.example.org", b"mx.xn--bcher-kva.example"]


@pytest.mark.usefixtures("asked")
def test_a_name_with_no_address_at_all() -> None:
    assert "mx.example.org" in refused(Server("mx.example.org", "587")).text


@pytest.mark.parametrize(
    ("make", "kind", "words"),
    [
        (lambda path: path / "nobody", "unreachable", "No such file"),
        (lambda path: path / ("x" * 200), "config", "too long"),
        (lambda path: path, "unreachable", "refused"),
        (lambda path: f"{path}/a\0b", "config", "NUL"),
    ],
    ids=["missing", "too long", "no socket", "NUL"],
)
def test_a_unix_socket_that_is_none(make: Callable[[Path], object], kind: str, words: str, tmp_path: Path) -> None:
    error = refused(Server("", "", path=str(make(tmp_path))))
    assert error.kind == kind
    assert words in error.text
