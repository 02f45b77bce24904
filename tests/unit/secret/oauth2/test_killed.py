"""Whoever dies while it fetches a token, at whatever point, costs nobody else the permission."""

import os
import pathlib
import signal
import socket
import subprocess
import sys
import threading

import pytest

from esmtp_py.secret.oauth2 import access_token
from tests.server.oauth import OAuthServer
from tests.unit.secret.oauth2.conftest import MakeIdentity

ASK = """
import os, sys
from esmtp_py.config import load
from esmtp_py.secret import private_file
from esmtp_py.secret.oauth2 import access_token, cache

def dies(*_):
    os.kill(os.getpid(), 9)

exec(sys.argv[2])
[identity] = load(sys.argv[1]).identities
access_token(identity)
"""


@pytest.fixture
def rc(home: pathlib.Path, provider: OAuthServer, identity: MakeIdentity) -> pathlib.Path:
    path = home / "rc"
    path.touch(0o600)
    path.write_text(f"hostname mx.example.test\nusername alice\n{provider.rc()}token_file refresh\n")
    return path


def killed(rc: pathlib.Path, at: str) -> bool:
    """Asks for a token, and dies when it calls this."""
    done = subprocess.run([sys.executable, "-c", ASK, str(rc), f"{at} = dies"], timeout=60)
    return done.returncode == -signal.SIGKILL


def test_killed_while_it_waits_for_the_provider(
    provider: OAuthServer, identity: MakeIdentity, rc: pathlib.Path
) -> None:
    asked = threading.Event()

    def silent(connection: socket.socket) -> None:
        asked.set()
        connection.recv(1)

    provider.plan("token", silent)
    process = subprocess.Popen([sys.executable, "-c", ASK, str(rc), ""])
    assert asked.wait(30)
    process.send_signal(signal.SIGKILL)
    process.wait(30)
    assert access_token(identity()).reveal() == provider.granted[0]


@pytest.mark.parametrize("step", ["os.rename", "os.fsync", "private_file._sync"])
def test_killed_while_it_keeps_the_token(
    step: str, provider: OAuthServer, identity: MakeIdentity, rc: pathlib.Path, home: pathlib.Path
) -> None:
    before = (home / "refresh").read_text()
    assert killed(rc, step)
    assert len(provider.granted) == 1
    assert (home / "refresh").read_text() == before
    assert access_token(identity()).reveal() in provider.granted
    assert not list(home.glob("**/*.new"))
    assert os.listdir(home / ".esmtp_tokens")


def test_killed_when_a_rotated_refresh_token_has_its_name(
    provider: OAuthServer, identity: MakeIdentity, rc: pathlib.Path, home: pathlib.Path
) -> None:
    provider.rotating = True
    assert killed(rc, "cache.Cache.write")
    assert {(home / "refresh").read_text().strip()} == provider.refresh_tokens
    assert access_token(identity()).reveal() == provider.granted[1]
