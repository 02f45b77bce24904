"""--setup, as somebody at a terminal goes through it: from an address to a mail that is sent."""

import pathlib
import re
import stat
from collections.abc import Callable, Iterator

import pytest

from tests.cli.test_hostile_words import Shouter
from tests.conftest import Command
from tests.server import SubmissionServer
from tests.server.scripted import ScriptedServer, script
from tests.terminal import Terminal

MAIL = b"Subject: x\n\ny\n"


@pytest.fixture
def server() -> Iterator[SubmissionServer]:
    with SubmissionServer() as running:
        yield running


# A keyring that asks nobody.
KEYRING = """import os
from keyring.backend import KeyringBackend

class Keyring(KeyringBackend):
    priority = 1
    def path(self, service, user):
        return os.path.join(os.environ["HOME"], (service + user).replace("/", "_"))
    def set_password(self, service, user, password):
        open(self.path(service, user), "w").write(password)
    def get_password(self, service, user):
        path = self.path(service, user)
        return open(path).read() if os.path.exists(path) else None
"""


@pytest.fixture(autouse=True)
def plain(esmtp: Command) -> None:
    """No colour, that keyring, and a machine that says within seconds if it has no DNS.

    What SRV records do is in test_srv and unit/deliver/test_find_server; here it is as without the extra [dns].
    """
    (esmtp.home / "dns.py").write_text("raise ImportError\n")
    (esmtp.home / "filekeyring.py").write_text(KEYRING)
    esmtp.environ |= {
        "TERM": "dumb",
        "RES_OPTIONS": "timeout:1 attempts:1",
        "PYTHONPATH": str(esmtp.home),
        "PYTHON_KEYRING_BACKEND": "filekeyring.Keyring",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def begin(esmtp: Command, server: SubmissionServer, *args: str) -> Terminal:
    """Up to the log-in; the domain has no server of its own, and the certificate an authority nobody knows."""
    talk = esmtp.at_terminal("--setup", *args)
    if not args:
        talk.answer("Your mail address: ", "me@nowhere.invalid")
    talk.until("trying smtp.nowhere.invalid:465")
    talk.answer("Server, with its port: ", f"localhost:{server.port}")
    talk.until("its certificate is not trusted")
    talk.until("fingerprint: SHA256:[0-9a-f]{64}")
    talk.answer("trusted from now on\\? \\[y/N\\] ", "y")
    return talk


def finish(talk: Terminal, *, keyring: str) -> None:
    talk.answer("User name, or - for none \\[me@nowhere.invalid\\]: ", "alice")
    talk.answer("Password of alice \\(not shown\\): ", "secret")
    talk.until("alice is let in")
    talk.answer("Keep the password in the keyring\\?.* \\[Y/n\\] ", keyring)


def end(talk: Terminal) -> str:
    """Whatever is offered at the end, no; the last word."""
    while re.search("\\[[yY]/[nN]\\] $", shown := talk.until("\\[[yY]/[nN]\\] $|Try it: [^\n]*\n")):
        talk.type("n")
    assert talk.end() == 0
    return shown


def test_from_an_address_to_a_mail(esmtp: Command, server: SubmissionServer) -> None:
    talk = begin(esmtp, server)
    finish(talk, keyring="n")
    talk.answer("Write it\\? \\[Y/n\\] ", "")
    assert "Try it: echo hello | esmtp -f me@nowhere.invalid me@nowhere.invalid" in end(talk)
    path = esmtp.home / ".esmtprc"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "secret" not in talk.shown, "a password is never shown"
    assert esmtp("--check-rc").code == 0
    assert esmtp("-f", "me@nowhere.invalid", "you@y.org", stdin=MAIL).code == 0
    assert server.mails[0].sender == "me@nowhere.invalid"


@pytest.mark.parametrize(
    "password", ["pa\"ss\\ $(touch canary)'; `x` #y=z,", "hostname", "disabled", "-1", "\u202e\u0085ö\\x41"]
)
def test_any_password_is_written_as_it_is(password: str, esmtp: Command) -> None:
    with SubmissionServer(users={"alice": password}, mechanisms=["PLAIN"]) as server:
        talk = begin(esmtp, server, "me@nowhere.invalid")
        talk.answer("User name, or - for none", "alice")
        talk.answer("Password of alice", password)
        talk.until("alice is let in")
        talk.answer("Keep the password in the keyring", "n")
        talk.until("    password \\(hidden\\)")
        talk.answer("Write it", "")
        end(talk)
        assert esmtp("-f", "me@nowhere.invalid", "you@y.org", stdin=MAIL).code == 0
        assert server.sessions[-1].user == "alice"
    assert password in ("hostname", "disabled", "-1") or password not in talk.shown
    assert not (esmtp.home / "canary").exists()


def test_a_server_that_plays_tricks_on_the_terminal(esmtp: Command) -> None:
    with Shouter() as server:
        talk = esmtp.at_terminal("--setup", "me@nowhere.invalid")
        talk.answer("Server, with its port: ", f"localhost:{server.port}")
        for _ in range(3):
            talk.answer("User name, or - for none", "alice")
            talk.answer("Password of alice", "secret")
            talk.until("535 .*pwned")
        assert talk.end() == 77
    assert all(line.isprintable() for line in talk.shown.split("\n"))
    assert not (esmtp.home / ".esmtprc").exists()


def test_password_in_the_keyring(esmtp: Command, server: SubmissionServer) -> None:
    talk = begin(esmtp, server, "me@nowhere.invalid")
    finish(talk, keyring="y")
    talk.until("stored in filekeyring.Keyring")
    talk.answer("Write it\\? \\[Y/n\\] ", "y")
    end(talk)
    text = (esmtp.home / ".esmtprc").read_text()
    assert "password_from keyring" in text
    assert "secret" not in text
    assert esmtp("-f", "me@nowhere.invalid", "you@y.org", stdin=MAIL).code == 0


def test_an_identity_is_added_to_a_file_that_is_there(
    esmtp: Command, rc: Callable[[str], pathlib.Path], server: SubmissionServer
) -> None:
    path = rc("# mine\nidentity first@x.org\nhostname 127.0.0.1:1")
    talk = begin(esmtp, server)
    finish(talk, keyring="n")
    talk.until("This is added to ")
    talk.answer("Write it\\? \\[Y/n\\] ", "y")
    end(talk)
    assert path.read_text().startswith(
        "# mine\nidentity first@x.org\nhostname 127.0.0.1:1\n\nidentity me@nowhere.invalid\n"
    )
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert esmtp("-f", "me@nowhere.invalid", "you@y.org", stdin=MAIL).code == 0


def test_a_wrong_password_can_be_typed_again_but_not_for_ever(esmtp: Command, server: SubmissionServer) -> None:
    talk = begin(esmtp, server)
    for _ in range(3):
        talk.answer("User name, or - for none", "alice")
        talk.answer("Password of alice", "wrong")
        talk.until("535 [^\n]*\n")
    talk.until("nothing was written")
    assert talk.end() == 77
    assert not (esmtp.home / ".esmtprc").exists()


def test_nothing_is_written_against_the_users_will(esmtp: Command, server: SubmissionServer) -> None:
    talk = begin(esmtp, server)
    finish(talk, keyring="n")
    talk.answer("Write it\\? \\[Y/n\\] ", "n")
    talk.until("nothing was written")
    talk.end()
    assert not (esmtp.home / ".esmtprc").exists()


def test_a_window_that_is_closed(esmtp: Command, server: SubmissionServer) -> None:
    talk = begin(esmtp, server)
    talk.until("User name")
    assert talk.hang_up() != 0
    assert not (esmtp.home / ".esmtprc").exists()


def test_an_odd_address_is_asked_for_again(esmtp: Command) -> None:
    talk = esmtp.at_terminal("--setup")
    talk.answer("Your mail address: ", "me")
    talk.until("\nme: an address such as me@example.org is expected")
    talk.answer("Your mail address: ", "")
    talk.until("\nan address such as me@example.org is expected")
    talk.answer("Your mail address: ", "\x04")
    talk.until("nothing was written")
    talk.end()


def test_a_known_provider_is_proposed_with_what_it_wants(esmtp: Command) -> None:
    talk = esmtp.at_terminal("--setup", "me@gmail.com")
    talk.answer("Server, with its port \\[smtp.gmail.com:465\\]: ", "127.0.0.1:1")
    talk.until("Connection refused")
    talk.answer("Server, with its port: ", "\x04")
    talk.end()


def test_a_server_without_tls_only_on_this_machine(esmtp: Command) -> None:
    with SubmissionServer(tls="none", mechanisms=()) as local:
        talk = esmtp.at_terminal("--setup", "me@nowhere.invalid")
        talk.answer("Server, with its port: ", f"localhost:{local.port}")
        talk.until("answers, without TLS, which is all right on this machine\nIt lets nobody log in")
        talk.answer("Write it\\? \\[Y/n\\] ", "y")
        end(talk)
        assert "starttls disabled" in (esmtp.home / ".esmtprc").read_text()
        assert esmtp("-f", "me@nowhere.invalid", "you@y.org", stdin=MAIL).code == 0


def test_tls_from_the_first_byte_on_any_port(esmtp: Command) -> None:
    with SubmissionServer(tls="implicit") as server:
        talk = begin(esmtp, server)
        talk.until(f"localhost:{server.port} answers, TLSv1.3 [^\n]*, from the first byte\n")
        finish(talk, keyring="n")
        talk.answer("Write it\\? \\[Y/n\\] ", "y")
        end(talk)
        assert "\n    starttls implicit\n" in (esmtp.home / ".esmtprc").read_text()
        assert esmtp("-f", "me@nowhere.invalid", "you@y.org", stdin=MAIL).code == 0


def test_a_server_that_is_not_taken_says_nothing_of_the_next(esmtp: Command, server: SubmissionServer) -> None:
    answers = script("= tls", "S: 220 mx", "C: EHLO *", "S: 250 mx", "C: QUIT", "S: 221 bye")
    with ScriptedServer(script("= close"), answers) as other:
        talk = esmtp.at_terminal("--setup", "me@nowhere.invalid")
        talk.answer("Server, with its port: ", f"localhost:{other.port}")
        talk.answer("trusted from now on\\? \\[y/N\\] ", "n")
        talk.answer("Server, with its port: ", f"localhost:{server.port}")
        talk.answer("trusted from now on\\? \\[y/N\\] ", "y")
        talk.until("by STARTTLS\n")
        finish(talk, keyring="n")
        talk.answer("Write it\\? \\[Y/n\\] ", "y")
        end(talk)
    assert "starttls" not in (esmtp.home / ".esmtprc").read_text()
    assert esmtp("-f", "me@nowhere.invalid", "you@y.org", stdin=MAIL).code == 0


def test_what_is_no_server_is_asked_for_again(esmtp: Command) -> None:
    talk = esmtp.at_terminal("--setup", "me@nowhere.invalid")
    talk.until("None of them is the mail server of nowhere.invalid|cannot look up ")
    talk.answer("Server, with its port: ", "foo bar")
    talk.until("expected a host name such as mail.example.org")
    talk.answer("Server, with its port: ", "[::1")
    talk.until("expected an address in brackets")
    talk.answer("Server, with its port: ", "localhost:nonesuch")
    talk.until("no service called 'nonesuch'")
    talk.answer("Server, with its port: ", "[::1]:1")
    talk.until("cannot connect to ::1")
    talk.answer("Server, with its port: ", "\x04")
    talk.end()


def test_without_a_port_both_are_tried(esmtp: Command) -> None:
    """Nobody listens on either here, or somebody without a certificate for the address."""
    talk = esmtp.at_terminal("--setup", "me@gmail.com")
    talk.answer("Server, with its port", "127.9.8.7")
    talk.until("127.9.8.7[^\n]*:465")
    talk.until("127.9.8.7[^\n]*:587")
    talk.answer("Server, with its port: ", "\x04")
    talk.end()


@pytest.mark.parametrize("wanted", ["n", "y"])
def test_an_address_that_has_an_identity(esmtp: Command, rc: Callable[[str], pathlib.Path], wanted: str) -> None:
    rc("identity Me@gmail.com\nhostname 127.0.0.1:1\n")
    talk = esmtp.at_terminal("--setup", "me@gmail.com")
    talk.answer("esmtprc:1 has me@gmail.com already. Write another, to be used instead\\? \\[y/N\\] ", wanted)
    talk.answer("" if wanted == "n" else "Server, with its port", "\x04")
    talk.until("nothing was written")
    talk.end()


@pytest.mark.parametrize("muttrc", [".muttrc", ".config/neomutt/neomuttrc"])
def test_mutt_is_told(esmtp: Command, server: SubmissionServer, muttrc: str) -> None:
    (esmtp.home / muttrc).parent.mkdir(parents=True, exist_ok=True)
    (esmtp.home / muttrc).write_text("set from=me@nowhere.invalid\n")
    talk = begin(esmtp, server)
    finish(talk, keyring="n")
    talk.answer("Write it\\? \\[Y/n\\] ", "y")
    shown = talk.until("Have Mutt send with this program.*\\[Y/n\\] |Make /usr/sbin/sendmail.*\\[y/N\\] ")
    if "Make" in shown:
        talk.type("n")
        talk.until("Have Mutt send with this program.*\\[Y/n\\] ")
    talk.type("y")
    talk.end()
    assert f'set sendmail = "{esmtp.program} -oi"\nset use_envelope_from = yes\n' in (esmtp.home / muttrc).read_text()


def test_without_a_terminal(esmtp: Command) -> None:
    done = esmtp("--setup")
    assert done.code == 64
    assert "run it on a terminal" in done.err


def test_a_broken_rc_file_is_mended_first(esmtp: Command, rc: Callable[[str], pathlib.Path]) -> None:
    rc("identity\n")
    talk = esmtp.at_terminal("--setup")
    talk.until("expected an address")
    assert talk.end() == 78
