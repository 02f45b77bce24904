"""From a Server to a connected Stream: names resolved, every address tried in turn."""

import _socket
import errno
import os
import select
import time

from esmtp_py.config.identity import Server
from esmtp_py.errors import MailError
from esmtp_py.message.domain import ascii_domain
from esmtp_py.net.stream import Stream

# Per address; a host that is there answers within a round trip, and two lost
# SYNs are over after 7 s.  Postfix waits as long.
CONNECT_SECONDS = 30.0


def connect(server: Server, deadline: float) -> Stream:
    """A connection to ``server``.

    Raises MailError: host_unknown, dns, unreachable (with what each address said).
    """
    if server.path:
        return _connect_unix(server.path, deadline)
    failures = []
    for family, kind, protocol, _, address in resolve(server.host, server.service):
        name = f"{server.host}[{address[0]!s}]:{address[1]!s}"
        sock = _socket.socket(family, kind, protocol)
        why = _attempt(sock, address, min(deadline, time.monotonic() + CONNECT_SECONDS))
        if not why:
            return Stream(sock, name)
        sock.close()
        failures.append(f"{name}: {why}")
    raise MailError("unreachable", f"cannot connect to {'; '.join(failures)}", remote=server.host)


def resolve(host: str, service: str) -> "list[Row]":
    """getaddrinfo's rows for a stream to ``host``, in the order to try them."""
    # bytes, for a str host makes getaddrinfo import the idna codec
    name = ascii_domain(host).encode("ascii")
    try:
        return _socket.getaddrinfo(name, service.encode("utf-8"), 0, _socket.SOCK_STREAM)
    except _socket.gaierror as error:
        raise _unresolved(host, service, error) from error


def _unresolved(host: str, service: str, error: _socket.gaierror) -> MailError:
    if error.errno == _socket.EAI_SERVICE:
        return MailError("config", f"no service called {service!r}: write a port number after {host}:")
    unknown = [_socket.EAI_NONAME] + ([_socket.EAI_NODATA] if hasattr(_socket, "EAI_NODATA") else [])
    if error.errno in unknown:
        return MailError("host_unknown", f"no host is called {host}: check hostname in the rc", remote=host)
    return MailError("dns", f"cannot look up {host} now: {error.strerror}", remote=host)


def _connect_unix(path: str, deadline: float) -> Stream:
    sock = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    try:
        why = _attempt(sock, path, deadline)
    except OverflowError as error:
        raise MailError("config", f"the path of the socket is too long: {path}") from error
    if why:
        sock.close()
        raise MailError("unreachable", f"cannot connect to {path}: {why}", remote=path)
    return Stream(sock, path)


def _attempt(sock: _socket.socket, address: "Address", deadline: float) -> str:
    """Connects; returns "" or why not."""
    sock.setblocking(False)
    try:
        code = sock.connect_ex(address)
    except OSError as error:  # an address the kernel would not even parse
        if "too long" in str(error):
            raise OverflowError(str(error)) from error
        return str(error)
    if code in (errno.EINPROGRESS, errno.EINTR):
        poll = select.poll()
        poll.register(sock, select.POLLOUT)
        left = deadline - time.monotonic()
        if left <= 0 or not poll.poll(left * 1000 + 1):
            return "no answer"
        code = sock.getsockopt(_socket.SOL_SOCKET, _socket.SO_ERROR)
    return os.strerror(code) if code else ""


TYPE_CHECKING = False
if TYPE_CHECKING:
    # what getaddrinfo gives; the last is for families that Python does not know
    Address = tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes] | str
    Row = tuple[int, int, int, str, tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]]
