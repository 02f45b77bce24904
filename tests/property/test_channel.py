"""Whatever a proxy says, or a certificate holds, the end is a connection or a MailError, soon."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esmtp_py.config.proxy import Proxy, parse
from esmtp_py.errors import MailError
from esmtp_py.net.binding import server_end_point
from esmtp_py.net.http_proxy import LONGEST_HEADER
from esmtp_py.net.proxy import Dialogue, _negotiate
from esmtp_py.net.stream import Stream
from esmtp_py.outcome import TABLE


class Says(Stream):
    """A proxy that says ``data`` in pieces, whatever it hears, and then closes.  taken: how much was read of it."""

    def __init__(self, data: bytes, piece: int) -> None:
        self.peer = "the proxy"
        self.data = data
        self.piece = piece
        self.taken = 0
        self.heard = b""
        self.back = b""

    def send(self, data: bytes | bytearray | memoryview, deadline: float) -> None:
        self.heard += bytes(data)

    def receive(self, deadline: float) -> bytes:
        data = self.data[self.taken : self.taken + self.piece]
        self.taken += len(data)
        return data

    def put_back(self, data: bytes) -> None:
        self.back = data


def told(proxy: Proxy, data: bytes, piece: int) -> tuple[str, Says]:
    """The kind of the error, "" for a connection."""
    stream = Says(data, piece)
    dialogue = Dialogue(stream, 1.0, proxy.place)
    error = None
    try:
        _negotiate(proxy, dialogue, "smtp.example.org", 587)
    except MailError as raised:
        error = raised
    if not error:
        dialogue.end()
        return "", stream
    assert error.kind in TABLE
    assert error.text.isprintable()
    assert "hunter2" not in error.text
    return error.kind, stream


PROXIES = [parse(f"{scheme}://{login}p.x.org") for scheme, login in [
    ("socks5", ""), ("socks5", "me:hunter2@"), ("socks4a", ""), ("http", ""), ("http", "me:hunter2@")]]  # fmt: skip
SOCKS = st.lists(st.sampled_from([0, 1, 2, 3, 4, 5, 0x5A, 0x5B, 0xFF]), max_size=40).map(bytes)
HTTP = st.lists(st.sampled_from([b"HTTP/1.1 ", b"200", b"407", b"100", b" ", b"\r\n", b"\n", b"X: y", b"\0"])).map(
    b"".join
)
ANYTHING = st.one_of(st.binary(max_size=300), SOCKS, HTTP)


@pytest.mark.parametrize("proxy", PROXIES, ids=str)
@given(data=ANYTHING, piece=st.sampled_from([1, 3, 10_000]))
def test_a_proxy_may_say_anything(proxy: Proxy, data: bytes, piece: int) -> None:
    """How it is cut makes no difference, and no byte behind the proxy's last word is lost."""
    kind, stream = told(proxy, data, piece)
    whole, other = told(proxy, data, len(data) + 1)
    assert kind == whole
    if not kind:
        assert data.endswith(stream.back + data[stream.taken :])
        assert len(stream.back) + len(data) - stream.taken == len(other.back)
    assert stream.heard.count(b"hunter2") <= 1


@pytest.mark.parametrize("proxy", PROXIES, ids=str)
@given(start=ANYTHING, more=st.sampled_from([b"x", b"X: y\r\n", b"\0", b"\xff", b"HTTP/1.1 100 x\r\n\r\n"]))
def test_a_proxy_that_never_stops(proxy: Proxy, start: bytes, more: bytes) -> None:
    """It is not listened to for ever."""
    _, stream = told(proxy, start + (more * 200_000)[:200_000], 1000)
    assert stream.taken <= len(start) + 6 * LONGEST_HEADER


@given(st.binary(max_size=200))
def test_a_certificate_may_be_anything(data: bytes) -> None:
    made = server_end_point(data)
    assert made is None or len(made) in (28, 32, 48, 64)


@given(
    user=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40),
    password=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40),
)
def test_any_login_can_be_written_in_a_url(user: str, password: str) -> None:
    def quoted(text: str) -> str:
        return "".join(f"%{byte:02X}" for byte in text.encode())

    made = parse(f"socks5://{quoted(user)}:{quoted(password)}@x.org")
    assert made.username == user
    assert made.password
    assert made.password.reveal() == password
    assert parse(f"socks5://{quoted(user)}:{quoted(password)}@x.org").place == "socks5://x.org:1080"
