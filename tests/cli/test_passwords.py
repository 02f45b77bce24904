"""Where the rc says the password is, it is found; where it cannot be had, the mail waits and says why."""

import json
import pathlib
import signal
from collections.abc import Callable, Iterator

import pytest

from tests.cli.queue import Queue, queue
from tests.conftest import Command
from tests.interop.postfix import wait_until
from tests.server import SubmissionServer

__all__ = ["queue"]

Rc = Callable[[str], pathlib.Path]
ROOT = pathlib.Path(__file__).parents[2]
MAIL = b"Subject: x\n\nx\n"


@pytest.fixture
def server() -> Iterator[SubmissionServer]:
    with SubmissionServer(users={"alice": "hunter2"}) as running:
        yield running


@pytest.fixture
def say(server: SubmissionServer, esmtp: Command, rc: Rc) -> Callable[[str], None]:
    """Writes an rc whose identity has this source of a password."""
    esmtp.environ |= {"PYTHONPATH": str(ROOT), "DBUS_SESSION_BUS_ADDRESS": "unix:path=/nonexistent"}

    def write(source: str) -> None:
        rc(
            f"identity me@x.org\nhostname localhost:{server.port}\nusername alice\n"
            f'ca_file "{server.authority.file}"\n{source}\n'
        )

    return write


def private(path: pathlib.Path, text: str) -> pathlib.Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(0o600)
    path.write_text(text)
    return path


def provide(home: pathlib.Path, environ: dict[str, str]) -> None:
    """The password in every place."""
    private(home / "pw", "hunter2\n")
    private(home / ".netrc", "machine localhost login alice password hunter2\n")
    private(home / "keyring.json", json.dumps({"smtp://localhost": {"alice": "hunter2"}}))
    environ["CREDENTIALS_DIRECTORY"] = str(private(home / "credentials" / "smtp", "hunter2\n").parent)


KEYRING = "password_from keyring\nkeyring_backend tests.keyrings.FileKeyring"
SOURCES = {
    "rc": 'password "hunter2"',
    "command": 'password_command "cat ~/pw"',
    "file": "password_file ~/pw",
    "netrc": "password_from netrc",
    "keyring": KEYRING,
    "credential": "password_from credential smtp",
}

# What is wrong with each when its place is empty, and what to do.
MISSING = {
    "command": "password_command (cat ~/pw) ended with status 1: cat: ",
    "file": "/pw: No such file",
    "netrc": "/.netrc: No such file",
    "keyring": "run esmtp --set-password me@x.org",
    "credential": "LoadCredential=smtp:FILE",
    "ask": "run esmtp -q at a terminal",
}


@pytest.mark.parametrize("source", SOURCES)
def test_found(source: str, say: Callable[[str], None], server: SubmissionServer, esmtp: Command) -> None:
    say(SOURCES[source])
    provide(esmtp.home, esmtp.environ)
    done = esmtp("-f", "me@x.org", "bob@x.org", stdin=MAIL)
    assert (done.code, done.err) == (0, "")
    assert len(server.mails) == 1
    assert server.violations == []


@pytest.mark.parametrize("source", MISSING)
def test_not_to_be_had_is_to_be_tried_again(source: str, say: Callable[[str], None], esmtp: Command) -> None:
    say(SOURCES.get(source, "password_from ask"))
    done = esmtp("-f", "me@x.org", "bob@x.org", stdin=MAIL)
    assert done.code == 75
    assert MISSING[source] in done.err
    assert len(done.err.splitlines()) == 1


