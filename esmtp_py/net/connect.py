"""From a Server to a connected Stream: names resolved, every address tried in turn."""

import _socket
import errno
import os
import select
import time

from esmtp_py.config.server import Server
from esmtp_py.errors import MailError
from esmtp_py.message.domain import ascii_domain
from esmtp_py.net.stream import LONGEST_WAIT, Stream

# Per address; a host that is there answers within a round trip, and two lost
# SYNs are over after 7 s.  Postfix waits as long.
CONNECT_SECONDS = 30.0
# No provider has more, and somebody else's DNS is not to keep us busy.
MAX_ADDRESSES = 16


def connect(server: Server, deadline: float) -> Stream:
    """A connection to ``server``.

    Raises MailError: config (no such service, no name at all), host_unknown,
    dns, unreachable (with what each address said).
    """
    if server.path:
        return _connect_unix(server.path, deadline)
    failures = []
    for family, kind, protocol, _, address in resolve(server.host, server.service)[:MAX_ADDRESSES]:
        name = f"{server.host}[{address[0]!s}]:{address[1]!s}"
        try:
            sock = _attempt(family, kind, protocol, address, min(deadline, time.monotonic() + CONNECT_SECONDS))
        except OSError as error:
            failures.append(f"{name}: {error.strerror or error}")
        else:
            return Stream(sock, name)
    raise MailError(
        "unreachable",
        f"cannot connect to {'; '.join(failures) or server.host + ', which has no address'}",
        remote=server.host,
    )


def resolve(host: str, service: str) -> "list[Row]":
    """getaddrinfo's rows for a stream to ``host``, in the order to try them."""
    if not host.isprintable() or not service.isprintable() or " " in host:
        # the resolver's copy of a name would end at a NUL, and the one the certificate is compared with would not
        raise MailError("config", f"not a host and port: {host!a} {service!a}: correct hostname in the rc")
    if not service or (service.isdigit() and not (len(service) < 6 and int(service) < 65536)):
        raise _no_service(host, service)
    try:
        # bytes, for a str host makes getaddrinfo import the idna codec
        name = ascii_domain(host).encode("ascii")
    except MailError as error:
        raise MailError("config", f"{error.text}: correct hostname in the rc") from error
    try:
        return _socket.getaddrinfo(name, service.encode("utf-8"), 0, _socket.SOCK_STREAM)
    except OSError as error:
        raise _unresolved(host, service, error) from error


def _unresolved(host: str, service: str, error: OSError) -> MailError:
    code = error.errno if isinstance(error, _socket.gaierror) else None
    if code == _socket.EAI_SERVICE:
        return _no_service(host, service)
    unknown = [_socket.EAI_NONAME] + ([_socket.EAI_NODATA] if hasattr(_socket, "EAI_NODATA") else [])
    if code in unknown:
        return MailError("host_unknown", f"no host is called {host}: check hostname in the rc", remote=host)
    return MailError("dns", f"cannot look up {host} now: {error.strerror}", remote=host)


def _no_service(host: str, service: str) -> MailError:
    return MailError("config", f"no service called {service!r}: write a port number after {host}:")


def _connect_unix(path: str, deadline: float) -> Stream:
    if "\0" in path:
        raise MailError("config", f"a NUL in the path of a socket: {path!a}")
    try:
        return Stream(_attempt(_socket.AF_UNIX, _socket.SOCK_STREAM, 0, path, deadline), path)
    except OSError as error:
        if error.errno:
            raise MailError("unreachable", f"cannot connect to {path}: {error.strerror}", remote=path) from error
        # not even the kernel was asked
        raise MailError("config", f"the path of the socket is too long: {path}") from error


def _attempt(family: int, kind: int, protocol: int, address: "Address", deadline: float) -> _socket.socket:
    """A socket that is connected; OSError says why not."""
    sock = _socket.socket(family, kind, protocol)
    try:
        sock.setblocking(False)
        code = sock.connect_ex(address)
        if code in (errno.EINPROGRESS, errno.EINTR):
            code = _concluded(sock, deadline)
        if code:
            raise OSError(code, os.strerror(code))
    except BaseException:
        sock.close()
        raise
    return sock


def _concluded(sock: _socket.socket, deadline: float) -> int:
    """The errno that a connection in progress ends with."""
    poll = select.poll()
    poll.register(sock, select.POLLOUT)
    left = min(deadline - time.monotonic(), LONGEST_WAIT)
    if left <= 0 or not poll.poll(left * 1000 + 1):
        raise OSError(errno.ETIMEDOUT, "no answer")
    return sock.getsockopt(_socket.SOL_SOCKET, _socket.SO_ERROR)


TYPE_CHECKING = False
if TYPE_CHECKING:
    # what getaddrinfo gives; the last is for families that Python does not know
    Address = tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes] | str
    Row = tuple[int, int, int, str, tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]]
