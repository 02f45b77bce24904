"""SOCKS and HTTP proxies by script: what is said to them, and what each of their answers means.

Each script is a list of bytes to expect and bytes to answer.
"""

import base64
import socket
import time
from collections.abc import Iterator

import pytest

from esmtp_py.config.proxy import parse
from esmtp_py.config.server import Server
from esmtp_py.errors import MailError
from esmtp_py.net import http_proxy, proxy, socks
from esmtp_py.net.connect import connect
from esmtp_py.net.proxy import through
from esmtp_py.net.stream import Stream
from tests.leftovers import descriptors
from tests.ports import free_port
from tests.server.listener import Listener

SERVER = Server("smtp.example.org", "587")
TARGET = b"\x03\x10smtp.example.org\x02\x4b"
GRANTED = b"\x05\x00\x00\x01\x7f\x00\x00\x01\x04\xd2"
HELLO = b"220 smtp.example.org\r\n"


def later() -> float:
    return time.monotonic() + 20


class Scripted(Listener):
    """Expects and says in turn; cut: bytes of one write.  stalls: says nothing more at the end, instead of HELLO."""

    def __init__(self, *script: bytes, cut: int = 1 << 20, ending: str = "hello") -> None:
        super().__init__()
        self.script = script
        self.cut = cut
        self.ending = ending
        self.heard: list[bytes] = []

    def serve(self, connection: socket.socket) -> None:
        for number, part in enumerate(self.script):
            if number % 2 == 0:
                got = b""
                while len(got) < len(part) and (more := connection.recv(len(part) - len(got))):
                    got += more
                self.heard.append(got)
                if got != part:
                    return
            else:
                for at in range(0, len(part), self.cut):
                    connection.sendall(part[at : at + self.cut])
        if self.ending == "hello":
            connection.sendall(HELLO)
        if self.ending != "close":
            while connection.recv(1000):
                pass


@pytest.fixture(autouse=True)
def _no_descriptor_is_left_open() -> Iterator[None]:
    before = descriptors()
    yield
    assert descriptors() <= before


def connected(proxy: Scripted, login: str = "", scheme: str = "socks5", server: Server = SERVER) -> Stream:
    url = f"{scheme}://{login}127.0.0.1:{proxy.port}"
    return through(parse(url), server, later())


def works(proxy: Scripted, login: str = "", scheme: str = "socks5", server: Server = SERVER) -> None:
    """The server is heard, and the proxy has heard what its script expects."""
    with proxy:
        stream = connected(proxy, login, scheme, server)
        said = b""
        while len(said) < len(HELLO):
            said += stream.receive(later())
        assert said == HELLO
        assert stream.peer == f"{server} through {scheme}://127.0.0.1:{proxy.port}"
        stream.close()
    assert proxy.heard == list(proxy.script[::2])


def fails(proxy: Scripted, login: str = "", scheme: str = "socks5", server: Server = SERVER) -> MailError:
    with proxy, pytest.raises(MailError) as raised:
        connected(proxy, login, scheme, server)
    assert proxy.heard == list(proxy.script[::2])[: len(proxy.heard)]
    error = raised.value
    assert f"the proxy {scheme}://127.0.0.1:{proxy.port}" in error.text
    assert error.text.isprintable()
    assert "secret" not in error.text
    return error


# -- SOCKS 5 --------------------------------------------------------------------------------


@pytest.mark.parametrize("cut", [1, 3, 1 << 20])
def test_socks5(cut: int) -> None:
    works(Scripted(b"\x05\x01\x00", b"\x05\x00", b"\x05\x01\x00" + TARGET, GRANTED, cut=cut))


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("192.0.2.1", b"\x01\xc0\x00\x02\x01"),
        ("::1", b"\x04" + bytes(15) + b"\x01"),
        ("bücher.example", b"\x03\x15xn--bcher-kva.example"),
        ("localhost", b"\x03\x09localhost"),
    ],
)
def test_names_are_for_the_proxy_to_look_up(host: str, address: bytes) -> None:
    request = b"\x05\x01\x00" + address + b"\x00\x19"
    works(Scripted(b"\x05\x01\x00", b"\x05\x00", request, GRANTED), server=Server(host, "25"))


