"""--set-password and --forget-password as a user does it: at a terminal, through a pipe, without a keyring."""

import json
import pathlib
import re
import signal
from collections.abc import Callable

import pytest

from esmtp_py.config import load
from esmtp_py.errors import MailError
from esmtp_py.queue.respite import Respite
from esmtp_py.queue.store import Store
from tests.conftest import Command
from tests.terminal import Terminal

Rc = Callable[[str], pathlib.Path]
ROOT = pathlib.Path(__file__).parents[2]

RC = """identity me@x.org
    hostname mx.example.org:465
    username alice
    password_from keyring
    keyring_backend tests.keyrings.FileKeyring
"""


@pytest.fixture
def keyring(esmtp: Command, rc: Rc) -> Callable[[], object]:
    """What the keyring holds; the rc names one that is a file."""
    rc(RC)
    esmtp.environ |= {"PYTHONPATH": str(ROOT), "DBUS_SESSION_BUS_ADDRESS": "unix:path=/nonexistent"}
    path = esmtp.home / "keyring.json"
    return lambda: json.loads(path.read_text()) if path.exists() else None


@pytest.fixture
def terminal(esmtp: Command) -> Terminal:
    return esmtp.at_terminal("--set-password", "me@x.org")


STORED = {"smtp://mx.example.org": {"alice": "hunter2"}}
DONE = "Stored the password of alice for smtp://mx.example.org in the keyring (tests.keyrings.FileKeyring)."


@pytest.mark.parametrize("text", [b"hunter2\n", b"hunter2", b"hunter2\r\n", b"hunter2\nand more\n"])
def test_from_a_pipe(text: bytes, esmtp: Command, keyring: Callable[[], object]) -> None:
    done = esmtp("--set-password", "me@x.org", stdin=text)
    assert (done.code, done.err) == (0, "")
    assert done.out == DONE + "\n"
    assert keyring() == STORED


def test_an_account_that_is_put_off_may_be_asked_again(esmtp: Command, keyring: Callable[[], object]) -> None:
    with Store.open(str(esmtp.home / ".esmtp_queue")) as store:
        respite = Respite(store, load(str(esmtp.home / ".esmtprc")).identities[0])
        respite.begin(MailError("auth", "535", remote="mx", reply="535"))
        assert respite.why()
        assert esmtp("--set-password", "me@x.org", stdin=b"hunter2").code == 0
        assert respite.why() is None


def test_at_the_terminal_twice_and_never_shown(keyring: Callable[[], object], terminal: Terminal) -> None:
    terminal.until(r"Password of alice for smtp://mx\.example\.org: ")
    assert not terminal.echo
    terminal.type("hunter2")
    terminal.answer("The same again: ", "hunter2")
    terminal.until(re.escape(DONE))
    assert terminal.end() == 0
    assert "hunter2" not in terminal.shown
    assert keyring() == STORED


def test_it_is_not_left_for_the_shell(keyring: Callable[[], object], terminal: Terminal) -> None:
    """After Ctrl-Z and fg the terminal would be as the shell has it, and show what is typed."""
    terminal.answer(r"smtp://mx\.example\.org: ", "\x1ahunter2")
    terminal.answer("again: ", "\x1ahunter2")
    terminal.until(re.escape(DONE))
    assert terminal.end() == 0


def test_two_that_differ(keyring: Callable[[], object], terminal: Terminal) -> None:
    terminal.answer(r"smtp://mx\.example\.org: ", "hunter2")
    terminal.answer("again: ", "hunter3")
    assert terminal.end() == 64
    assert "the two are not the same: nothing is stored" in terminal.shown
    assert keyring() is None


def test_nothing_typed(keyring: Callable[[], object], terminal: Terminal) -> None:
    terminal.answer(r"smtp://mx\.example\.org: ", "")
    assert terminal.end() == 64
    assert "no password was typed: nothing is stored" in terminal.shown
    assert keyring() is None


