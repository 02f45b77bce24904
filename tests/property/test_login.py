"""Whatever a server offers and answers: a login ends, shows the password only where it may, and believes nobody."""

import base64
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from esmtp_py.concealed import Secret
from esmtp_py.config.identity import Identity
from esmtp_py.config.server import Server
from esmtp_py.deliver import login
from esmtp_py.deliver.login import MOST_ATTEMPTS, log_in
from esmtp_py.errors import MailError
from esmtp_py.sasl import mechanism
from esmtp_py.smtp.command import Command
from esmtp_py.smtp.extensions import Extensions
from esmtp_py.smtp.reply import Reply

PASSWORD = "correct horse battery"
SHOWS_IT = ("PLAIN", "LOGIN")

NONCE = b"\1" * 18
SERVER_FIRST = b"r=" + base64.b64encode(NONCE) + b"x,s=QSXCR+Q6sek8bf92,i=4096"
SAID = [b"", b"Username:", SERVER_FIRST, b"v=rmF9pqV8S7suAoZWja4dJRkFsKQ=", b"e=other-error", b"e=invalid-proof"]

texts = st.one_of(
    st.sampled_from(SAID).map(base64.b64encode), st.binary(max_size=30).map(base64.b64encode), st.binary(max_size=30)
)
replies = st.lists(st.tuples(st.sampled_from([235, 334, 334, 334, 421, 454, 501, 504, 535]), texts), max_size=12)
offers = st.lists(st.sampled_from([*mechanism.ALL, "DIGEST-MD5", "X-ODD"]), unique=True, max_size=8)


@pytest.fixture(autouse=True, scope="module")
def nonce() -> Iterator[None]:
    """One that a server of these tests can continue."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(login, "urandom", lambda count: NONCE[:count])
        yield


class Talk:
    """A Conversation with a server that answers what it likes; 535 when it has nothing more to say."""

    remote = "mx.example.org"

    def __init__(self, answers: list[tuple[int, bytes]]) -> None:
        self.answers = list(answers)
        self.said: list[bytes] = []

    def ask(self, command: Command) -> Reply:
        self.said.append(command.line.rstrip(b"\r\n"))
        code, text = self.answers.pop(0) if self.answers else (535, b"")
        return Reply(code, [text])

    def refused(self, verb: str, reply: Reply, *, advice: str) -> MailError:
        return MailError("auth", advice, reply=str(reply))

    def veil(self, secret: Secret) -> None: ...
    def note(self, text: str) -> None: ...


class Tls:
    def binding(self, kind: str) -> bytes | None:
        return b"hash" if kind == "tls-server-end-point" else None


@settings(max_examples=400)
@given(offers, replies, st.booleans(), st.booleans())
def test_any_server(offered: list[str], answers: list[tuple[int, bytes]], secure: bool, near: bool) -> None:
    identity = Identity(
        server=Server("localhost" if near else "mx.example.org", "587"), username="alice", password=Secret(PASSWORD)
    )
    talk = Talk(answers)
    try:
        log_in(talk, identity, Extensions({"AUTH": offered}), Tls() if secure else None)  # type: ignore[arg-type]
        let_in, text = True, ""
    except MailError as error:
        let_in, text = False, error.text
    assert PASSWORD not in text
    attempts = [line.split()[1].decode() for line in talk.said if line.startswith(b"AUTH ")]
    assert len(attempts) <= MOST_ATTEMPTS
    assert len(talk.said) <= 3 * MOST_ATTEMPTS + 1
    assert set(attempts) <= set(offered)
    if not (secure or near):
        assert talk.said == []
    # nobody here knows the password, so nobody can be believed who would have to prove that
    assert not let_in or not attempts[-1].startswith("SCRAM")
    shown = any(PASSWORD.encode() in decoded(word) for line in talk.said for word in line.split())
    assert not shown or set(attempts) & set(SHOWS_IT)
    # without TLS nothing weaker follows what was refused
    assert secure or len(attempts) <= 1


def decoded(word: bytes) -> bytes:
    try:
        return base64.b64decode(word, validate=True)
    except ValueError:
        return b""
