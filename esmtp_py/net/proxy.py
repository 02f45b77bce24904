"""Through a proxy to the server (esmtprc(5), proxy).  Imported when an rc names one.

The proxy looks up the server's name.  ``socks`` and ``http_proxy`` say what
each kind wants to hear; here are the connection, the deadline and the limits.
"""

import time

from esmtp_py.config.proxy import HTTP, SOCKS5, Proxy
from esmtp_py.config.server import Server
from esmtp_py.errors import MailError
from esmtp_py.message.domain import ascii_domain
from esmtp_py.net.connect import connect, port_of
from esmtp_py.net.stream import Stream

# For the proxy to find and reach the server: it may try several addresses, and Tor builds a circuit.
REACH_SECONDS = 120.0


def through(proxy: Proxy, server: Server, deadline: float, source: str = "", seconds: float = 0) -> Stream:
    """A connection to ``server`` that the proxy has made; arguments as of ``connect``.

    Raises MailError: config, auth (the proxy's login), unreachable,
    connection_lost and protocol, each says that it is about the proxy.
    """
    port = port_of(server)
    host = _name(server.host)
    stream = _to_proxy(proxy, deadline, source, seconds)
    dialogue = Dialogue(stream, min(deadline, time.monotonic() + (seconds or REACH_SECONDS)), proxy.place)
    try:
        _negotiate(proxy, dialogue, host, port)
        dialogue.end()
    except BaseException:
        stream.close()
        raise
    stream.peer = f"{server} through {proxy.place}"
    return stream


def _name(host: str) -> str:
    """As the proxy can take it; nothing in it ends a line or a string of its protocol."""
    try:
        name = ascii_domain(host.rstrip("."))
    except MailError as error:
        raise MailError("config", f"{error.text}: correct hostname in the rc") from error
    if not 0 < len(name) <= 255 or not name.isprintable() or any(c in " %" for c in name):
        raise MailError("config", f"no proxy can reach {host!a}: correct hostname in the rc")
    return name


def _to_proxy(proxy: Proxy, deadline: float, source: str, seconds: float) -> Stream:
    try:
        stream = connect(Server(proxy.host, proxy.service), deadline, source, seconds)
    except MailError as error:
        text = error.text.replace("hostname in the rc", "proxy in the rc")
        raise MailError(error.kind, f"cannot use the proxy {proxy.place}: {text}", remote=proxy.host) from error
    stream.peer = f"the proxy {proxy.place}"
    return stream


def _negotiate(proxy: Proxy, dialogue: "Dialogue", host: str, port: int) -> None:
    if proxy.scheme == HTTP:
        from esmtp_py.net.http_proxy import http_connect

        http_connect(dialogue, host, port, proxy)
        return
    from esmtp_py.net.socks import socks4a, socks5

    (socks5 if proxy.scheme == SOCKS5 else socks4a)(dialogue, host, port, proxy)


class Dialogue:
    """What is said to a proxy before it steps aside: bytes out, and exactly so many in.

    place: the proxy, for messages.
    """

    def __init__(self, stream: Stream, deadline: float, place: str) -> None:
        self.place = place
        self._stream = stream
        self._deadline = deadline
        self._held = bytearray()

    def say(self, data: bytes) -> None:
        self._stream.send(data, self._deadline)

    def take(self, count: int) -> bytes:
        """The next ``count`` bytes."""
        while len(self._held) < count:
            self._more()
        taken = bytes(self._held[:count])
        del self._held[:count]
        return taken

    def until(self, mark: bytes, limit: int) -> bytes:
        """All up to ``mark`` and with it; MailError when that is more than ``limit`` bytes."""
        while (at := self._held.find(mark)) < 0:
            if len(self._held) > limit:
                raise self.trouble("protocol", "it says too much")
            self._more()
        return self.take(at + len(mark))

    def end(self) -> None:
        """What came behind the proxy's last word is the server's first."""
        self._stream.put_back(bytes(self._held))

    def trouble(self, kind: str, why: str) -> MailError:
        return MailError(kind, f"the proxy {self.place} does not connect us: {why}", remote=self.place)

    def _more(self) -> None:
        data = self._stream.receive(self._deadline)
        if not data:
            raise self.trouble("connection_lost", "it closed the connection")
        self._held += data
