"""One door to all sources: what is found is kept, and nobody is asked in vain twice in a row."""

import threading
import time
from pathlib import Path
from typing import Any

import pytest

from esmtp_py.concealed import Secret
from esmtp_py.config.identity import Identity
from esmtp_py.config.server import Server
from esmtp_py.deliver.session import Session
from esmtp_py.errors import MailError
from esmtp_py.secret import password as door
from esmtp_py.secret.password import forget, has_source, password, remedy
from tests.server import SubmissionServer


def identity(**said: Any) -> Identity:
    return Identity(username="alice", server=Server("mx.example.org", "587"), **said)


def counting(tmp_path: Path, command: str) -> tuple[Identity, Path]:
    """An identity whose command notes each of its calls, and the file of notes."""
    calls = tmp_path / "calls"
    return identity(password_command=f"echo called >>{calls}; {command}"), calls


def test_the_one_of_the_rc_is_taken_as_it_is() -> None:
    assert password(identity(password=Secret("hunter2"))) == Secret("hunter2")
    assert password(identity(password=Secret(""))) == Secret("")


def test_without_a_source_the_rc_is_at_fault() -> None:
    with pytest.raises(MailError, match="no password for alice: write `password`") as raised:
        password(identity())
    assert raised.value.kind == "config"
    assert not has_source(identity())


@pytest.mark.parametrize("said", ["password_command", "password_file", "password_from", "credential"])
def test_a_source_is_a_source(said: str) -> None:
    assert has_source(identity(**{said: "x"}))


def test_it_is_asked_for_once(tmp_path: Path) -> None:
    alice, calls = counting(tmp_path, "echo hunter2")
    assert [password(alice), password(alice)] == [Secret("hunter2")] * 2
    assert calls.read_text() == "called\n"


def test_what_the_server_refused_is_fetched_again(tmp_path: Path) -> None:
    alice, calls = counting(tmp_path, "echo hunter2")
    password(alice)
    forget(alice)
    password(alice)
    assert calls.read_text() == "called\n" * 2


def test_a_failure_stays_one_for_a_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alice, calls = counting(tmp_path, "echo locked >&2; exit 2")
    for _ in range(3):
        with pytest.raises(MailError, match="locked") as raised:
            password(alice)
        assert (raised.value.kind, raised.value.status) == ("try_again", "4.7.0")
    assert calls.read_text() == "called\n"
    monkeypatch.setattr(door, "VAIN", 0.0)
    with pytest.raises(MailError, match="locked"):
        password(alice)
    assert calls.read_text() == "called\n" * 2


def test_many_at_once_ask_once(tmp_path: Path) -> None:
    alice, calls = counting(tmp_path, "sleep 0.2; echo hunter2")
    found: list[Secret] = []
    threads = [threading.Thread(target=lambda: found.append(password(alice))) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [Secret("hunter2")] * 5
    assert calls.read_text() == "called\n"


def test_one_identity_does_not_wait_for_another(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    gate.write_text("")
    slow = identity(password_command=f"while [ -e {gate} ]; do sleep 0.05; done; echo late")
    thread = threading.Thread(target=password, args=(slow,))
    thread.start()
    begin = time.monotonic()
    try:
        assert password(identity(password_command="echo soon")) == Secret("soon")
        assert thread.is_alive(), time.monotonic() - begin
    finally:
        gate.unlink()
        thread.join()


def test_two_users_of_one_command_are_two(tmp_path: Path) -> None:
    alice, calls = counting(tmp_path, "echo hunter2")
    password(alice)
    password(Identity(username="bob", server=alice.server, password_command=alice.password_command))
    assert calls.read_text() == "called\n" * 2


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"password": Secret("hunter2")}, "check username and password in the rc"),
        ({}, "check username and password in the rc"),
        ({"password_command": "pass x"}, "check username in the rc and what password_command writes"),
        ({"password_file": "/pw"}, "check username in the rc and the first line of /pw"),
        ({"credential": "smtp"}, "check username in the rc and the credential smtp"),
        ({"password_from": "netrc"}, "check username in the rc and ~/.netrc"),
        ({"password_from": "ask"}, "check username in the rc and what was typed"),
        ({"password_from": "keyring"}, "store the password anew with esmtp --set-password default"),
    ],
)
def test_where_to_look_when_it_is_refused(said: dict[str, Any], words: str) -> None:
    assert words in remedy(identity(**said))


def test_a_session_after_a_refusal_has_a_fresh_one(tmp_path: Path) -> None:
    """In a run that lasts for ever the person mends it meanwhile."""
    file = tmp_path / "pw"
    file.write_text("wrong")
    file.chmod(0o600)
    with SubmissionServer(users={"alice": "hunter2"}, tls="none") as server:
        alice = Identity(
            username="alice",
            server=Server("127.0.0.1", str(server.port)),
            starttls="disabled",
            password_file=str(file),
        )
        with pytest.raises(MailError, match=r"535.*the first line of"):
            Session(alice)
        file.write_text("hunter2")
        Session(alice).close()
        file.unlink()
        Session(alice).close()  # what is right is kept


def test_nul_is_no_part_of_a_password() -> None:
    with pytest.raises(MailError, match="NUL") as raised:
        password(identity(password_command=r"printf 'hun\0ter\n'"))
    assert raised.value.kind == "try_again"
    assert "ter" not in raised.value.text.replace("that", "")
