"""What a SOCKS proxy wants to hear: version 5 (RFC 1928, 1929), and 4 with names (socks4a)."""

import _socket

from esmtp_py.config.proxy import Proxy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmtp_py.net.proxy import Dialogue

NO_LOGIN, PASSWORD, NONE_ACCEPTED = 0x00, 0x02, 0xFF
CONNECT = 0x01
IPV4, NAME, IPV6 = 0x01, 0x03, 0x04
GRANTED = 0x00
# RFC 1928 section 6: REP
REPLIES = {
    0x01: ("unreachable", "it has failed, and does not say why"),
    0x02: ("unreachable", "its rules forbid this host or port"),
    0x03: ("unreachable", "the network of the server cannot be reached"),
    0x04: ("unreachable", "the server cannot be reached, or its name is unknown: check hostname in the rc"),
    0x05: ("unreachable", "the server refuses the connection: check the port of hostname in the rc"),
    0x06: ("unreachable", "the server did not answer in time"),
    0x07: ("config", "it makes no connections for others"),
    0x08: ("config", "it takes no addresses of this kind: write a name in hostname"),
}
REPLIES_4 = {
    0x5B: ("unreachable", "it refuses, or the server cannot be reached"),
    0x5C: ("config", "it wants an identd on this machine"),
    0x5D: ("auth", "identd on this machine says another user than proxy in the rc"),
}
GRANTED_4 = 0x5A


def socks5(dialogue: "Dialogue", host: str, port: int, proxy: Proxy) -> None:
    """Returns when the proxy has connected to ``host``; MailError when it does not."""
    methods = bytes([NO_LOGIN, PASSWORD] if proxy.password else [NO_LOGIN])
    dialogue.say(bytes([5, len(methods)]) + methods)
    version, method = dialogue.take(2)
    if version != 5:
        raise dialogue.trouble("config", "it speaks no SOCKS 5: check proxy in the rc")
    if method == PASSWORD and proxy.password:
        _log_in(dialogue, proxy)
    elif method == NONE_ACCEPTED:
        want = "another kind of login" if proxy.password else "a login: write socks5://USER:PASSWORD@HOST:PORT"
        raise dialogue.trouble("auth", f"it wants {want}")
    elif method != NO_LOGIN:
        raise dialogue.trouble("protocol", f"it wants a login that was not offered ({method})")
    dialogue.say(bytes([5, CONNECT, 0]) + _address(host) + port.to_bytes(2, "big"))
    _hear(dialogue)


def _log_in(dialogue: "Dialogue", proxy: Proxy) -> None:
    """RFC 1929 section 2."""
    name, password = _octets(proxy.username), _octets(proxy.password.reveal() if proxy.password else "")
    dialogue.say(bytes([1, len(name)]) + name + bytes([len(password)]) + password)
    _, status = dialogue.take(2)  # some say 5 in the place of the 1
    if status != GRANTED:
        raise dialogue.trouble("auth", "it does not take user and password: correct proxy in the rc")


def _address(host: str) -> bytes:
    for family, kind in ((_socket.AF_INET, IPV4), (_socket.AF_INET6, IPV6)):
        try:
            return bytes([kind]) + _socket.inet_pton(family, host)
        except OSError:
            pass
    name = host.encode("ascii")
    return bytes([NAME, len(name)]) + name


def _hear(dialogue: "Dialogue") -> None:
    version, reply = dialogue.take(2)
    if version != 5:
        raise dialogue.trouble("protocol", "its answer is no SOCKS 5")
    if reply != GRANTED:
        raise dialogue.trouble(*REPLIES.get(reply, ("unreachable", f"it says {reply}, which SOCKS 5 has no words for")))
    _, kind = dialogue.take(2)
    lengths = {IPV4: 4, IPV6: 16}
    if kind == NAME:
        lengths[NAME] = dialogue.take(1)[0]
    if kind not in lengths:
        raise dialogue.trouble("protocol", "its answer is no SOCKS 5")
    dialogue.take(lengths[kind] + 2)


def socks4a(dialogue: "Dialogue", host: str, port: int, proxy: Proxy) -> None:
    """The same for SOCKS 4, with the extension that lets the proxy look up the name."""
    if ":" in host:
        raise dialogue.trouble("config", "SOCKS 4 has no IPv6 addresses: write a name in hostname")
    try:
        address, name = _socket.inet_pton(_socket.AF_INET, host), b""
    except OSError:
        # an address that cannot be says that a name follows
        address, name = b"\0\0\0\1", host.encode("ascii") + b"\0"
    request = bytes([4, CONNECT]) + port.to_bytes(2, "big") + address
    dialogue.say(request + _octets(proxy.username) + b"\0" + name)
    version, reply = dialogue.take(2)
    if version != 0:
        raise dialogue.trouble("config", "it speaks no SOCKS 4: check proxy in the rc")
    if reply != GRANTED_4:
        raise dialogue.trouble(
            *REPLIES_4.get(reply, ("unreachable", f"it says {reply}, which SOCKS 4 has no words for"))
        )
    dialogue.take(6)


def _octets(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
