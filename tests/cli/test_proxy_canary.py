"""The password of a proxy goes to the proxy, and nowhere else, whatever the proxy makes of it."""

import base64
import pathlib
import socket
import threading
from collections.abc import Callable

import pytest

from tests.cli.canary import CANARY, Watch, nests, sung
from tests.conftest import Command
from tests.server import SubmissionServer
from tests.server.listener import Listener

WriteRc = Callable[[str], pathlib.Path]
MAIL = b"From: me@x.org\nSubject: x\n\nx\n"
BASIC = base64.b64encode(f"me:{CANARY}".encode()).decode()
ECHO = f"{CANARY} {BASIC}".encode()


class Echo(Listener):
    """A proxy that wants a login, quotes it where it can, and then is a tunnel, or refuses."""

    def __init__(self, scheme: str, target: int, lets: bool) -> None:
        super().__init__()
        self.scheme = scheme
        self.target = target
        self.lets = lets
        self.knew = 0

    def serve(self, connection: socket.socket) -> None:
        knew = self._http(connection) if self.scheme == "http" else self._socks(connection)
        self.knew += knew  # in a step of its own: while it talks to one, another may come
        if not self.lets:
            return
        with socket.create_connection(("127.0.0.1", self.target)) as onward:
            Pump(onward, connection).start()
            pump(connection, onward)

    def _http(self, connection: socket.socket) -> bool:
        request = b""
        while not request.endswith(b"\r\n\r\n"):
            request += connection.recv(1000)
        if self.lets:
            connection.sendall(b"HTTP/1.1 200 " + ECHO + b"\r\nX-Login: " + ECHO + b"\r\n\r\n")
        else:
            connection.sendall(b"HTTP/1.1 407 " + ECHO + b"\r\nX-Login: " + ECHO + b"\r\n\r\n" + ECHO)
        return BASIC.encode() in request

    def _socks(self, connection: socket.socket) -> bool:
        connection.recv(4)
        connection.sendall(b"\x05\x02")
        login = connection.recv(1000)
        connection.sendall(b"\x01\x00" if self.lets else b"\x01\x01" + ECHO)
        if self.lets:
            connection.recv(1000)
            quoted = CANARY.encode()
            connection.sendall(b"\x05\x00\x00\x03" + bytes([len(quoted)]) + quoted + b"\x00\x00")
        return CANARY.encode() in login


def pump(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # the other end is gone


class Pump(threading.Thread):
    def __init__(self, source: socket.socket, sink: socket.socket) -> None:
        super().__init__(target=pump, args=(source, sink), daemon=True)


@pytest.mark.parametrize("lets", [True, False], ids=["lets", "refuses"])
@pytest.mark.parametrize("scheme", ["socks5", "http"])
def test_nobody_but_the_proxy_hears_it(scheme: str, lets: bool, esmtp: Command, rc: WriteRc) -> None:
    shown = ""
    with SubmissionServer() as server, Echo(scheme, server.port, lets) as proxy, Watch() as watch:
        rc(
            f"identity me@x.org\nhostname localhost:{server.port}\nproxy {scheme}://me:{CANARY}@127.0.0.1:{proxy.port}\n"
            f"username alice\npassword secret\nca_file {server.authority.file}\nlog ~/log\n"
            'preconnect "env >~/preconnect.env; sleep 0.1"\n'
        )
        sender = ("-v", "-X", "transcript", "-f", "me@x.org", "bob@x.org")
        for arguments in (
            sender,
            ("-odq", *sender),
            ("-q",),
            ("-bp", "-v"),
            ("--json",),
            ("--check-rc",),
            ("--explain", "me@x.org"),
            ("--serverinfo", "me@x.org"),
            ("--doctor",),
        ):
            done = esmtp(*arguments, stdin=MAIL)
            shown += done.out + done.err
    assert proxy.knew >= 3
    assert len(server.mails) == (2 if lets else 0)
    assert "(hidden)@127.0.0.1" in shown
    assert sung(shown.encode()) == []
    assert list(nests(esmtp.home, {".esmtprc"})) == []
    assert watch.found == set()