def test_a_service_by_its_name() -> None:
    request = b"\x05\x01\x00" + TARGET
    works(Scripted(b"\x05\x01\x00", b"\x05\x00", request, GRANTED), server=Server("smtp.example.org", "submission"))


@pytest.mark.parametrize(
    "granted",
    [
        GRANTED,
        b"\x05\x00\x00\x04" + bytes(16) + b"\x00\x00",
        b"\x05\x00\x00\x03\x05proxy\x00\x00",
        b"\x05\x00\x00\x03\x00\x00\x00",
    ],
)
def test_from_where_it_connects_is_of_no_interest(granted: bytes) -> None:
    works(Scripted(b"\x05\x01\x00", b"\x05\x00", b"\x05\x01\x00" + TARGET, granted))


def test_what_the_server_says_at_once_is_not_lost() -> None:
    works(Scripted(b"\x05\x01\x00", b"\x05\x00", b"\x05\x01\x00" + TARGET, GRANTED + HELLO, ending="mute"))


@pytest.mark.parametrize("status", [b"\x01\x00", b"\x05\x00"])
def test_socks5_with_a_login(status: bytes) -> None:
    login = b"\x01\x02me\x06secret"
    works(Scripted(b"\x05\x02\x00\x02", b"\x05\x02", login, status, b"\x05\x01\x00" + TARGET, GRANTED), "me:secret@")


def test_a_login_is_not_given_to_whom_does_not_want_it() -> None:
    works(Scripted(b"\x05\x02\x00\x02", b"\x05\x00", b"\x05\x01\x00" + TARGET, GRANTED), "me:secret@")


@pytest.mark.parametrize("status", [b"\x01\x01", b"\x01\xff"])
def test_socks5_with_a_wrong_login(status: bytes) -> None:
    error = fails(Scripted(b"\x05\x02\x00\x02", b"\x05\x02", b"\x01\x02me\x06secret", status), "me:secret@")
    assert error.kind == "auth"
    assert "does not take user and password: correct proxy in the rc" in error.text


@pytest.mark.parametrize(
    ("login", "method", "kind", "says"),
    [
        ("", b"\x05\xff", "auth", "wants a login: write socks5://USER:PASSWORD@HOST:PORT"),
        ("me:secret@", b"\x05\xff", "auth", "wants another kind of login"),
        ("", b"\x05\x02", "protocol", "a login that was not offered (2)"),
        ("", b"\x05\x01", "protocol", "a login that was not offered (1)"),
        ("", b"\x04\x5b", "config", "speaks no SOCKS 5"),
        ("", b"HTTP/1.0 400 no\r\n\r\n", "config", "speaks no SOCKS 5"),
        ("", b"220 smtp\r\n", "config", "speaks no SOCKS 5"),
    ],
)
def test_no_method_in_common(login: str, method: bytes, kind: str, says: str) -> None:
    error = fails(Scripted(b"\x05\x02\x00\x02" if login else b"\x05\x01\x00", method), login)
    assert error.kind == kind
    assert says in error.text


@pytest.mark.parametrize("reply", [*socks.REPLIES, 0x09, 0xFF])
def test_what_socks5_answers(reply: int) -> None:
    answer = bytes([5, reply])  # some close without the rest
    error = fails(Scripted(b"\x05\x01\x00", b"\x05\x00", b"\x05\x01\x00" + TARGET, answer, ending="close"))
    kind, words = socks.REPLIES.get(reply, ("unreachable", f"it says {reply}, which SOCKS 5 has no words for"))
    assert error.kind == kind
    assert error.text.endswith(words)


@pytest.mark.parametrize("answer", [b"\x04\x00\x00\x01", b"\x05\x00\x00\x02", b"\x05\x00\x00\x00", b"garbage"])
def test_an_answer_that_is_no_socks5(answer: bytes) -> None:
    error = fails(Scripted(b"\x05\x01\x00", b"\x05\x00", b"\x05\x01\x00" + TARGET, answer, ending="close"))
    assert error.kind == "protocol"


