"""A TCP relay that counts how often the client waits, and can keep the ends a round trip apart.

    python -m bench.relay --listen PORT --to PORT --rtt MILLISECONDS

In a program: ``with Relay(port, rtt=0.05) as relay: …; relay.trips()``.

A *turn* is one or more writes of the client after the server has spoken (or
at the start): each costs a round trip on a real network.  It is the same
number on a fast and on a slow machine, for bytes are counted in the order
they come, not by time.  With ``rtt``, every byte arrives half a round trip
after it was sent, however many are under way; bandwidth is not limited.
"""

import argparse
import collections
import errno
import heapq
import itertools
import json
import os
import selectors
import socket
import sys
import threading
import time
from collections.abc import Callable
from typing import Self

CHUNK = 256 * 1024
# Bytes under way in one direction before we stop reading: a 1 GB mail must not pile up here.
WINDOW = 8 * 1024 * 1024


class Trip:
    """What one connection did.

    turns: see above.  up, down: bytes to and from the server.  sent: the
    client's bytes, if kept.  seconds: from the client's connect to the end.
    """

    def __init__(self) -> None:
        self.turns = self.up = self.down = 0
        self.seconds = 0.0
        self.sent = bytearray()


class Lane:
    """One direction of a connection: bytes on their way, each with the time it is due."""

    def __init__(self, source: socket.socket, target: socket.socket) -> None:
        self.source, self.target = source, target
        self.due: collections.deque[tuple[float, bytes]] = collections.deque()
        self.arrived = bytearray()  # due, but not yet taken by the target's kernel
        self.under_way = 0
        self.eof_seen = self.closed = False

    @property
    def reads(self) -> bool:
        return not self.eof_seen and self.under_way < WINDOW


class Connection:
    """Client and server of one connection, and the count."""

    def __init__(self, client: socket.socket, server: socket.socket, began: float, keep: bool) -> None:
        self.up, self.down = Lane(client, server), Lane(server, client)
        self.trip = Trip()
        self.keep = keep
        self.began = began
        self._client_spoke = False

    def saw(self, lane: Lane, data: bytes) -> None:
        if lane is self.up:
            self.trip.turns += not self._client_spoke
            self.trip.up += len(data)
            if self.keep:
                self.trip.sent += data
        else:
            self.trip.down += len(data)
        self._client_spoke = lane is self.up


