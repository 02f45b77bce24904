"""Invariant: whatever a proxy says, cut anywhere, either it has connected us or that is a MailError.

What it says after its last word is the server's, to the last byte; what it
says before is shown to nobody, and the login goes to no one who was not asked for it.  The first byte chooses the kind.
"""

from esmtp_py.config.proxy import parse
from esmtp_py.errors import MailError
from esmtp_py.net.proxy import Dialogue, _negotiate
from tests.fuzz.driver import clean, main
from tests.fuzz.talker import Talker

SERVER = b"220 mx\r\n"
SEEDS = [
    b"\0\x05\x00\x05\x00\x00\x01\x7f\x00\x00\x01\x04\xd2" + SERVER,
    b"\0\x05\x02\x01\x00\x05\x00\x00\x03\x02mx\x04\xd2" + SERVER,
    b"\0\x05\x02\x01\x01",
    b"\0\x05\xff",
    b"\1\x00\x5a\x00\x00\x00\x00\x00\x00" + SERVER,
    b"\2HTTP/1.1 200 go\r\nVia: x\r\n\r\n" + SERVER,
    b"\2HTTP/1.1 100 wait\r\n\r\nHTTP/1.1 407 tops3cret\r\nProxy-Authenticate: Basic\r\n\r\n",
]
PROXIES = [
    parse("socks5://me:tops3cret@proxy.example:1080"),
    parse("socks4a://me@proxy.example:1080"),
    parse("http://me:tops3cret@proxy.example:8080"),
]


def said(data: bytes, cut: int) -> tuple[str, bytes, bytes]:
    """How it ended, what the proxy has heard, what is left for the server's side."""
    proxy, talker = PROXIES[data[0] % 3 if data else 0], Talker(data[1:], cut)
    dialogue = Dialogue(talker, 0, proxy.place)  # type: ignore[arg-type]
    try:
        _negotiate(proxy, dialogue, "mx.example.org", 587)
        dialogue.end()
    except MailError as error:
        clean(error.text, "tops3cret")
        return error.text, talker.heard, b""
    return "", talker.heard, talker.rest


def target(data: bytes) -> None:
    whole = said(data, 1 << 30)
    assert said(data, 1) == whole
    assert said(data, 7) == whole
    how, heard, rest = whole
    assert data.endswith(rest)
    if not how:
        assert b"mx.example.org" in heard
    if data and data[0] % 3 == 0 and b"tops3cret" in heard:
        assert data[1:3] == b"\x05\x02"


if __name__ == "__main__":
    main(target, SEEDS)