def test_nobody_types_a_password_that_cannot_be_kept(esmtp: Command, rc: Rc, keyring: Callable[[], object]) -> None:
    rc(RC.replace("tests.keyrings.FileKeyring", "keyring.backends.fail.Keyring"))
    terminal = esmtp.at_terminal("--set-password", "me@x.org")
    assert terminal.end() == 75
    assert "Password of" not in terminal.shown
    assert "there is no keyring that could be used here" in terminal.shown


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_the_terminal_as_it_was(
    number: signal.Signals, keyring: Callable[[], object], terminal: Terminal
) -> None:
    terminal.until(r"smtp://mx\.example\.org: ")
    terminal.press(number)
    terminal.until("stopped by a signal\n")  # and no word of recipients
    assert terminal.echo
    assert terminal.end() == 75
    assert keyring() is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "no password was typed"),
        (b"\nhunter2\n", "no password was typed"),
        (b"x" * 5000, "at most 4096 bytes"),
        (b"hun\0ter2\n", "has no NUL"),
        (b"hun\xffter2\n", "must be UTF-8"),
    ],
)
def test_what_is_no_password(text: bytes, words: str, esmtp: Command, keyring: Callable[[], object]) -> None:
    done = esmtp("--set-password", "me@x.org", stdin=text)
    assert done.code == 64
    assert words in done.err
    assert "ter2" not in done.err
    assert keyring() is None


def test_it_is_no_word_of_the_command_line(esmtp: Command, keyring: Callable[[], object]) -> None:
    done = esmtp("--set-password", "me@x.org", "hunter2")
    assert done.code == 64
    assert "a password is typed when it is asked for" in done.err
    assert "hunter2" not in done.err
    assert keyring() is None


def test_removed(esmtp: Command, keyring: Callable[[], object]) -> None:
    esmtp("--set-password", "me@x.org", stdin=b"hunter2\n")
    done = esmtp("--forget-password", "me@x.org")
    assert (done.code, done.out) == (
        0,
        "Removed the password of alice for smtp://mx.example.org in the keyring.\n",
    )
    assert keyring() == {"smtp://mx.example.org": {}}
    assert esmtp("--forget-password=me@x.org").out.startswith("There was no password of alice")


def test_an_rc_that_does_not_use_it_is_told(esmtp: Command, rc: Rc, keyring: Callable[[], object]) -> None:
    rc(RC.replace("password_from keyring", ""))
    done = esmtp("--set-password", "me@x.org", stdin=b"hunter2\n")
    assert "Mail of me@x.org does not use it yet: write `password_from keyring`" in done.out
    assert keyring() == STORED


def test_whose(esmtp: Command, rc: Rc, keyring: Callable[[], object]) -> None:
    rc(RC.replace("username alice", ""))
    done = esmtp("--set-password", "me@x.org", stdin=b"hunter2\n")
    assert done.code == 78
    assert "the identity me@x.org has no username" in done.err


@pytest.mark.parametrize(
    ("does", "code", "words"),
    [
        ("locked", 75, "the keyring is locked: unlock it"),
        ("fails", 75, "the keyring failed: OSError: no bus"),
        ("forgets", 73, "has not kept it: choose another with keyring_backend"),
    ],
)
@pytest.mark.parametrize("flag", ["--set-password", "--forget-password"])
def test_a_keyring_that_does_not_work(
    flag: str, does: str, code: int, words: str, esmtp: Command, keyring: Callable[[], object]
) -> None:
    if flag == "--forget-password" and does == "forgets":
        return  # there is nothing in it
    done = esmtp(flag, "me@x.org", stdin=b"hunter2\n", KEYRING_DOES=does)
    assert done.code == code
    assert words in done.err
    assert "hunter2" not in done.err + done.out


def test_no_keyring(esmtp: Command, rc: Rc, keyring: Callable[[], object]) -> None:
    rc(RC.replace("tests.keyrings.FileKeyring", "keyring.backends.fail.Keyring"))
    done = esmtp("--set-password", "me@x.org", stdin=b"hunter2\n")
    assert done.code == 75
    assert "there is no keyring that could be used here" in done.err
