"""One POST: what is sent, what is believed of the reply, and that neither size nor time is without end."""

import socket
import threading
import time
from collections.abc import Callable

import pytest

from esmtp_py.concealed import Secret
from esmtp_py.errors import MailError
from esmtp_py.net.connect import connect
from esmtp_py.net.post import MAX_BODY, Answer, Url, post
from esmtp_py.net.tls import Trust
from tests.server.authority import Authority, Certificate, shared_authority, shared_certificate
from tests.server.listener import Listener

SECRET = "canary & =?%"


class Http(Listener):
    """Says ``reply``, or lets it do what it likes with the connection, once the request has come."""

    def __init__(self, reply: bytes | Callable[[socket.socket], None], certificate: Certificate | None = None) -> None:
        super().__init__()
        self.reply = reply
        self.certificate = certificate
        self.request = b""
        self.requests = 0
        self.ended = threading.Event()

    def serve(self, connection: socket.socket) -> None:
        if self.certificate:
            connection = self.start_tls(connection, self.certificate.server_context())
        self.requests += 1
        while b"\r\n\r\n" not in self.request:
            self.request += connection.recv(65536)
        if callable(self.reply):
            self.reply(connection)
        else:
            connection.sendall(self.reply)

    def ask(self, seconds: float = 20, path: str = "/token", host: str = "", trust: Trust | None = None) -> Answer:
        scheme = "https" if self.certificate else "http"
        url = f"{scheme}://{host or '127.0.0.1'}:{self.port}{path}"
        return post(url, {"a": "1 2", "b": Secret(SECRET)}, connect, trust or Trust(), time.monotonic() + seconds)


def failure(reply: bytes | Callable[[socket.socket], None], seconds: float = 20) -> MailError:
    with Http(reply) as server, pytest.raises(MailError) as caught:
        server.ask(seconds)
    assert SECRET not in caught.value.text
    assert "127.0.0.1" in caught.value.text
    return caught.value


def test_the_request() -> None:
    with Http(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}") as server:
        server.ask(path="/a/b?c=d")
        head, _, body = server.request.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        assert lines[0] == "POST /a/b?c=d HTTP/1.1"
        assert f"Host: 127.0.0.1:{server.port}" in lines
        assert f"Content-Length: {len(body)}" in lines
        assert body == b"a=1+2&b=canary+%26+%3D%3F%25"


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("https://a.example", (True, "a.example", "443", "a.example", "/")),
        ("https://a.example/", (True, "a.example", "443", "a.example", "/")),
        ("https://a.example:444/x", (True, "a.example", "444", "a.example:444", "/x")),
        ("https://a.example?x=/y", (True, "a.example", "443", "a.example", "/?x=/y")),
        ("http://[::1]/x", (False, "::1", "80", "[::1]", "/x")),
        ("http://[::1]:8080/x:y", (False, "::1", "8080", "[::1]:8080", "/x:y")),
    ],
)
def test_parts_of_a_url(url: str, parts: tuple[bool, str, str, str, str]) -> None:
    made = Url(url)
    assert (made.secure, made.host, made.port, made.authority, made.target) == parts


@pytest.mark.parametrize(
    "reply",
    [
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nContent-Type: Application/JSON\r\n\r\nhello",
        b"HTTP/1.0 200\r\ncontent-type:application/json\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\nhello",
    ],
)
def test_every_form_of_a_reply(reply: bytes) -> None:
    def in_pieces(connection: socket.socket) -> None:
        for byte in reply:
            connection.sendall(bytes([byte]))

    for form in (reply, in_pieces):
        with Http(form) as server:
            answer = server.ask()
            assert (answer.status, answer.kind, answer.body) == (200, "application/json", b"hello")


def test_a_redirect_is_an_answer_and_not_followed() -> None:
    with Http(b"HTTP/1.1 307 x\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n") as server:
        assert server.ask().status == 307
        assert server.requests == 1


@pytest.mark.parametrize(
    "reply",
    [
        b"220 mx.example.test ESMTP\r\n",
        b"\x16\x03\x01\x02\x00",
        b"HTTP/1.1 2000 x\r\n\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 101 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello",
        b"HTTP/1.1 " + b"x" * 70000,
    ],
)
def test_what_is_no_http(reply: bytes) -> None:
    assert failure(reply).kind == "protocol"


@pytest.mark.parametrize("reply", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"])
def test_a_server_that_closes_too_early_has_not_answered(reply: bytes) -> None:
    assert failure(reply).kind == "connection_lost"


@pytest.mark.parametrize("length", [b"Content-Length: 99999999999\r\n", b""])
def test_a_reply_without_end(length: bytes) -> None:
    def endless(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n" + length + b"\r\n")
        while True:
            connection.sendall(b"x" * 65536)

    error = failure(endless)
    assert error.kind == "protocol"
    assert "too long" in error.text


def test_a_header_without_end() -> None:
    def endless(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        while True:
            connection.sendall(b"A: " + b"x" * 60000 + b"\r\n")

    assert "too long" in failure(endless).text


def test_the_longest_body_that_is_read() -> None:
    with Http(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * MAX_BODY) as server:
        assert len(server.ask().body) == MAX_BODY


def test_a_server_that_drips_is_left_when_the_time_is_over() -> None:
    def drip(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        while True:
            connection.sendall(b"x")
            time.sleep(0.01)

    begin = time.monotonic()
    error = failure(drip, seconds=0.3)
    assert error.kind == "connection_lost"
    assert time.monotonic() - begin < 5


def test_a_server_that_says_nothing() -> None:
    def silent(connection: socket.socket) -> None:
        connection.recv(1)

    assert failure(silent, seconds=0.2).kind == "connection_lost"


def test_https_with_the_authorities_of_the_rc() -> None:
    reply = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
    with Http(reply, shared_certificate()) as server:
        assert server.ask(host="localhost", trust=Trust(shared_authority().file)).body == b"{}"


@pytest.mark.parametrize("why", ["authority", "name", "expired"])
def test_https_that_cannot_be_trusted_is_told_nothing(why: str) -> None:
    authority = shared_authority()
    certificate = authority.issue(*(["elsewhere.test"] if why == "name" else []), expired=why == "expired")
    trust = Trust(Authority().file if why == "authority" else authority.file)
    with Http(b"HTTP/1.1 200 OK\r\n\r\n{}", certificate) as server:
        with pytest.raises(MailError) as caught:
            server.ask(host="localhost", trust=trust)
        assert caught.value.kind == "tls"
        assert server.request == b""