@pytest.mark.parametrize("source", MISSING)
def test_queued_mail_waits_with_the_reason(
    source: str, say: Callable[[str], None], server: SubmissionServer, esmtp: Command, queue: Queue
) -> None:
    say(SOURCES.get(source, "password_from ask"))
    for _ in range(2):
        esmtp("-odq", "-f", "me@x.org", "bob@x.org", stdin=MAIL)
    assert (esmtp("-q").code, server.mails) == (0, [])
    listed = esmtp("-bp", "-v").out
    assert listed.count("bob@x.org") == 2
    assert listed.count("status 4.7.0") == 2
    told = [json.loads(line)["recipients"][0] for line in esmtp("--json").out.splitlines()]
    assert all(MISSING[source] in each["delay_reason"] for each in told)
    assert len(queue.store.ids()) == 2  # no bounce

    if source == "ask":
        return
    provide(esmtp.home, esmtp.environ)
    esmtp("-qRx.org")
    assert len(server.mails) == 2
    assert queue.store.ids() == []


def calls(home: pathlib.Path) -> int:
    path = home / "calls"
    return len(path.read_text().splitlines()) if path.exists() else 0


@pytest.mark.parametrize("connections", [1, 3])
@pytest.mark.parametrize("works", [True, False])
def test_a_run_asks_once(
    works: bool, connections: int, say: Callable[[str], None], server: SubmissionServer, esmtp: Command, queue: Queue
) -> None:
    end = "sleep 0.3; echo hunter2" if works else "sleep 0.3; echo no agent >&2; exit 2"
    say(f'password_command "echo called >>~/calls; {end}"\nconnections {connections}')
    for _ in range(5):
        esmtp("-odq", "-f", "me@x.org", "bob@x.org", stdin=MAIL)
    esmtp("-q")
    assert calls(esmtp.home) == 1
    assert len(server.mails) == (5 if works else 0)


def test_what_the_server_refuses_is_looked_up_again_by_the_next_run(
    say: Callable[[str], None], server: SubmissionServer, esmtp: Command, queue: Queue
) -> None:
    say("password_file ~/pw")
    private(esmtp.home / "pw", "wrong\n")
    esmtp("-odq", "-f", "me@x.org", "bob@x.org", stdin=MAIL)
    esmtp("-q")
    assert server.mails == []
    private(esmtp.home / "pw", "hunter2\n")
    esmtp("-qRx.org")
    assert len(server.mails) == 1


def test_a_keyring_that_hangs_delays_nobody_else(
    say: Callable[[str], None], server: SubmissionServer, esmtp: Command, rc: Rc, queue: Queue
) -> None:
    """The mail of the other identity is delivered long before the deadline."""
    say(KEYRING)
    path = esmtp.home / ".esmtprc"
    path.write_text(
        path.read_text() + path.read_text().replace("me@x.org", "other@x.org").replace(KEYRING, SOURCES["rc"])
    )
    esmtp.environ["KEYRING_DOES"] = "hangs"
    for sender in ("me@x.org", "other@x.org"):
        esmtp("-odq", "-f", sender, "bob@x.org", stdin=MAIL)
    terminal = esmtp.at_terminal("-q", stdin=b"")
    server.wait(1)
    wait_until(lambda: len(queue.store.ids()) == 1, "the mark of the mail that the server has")
    assert terminal.process.poll() is None
    assert [mail.sender for mail in server.mails] == ["other@x.org"]
    terminal.press(signal.SIGTERM)
    terminal.end()
    assert len(queue.store.ids()) == 1


# -- ask ---------------------------------------------------------------------------------------------------------


def test_asked_at_the_terminal(say: Callable[[str], None], server: SubmissionServer, esmtp: Command) -> None:
    say("password_from ask")
    terminal = esmtp.at_terminal("-f", "me@x.org", "bob@x.org", stdin=MAIL)
    terminal.until("Password of alice at localhost: ")
    assert not terminal.echo
    terminal.type("hunter2")
    assert terminal.end() == 0
    assert len(server.mails) == 1
    assert "hunter2" not in terminal.shown
    assert b"hunter2" not in server.mails[0].data


