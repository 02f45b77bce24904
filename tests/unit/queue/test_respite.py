"""What is kept of an account whose server has turned us away."""

import os
import pathlib

import pytest

from esmtp_py.config.identity import Identity
from esmtp_py.config.server import Server
from esmtp_py.errors import MailError
from esmtp_py.queue.respite import KEPT, Respite, forgive
from esmtp_py.queue.store import OFF, Store
from tests.unit.queue.conftest import NOW

HOUR = 3600
NO = MailError("auth", "mx said: 535 no", status="5.7.8", remote="mx", reply="535 no")
STATEMENTS = {"server": Server("mx.x.org", "25"), "username": "me", "password_file": "/nonexistent"}


def identity(**more: object) -> Identity:
    return Identity(**{**STATEMENTS, **more})


class Account:
    """A Respite whose clock is set by hand."""

    def __init__(self, store: Store, **more: object) -> None:
        self.now = NOW
        self.respite = Respite(store, identity(**more), lambda: self.now)

    def wait(self) -> int:
        """Seconds until the server may be asked."""
        seconds = 0
        while self.respite.why():
            self.now += 1
            seconds += 1
        return seconds


def file_of(store: Store) -> pathlib.Path:
    [name] = os.listdir(f"{store.path}/{OFF}")
    return pathlib.Path(store.path, OFF, name)


def test_longer_each_time_up_to_four_hours_and_a_quarter_and_kept_in_a_few_lines(queue: Store) -> None:
    account, waits = Account(queue), []
    for _ in range(KEPT + 4):
        account.respite.begin(NO)
        waits.append(account.wait())
    assert 60 <= waits[0] <= 75
    assert 120 <= waits[1] <= 150
    assert all(4 * HOUR <= wait <= 5 * HOUR for wait in waits[9:])
    assert file_of(queue).read_bytes().count(b"\n") == KEPT
    assert file_of(queue).stat().st_mode & 0o777 == 0o600
    assert os.listdir(f"{queue.path}/tmp") == []


def test_the_reason_is_that_of_the_last_refusal(queue: Store) -> None:
    account = Account(queue)
    assert account.respite.why() is None
    account.respite.begin(MailError("try_again", "busy", reply="421 busy"))
    account.respite.begin(NO)
    why = account.respite.why()
    assert why
    assert (why.kind, why.remote, why.reply, why.status) == ("try_again", "mx", "535 no", "5.7.8")
    assert why.text.startswith("put off until ")
    assert why.text.endswith(": mx said: 535 no")


@pytest.mark.parametrize(("error", "left"), [(NO, False), (MailError("try_again", "busy", reply="421 busy"), True)])
def test_a_log_in_proves_the_password_and_no_more(queue: Store, error: MailError, left: bool) -> None:
    account = Account(queue)
    account.respite.begin(error)
    account.respite.why()
    account.respite.logged_in()
    assert bool(account.respite.why()) == left
    account.respite.end()
    assert account.respite.why() is None
    account.respite.end()


@pytest.mark.parametrize("change", [{"username": "you"}, {"server": Server("mx.x.org", "465")}, {"auth": "PLAIN"}])
def test_for_another_account_it_does_not_count(queue: Store, change: dict[str, object]) -> None:
    Account(queue).respite.begin(NO)
    assert Account(queue).respite.why()
    assert Account(queue, helo="another.x.org").respite.why()
    assert Account(queue, **change).respite.why() is None


@pytest.mark.parametrize("broken", [b"", b"\0\xff\n" * 9, b"delivered 1700000000 0 delivered 2.0.0 - x #00000000\n"])
def test_rubbish_counts_for_nothing(queue: Store, broken: bytes) -> None:
    account = Account(queue)
    account.respite.begin(NO)
    file_of(queue).write_bytes(broken)
    assert account.respite.why() is None
    account.respite.begin(NO)
    assert account.respite.why()


def test_what_another_process_left_in_tmp_costs_a_refusal_and_nothing_else(queue: Store) -> None:
    account = Account(queue)
    account.respite.begin(NO)
    pathlib.Path(queue.path, "tmp", f"{file_of(queue).name}.{os.getpid()}").touch()
    account.respite.begin(NO)
    assert file_of(queue).read_bytes().count(b"\n") == 1


def test_forgiven_where_there_is_a_queue_and_where_there_is_none(
    queue: Store, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ESMTP_QUEUE_DIR", queue.path)
    Account(queue).respite.begin(NO)
    forgive(identity())
    assert Account(queue).respite.why() is None
    monkeypatch.setenv("ESMTP_QUEUE_DIR", str(tmp_path / "none"))
    forgive(identity())
    assert not (tmp_path / "none").exists()
    (tmp_path / "none").touch()
    forgive(identity())
