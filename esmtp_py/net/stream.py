"""A connected socket with deadlines: send, receive, waiting, close.

Foreign errors end here: a lost connection or a missed deadline is a
MailError("connection_lost"), whatever errno it had.  Deadlines are values of
``time.monotonic()``.
"""

import _socket
import errno
import select
import time

from esmtp_py.errors import MailError

# One read; replies are short, and a bigger buffer would only be allocated in vain.
READ_SIZE = 65536
# What a server may say while we are still sending.  200 lines of 8 KiB would
# be one reply (see smtp.reply); whoever sends more without reading is not a mail server.
MAX_UNREAD = 2 << 20
# poll() takes no more milliseconds than an int holds.
LONGEST_WAIT = 1e6

_AGAIN = (errno.EAGAIN, errno.EINTR)


class Stream:
    """One connection in the clear; ``net.tls.TlsStream`` has the same methods."""

    def __init__(self, sock: _socket.socket, peer: str) -> None:
        self.peer = peer
        self._sock = sock
        self._unread = bytearray()
        self._ended = False
        self._poll = select.poll()
        sock.setblocking(False)
        # one write is one flight: Nagle could only hold it back
        _tune(sock, "TCP_NODELAY")

    def send(self, data: bytes | bytearray | memoryview, deadline: float) -> None:
        """Writes all of ``data``.

        Reads meanwhile: with pipelining both ends could otherwise wait for
        each other with full buffers (RFC 2920 section 3.1).
        """
        view = memoryview(data)
        while view:
            try:
                view = view[self._sock.send(view) :]
            except OSError as error:
                if error.errno not in _AGAIN:
                    raise self._lost(error.strerror or str(error)) from error
                self._wait(select.POLLOUT | select.POLLIN, deadline)
                self._read_ahead()

    def receive(self, deadline: float) -> bytes:
        """The next bytes, as many as there are; b"" when the peer has closed."""
        if self._unread:
            data, self._unread = bytes(self._unread), bytearray()
            return data
        while not self._ended:
            fresh = self._read()
            if fresh is not None:
                return fresh
            self._wait(select.POLLIN, deadline)
        return b""

    def put_back(self, data: bytes) -> None:
        """What ``receive`` has given, and is for whoever receives next."""
        self._unread[:0] = data

    def waiting(self) -> bool:
        """True when ``receive`` would not have to wait."""
        self._read_ahead()
        return bool(self._unread) or self._ended

    def local_address(self) -> str:
        """Our own IP address on this connection, "" on a unix socket."""
        return "" if self._sock.family == _socket.AF_UNIX else str(self._sock.getsockname()[0])

    def close(self) -> None:
        self._sock.close()

    def cut(self) -> None:
        """Ends the connection under whoever waits for it, in another thread."""
        try:
            self._sock.shutdown(_socket.SHUT_RDWR)
        except OSError:
            pass  # it is over already

    def _read_ahead(self) -> None:
        while not self._ended and len(self._unread) < MAX_UNREAD:
            data = self._read()
            if not data:
                return
            self._unread += data

    def _read(self) -> bytes | None:
        """What is there now, b"" at the end, None when there is nothing yet."""
        try:
            data = self._sock.recv(READ_SIZE)
        except OSError as error:
            if error.errno in _AGAIN:
                return None
            raise self._lost(error.strerror or str(error)) from error
        self._ended = not data
        return data

    def _wait(self, events: int, deadline: float) -> None:
        if self._ended or len(self._unread) >= MAX_UNREAD:
            events &= ~select.POLLIN
        left = min(deadline - time.monotonic(), LONGEST_WAIT)
        # A server that writes a reply in two pieces waits for our acknowledgement in between.
        # Delayed, that is 40 ms a time.  The kernel takes the option back by itself.
        _tune(self._sock, "TCP_QUICKACK")
        self._poll.register(self._sock, events)
        if left <= 0 or not self._poll.poll(left * 1000 + 1):
            raise self._lost("it did not answer in time")

    def _lost(self, why: str) -> MailError:
        return MailError("connection_lost", f"lost the connection to {self.peer}: {why}", remote=self.peer)


def _tune(sock: _socket.socket, option: str) -> None:
    """Sets an option of TCP, where there is one; a socket that is dead already will say so when it is used."""
    if sock.family != _socket.AF_UNIX and hasattr(_socket, option):
        try:
            sock.setsockopt(_socket.IPPROTO_TCP, getattr(_socket, option), 1)
        except OSError:
            pass
