"""Which secret a login asks for, where none may be shown, and what is forgotten; what is said is in tests/dialogues."""

import base64

import pytest

from esmtp_py.concealed import Secret
from esmtp_py.config.identity import Identity
from esmtp_py.config.server import Server
from esmtp_py.deliver.login import log_in
from esmtp_py.errors import MailError
from esmtp_py.net.srv import Place
from esmtp_py.secret import oauth2
from esmtp_py.secret import password as passwords
from esmtp_py.smtp.command import Command
from esmtp_py.smtp.extensions import Extensions
from esmtp_py.smtp.reply import Reply

FAR, NEAR = Server("mx.example.org", "587"), Server("localhost", "25")


class Talk:
    """A Conversation that gives these replies, whatever is said."""

    remote = "mx.example.org"

    def __init__(self, *replies: int) -> None:
        self.replies = list(replies)
        self.said: list[bytes] = []

    def ask(self, command: Command) -> Reply:
        self.said.append(command.line)
        return Reply(self.replies.pop(0), [b""])

    def refused(self, verb: str, reply: Reply, *, advice: str) -> MailError:
        return MailError("auth", advice, reply=str(reply))

    def veil(self, secret: Secret) -> None: ...
    def note(self, text: str) -> None: ...


class Tls:
    def binding(self, kind: str) -> bytes | None:
        return None


class Sources:
    """Where secrets come from; remembers what was asked and forgotten."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.asked: list[str] = []
        self.tokens = [Secret("old"), Secret("new")]
        patch.setattr(passwords, "password", lambda identity: self._asked("password"))
        patch.setattr(passwords, "forget", lambda identity: self.asked.append("forget"))
        patch.setattr(oauth2, "access_token", self._token)

    def _asked(self, what: str) -> Secret:
        self.asked.append(what)
        return Secret("secret")

    def _token(self, identity: Identity, *, refused: Secret | None = None) -> Secret:
        self.asked.append("another token" if refused else "token")
        return self.tokens.pop(0)


@pytest.fixture
def sources(monkeypatch: pytest.MonkeyPatch) -> Sources:
    return Sources(monkeypatch)


def logged_in(talk: Talk, *offered: str, tls: bool = True, place: Place | None = None, **rc: object) -> None:
    identity = Identity(**({"server": FAR} | rc))
    log_in(talk, identity, Extensions({"AUTH": list(offered)}), Tls() if tls else None, place)  # type: ignore[arg-type]


ALL = ("PLAIN", "LOGIN", "XOAUTH2", "EXTERNAL", "ANONYMOUS")
COMMAND = {"username": "alice", "password_command": "pass"}


@pytest.mark.parametrize(
    ("rc", "asked", "mechanism"),
    [
        (COMMAND, ["password"], b"PLAIN"),
        ({"username": "alice", "password": Secret("x")}, [], b"PLAIN"),
        (COMMAND | {"certificate": "me.pem"}, ["password"], b"PLAIN"),
        (COMMAND | {"certificate": "me.pem", "auth": "EXTERNAL"}, [], b"EXTERNAL"),
        ({"username": "alice", "certificate": "me.pem"}, [], b"EXTERNAL"),
        (COMMAND | {"auth": "ANONYMOUS"}, [], b"ANONYMOUS"),
        (COMMAND | {"auth": "XOAUTH2"}, ["password"], b"XOAUTH2"),
        ({"username": "alice", "oauth2": "google"}, ["token"], b"XOAUTH2"),
        (COMMAND | {"oauth2": "google"}, ["token"], b"XOAUTH2"),
    ],
)
def test_only_the_secret_that_is_needed(
    rc: dict[str, object], asked: list[str], mechanism: bytes, sources: Sources
) -> None:
    talk = Talk(235)
    logged_in(talk, *ALL, **rc)
    assert sources.asked == asked
    assert [line.split()[1] for line in talk.said] == [mechanism]


@pytest.mark.parametrize(
    ("place", "named"),
    [
        (None, b"host=mx.example.org\1port=587\1"),
        (Place("mx7.example.net", 465, True), b"host=mx7.example.net\1port=465\1"),
    ],
)
def test_a_token_is_for_the_server_that_we_reached(place: Place | None, named: bytes, sources: Sources) -> None:
    talk = Talk(235)
    logged_in(talk, "OAUTHBEARER", place=place, username="alice", oauth2="google")
    assert named in base64.b64decode(talk.said[0].split()[2])


@pytest.mark.parametrize("starttls", ["automatic", "enabled", "required", "implicit"])
def test_no_login_on_a_network_without_tls(starttls: str, sources: Sources) -> None:
    """The session has seen to that; should it not have, nothing is asked for and nothing is said."""
    talk = Talk()
    with pytest.raises(MailError, match="without TLS") as raised:
        logged_in(talk, *ALL, tls=False, starttls=starttls, **COMMAND)
    assert raised.value.kind == "tls"
    assert (talk.said, sources.asked) == ([], [])


@pytest.mark.parametrize("rc", [{"server": NEAR}, {"starttls": "disabled"}])
def test_a_login_without_tls_where_the_rc_lets_it(rc: dict[str, object], sources: Sources) -> None:
    talk = Talk(235)
    logged_in(talk, "PLAIN", tls=False, **(COMMAND | rc))
    assert len(talk.said) == 1


def test_a_certificate_is_not_shown_without_tls(sources: Sources) -> None:
    with pytest.raises(MailError, match="`certificate`"):
        logged_in(Talk(), "EXTERNAL", tls=False, starttls="disabled", auth="EXTERNAL", certificate="me.pem")


@pytest.mark.parametrize("auth", ["PLAIN", "XOAUTH2"])
def test_what_the_server_refuses_is_forgotten(auth: str, sources: Sources) -> None:
    """The next mail asks the command again; this one does not."""
    talk = Talk(535)
    with pytest.raises(MailError):
        logged_in(talk, *ALL, auth=auth, **COMMAND)
    assert sources.asked == ["password", "forget"]
    assert len(talk.said) == 1


def test_what_the_rc_says_is_not_forgotten(sources: Sources) -> None:
    with pytest.raises(MailError):
        logged_in(Talk(535), "PLAIN", username="alice", password=Secret("x"))
    assert sources.asked == []


def test_another_token_is_tried_once(sources: Sources) -> None:
    talk = Talk(535, 535)
    with pytest.raises(MailError):
        logged_in(talk, *ALL, username="alice", oauth2="google")
    assert sources.asked == ["token", "another token"]
    assert len(set(talk.said)) == 2


def test_the_same_token_is_not_tried_again(sources: Sources) -> None:
    sources.tokens = [Secret("same"), Secret("same")]
    talk = Talk(535)
    with pytest.raises(MailError):
        logged_in(talk, *ALL, username="alice", oauth2="google")
    assert len(talk.said) == 1