@pytest.mark.parametrize("length", range(len(GRANTED)))
def test_it_closes_in_the_middle(length: int) -> None:
    script = (b"\x05\x01\x00", b"\x05\x00", b"\x05\x01\x00" + TARGET, GRANTED[:length])
    error = fails(Scripted(*script, ending="close"))
    assert error.kind == "connection_lost"
    assert "closed the connection" in error.text


# -- SOCKS 4a -------------------------------------------------------------------------------

GRANTED_4 = b"\x00\x5a" + bytes(6)


@pytest.mark.parametrize("cut", [1, 1 << 20])
@pytest.mark.parametrize("user", ["", "me"])
def test_socks4a(cut: int, user: str) -> None:
    request = b"\x04\x01\x02\x4b\x00\x00\x00\x01" + user.encode() + b"\x00smtp.example.org\x00"
    works(Scripted(request, GRANTED_4, cut=cut), user and user + "@", "socks4a")


def test_socks4_with_an_address() -> None:
    request = b"\x04\x01\x02\x4b\xc0\x00\x02\x01\x00"
    works(Scripted(request, GRANTED_4), scheme="socks4a", server=Server("192.0.2.1", "587"))


def test_socks4_has_no_ipv6() -> None:
    error = fails(Scripted(b""), scheme="socks4a", server=Server("::1", "587"))
    assert error.kind == "config"
    assert "no IPv6 addresses" in error.text


@pytest.mark.parametrize("reply", [*socks.REPLIES_4, 0x00, 0xFF])
def test_what_socks4_answers(reply: int) -> None:
    request = b"\x04\x01\x02\x4b\x00\x00\x00\x01\x00smtp.example.org\x00"
    error = fails(Scripted(request, bytes([0, reply]) + bytes(6)), scheme="socks4a")
    kind, words = socks.REPLIES_4.get(reply, ("unreachable", f"it says {reply}, which SOCKS 4 has no words for"))
    assert error.kind == kind
    assert error.text.endswith(words)


def test_it_is_no_socks4() -> None:
    request = b"\x04\x01\x02\x4b\x00\x00\x00\x01\x00smtp.example.org\x00"
    assert "speaks no SOCKS 4" in fails(Scripted(request, b"\x05\xff"), scheme="socks4a").text


# -- HTTP -----------------------------------------------------------------------------------

REQUEST = b"CONNECT smtp.example.org:587 HTTP/1.1\r\nHost: smtp.example.org:587\r\n"
OK = b"HTTP/1.1 200 Connection established\r\n\r\n"


@pytest.mark.parametrize("cut", [1, 1 << 20])
@pytest.mark.parametrize(
    "answer",
    [
        OK,
        b"HTTP/1.0 200\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nVia: x\r\nContent-Length: 5\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.0 200 OK\n\n",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: x\r\n\r\n" + OK,
    ],
)
def test_http(answer: bytes, cut: int) -> None:
    works(Scripted(REQUEST + b"\r\n", answer, cut=cut), scheme="http")


def test_http_and_the_server_speaks_at_once() -> None:
    works(Scripted(REQUEST + b"\r\n", OK + HELLO, ending="mute"), scheme="http")


def test_http_with_a_login() -> None:
    login = b"Proxy-Authorization: Basic " + base64.b64encode("mé:se:cret".encode()) + b"\r\n"
    works(Scripted(REQUEST + login + b"\r\n", OK), "m%C3%A9:se:cret@", "http")


def test_http_and_ipv6() -> None:
    request = b"CONNECT [2001:db8::1]:465 HTTP/1.1\r\nHost: [2001:db8::1]:465\r\n\r\n"
    works(Scripted(request, OK), scheme="http", server=Server("2001:db8::1", "465"))