def test_a_run_at_the_terminal_asks_once(
    say: Callable[[str], None],
    server: SubmissionServer,
    esmtp: Command,
    queue: Queue,
) -> None:
    say("password_from ask\nconnections 2")
    for _ in range(4):
        esmtp("-odq", "-f", "me@x.org", "bob@x.org", stdin=MAIL)
    terminal = esmtp.at_terminal("-q", stdin=b"")
    terminal.until("Password of alice at localhost: ")
    assert terminal.quiet(1)  # the line that shows how the run goes on would have come by now
    terminal.type("hunter2")
    assert terminal.end() == 0
    assert terminal.shown.count("Password of") == 1
    assert len(server.mails) == 4


def test_nothing_typed_is_no_password(say: Callable[[str], None], server: SubmissionServer, esmtp: Command) -> None:
    say("password_from ask")
    terminal = esmtp.at_terminal("-f", "me@x.org", "bob@x.org", stdin=MAIL)
    terminal.answer("localhost: ", "")
    assert terminal.end() == 75
    assert "nobody has typed the password of alice at localhost" in terminal.shown


def test_interrupted_before_the_server_has_heard_of_the_mail(
    say: Callable[[str], None], server: SubmissionServer, esmtp: Command
) -> None:
    say("password_from ask")
    terminal = esmtp.at_terminal("-f", "me@x.org", "bob@x.org", stdin=MAIL)
    terminal.until("localhost: ")
    terminal.press(signal.SIGINT)
    terminal.until("stopped by a signal; nothing was sent")
    assert terminal.end() == 75
    assert server.mails == []


def test_interrupted_at_the_prompt(
    say: Callable[[str], None],
    server: SubmissionServer,
    esmtp: Command,
    queue: Queue,
) -> None:
    """Ctrl-C at the prompt of a run, which another thread shows: it does not wait, and what is typed is seen again."""
    (esmtp.home / "sitecustomize.py").write_text("import esmtp_py.queue.runner\nesmtp_py.queue.runner.GRACE = 1000.0\n")
    esmtp.environ["PYTHONPATH"] += f":{esmtp.home}"
    say("password_from ask")
    esmtp("-odq", "-f", "me@x.org", "bob@x.org", stdin=MAIL)
    terminal = esmtp.at_terminal("-q", stdin=b"")
    terminal.until("localhost: ")
    terminal.press(signal.SIGINT)
    terminal.until("stopped by a signal; what came of the mail so far is noted, and the rest waits in the queue")
    terminal.end()
    assert terminal.echo
    assert len(queue.store.ids()) == 1


@pytest.mark.parametrize("flag", ["-odb", "-odq"])
def test_nobody_is_asked_behind_his_back(
    flag: str,
    say: Callable[[str], None],
    server: SubmissionServer,
    esmtp: Command,
    queue: Queue,
) -> None:
    say("password_from ask")
    terminal = esmtp.at_terminal(flag, "-f", "me@x.org", "bob@x.org", stdin=MAIL)
    assert terminal.end() == 0
    assert "Password" not in terminal.shown
    assert len(queue.store.ids()) == 1


def test_a_job_in_the_background_of_the_shell_does_not_ask(
    say: Callable[[str], None], server: SubmissionServer, esmtp: Command, queue: Queue
) -> None:
    say("password_from ask")
    esmtp("-odq", "-f", "me@x.org", "bob@x.org", stdin=MAIL)
    script = f"set -m; {esmtp.program} -q </dev/null & wait $!; echo ended $?"
    terminal = esmtp.at_terminal("-c", script, program="/bin/sh", stdin=b"")
    terminal.until("ended 0")
    assert "Password" not in terminal.shown


def test_password_command_may_ask_at_the_terminal(
    say: Callable[[str], None], server: SubmissionServer, esmtp: Command
) -> None:
    """As pinentry does, which needs to be in the foreground there."""
    say("""password_command 'printf "PIN: " >/dev/tty; read answer </dev/tty; echo "$answer"'""")
    terminal = esmtp.at_terminal("-f", "me@x.org", "bob@x.org", stdin=MAIL)
    terminal.answer("PIN: ", "hunter2")
    assert terminal.end() == 0
    assert len(server.mails) == 1
