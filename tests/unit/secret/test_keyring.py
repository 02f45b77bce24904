"""password_from keyring: found, not found, and whatever else a keyring can do."""

import json
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from esmtp_py.concealed import Secret
from esmtp_py.config.identity import Identity
from esmtp_py.config.server import LMTP, Server
from esmtp_py.errors import MailError
from esmtp_py.secret import deadline, keyring
from esmtp_py.secret.service import service

SERVER = Server("mx.example.org", "587")
BACKEND = "tests.keyrings.FileKeyring"


def identity(backend: str = BACKEND, user: str = "alice", server: Server = SERVER) -> Identity:
    return Identity(
        addresses=("me@x.org",), username=user, server=server, password_from="keyring", keyring_backend=backend
    )


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    # nobody's real keyring
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent")
    monkeypatch.delenv("KEYRING_DOES", raising=False)
    return tmp_path


def failure(of: Identity) -> str:
    with pytest.raises(MailError) as raised:
        keyring.fetch(of)
    assert (raised.value.kind, raised.value.status) == ("try_again", "4.7.0")
    assert "\n" not in raised.value.text
    return raised.value.text


def test_stored_found_removed(home: Path) -> None:
    alice = identity()
    assert keyring.store(alice, service(alice), Secret("hunter2")) == BACKEND
    assert json.loads((home / "keyring.json").read_text()) == {"smtp://mx.example.org": {"alice": "hunter2"}}
    assert keyring.fetch(alice) == "hunter2"
    assert keyring.remove(alice, service(alice)) is True
    assert keyring.remove(alice, service(alice)) is False
    assert "run esmtp --set-password me@x.org" in failure(alice)


def test_each_user_and_each_host_has_his_own(home: Path) -> None:
    alice, bob = identity(), identity(user="bob")
    keyring.store(alice, service(alice), Secret("hunter2"))
    assert "none for bob at smtp://mx.example.org" in failure(bob)
    assert "none for alice at smtp://mx.example.com" in failure(identity(server=Server("mx.example.com", "587")))


@pytest.mark.parametrize(
    ("server", "name"),
    [
        (Server("mx.example.org", "465"), "smtp://mx.example.org"),
        (Server("mx.example.org", "24", protocol=LMTP), "smtp://mx.example.org"),
        (Server("", "", path="/run/submit"), "smtp://localhost"),
    ],
)
def test_what_the_service_is_called(server: Server, name: str) -> None:
    assert service(identity(server=server)) == name


@pytest.mark.parametrize(
    ("does", "words"),
    [
        ("locked", "the keyring is locked: unlock it, or use password_command"),
        ("fails", "the keyring failed: OSError: no bus: is it running"),
        ("exits", "the keyring cannot be used: SystemExit 3: check keyring_backend"),
        ("bytes", "the keyring gives no text, but something else: check keyring_backend"),
    ],
)
def test_what_goes_wrong_is_one_line(does: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEYRING_DOES", does)
    assert words in failure(identity())


def test_one_that_hangs_has_a_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEYRING_DOES", "hangs")
    monkeypatch.setattr(keyring, "SECONDS", 0.2)
    assert "did not answer in 0 s: is it locked?" in failure(identity())


def test_one_that_tells_is_not_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEYRING_DOES", "tells")
    alice = identity()
    with pytest.raises(MailError, match=r"cannot store '\*'"):
        keyring.store(alice, service(alice), Secret("hunter2"))


def test_one_that_keeps_nothing_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEYRING_DOES", "forgets")
    alice = identity()
    with pytest.raises(MailError, match="has not kept it: choose another with keyring_backend") as raised:
        keyring.store(alice, service(alice), Secret("hunter2"))
    assert "hunter2" not in raised.value.text


@pytest.mark.parametrize(
    ("backend", "words"),
    [
        ("keyring.backends.fail.Keyring", "there is no keyring that could be used here"),
        ("keyring.backends.null.Keyring", "the keyring has none for alice"),
        ("no.such.Keyring", "No module named 'no': check keyring_backend"),
        ("keyring.backends.fail.Ring", "has no attribute 'Ring': check keyring_backend"),
        ("keyring.backends.macOS.Keyring", "check keyring_backend"),
    ],
)
def test_backends_that_are_of_no_use(backend: str, words: str) -> None:
    assert words in failure(identity(backend))


def test_without_a_keyring_it_is_said_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
    monkeypatch.setattr("keyring.core._keyring_backend", None)
    assert "there is no keyring that could be used here: start one" in failure(identity(""))


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    monkeypatch.delitem(sys.modules, "keyring.core", raising=False)
    assert "package keyring is not installed" in failure(identity())


def test_a_named_one_saves_the_search(monkeypatch: pytest.MonkeyPatch) -> None:
    def searched() -> Any:
        raise AssertionError("all backends were looked for")

    monkeypatch.setattr("keyring.backend.get_all_keyring", searched)
    monkeypatch.setattr("keyring.core._keyring_backend", None)
    assert "none for alice" in failure(identity())
    assert "all backends" in failure(identity(""))


def test_the_bus_of_the_session_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Cron and system services do not say where it is."""
    import os
    import socket

    path = tmp_path / "bus"
    with socket.socket(socket.AF_UNIX) as bus:
        bus.bind(str(path))
        monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS")
        real = os.stat
        monkeypatch.setattr(
            os, "stat", lambda name: real(path) if name == f"/run/user/{os.geteuid()}/bus" else real(name)
        )
        keyring._find_session_bus()
        assert os.environ["DBUS_SESSION_BUS_ADDRESS"] == f"unix:path=/run/user/{os.geteuid()}/bus"


def test_a_call_that_ends_in_time_ends_as_it_does() -> None:
    assert deadline.within(30, lambda: 5) == 5
    with pytest.raises(ZeroDivisionError):
        deadline.within(30, lambda: 1 // 0)


def test_one_that_does_not_is_left_behind() -> None:
    gate = threading.Event()
    begin = time.monotonic()
    with pytest.raises(deadline.Late):
        deadline.within(0.1, lambda: gate.wait(60))
    assert time.monotonic() - begin < 30
    gate.set()
