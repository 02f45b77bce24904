"""From a Server to a connected Stream: names resolved, all addresses tried, the first that answers is taken."""

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
# RFC 8305 section 5, Connection Attempt Delay: what an address that does not answer costs.
ATTEMPT_DELAY = 0.25
# No provider has more, and somebody else's DNS is not to keep us busy.
MAX_ADDRESSES = 16


def connect(server: Server, deadline: float, source: str = "", seconds: float = 0) -> Stream:
    """A connection to ``server``.

    source: the address to connect from; only addresses of its family are tried then.
    seconds: how long to wait for each address, 0 for CONNECT_SECONDS.
    Raises MailError: config (no such service, no name at all), host_unknown,
    dns, unreachable (with what each address said).
    """
    if server.path:
        return _connect_unix(server.path, deadline)
    rows = _of_family(interleaved(resolve(server.host, server.service)), source, server.host)
    targets = [
        Target(family, kind, protocol, address, f"{server.host}[{address[0]!s}]:{address[1]!s}")
        for family, kind, protocol, _, address in rows[:MAX_ADDRESSES]
    ]
    race = Race(targets, deadline, seconds or CONNECT_SECONDS, source)
    stream = race.run()
    if not stream:
        said = "; ".join(f"{name}: {error.strerror or error}" for name, error in race.failures)
        raise MailError(
            "unreachable", f"cannot connect to {said or server.host + ', which has no address'}", remote=server.host
        )
    return stream


def interleaved(rows: "list[Row]") -> "list[Row]":
    """RFC 8305 section 4: the resolver's order, the families in turn, so that a broken one costs one attempt."""
    preferred = [row for row in rows if row[0] == rows[0][0]]
    others = [row for row in rows if row[0] != rows[0][0]]
    mixed = []
    while preferred or others:
        mixed += preferred[:1] + others[:1]
        del preferred[:1], others[:1]
    return mixed


def _of_family(rows: "list[Row]", source: str, host: str) -> "list[Row]":
    """The addresses that can be reached from ``source``."""
    if not source:
        return rows
    family, name = (_socket.AF_INET6, "IPv6") if ":" in source else (_socket.AF_INET, "IPv4")
    usable = [row for row in rows if row[0] == family]
    if rows and not usable:
        why = f"{host} has no {name} address to connect to from source_address {source}: correct it in the rc"
        raise MailError("unreachable", why, remote=host)
    return usable


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


def port_of(server: Server) -> int:
    """The number of its service, for somebody else to connect to."""
    if server.service.isdecimal():
        return int(server.service)
    try:
        return _socket.getservbyname(server.service, "tcp")
    except OSError as error:
        raise _no_service(server.host, server.service) from error


def _no_service(host: str, service: str) -> MailError:
    return MailError("config", f"no service called {service!r}: write a port number after {host}:")


def _connect_unix(path: str, deadline: float) -> Stream:
    if "\0" in path:
        raise MailError("config", f"a NUL in the path of a socket: {path!a}")
    race = Race([Target(_socket.AF_UNIX, _socket.SOCK_STREAM, 0, path, path)], deadline, CONNECT_SECONDS)
    stream = race.run()
    if stream:
        return stream
    error = race.failures[0][1]
    if error.errno:
        raise MailError("unreachable", f"cannot connect to {path}: {error.strerror}", remote=path) from error
    # not even the kernel was asked
    raise MailError("config", f"the path of the socket is too long: {path}") from error


class Target:
    """One address to try.  name: for people."""

    __slots__ = ("address", "family", "kind", "name", "protocol")

    def __init__(self, family: int, kind: int, protocol: int, address: "Address", name: str) -> None:
        self.family = family
        self.kind = kind
        self.protocol = protocol
        self.address = address
        self.name = name


class Race:
    """Attempts at several addresses; the next begins when those before have failed or take too long (RFC 8305).

    failures: (name, why not) of each that has failed, in this order.
    """

    def __init__(self, targets: list[Target], deadline: float, seconds: float, source: str = "") -> None:
        """deadline: of all.  seconds: for each.  source: the address to connect from, "" for any."""
        self.failures: list[tuple[str, OSError]] = []
        self._targets = targets
        self._deadline = deadline
        self._seconds = seconds
        self._source = source
        self._running: dict[int, tuple[_socket.socket, str, float]] = {}
        self._poll = select.poll()
        self._next = 0.0  # when the next attempt is due

    def run(self) -> Stream | None:
        """The first connection, None when there is none; all others are closed."""
        try:
            while self._targets or self._running:
                now = time.monotonic()
                if self._targets and (now >= self._next or not self._running):
                    stream = self._begin(self._targets.pop(0), now)
                else:
                    stream = self._wait(now)
                if stream:
                    return stream
            return None
        finally:
            for sock, _, _ in self._running.values():
                sock.close()

    def _begin(self, target: Target, now: float) -> Stream | None:
        try:
            sock = _socket.socket(target.family, target.kind, target.protocol)
        except OSError as error:  # a family that this system has not
            self._failed(target.name, error)
            return None
        self._running[sock.fileno()] = (sock, target.name, min(self._deadline, now + self._seconds))
        sock.setblocking(False)
        try:
            if self._source:
                self._bind(sock)
            code = sock.connect_ex(target.address)
        except OSError as error:
            return self._over(sock.fileno(), error)
        if code not in (errno.EINPROGRESS, errno.EINTR):
            return self._over(sock.fileno(), OSError(code, os.strerror(code)) if code else None)
        self._poll.register(sock, select.POLLOUT)
        self._next = now + ATTEMPT_DELAY
        return None

    def _bind(self, sock: _socket.socket) -> None:
        try:
            sock.bind((self._source, 0))
        except OSError as error:
            why = f"cannot connect from source_address {self._source}: {error.strerror}: it must be one of this machine"
            raise MailError("unreachable", why) from error

    def _wait(self, now: float) -> Stream | None:
        """For an answer, for the end of somebody's time, or for the next attempt."""
        for number, (_, _, until) in list(self._running.items()):
            if until <= now:
                self._over(number, OSError(errno.ETIMEDOUT, "no answer"))
        if not self._running:
            return None
        soonest = min(until for _, _, until in self._running.values())
        if self._targets:
            soonest = min(soonest, self._next)
        for number, _ in self._poll.poll(max(0.0, min(soonest - now, LONGEST_WAIT)) * 1000 + 1):
            code = self._running[number][0].getsockopt(_socket.SOL_SOCKET, _socket.SO_ERROR)
            stream = self._over(number, OSError(code, os.strerror(code)) if code else None)
            if stream:
                return stream
        return None

    def _over(self, number: int, error: OSError | None) -> Stream | None:
        """The attempt of this descriptor has ended: a Stream if it succeeded."""
        sock, name, _ = self._running.pop(number)
        if not error:
            return Stream(sock, name)
        try:
            self._poll.unregister(number)
        except KeyError:
            pass  # it ended at once
        sock.close()
        self._failed(name, error)
        return None

    def _failed(self, name: str, error: OSError) -> None:
        self.failures.append((name, error))
        self._next = 0.0


TYPE_CHECKING = False
if TYPE_CHECKING:
    # what getaddrinfo gives; the last is for families that Python does not know
    Address = tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes] | str
    Row = tuple[int, int, int, str, tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]]
