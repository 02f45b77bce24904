"""What an HTTP proxy wants to hear: CONNECT (RFC 9110 section 9.3.6), with a Basic login (RFC 7617)."""

from binascii import b2a_base64

from esmtp_py.config.proxy import Proxy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmtp_py.errors import MailError
    from esmtp_py.net.proxy import Dialogue

# A header that is longer is none: servers and proxies stop at 8 to 16 KiB as well.
LONGEST_HEADER = 16384
# 100 and the like may come before the answer (RFC 9110 section 15.2); nobody sends more.
MOST_INTERIM = 5
REPLIES = {
    403: ("unreachable", "its rules forbid this host or port"),
    404: ("unreachable", "it cannot find the server: check hostname in the rc"),
    405: ("config", "it makes no connections for others (CONNECT)"),
    407: ("auth", "it does not take user and password: correct proxy in the rc"),
    501: ("config", "it makes no connections for others (CONNECT)"),
    502: ("unreachable", "the server cannot be reached, or its name is unknown: check hostname in the rc"),
    503: ("unreachable", "it is overloaded, or the server cannot be reached"),
    504: ("unreachable", "the server did not answer in time"),
}
NO_LOGIN = ("auth", "it wants a login: write http://USER:PASSWORD@HOST:PORT")


def http_connect(dialogue: "Dialogue", host: str, port: int, proxy: Proxy) -> None:
    """Returns when the proxy has connected to ``host``; MailError when it does not."""
    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    request = f"CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n".encode("ascii")
    if proxy.password:
        login = f"{proxy.username}:{proxy.password.reveal()}".encode("utf-8", "surrogateescape")
        request += b"Proxy-Authorization: Basic " + b2a_base64(login, newline=False) + b"\r\n"
    dialogue.say(request + b"\r\n")
    for _ in range(MOST_INTERIM):
        code = _code(dialogue)
        if code >= 200:
            break
    # what it has to say beyond the number is not shown: it might quote our login
    if not 200 <= code < 300:
        raise _refused(dialogue, code, proxy)


def _code(dialogue: "Dialogue") -> int:
    """The status of a reply, whose header is read to its end.  A body there is none after CONNECT."""
    line, _, rest = dialogue.until(b"\n", LONGEST_HEADER).partition(b" ")
    digits = rest[:3]
    if not line.startswith(b"HTTP/1.") or not digits.isdigit() or len(digits) != 3:
        raise dialogue.trouble("config", "it is no HTTP proxy: check proxy in the rc")
    left = LONGEST_HEADER
    while (field := dialogue.until(b"\n", left)) not in (b"\r\n", b"\n"):
        left -= len(field)
        if left < 0:
            raise dialogue.trouble("protocol", "it says too much")
    return int(digits)


def _refused(dialogue: "Dialogue", code: int, proxy: Proxy) -> "MailError":
    if code == 407 and not proxy.password:
        kind, why = NO_LOGIN
    else:
        kind, why = REPLIES.get(code, ("unreachable", "it refuses"))
    return dialogue.trouble(kind, f"{why} (HTTP {code})")
