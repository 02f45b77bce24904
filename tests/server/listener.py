"""Accepts connections on loopback or a unix socket and gives each a thread."""

import os
import socket
import ssl
import threading
from typing import Self

from tests.ports import free_port

# A client that says nothing for so long has hung, and so would the test.
PATIENCE = 30.0


class Listener:
    """Base of the servers: ``with`` starts and ends it; subclasses say what happens in ``serve``.

    host, port: where it listens (127.0.0.1 and a free port unless told), or
    path:       the unix socket.
    errors:     exceptions that escaped from ``serve``; leaving ``with`` raises the first.
    """

    def __init__(self, *, path: str = "", host: str = "127.0.0.1", port: int = 0) -> None:
        self.path = path
        self.host = host
        self.port = port
        self.errors: list[BaseException] = []
        self._lock = threading.Lock()
        self._open: dict[threading.Thread, socket.socket] = {}
        self._threads: list[threading.Thread] = []
        self._closing = False

    def serve(self, connection: socket.socket) -> None:
        """One connection, in its own thread; it is closed for you."""
        raise NotImplementedError

    def start_tls(self, connection: socket.socket, context: ssl.SSLContext) -> ssl.SSLSocket:
        """The same connection after a TLS handshake.  Raises OSError (ssl.SSLError) when that fails."""
        tls = context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        self._watch(threading.current_thread(), tls)
        tls.do_handshake()
        return tls

    def __enter__(self) -> Self:
        if self.path:
            self._socket = socket.socket(socket.AF_UNIX)
            self._socket.bind(self.path)
            self._socket.listen(64)
        else:
            family = socket.AF_INET
            if ":" in self.host:
                family = socket.AF_INET6
                # any free one might be that of somebody's "localhost" on 127.0.0.1
                self.port = self.port or free_port()
            self._socket = socket.create_server((self.host, self.port), family=family, backlog=64)
            self.port = self._socket.getsockname()[1]
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()
        return self

    def __exit__(self, kind: object, *rest: object) -> None:
        self.close()
        if kind is None and self.errors:
            raise self.errors[0]

    def close(self) -> None:
        """Take no more connections, cut those that are open, wait for their threads."""
        with self._lock:
            self._closing = True
            for connection in self._open.values():
                _cut(connection)
        _cut(self._socket)  # wakes accept()
        self._acceptor.join(PATIENCE)
        self._socket.close()
        self.settle()
        if self.path:
            os.unlink(self.path)

    def settle(self) -> None:
        """Wait until every connection there has been is over and recorded."""
        with self._lock:
            threads = list(self._threads)
        for thread in threads:
            thread.join(PATIENCE)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            if connection.family != socket.AF_UNIX:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.settimeout(PATIENCE)
            thread = threading.Thread(target=self._run, args=(connection,), daemon=True)
            self._watch(thread, connection)
            with self._lock:  # settle() cannot wait for one that has not begun
                self._threads.append(thread)
                thread.start()

    def _watch(self, thread: threading.Thread, connection: socket.socket) -> None:
        with self._lock:
            self._open[thread] = connection
            if self._closing:
                _cut(connection)

    def _run(self, connection: socket.socket) -> None:
        try:
            self.serve(connection)
        except OSError:
            pass  # the client went away; what was recorded until then stands
        except BaseException as error:
            self.errors.append(error)
        with self._lock:
            self._open.pop(threading.current_thread()).close()


def _cut(connection: socket.socket) -> None:
    # The plain socket's shutdown: that of SSLSocket would drop TLS state its own thread is using.
    try:
        socket.socket.shutdown(connection, socket.SHUT_RDWR)
    except OSError:
        pass  # it is over already
