"""The courier as a whole, over sockets: hooks, descriptors, imports, and what it shows of secrets."""

import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from esmtp_py.concealed import Secret
from esmtp_py.config.identity import Identity
from esmtp_py.config.server import Server
from esmtp_py.deliver.submission import Submission
from esmtp_py.message.envelope import Envelope, Recipient
from esmtp_py.message.header import Header
from esmtp_py.message.message import Message
from esmtp_py.outcome import Outcome
from tests.dialogues.script import Octets
from tests.leftovers import descriptors
from tests.server import SubmissionServer
from tests.server.scripted import ScriptedServer, script


@pytest.fixture(autouse=True)
def _no_descriptor_is_left_open() -> Iterator[None]:
    before = descriptors()
    yield
    assert descriptors() <= before


def message(body: bytes = b"Hello.\r\n") -> Message:
    return Message(Header([b"Subject: test\r\n"]), Octets(body))


def identity(port: int, **settings: object) -> Identity:
    return Identity(server=Server("127.0.0.1", str(port)), helo="me.example.org", **settings)  # type: ignore[arg-type]


def send(who: Identity, *recipients: str, trace: list[tuple[str, bytes]] | None = None) -> list[Outcome]:
    envelope = Envelope("me@x.org", [Recipient(r) for r in recipients or ("bob@x.org",)])
    seen = [] if trace is None else trace
    return list(Submission(who, lambda tag, line: seen.append((tag, line))).deliver(message(), envelope).values())


def kinds(outcomes: list[Outcome]) -> list[str]:
    return [o.kind for o in outcomes]


def plain() -> SubmissionServer:
    return SubmissionServer(tls="none", mechanisms=())


# -- hooks ------------------------------------------------------------------------------------


def test_hooks_run_around_the_connection(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with plain() as server:
        outcomes = send(identity(server.port, preconnect=f"echo pre >>{log}", postconnect=f"echo post >>{log}"))
    assert kinds(outcomes) == ["delivered"]
    assert log.read_text() == "pre\npost\n"
    assert [o.warning for o in outcomes] == [""]


def test_a_failing_preconnect_aborts(tmp_path: Path) -> None:
    with plain() as server:
        (outcome,) = send(identity(server.port, preconnect="exit 3", postconnect=f"touch {tmp_path}/post"))
    assert (outcome.kind, outcome.exit_code) == ("try_again", 75)
    assert "preconnect (exit 3) ended with status 3" in outcome.text
    assert server.sessions == []
    assert os.listdir(tmp_path) == []


def test_a_failing_postconnect_is_a_warning() -> None:
    with plain() as server:
        (outcome,) = send(identity(server.port, postconnect="exit 3"))
    assert outcome.kind == "delivered"
    assert "postconnect (exit 3) ended with status 3" in outcome.warning


def test_a_failing_postconnect_hides_no_other_failure(tmp_path: Path) -> None:
    with plain() as server:
        port = server.port
    (outcome,) = send(identity(port, postconnect=f"touch {tmp_path}/post; exit 3"))
    assert outcome.kind == "unreachable"
    assert os.listdir(tmp_path) == ["post"]


def test_postconnect_runs_after_an_interrupt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Submission, "_submit", interrupted)
    with pytest.raises(KeyboardInterrupt):
        send(identity(1, postconnect=f"touch {tmp_path}/post"))
    assert os.listdir(tmp_path) == ["post"]


# -- what is known stays known ----------------------------------------------------------------


def test_a_bug_after_the_delivery_does_not_take_it_back(monkeypatch: pytest.MonkeyPatch) -> None:
    from esmtp_py.deliver.session import Session

    def buggy(self: Session) -> None:
        self.talk.stream.close()
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(Session, "close", buggy)
    with plain() as server:
        outcomes = send(identity(server.port), "bob@x.org", "not an address@x.org")
    assert kinds(outcomes) == ["delivered", "bad_address"] or kinds(outcomes) == ["bad_address", "delivered"]


