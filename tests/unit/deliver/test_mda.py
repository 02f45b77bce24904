"""The mda command: what it is given, and what its end means."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from esmtp_py import child
from esmtp_py.child import Finished
from esmtp_py.config.identity import Identity
from esmtp_py.deliver import shell
from esmtp_py.deliver.mda import Mda
from esmtp_py.errors import MailError
from esmtp_py.message.envelope import Envelope, Recipient
from esmtp_py.message.header import Header
from esmtp_py.message.message import Message
from esmtp_py.outcome import Outcome
from tests.dialogues.script import Octets

BODY = b"Hello.\r\n.dot\r\n\r\nFrom here on\r\n"


def message(body: bytes = BODY) -> Message:
    return Message(Header([b"Subject: test\r\n", b"X-Folded: a\r\n b\r\n"]), Octets(body))


def deliver(command: str, *recipients: str, sender: str = "me@x.org", timeout: int = 0) -> dict[str, Outcome]:
    envelope = Envelope(sender, [Recipient(r) for r in recipients or ("bob",)])
    return Mda(Identity(mda=command, timeout=timeout)).deliver(message(), envelope)


def fate(command: str, **options: object) -> Outcome:
    (outcome,) = deliver(command, **options).values()  # type: ignore[arg-type]
    return outcome


def test_what_it_reads(tmp_path: Path) -> None:
    """LF line ends, and the reverse path on top (RFC 5321 section 4.4)."""
    assert fate(f"cat >{tmp_path}/mail").kind == "delivered"
    assert (tmp_path / "mail").read_bytes() == (
        b"Return-Path: <me@x.org>\nSubject: test\nX-Folded: a\n b\n\n" + BODY.replace(b"\r\n", b"\n")
    )


def test_the_null_sender(tmp_path: Path) -> None:
    assert fate(f"cat >{tmp_path}/mail; printf %s %F >{tmp_path}/sender", sender="").kind == "delivered"
    assert (tmp_path / "mail").read_bytes().startswith(b"Return-Path: <>\n")
    assert (tmp_path / "sender").read_bytes() == b""


def test_all_recipients_in_one_run(tmp_path: Path) -> None:
    outcomes = deliver(f"printf '%%s\\n' x %T >>{tmp_path}/args; cat >/dev/null", "bob", "joe d'", "$(touch canary)")
    assert {o.kind for o in outcomes.values()} == {"delivered"}
    assert (tmp_path / "args").read_text() == "x\nbob\njoe d'\n$(touch canary)\n"


@pytest.mark.parametrize(
    ("command", "kind", "exit_code", "words"),
    [
        ("cat >/dev/null", "delivered", 0, "delivered by the mda"),
        ("exit 0", "delivered", 0, ""),
        ("echo full >&2; exit 75", "try_again", 75, "status 75: full"),
        ("echo who; exit 67", "unknown_user", 67, "status 67: who"),
        ("echo bad; exit 1", "refused", 69, "status 1: bad"),
        ("exit 71", "try_again", 75, "status 71"),
        ("exit 74", "try_again", 75, "status 74"),
        ("exit 64", "refused", 69, "status 64"),
        ("exit 73", "refused", 69, "status 73"),
        ("exit 77", "refused", 69, "status 77"),
        ("kill -9 $$", "try_again", 75, "signal 9"),
        ("sh -c 'kill -9 $$'; exit $?", "try_again", 75, "status 137"),
        ("/nonexistent/procmail", "config", 78, "status 127"),
        ("/etc/passwd", "config", 78, "status 126"),
    ],
)
def test_what_its_end_means(command: str, kind: str, exit_code: int, words: str) -> None:
    outcome = fate(command)
    assert (outcome.kind, outcome.exit_code) == (kind, exit_code)
    assert words in outcome.text


def test_one_that_hangs_is_killed_and_the_mail_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shell, "SECONDS", 0.05)
    monkeypatch.setattr(child, "GRACE", 0.05)
    outcome = fate("exec sleep 60")
    assert (outcome.kind, outcome.fate) == ("try_again", "deferred")
    assert "in time" in outcome.text


def test_the_rcs_timeout_is_for_replies_of_a_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that filters spam takes its time, however short the patience with the server is."""
    seconds: list[float] = []

    def pipe(command: str, chunks: object, deadline: float) -> Finished:
        seconds.append(deadline)
        return Finished(0, b"")

    monkeypatch.setattr(shell, "pipe", pipe)
    fate("x", timeout=7)
    assert seconds == [shell.SECONDS]


