"""One POST over HTTPS, with the deadline, the size and the trust of everything else that we connect to.

For OAuth2, which is all that mail has to do with the web.  The request is
written here; the reply, which HTTP lets be cut in many ways, is read by
``http.client`` from our own stream.  No redirect is followed: a token goes
where the rc says, and nowhere else.
"""

import io

from esmtp_py.concealed import Secret
from esmtp_py.config.server import Server
from esmtp_py.errors import MailError
from esmtp_py.printable import printable
from esmtp_py.smtp.veil import Veil

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Protocol

    from esmtp_py.net.stream import Stream
    from esmtp_py.net.tls import Trust

    Reach = Callable[[Server, float], Stream]

    class Source(Protocol):
        def receive(self, deadline: float) -> bytes: ...


# Tokens of 64 kB would be four times the largest ones seen; and two of them, and an id token, may come at once.
MAX_BODY = 256 * 1024
# http.client takes 100 header fields of 64 kB; nobody needs them.
MAX_REPLY = MAX_BODY + 64 * 1024


class Url:
    """https://HOST[:PORT][/PATH][?QUERY] in its parts, as ``config.login.endpoint`` has let it pass."""

    __slots__ = ("authority", "host", "port", "secure", "target")

    def __init__(self, text: str) -> None:
        scheme, _, rest = text.partition("://")
        self.secure = scheme == "https"
        cut = min((at for at in (rest.find("/"), rest.find("?")) if at >= 0), default=len(rest))
        self.authority = rest[:cut]
        self.target = rest[cut:] if rest[cut : cut + 1] == "/" else "/" + rest[cut:]
        host, bracket, tail = self.authority.rpartition("]")
        name, colon, port = (host + bracket, *tail.partition(":")[1:]) if bracket else self.authority.partition(":")
        self.host = name.strip("[]")
        self.port = port if colon else "443" if self.secure else "80"


class Answer:
    """status: of HTTP.  kind: the media type, "" if none was said.  body: at most MAX_BODY bytes."""

    __slots__ = ("body", "kind", "status")

    def __init__(self, status: int, kind: str, body: bytes) -> None:
        self.status = status
        self.kind = kind
        self.body = body


def post(url: str, form: "dict[str, str | Secret]", reach: "Reach", trust: "Trust", deadline: float) -> Answer:
    """Sends the form, returns what came back, whatever its status.

    reach: connects to a server until a deadline, perhaps through a proxy.
    Raises MailError: those of ``reach`` and TLS; "connection_lost" when the
    deadline has passed or the answer was cut off; "protocol" for what is no HTTP, or too much of it.
    """
    where = Url(url)
    stream: "Any" = reach(Server(where.host, where.port), deadline)
    try:
        if where.secure:
            from esmtp_py.net.tls import TlsStream, client_context

            stream = TlsStream(stream, client_context(trust), where.host, deadline)
        stream.send(_request(where, form), deadline)
        return _answer(stream, where, deadline, Veil(*(value for value in form.values() if isinstance(value, Secret))))
    finally:
        stream.close()


def _request(where: Url, form: "dict[str, str | Secret]") -> bytes:
    from urllib.parse import urlencode

    fields = {name: value.reveal() if isinstance(value, Secret) else value for name, value in form.items()}
    # bytes of an rc file that are no UTF-8 stay as they are
    body = urlencode(fields, errors="surrogateescape").encode("ascii")
    head = (
        f"POST {where.target} HTTP/1.1",
        f"Host: {where.authority}",
        "User-Agent: esmtp",
        "Accept: application/json",
        "Accept-Encoding: identity",
        "Content-Type: application/x-www-form-urlencoded",
        f"Content-Length: {len(body)}",
        "Connection: close",
    )
    return "\r\n".join(head).encode("ascii") + b"\r\n\r\n" + body


def _answer(stream: "Source", where: Url, deadline: float, veil: Veil) -> Answer:
    """veil: over what we have said, should they quote it."""
    from http.client import HTTPException, HTTPResponse, RemoteDisconnected

    reader: "Any" = _Reader(stream, where.host, deadline)
    response = HTTPResponse(reader, method="POST")
    try:
        response.begin()
        body = response.read(MAX_BODY + 1)
    except RemoteDisconnected as error:
        raise _cut_off(where.host) from error
    except (HTTPException, ValueError) as error:  # a ValueError for odd numbers in the header
        text = f"{where.host} does not speak HTTP ({type(error).__name__}: {printable(veil.over_text(str(error)), 80)})"
        raise MailError("protocol", text, remote=where.host) from error
    if len(body) > MAX_BODY:
        raise _too_long(where.host)
    if response.length:
        raise _cut_off(where.host)
    kind = (response.getheader("Content-Type") or "").partition(";")[0].strip().lower()
    return Answer(response.status, printable(veil.over_text(kind), 40), body)


class _Reader(io.RawIOBase):
    """Our stream as the file that http.client reads; as the socket, too, that it asks for one."""

    def __init__(self, stream: "Source", host: str, deadline: float) -> None:
        self._stream = stream
        self._host = host
        self._deadline = deadline
        self._rest = b""
        self._left = MAX_REPLY

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(self, 16384)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "Any") -> int:
        data = self._rest or self._stream.receive(self._deadline)
        taken = min(len(data), len(buffer))
        buffer[:taken] = data[:taken]
        self._rest = data[taken:]
        self._left -= taken
        if self._left < 0:
            raise _too_long(self._host)
        return taken


def _cut_off(host: str) -> MailError:
    return MailError("connection_lost", f"{host} closed the connection before it had answered", remote=host)


def _too_long(host: str) -> MailError:
    return MailError("protocol", f"the reply of {host} is too long to be one", remote=host)