@pytest.mark.parametrize("code", [*http_proxy.REPLIES, 301, 400, 418, 500, 999])
def test_what_http_answers(code: int) -> None:
    answer = b"HTTP/1.1 %d c2VjcmV0 secret\r\nContent-Length: 6\r\n\r\nsecret" % code
    login = b"Proxy-Authorization: Basic bWU6c2VjcmV0\r\n"
    error = fails(Scripted(REQUEST + login + b"\r\n", answer), "me:secret@", "http")
    kind, words = http_proxy.REPLIES.get(code, ("unreachable", "it refuses"))
    assert error.kind == kind
    assert error.text.endswith(f"{words} (HTTP {code})")
    assert "c2VjcmV0" not in error.text


def test_http_wants_a_login() -> None:
    error = fails(Scripted(REQUEST + b"\r\n", b"HTTP/1.1 407 x\r\n\r\n"), scheme="http")
    assert error.kind == "auth"
    assert "wants a login: write http://USER:PASSWORD@HOST:PORT" in error.text


@pytest.mark.parametrize(
    ("answer", "kind", "says"),
    [
        (b"220 smtp.example.org\r\n", "config", "is no HTTP proxy"),
        (b"\x05\xff\n", "config", "is no HTTP proxy"),
        (b"HTTP/2 200\r\n\r\n", "config", "is no HTTP proxy"),
        (b"HTTP/1.1 2\r\n\r\n", "config", "is no HTTP proxy"),
        (b"HTTP/1.1  200\r\n\r\n", "config", "is no HTTP proxy"),
        (b"HTTP/1.1 \xb2\xb2\xb2\r\n\r\n", "config", "is no HTTP proxy"),
        (b"HTTP/1.1 200 OK\r\n", "connection_lost", "closed the connection"),
        (b"HTTP/1.1 200 OK", "connection_lost", "closed the connection"),
        (b"HTTP/1.1 200 " + b"x" * 70000, "protocol", "says too much"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 10000, "protocol", "says too much"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 100, "unreachable", "HTTP 100"),
    ],
    ids=range(11),
)
def test_an_answer_that_is_no_http(answer: bytes, kind: str, says: str) -> None:
    error = fails(Scripted(REQUEST + b"\r\n", answer, ending="close"), scheme="http")
    assert error.kind == kind
    assert says in error.text


# -- all of them ----------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["socks5", "socks4a", "http"])
def test_a_proxy_that_says_nothing(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """To reach the proxy takes as long as it takes here; that it has the same time is in test_race."""
    monkeypatch.setattr(proxy, "connect", lambda *way: connect(*way[:-1]))
    with Scripted(b"", ending="mute") as silent, pytest.raises(MailError) as raised:
        through(parse(f"{scheme}://127.0.0.1:{silent.port}"), SERVER, time.monotonic() + 600, "", 0.05)
    assert raised.value.kind == "connection_lost"
    assert f"the proxy {scheme}://127.0.0.1:{silent.port}: it did not answer in time" in raised.value.text


@pytest.mark.parametrize("scheme", ["socks5", "socks4a", "http"])
def test_no_proxy_there(scheme: str) -> None:
    port = free_port()
    with pytest.raises(MailError) as raised:
        through(parse(f"{scheme}://127.0.0.1:{port}"), SERVER, later())
    assert raised.value.kind == "unreachable"
    assert f"cannot use the proxy {scheme}://127.0.0.1:{port}: cannot connect to" in raised.value.text


def test_a_proxy_that_nobody_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    monkeypatch.setattr("_socket.getaddrinfo", fails)
    with pytest.raises(MailError) as raised:
        through(parse("socks5://proxy.example.org"), SERVER, later())
    assert raised.value.kind == "host_unknown"
    assert "no host is called proxy.example.org: check proxy in the rc" in raised.value.text


@pytest.mark.parametrize("host", ["a b", "a\0b", "fe80::1%eth0", "x" * 256, "ü" * 64 + ".example.org", "."])
def test_a_name_that_no_proxy_can_take(host: str) -> None:
    with pytest.raises(MailError) as raised:
        through(parse("socks5://127.0.0.1:1"), Server(host, "25"), later())
    assert raised.value.kind == "config"


def test_a_service_that_is_none() -> None:
    with pytest.raises(MailError, match="no service called"):
        through(parse("socks5://127.0.0.1:1"), Server("x.org", "no-such-service"), later())
