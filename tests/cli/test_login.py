"""Every way to log in, as the command does it, with a strict server that knows one good name and password."""

import pathlib
import ssl
from collections.abc import Callable

import pytest

from tests.conftest import Command
from tests.server import SubmissionServer
from tests.server.authority import Authority

WriteRc = Callable[[str], pathlib.Path]
TOKEN = "ya29.vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg"
LONG_TOKEN = "eyJ0eXAiOiJKV1Qi." * 200 + "x"
SCRAM = ("SCRAM-SHA-1", "SCRAM-SHA-256")
PLUS = ("SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS")
MAIL = b"Subject: x\n\nHello.\n"


class Sender:
    """Sends one mail through a server, with some rc."""

    def __init__(self, esmtp: Command, rc: WriteRc) -> None:
        self.esmtp = esmtp
        self.rc = rc

    def send(self, server: SubmissionServer, statements: str) -> tuple[int, str]:
        """Exit code and standard error; nothing in the dialogue is what a careful client would not say."""
        starttls = {"implicit": "implicit", "none": "disabled"}.get(server.tls, "required")
        head = f'hostname localhost:{server.port}\nstarttls {starttls}\nca_file "{server.authority.file}"\n'
        self.rc((head if server.tls != "none" else head.split("ca_file")[0]) + statements)
        done = self.esmtp("-f", "me@example.org", "you@example.org", stdin=MAIL)
        server.settle()
        assert server.violations == []
        return done.code, done.err


@pytest.fixture
def sender(esmtp: Command, rc: WriteRc) -> Sender:
    return Sender(esmtp, rc)


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
@pytest.mark.parametrize("name", ["PLAIN", "LOGIN", "CRAM-MD5", *SCRAM, *PLUS])
def test_password(name: str, tls: str, sender: Sender) -> None:
    with SubmissionServer(mechanisms=(name,), tls=tls) as server:
        assert sender.send(server, f"auth {name.lower()} username alice password secret\n") == (0, "")
        [session] = server.sessions
        assert (session.user, session.mechanism, len(server.mails)) == ("alice", name, 1)


@pytest.mark.parametrize(("user", "password"), [("alice", "wrong"), ("mallory", "secret")])
@pytest.mark.parametrize("name", ["PLAIN", "LOGIN", "CRAM-MD5", *SCRAM, *PLUS])
def test_wrong_password(name: str, user: str, password: str, sender: Sender) -> None:
    with SubmissionServer(mechanisms=(name,)) as server:
        code, shown = sender.send(server, f"username {user} password {password}\n")
        assert code == 77
        assert "check username and password in the rc" in shown
        assert password == "secret" or password not in shown
        assert server.mails == []


@pytest.mark.parametrize(
    "statement",
    [
        "auth plain",
        "password secret",
        "password_command 'echo secret'",
        "password_file ~/pw",
        "password_from keyring",
        "password_from credential smtp",
        "oauth2 google",
    ],
)
def test_a_login_for_nobody_is_not_left_out(statement: str, sender: Sender) -> None:
    """The mail waits; it does not leave as nobody's."""
    with SubmissionServer(mechanisms=("PLAIN",), require_auth=False) as server:
        code, shown = sender.send(server, f"{statement}\n")
        written = " ".join(statement.split()[: 2 if "credential" in statement else 1])
        assert code == 78
        assert f".esmtprc:4: {written}, but no username; write one, or take it out" in shown
        assert (server.sessions, server.mails) == ([], [])


def test_a_server_that_wants_a_login(sender: Sender) -> None:
    with SubmissionServer(mechanisms=("PLAIN",)) as server:
        code, shown = sender.send(server, "")
    assert code == 77
    assert "530 5.7.0 " in shown
    assert shown.endswith("; check username, password and starttls in the rc\n")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("name", PLUS)
def test_the_login_is_bound_to_the_channel(name: str, version: ssl.TLSVersion, sender: Sender) -> None:
    context = shared_context(version)
    with SubmissionServer(mechanisms=("PLAIN", *SCRAM, name), context=context) as server:
        assert sender.send(server, "username alice password secret\n") == (0, "")
        [session] = server.sessions
        assert session.mechanism == name
        first = next(c for c in session.commands if c.startswith(b"AUTH")).split()[2]
        kind = "tls-unique" if version == ssl.TLSVersion.TLSv1_2 else "tls-server-end-point"
        assert decoded(first).startswith(f"p={kind},,n=alice,r=")


def test_a_hidden_plus_is_noticed(sender: Sender) -> None:
    """The server has it, and somebody took it out of what it offers: it does not let us in, and we do not go on."""
    with SubmissionServer(mechanisms=("SCRAM-SHA-256",), binds=True) as server:
        code, _ = sender.send(server, "username alice password secret\n")
        assert (code, server.mails) == (77, [])


@pytest.mark.parametrize(
    ("offered", "taken"),
    [
        (("LOGIN", "PLAIN", "CRAM-MD5", *SCRAM, *PLUS), "SCRAM-SHA-256-PLUS"),
        (("LOGIN", "PLAIN", "CRAM-MD5", *SCRAM), "SCRAM-SHA-256"),
        (("LOGIN", "PLAIN", "CRAM-MD5", "SCRAM-SHA-1"), "SCRAM-SHA-1"),
        (("LOGIN", "PLAIN", "CRAM-MD5", "XOAUTH2", "EXTERNAL", "ANONYMOUS"), "PLAIN"),
        (("CRAM-MD5", "LOGIN"), "LOGIN"),
    ],
)
def test_automatic_in_tls(offered: tuple[str, ...], taken: str, sender: Sender) -> None:
    with SubmissionServer(mechanisms=offered) as server:
        assert sender.send(server, "username alice password secret\n") == (0, "")
        assert server.sessions[0].mechanism == taken