class Relay:
    """Listens while the ``with`` lasts and passes everything on to ``127.0.0.1:to``.

    rtt:    seconds of round trip to add.      keep: remember what clients sent (Trip.sent).
    listen: a port (0: any free one), or the path of a unix socket to make.
    """

    def __init__(self, to: int, *, rtt: float = 0.0, listen: int | str = 0, keep: bool = False) -> None:
        self._to, self._half, self._keep = to, rtt / 2, keep
        self._trips: list[Trip] = []
        self._over = threading.Condition()
        self._selector = selectors.DefaultSelector()
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._serial = itertools.count()
        self._lanes: dict[socket.socket, tuple[Connection, Lane, Lane]] = {}  # socket: lane read from, lane written to
        self.path = listen if isinstance(listen, str) else ""
        if isinstance(listen, str):
            self._listener = socket.socket(socket.AF_UNIX)
            self._listener.bind(listen)
            self._listener.listen(1024)
            self.port = 0
        else:
            self._listener = socket.create_server(("127.0.0.1", listen), backlog=1024)
            self.port = int(self._listener.getsockname()[1])
        self._wake, self._waker = socket.socketpair()

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self.run, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._waker.close()
        self._thread.join()

    def trips(self, count: int = 1, seconds: float = 30.0) -> list[Trip]:
        """All connections that are over, in that order, once there are so many."""
        with self._over:
            assert self._over.wait_for(lambda: len(self._trips) >= count, seconds), "the connection is still open"
            return list(self._trips)

    def rest(self, seconds: float = 30.0) -> list[Trip]:
        """All connections so far, once none is open."""
        with self._over:
            assert self._over.wait_for(lambda: not self._lanes, seconds), "a connection is still open"
            return list(self._trips)

    # -- the loop -------------------------------------------------------------

    def run(self) -> None:
        """Serve until ``__exit__``."""
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(self._wake, selectors.EVENT_READ)
        while True:
            for key, mask in self._selector.select(self._patience()):
                if key.fileobj is self._wake:
                    return self._close()
                if key.fileobj is self._listener:
                    self._accept()
                elif isinstance(key.fileobj, socket.socket) and key.fileobj in self._lanes:
                    self._ready(key.fileobj, mask)
            self._run_timers()

    def _patience(self) -> float | None:
        return max(0.0, self._timers[0][0] - time.monotonic()) if self._timers else None

    def _after(self, when: float, what: Callable[[], None]) -> None:
        heapq.heappush(self._timers, (when, next(self._serial), what))

    def _run_timers(self) -> None:
        while self._timers and self._timers[0][0] <= time.monotonic():
            heapq.heappop(self._timers)[2]()

    def _accept(self) -> None:
        client, _ = self._listener.accept()
        now = time.monotonic()
        # SYN and SYN-ACK take a round trip, the third segment half of one more: then the server knows.
        self._after(now + 3 * self._half, lambda: self._connect(client, now))

    def _connect(self, client: socket.socket, began: float) -> None:
        server = socket.socket()
        server.setblocking(False)
        # Never waited for: a server that takes no more connections now will when we let it finish some.
        if server.connect_ex(("127.0.0.1", self._to)) not in (0, errno.EINPROGRESS):
            server.close()
            client.close()
            return
        connection = Connection(client, server, began, self._keep)
        for end, inward, outward in (
            (client, connection.up, connection.down),
            (server, connection.down, connection.up),
        ):
            end.setblocking(False)
            if end.family == socket.AF_INET:
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._lanes[end] = (connection, inward, outward)
            self._selector.register(end, selectors.EVENT_READ)

    def _ready(self, end: socket.socket, mask: int) -> None:
        connection, inward, outward = self._lanes[end]
        if mask & selectors.EVENT_READ and inward.reads:
            self._read(connection, inward)
        if mask & selectors.EVENT_WRITE and end in self._lanes:
            self._write(connection, outward)

    def _read(self, connection: Connection, lane: Lane) -> None:
        try:
            data = lane.source.recv(CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            connection.saw(lane, data)
            lane.under_way += len(data)
        else:
            lane.eof_seen = True
        when = time.monotonic() + self._half
        lane.due.append((when, data))
        if self._half:
            self._after(when, lambda: self._deliver(connection, lane))
        else:
            self._deliver(connection, lane)

    def _deliver(self, connection: Connection, lane: Lane) -> None:
        lane.arrived += lane.due.popleft()[1]
        self._write(connection, lane)

    def _write(self, connection: Connection, lane: Lane) -> None:
        if lane.closed:
            return
        try:
            sent = lane.target.send(lane.arrived) if lane.arrived else 0
        except BlockingIOError:
            sent = 0
        except OSError:
            sent = len(lane.arrived)  # gone: drop what was for it
        del lane.arrived[:sent]
        lane.under_way -= sent
        if lane.eof_seen and not lane.due and not lane.arrived:
            lane.closed = True
            try:
                lane.target.shutdown(socket.SHUT_WR)
            except OSError:
                pass
        if connection.up.closed and connection.down.closed:
            self._finish(connection)
        else:
            self._watch(connection)

    def _watch(self, connection: Connection) -> None:
        """Ask the selector for what the two ends can do now."""
        for end, (_, inward, outward) in ((e, self._lanes[e]) for e in (connection.up.source, connection.down.source)):
            mask = selectors.EVENT_READ * inward.reads | selectors.EVENT_WRITE * bool(outward.arrived)
            known = end in self._selector.get_map()
            if mask and known:
                self._selector.modify(end, mask)
            elif mask:
                self._selector.register(end, mask)
            elif known:
                self._selector.unregister(end)

    def _finish(self, connection: Connection) -> None:
        for end in (connection.up.source, connection.down.source):
            if end in self._selector.get_map():
                self._selector.unregister(end)
            del self._lanes[end]
            end.close()
        connection.trip.seconds = time.monotonic() - connection.began
        with self._over:
            self._trips.append(connection.trip)
            self._over.notify_all()

    def _close(self) -> None:
        self._selector.close()
        for end in (self._listener, self._wake, *self._lanes):
            end.close()
        if self.path:
            os.unlink(self.path)


def main() -> None:
    """One JSON line per connection on standard output, until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m bench.relay", description=__doc__.partition("\n")[0])
    parser.add_argument("--listen", type=int, default=0, metavar="PORT")
    parser.add_argument("--to", type=int, required=True, metavar="PORT")
    parser.add_argument("--rtt", type=float, default=0.0, metavar="MILLISECONDS")
    options = parser.parse_args()
    with Relay(options.to, rtt=options.rtt / 1000, listen=options.listen) as relay:
        print(f"listening on 127.0.0.1:{relay.port}", file=sys.stderr, flush=True)
        try:
            for seen in itertools.count(1):
                trip = relay.trips(seen, seconds=threading.TIMEOUT_MAX)[seen - 1]
                line = {"turns": trip.turns, "seconds": round(trip.seconds, 4), "up": trip.up, "down": trip.down}
                print(json.dumps(line), flush=True)
        except KeyboardInterrupt:
            pass


if __name__ == "__main__":
    main()