def test_a_bug_before_it_keeps_the_mail(monkeypatch: pytest.MonkeyPatch) -> None:
    from esmtp_py.deliver import session

    def buggy(*_: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(session, "connect", buggy)
    (outcome,) = send(identity(1))
    assert (outcome.kind, outcome.fate, outcome.exit_code) == ("internal", "deferred", 70)
    assert "ZeroDivisionError: a bug" in outcome.text


# -- descriptors, each path (the fixture counts) ------------------------------------------------

GREETING = "S: 220 mx.example.org"
EHLO = "C: EHLO me.example.org"


@pytest.mark.parametrize(
    "lines",
    [
        ["= close"],
        ["= reset"],
        ["S: 554 no", "C: QUIT"],
        ["S: garbage"],
        [GREETING, EHLO, "= close"],
        [GREETING, EHLO, "S: 250-mx", "S: 250 STARTTLS", "C: STARTTLS", "S: 220 go", "= close"],
        [GREETING, EHLO, "S: 250-mx", "S: 250 STARTTLS", "C: STARTTLS", r"s: 220 go\r\n250 injected\r\n"],
        [GREETING, EHLO, "S: 250-mx", "S: 250 STARTTLS", "C: STARTTLS", "S: 220 go", "S: 220 no TLS at all"],
        [GREETING, EHLO, "S: 250-mx", "S: 250 STARTTLS", "C: STARTTLS", "S: 220 go", "= tls"],
        [GREETING, EHLO, "S: 250 mx", "C: MAIL *", "= reset"],
        [GREETING, EHLO, "S: 250 mx", "C: MAIL *", "S: 250 ok", "C: RCPT *", "S: 550 no", "C: QUIT", "= close"],
    ],
)
def test_no_descriptor_leaks(lines: list[str]) -> None:
    with ScriptedServer(script(*lines)) as server:
        outcomes = send(identity(server.port, origin={"hostname": "rc:1"}))
    assert kinds(outcomes) != ["delivered"]


def test_the_end_of_file_behind_220_is_no_injection() -> None:
    """The server went away; that is a handshake that failed."""
    steps = script(GREETING, EHLO, "S: 250-mx", "S: 250 STARTTLS", "C: STARTTLS", "S: 220 go", "= close")
    with ScriptedServer(steps) as server:
        (outcome,) = send(identity(server.port, origin={"hostname": "rc:1"}))
    assert (outcome.kind, outcome.exit_code) == ("tls", 77)
    assert "closed the connection" in outcome.text


def test_a_config_error_in_the_middle_closes_too() -> None:
    with SubmissionServer() as server:
        (outcome,) = send(identity(server.port, origin={"hostname": "rc:1"}, ca_file="/nonexistent/ca.pem"))
    assert outcome.kind == "config"


# -- TLS and secrets ----------------------------------------------------------------------------


def test_demanded_tls_is_used_whatever_the_rc_was_made_of() -> None:
    """An identity that did not come from a file has no origin; its password is worth as much."""
    with SubmissionServer() as server:
        who = Identity(
            server=Server("localhost", str(server.port)), starttls="required", ca_file=server.authority.file,
            username="alice", password=Secret("secret"),
        )  # fmt: skip
        assert kinds(send(who)) == ["delivered"]
    (session,) = server.sessions
    assert session.tls


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "CRAM-MD5"])
def test_no_secret_in_the_trace(mechanism: str) -> None:
    trace: list[tuple[str, bytes]] = []
    with SubmissionServer(mechanisms=(mechanism,)) as server:
        who = Identity(
            server=Server("localhost", str(server.port)), ca_file=server.authority.file, username="alice",
            password=Secret("secret"), origin={"hostname": "rc:1"},
        )  # fmt: skip
        assert kinds(send(who, trace=trace)) == ["delivered"]
    shown = b"\n".join(line for _, line in trace)
    assert b"AUTH " + mechanism.encode() in shown
    for form in (b"secret", b"c2VjcmV0", b"AGFsaWNlAHNlY3JldA==", b"YWxpY2U"):
        assert form not in shown
    assert {tag for tag, _ in trace} == {"C", "S", "H", "*"}
    assert b"Hello." not in shown, "the body is never shown"


def test_the_password_is_in_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even when all local variables are printed, as debuggers and crash reporters do."""
    import traceback

    with SubmissionServer(users={"alice": "another"}) as server:
        who = Identity(
            server=Server("localhost", str(server.port)), ca_file=server.authority.file, username="alice",
            password=Secret("tops3cret"), origin={"hostname": "rc:1"},
        )  # fmt: skip
        from esmtp_py.deliver.session import Session
        from esmtp_py.errors import MailError

        with pytest.raises(MailError) as raised:
            Session(who)
    text = "".join(traceback.TracebackException.from_exception(raised.value, capture_locals=False).format())
    assert raised.value.kind == "auth"
    assert "tops3cret" not in text + repr(raised.value) + repr(who.password) + str(vars(raised.value))


# -- what it costs to start -----------------------------------------------------------------------

PLAIN_SEND = """
    import sys
    sys.path.insert(0, {root!r})
    from esmtp_py.config.identity import Identity
    from esmtp_py.config.server import Server
    from esmtp_py.deliver import route
    from esmtp_py.message.envelope import Envelope, Recipient
    from esmtp_py.message.header import Header
    from esmtp_py.message.message import Message

    class Body:
        size, eight_bit = 8, False
        def chunks(self):
            yield b"Hello.\\r\\n"

    identity = Identity(server=Server("127.0.0.1", "{port}"))
    envelope = Envelope("me@x.org", [Recipient("bob@x.org")])
    legs = route.plan(identity, envelope)
    outcomes = route.deliver(Message(Header([b"A: b\\r\\n"]), Body()), envelope, legs)
    assert outcomes["bob@x.org"].kind == "delivered", outcomes
    print(*sorted(sys.modules))
"""
FORBIDDEN = """
    re enum dataclasses typing pathlib argparse getopt logging tempfile shlex json email subprocess inspect contextlib
    asyncio keyring ply collections functools socket ssl signal hmac hashlib encodings.idna importlib.metadata
    esmtp_py.sasl.mechanism esmtp_py.net.tls esmtp_py.deliver.shell esmtp_py.deliver.mda
"""


def test_a_plain_send_imports_nothing_that_it_does_not_need() -> None:
    with plain() as server:
        code = textwrap.dedent(PLAIN_SEND).format(root=os.getcwd(), port=server.port)
        done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert sorted(set(FORBIDDEN.split()) & set(done.stdout.split())) == []