@pytest.mark.parametrize(
    ("offered", "taken"),
    [(("LOGIN", "PLAIN", "CRAM-MD5", *SCRAM), "SCRAM-SHA-256"), (("LOGIN", "PLAIN", "CRAM-MD5"), "CRAM-MD5")],
)
def test_automatic_in_clear(offered: tuple[str, ...], taken: str, sender: Sender) -> None:
    with SubmissionServer(mechanisms=offered, tls="none") as server:
        assert sender.send(server, "username alice password secret\n") == (0, "")
        assert server.sessions[0].mechanism == taken


@pytest.mark.parametrize("name", ["XOAUTH2", "OAUTHBEARER"])
@pytest.mark.parametrize("token", [TOKEN, LONG_TOKEN])
def test_a_token_that_a_program_obtains(name: str, token: str, sender: Sender) -> None:
    """However long: what has no place in the command comes in a line of its own."""
    with SubmissionServer(mechanisms=("PLAIN", name), users={"alice": token}) as server:
        assert sender.send(server, f'auth {name} username alice password_command "printf %s {token}"\n') == (0, "")
        [session] = server.sessions
        assert (session.user, session.mechanism) == ("alice", name)
        assert max(map(len, session.commands[:-5])) <= 512 or token == LONG_TOKEN
        assert (b"AUTH " + name.encode() in session.commands) is (token == LONG_TOKEN)


@pytest.mark.parametrize("name", ["XOAUTH2", "OAUTHBEARER"])
def test_a_token_that_is_refused(name: str, sender: Sender) -> None:
    with SubmissionServer(mechanisms=(name,), users={"alice": "another"}) as server:
        code, shown = sender.send(server, f"auth {name} username alice password {TOKEN}\n")
        assert code == 77
        advice = "a token lasts for an hour or so: write oauth2 in the rc, for which esmtp --authorize gets new ones"
        assert shown.endswith(f"; {advice}\n")
        assert TOKEN not in shown


@pytest.mark.parametrize(
    "extra", ["auth external\n", "auth external username me@example.org\n", "user me@example.org\n"]
)
def test_certificate(extra: str, sender: Sender) -> None:
    authority = Authority()
    context = shared_context(ssl.TLSVersion.TLSv1_3)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(authority.file)
    ours = authority.issue("me@example.org").pem
    with SubmissionServer(mechanisms=("PLAIN", "EXTERNAL"), context=context) as server:
        assert sender.send(server, f'certificate "{ours}"\n{extra}') == (0, "")
        [session] = server.sessions
        assert (session.user, session.mechanism) == ("me@example.org", "EXTERNAL")


def test_somebody_elses_certificate(sender: Sender) -> None:
    authority = Authority()
    context = shared_context(ssl.TLSVersion.TLSv1_3)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(authority.file)
    ours = authority.issue("me@example.org").pem
    with SubmissionServer(mechanisms=("EXTERNAL",), context=context) as server:
        code, shown = sender.send(server, f'certificate "{ours}" auth external username boss@example.org\n')
        assert code == 77
        assert "check certificate in the rc" in shown


@pytest.mark.parametrize(("username", "user"), [("", "anonymous "), ("username sirhc\n", "anonymous sirhc")])
def test_nobody(username: str, user: str, sender: Sender) -> None:
    with SubmissionServer(mechanisms=("PLAIN", "ANONYMOUS")) as server:
        assert sender.send(server, f"auth anonymous\n{username}") == (0, "")
        assert server.sessions[0].user == user


def test_ntlm(sender: Sender, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With pyspnego at both ends: what Exchange would say is not known here."""
    users = tmp_path / "users"
    users.write_text("EXAMPLE:alice:secret\n")
    monkeypatch.setenv("NTLM_USER_FILE", str(users))
    with SubmissionServer(mechanisms=("PLAIN", "NTLM")) as server:
        assert sender.send(server, 'auth ntlm username "EXAMPLE\\\\alice" password secret\n') == (0, "")
        assert server.sessions[0].mechanism == "NTLM"
        assert "alice" in server.sessions[0].user
    with SubmissionServer(mechanisms=("PLAIN", "NTLM")) as server:
        code, shown = sender.send(server, 'auth ntlm username "EXAMPLE\\\\alice" password wrong\n')
        assert (code, server.mails) == (77, [])
        assert "check username and password" in shown


@pytest.mark.parametrize("name", ["ntlm", "gssapi"])
def test_an_extra_that_is_missing_is_named(name: str, sender: Sender) -> None:
    (sender.esmtp.home / "without").mkdir()
    (sender.esmtp.home / "without" / "spnego.py").write_text("raise ImportError\n")
    sender.esmtp.environ["PYTHONPATH"] = str(sender.esmtp.home / "without")
    with SubmissionServer(mechanisms=("NTLM", "GSSAPI")) as server:
        code, shown = sender.send(server, f"auth {name} username alice password secret\n")
        assert code == 78
        assert f"pip install 'esmtp-py[{name}]'" in shown


def shared_context(version: ssl.TLSVersion) -> ssl.SSLContext:
    from tests.server.authority import shared_certificate

    context = shared_certificate().server_context()
    context.minimum_version = context.maximum_version = version
    return context


def decoded(text: bytes) -> str:
    import base64

    return base64.b64decode(text).decode()
