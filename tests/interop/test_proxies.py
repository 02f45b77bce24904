"""Mail through Debian's dante (SOCKS) and tinyproxy (HTTP): greeted, secured and logged in at the other end."""

import os
import pathlib
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Generator

import pytest

from tests.conftest import Command
from tests.interop.programs import PATH, needs
from tests.ports import free_port
from tests.server import SubmissionServer

WriteRc = Callable[[str], pathlib.Path]
MAIL = b"Subject: through\n\nthe wall\n"

DANTE = """
logoutput: {home}/log
internal: 127.0.0.1 port = {port}
external: lo
clientmethod: none
socksmethod: none
{users}
client pass {{ from: 127.0.0.0/8 to: 0.0.0.0/0 }}
socks block {{ from: 127.0.0.0/8 to: 127.0.0.9/32 }}
socks pass {{ from: 127.0.0.0/8 to: 0.0.0.0/0 protocol: tcp }}
"""
# What root must say, and nobody else may.
USERS = "user.privileged: root\nuser.unprivileged: nobody" if not os.geteuid() else ""
TINYPROXY = """
Port {port}
Listen 127.0.0.1
Timeout 20
Allow 127.0.0.1
LogFile "{home}/log"
PidFile "{home}/pid"
BasicAuth alice open-sesame
ConnectPort {allowed}
"""


class Running:
    """A program that listens on ``port`` by the time we are in ``with``."""

    def __init__(self, *argv: str, port: int) -> None:
        self.port = port
        self._argv = argv

    def __enter__(self) -> "Running":
        program = shutil.which(self._argv[0], path=PATH) or self._argv[0]
        self._process = subprocess.Popen(
            [program, *self._argv[1:]], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        end = time.monotonic() + 20
        while time.monotonic() < end and self._process.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return self
            time.sleep(0.02)  # nothing tells when it listens
        self.__exit__()
        raise AssertionError(f"{program} does not listen")

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(20)


@pytest.fixture(scope="module")
def server() -> Generator[SubmissionServer, None, None]:
    with SubmissionServer() as running:
        yield running


@pytest.fixture(scope="module")
def dante(tmp_path_factory: pytest.TempPathFactory) -> Generator[Running, None, None]:
    home, port = tmp_path_factory.mktemp("dante"), free_port()
    (home / "conf").write_text(DANTE.format(users=USERS, home=home, port=port))
    with Running("danted", "-f", str(home / "conf"), "-p", str(home / "pid"), port=port) as running:
        yield running


@pytest.fixture(scope="module")
def tinyproxy(server: SubmissionServer, tmp_path_factory: pytest.TempPathFactory) -> Generator[Running, None, None]:
    home, port = tmp_path_factory.mktemp("tinyproxy"), free_port()
    (home / "conf").write_text(TINYPROXY.format(home=home, port=port, allowed=server.port))
    with Running("tinyproxy", "-d", "-c", str(home / "conf"), port=port) as running:
        yield running


def rc_for(server: SubmissionServer, proxy: str, host: str = "") -> str:
    return (
        f"hostname {host or f'localhost:{server.port}'}\nproxy {proxy}\nusername alice\npassword secret\n"
        f"starttls required\nca_file {server.authority.file}\n"
    )


def arrives(server: SubmissionServer, esmtp: Command, rc: WriteRc, proxy: str, host: str = "localhost") -> None:
    before = len(server.mails)
    rc(rc_for(server, proxy, f"{host}:{server.port}"))
    trace = esmtp.home / "trace"
    done = esmtp("-X", str(trace), "-f", "me@example.test", "you@example.test", stdin=MAIL)
    assert (done.code, done.err) == (0, "")
    assert len(server.mails) == before + 1
    assert server.violations == []
    assert f"connected to {host}:{server.port} through {proxy.partition('://')[0]}://127.0.0.1:" in trace.read_text()
    assert "open-sesame" not in trace.read_text()


def refused(esmtp: Command) -> str:
    done = esmtp("-v", "-f", "me@example.test", "you@example.test", stdin=MAIL)
    assert done.code in (75, 77, 78)
    assert "Traceback" not in done.err
    return done.err


@needs("danted")
@pytest.mark.parametrize(
    ("scheme", "host"),
    # names in SOCKS 4 are not known to dante: it connects to 0.0.0.1
    [("socks5", "localhost"), ("socks5", "127.0.0.1"), ("socks4a", "127.0.0.1")],
)
def test_dante(scheme: str, host: str, dante: Running, server: SubmissionServer, esmtp: Command, rc: WriteRc) -> None:
    arrives(server, esmtp, rc, f"{scheme}://127.0.0.1:{dante.port}", host)


@needs("danted")
def test_dante_with_a_login_that_it_does_not_want(
    dante: Running, server: SubmissionServer, esmtp: Command, rc: WriteRc
) -> None:
    arrives(server, esmtp, rc, f"socks5://me:secret@127.0.0.1:{dante.port}")


@needs("danted")
@pytest.mark.parametrize("scheme", ["socks5", "socks4a"])
def test_dante_refuses(scheme: str, dante: Running, server: SubmissionServer, esmtp: Command, rc: WriteRc) -> None:
    place = f"{scheme}://127.0.0.1:{dante.port}"
    rc(rc_for(server, place, f"127.0.0.9:{server.port}"))
    assert f"the proxy {place} does not connect us: it" in refused(esmtp)
    rc(rc_for(server, place, f"127.0.0.1:{free_port()}"))
    said = refused(esmtp)
    assert ("the server refuses the connection" if scheme == "socks5" else "it refuses") in said
    rc(rc_for(server, place, "no-such-host.invalid:25"))
    assert f"the proxy {place} does not connect us: " in refused(esmtp)


@needs("tinyproxy")
def test_tinyproxy(tinyproxy: Running, server: SubmissionServer, esmtp: Command, rc: WriteRc) -> None:
    arrives(server, esmtp, rc, f"http://alice:open-sesame@127.0.0.1:{tinyproxy.port}")


@needs("tinyproxy")
@pytest.mark.parametrize(
    ("login", "host", "says"),
    [
        ("", "", "it wants a login: write http://USER:PASSWORD@HOST:PORT (HTTP 407)"),
        ("alice:wrong-word@", "", "(HTTP 40"),  # it says 401, where RFC 9110 has 407
        ("alice:open-sesame@", "127.0.0.1:25", "its rules forbid this host or port (HTTP 403)"),
    ],
)
def test_tinyproxy_refuses(
    login: str, host: str, says: str, tinyproxy: Running, server: SubmissionServer, esmtp: Command, rc: WriteRc
) -> None:
    rc(rc_for(server, f"http://{login}127.0.0.1:{tinyproxy.port}", host))
    said = refused(esmtp)
    assert says in said
    assert "word" not in said
    assert "sesame" not in said