def test_quotes_in_the_template_are_the_rcs_fault() -> None:
    envelope = Envelope("me@x.org", [Recipient("joe d")])
    outcome = Mda(Identity(mda="procmail -d '%T'")).deliver(message(), envelope)["joe d"]
    assert (outcome.kind, outcome.exit_code) == ("config", 78)
    assert "%T" in outcome.text


def test_a_recipient_like_an_option_is_refused_alone(tmp_path: Path) -> None:
    """No quoting keeps -x from being taken for an option."""
    outcomes = deliver(f"printf %s %T >{tmp_path}/args; cat >/dev/null", "-x", "bob", "--", "a-b")
    kinds = {a: o.kind for a, o in outcomes.items()}
    assert kinds == {"-x": "bad_address", "--": "bad_address", "bob": "delivered", "a-b": "delivered"}
    assert (tmp_path / "args").read_text() == "boba-b"


def test_nobody_left_is_no_run(tmp_path: Path) -> None:
    deliver(f"touch {tmp_path}/ran %T", "-x")
    assert os.listdir(tmp_path) == []


def test_a_recipient_that_is_not_named_may_look_like_an_option(tmp_path: Path) -> None:
    assert deliver(f"cat >{tmp_path}/mail", "-x")["-x"].kind == "delivered"


@pytest.mark.parametrize(("sender", "given"), [("-x@evil.example", '"-x"@evil.example'), ("a-b@x.org", "a-b@x.org")])
def test_a_sender_like_an_option_is_the_same_sender_in_quotes(sender: str, given: str, tmp_path: Path) -> None:
    """It comes from outside: fetchmail passes it on with -f %F."""
    assert fate(f"printf %s %F >{tmp_path}/sender; cat >{tmp_path}/mail", sender=sender).kind == "delivered"
    assert (tmp_path / "sender").read_text() == given
    assert (tmp_path / "mail").read_text().startswith(f"Return-Path: <{sender}>\n")


@pytest.mark.parametrize("char", ["\r", "\n", "\0", "\x7f", "\x1b"], ids=ascii)
def test_control_characters_get_neither_into_the_header_nor_into_the_command(char: str, tmp_path: Path) -> None:
    outcome = fate(f"cat >{tmp_path}/mail", sender=f"a{char}X-Evil: 1{char}@x.org")
    assert outcome.kind == "bad_address"
    outcomes = deliver(f"cat >{tmp_path}/mail", f"a{char}b", "")
    assert {o.kind for o in outcomes.values()} == {"bad_address"}
    assert all(o.text.isprintable() for o in [outcome, *outcomes.values()])
    assert os.listdir(tmp_path) == []


class Torn(Octets):
    def chunks(self) -> Iterator[bytes]:
        yield b"half\r\n"
        raise MailError("io", "the disk is gone")


def test_a_message_that_cannot_be_read_is_not_delivered_in_part(tmp_path: Path) -> None:
    torn = Message(Header([b"A: b\r\n"]), Torn(b""))
    command = f"cat >{tmp_path}/tmp && touch {tmp_path}/delivered"
    outcome = Mda(Identity(mda=command)).deliver(torn, Envelope("me@x.org", [Recipient("bob")]))["bob"]
    assert (outcome.kind, outcome.text) == ("io", "the disk is gone")
    assert not (tmp_path / "delivered").exists()


def test_a_large_message_is_streamed() -> None:
    size = 8 << 20
    big = Message(Header([b"A: b\r\n"]), Octets(b"x\r\n" * (size // 3)))
    outcome = Mda(Identity(mda="wc -c; exit 1")).deliver(big, Envelope("", [Recipient("bob")]))["bob"]
    assert str(big.size - size // 3 - 2 + len("Return-Path: <>\n")) in outcome.text


def test_the_trace_shows_the_command() -> None:
    seen: list[tuple[str, bytes]] = []
    mda = Mda(Identity(mda="cat %T >/dev/null; :"), lambda tag, line: seen.append((tag, line)))
    assert mda.describe() == "pipe to cat %T >/dev/null; :"
    mda.deliver(message(), Envelope("", [Recipient("/dev/null")]))
    assert seen == [("*", b"mda: cat /dev/null >/dev/null; :")]
