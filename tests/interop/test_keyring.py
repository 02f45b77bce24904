"""gnome-keyring, on a bus of the test's own: stored, found, locked, gone."""

import pathlib
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator

import pytest

from tests.cli.canary import forms
from tests.cli.queue import Queue, queue
from tests.conftest import Command, Done
from tests.interop.programs import needs
from tests.server import SubmissionServer

__all__ = ["queue"]

pytestmark = needs("dbus-run-session", "dbus-send", "gnome-keyring-daemon", "secret-tool")

Rc = Callable[[str], pathlib.Path]
MAIL = b"Subject: x\n\nx\n"

# Says what it does not find out by itself: whether the daemon is there.
SESSION = """
{start} >/dev/null 2>daemon.log &
daemon=$!
for turn in $(seq 300); do
    dbus-send --session --print-reply --dest=org.freedesktop.DBus / org.freedesktop.DBus.NameHasOwner \
        string:org.freedesktop.secrets 2>/dev/null | grep -q 'boolean true' && break
    sleep 0.1
done
{commands}
code=$?
kill $daemon
wait $daemon
exit $code
"""
UNLOCKED = "printf passphrase | gnome-keyring-daemon --unlock --foreground --components=secrets"
LOCKED = "gnome-keyring-daemon --start --foreground --components=secrets"


class Desktop:
    """Runs commands in sessions of one user, each with a bus and a keyring daemon of its own."""

    def __init__(self, esmtp: Command) -> None:
        self._esmtp = esmtp
        # the paths of its sockets must be short
        self.runtime = pathlib.Path(tempfile.mkdtemp(prefix="esmtp-"))

    def __call__(self, commands: str, start: str = UNLOCKED, stdin: bytes = b"") -> Done:
        script = SESSION.format(start=start, commands=commands.replace("esmtp", str(self._esmtp.program)))
        environ = self._esmtp.environ | {"XDG_RUNTIME_DIR": str(self.runtime)}
        argv = ["dbus-run-session", "--", "/bin/sh", "-c", script]
        return Done(
            subprocess.run(argv, input=stdin, capture_output=True, env=environ, cwd=self._esmtp.home, timeout=120)
        )


@pytest.fixture
def desktop(esmtp: Command) -> Iterator[Desktop]:
    made = Desktop(esmtp)
    yield made
    shutil.rmtree(made.runtime)


@pytest.fixture
def server(rc: Rc) -> Iterator[SubmissionServer]:
    with SubmissionServer(users={"alice": PASSWORD}) as running:
        rc(
            f"identity me@x.org\nhostname localhost:{running.port}\nusername alice\n"
            f'ca_file "{running.authority.file}"\npassword_from keyring\n'
            "keyring_backend keyring.backends.SecretService.Keyring\n"
        )
        yield running


# Not the canary's: it is on command lines here, where other tests look for that.
PASSWORD = "Wellensittich-5Tz"
SET = f"printf '{PASSWORD}\\n' | esmtp --set-password me@x.org"
SEND = "printf 'Subject: x\\n\\nx\\n' | esmtp -f me@x.org bob@x.org"
LOOK_UP = "secret-tool lookup service smtp://localhost username alice"


def test_stored_used_and_removed(desktop: Desktop, server: SubmissionServer, esmtp: Command) -> None:
    done = desktop(f"{SET} && {SEND} && {LOOK_UP}")
    assert done.code == 0, done
    assert done.out.splitlines() == [
        "Stored the password of alice for smtp://localhost in the keyring (keyring.backends.SecretService.Keyring).",
        PASSWORD,
    ]
    assert len(server.mails) == 1
    # the next session has it, and its file is of use to nobody else
    assert (esmtp.home / ".local" / "share" / "keyrings").is_dir()
    files = [path.read_bytes() for path in esmtp.home.rglob("*") if path.is_file()]
    assert not any(form in data for form in forms(PASSWORD) for data in files)
    done = desktop(f"{SEND} && esmtp --forget-password me@x.org && ! {LOOK_UP}")
    assert (done.code, done.out) == (0, "Removed the password of alice for smtp://localhost in the keyring.\n"), done
    assert len(server.mails) == 2
    done = desktop(SEND)
    assert done.code == 75
    assert "the keyring has none for alice at smtp://localhost: run esmtp --set-password me@x.org" in done.err


def test_the_best_keyring_is_found_without_a_name(
    desktop: Desktop, server: SubmissionServer, rc: Rc, esmtp: Command
) -> None:
    path = esmtp.home / ".esmtprc"
    path.write_text(path.read_text().partition("keyring_backend")[0])
    done = desktop(f"{SET} && {SEND} && {LOOK_UP}")
    assert (done.code, done.out.splitlines()[-1]) == (0, PASSWORD), done
    assert len(server.mails) == 1


def test_what_another_program_has_stored(desktop: Desktop, server: SubmissionServer) -> None:
    store = f"printf '{PASSWORD}' | secret-tool store --label=mail service smtp://localhost username alice"
    done = desktop(f"{store} && {SEND}")
    assert done.code == 0, done
    assert len(server.mails) == 1


def test_mail_waits_for_a_locked_one(desktop: Desktop, server: SubmissionServer, esmtp: Command, queue: Queue) -> None:
    assert desktop(SET).code == 0
    done = desktop(SEND, LOCKED)
    assert done.code == 75
    assert "the keyring is locked: unlock it" in done.err
    for _ in range(3):
        esmtp("-odq", "-f", "me@x.org", "bob@x.org", stdin=MAIL)
    assert desktop("esmtp -q", LOCKED).code == 0
    assert esmtp("-bp").out.count("(the keyring is locked: unlock it") == 3
    assert server.mails == []
    assert desktop("esmtp -qRx.org").code == 0
    assert len(server.mails) == 3
    assert queue.store.ids() == []


def test_mail_waits_where_there_is_no_desktop(server: SubmissionServer, esmtp: Command, queue: Queue) -> None:
    """As under cron: no bus, no keyring."""
    esmtp("-odq", "-f", "me@x.org", "bob@x.org", stdin=MAIL)
    assert esmtp("-q", DBUS_SESSION_BUS_ADDRESS="unix:path=/nonexistent").code == 0
    assert "the keyring cannot be reached" in esmtp("-bp").out
    assert len(queue.store.ids()) == 1
