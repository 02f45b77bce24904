"""The exit status for each way a mail can end, and the line that comes with it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import PIPE, Mailbox, way_to
from tests.conftest import Command
from tests.server import SubmissionServer

Rc = Callable[[str], Path]
MAIL = b"From: me@x.org\n\nbody\n"


@pytest.mark.parametrize(
    ("replies", "code", "words"),
    [
        ({"RCPT a@x.org": "550 5.1.1 No such user"}, 69, "550 5.1.1 No such user"),
        ({"RCPT": "550 5.1.1 No such user"}, 67, "550 5.1.1 No such user"),
        ({"RCPT": "554 5.7.1 Relay access denied"}, 69, "Relay access denied"),
        ({"RCPT a@x.org": "450 4.2.0 greylisted", "RCPT b@x.org": "550 5.1.1 no"}, 75, "greylisted"),
        ({"END": "554 5.6.0 spam"}, 65, "spam"),
        ({"END": "451 4.3.0 later"}, 75, "later"),
        ({"MAIL": "550 5.7.1 not you"}, 69, "not you"),
        ({"GREETING": "421 4.3.2 full"}, 75, "full"),
        ({"GREETING": "554 5.3.2 go away"}, 69, "go away"),
        ({"MAIL": ""}, 75, ""),
        ({"MAIL": "bogus"}, 76, ""),
        ({"RCPT": "452 4.5.3 too many"}, 75, "too many"),
    ],
)
def test_the_servers_words_and_their_meaning(
    esmtp: Command,
    server: SubmissionServer,
    submission: SubmissionServer,
    replies: dict[str, str],
    code: int,
    words: str,
) -> None:
    server.replies.update(replies)
    done = esmtp("a@x.org", "b@x.org", stdin=MAIL)
    assert done.code == code
    lines = done.err.splitlines()
    assert lines
    assert len(lines) <= 2
    for line in lines:
        assert line.startswith(("esmtp: a@x.org: ", "esmtp: b@x.org: "))
    assert words in lines[0]


def test_partly_refused(esmtp: Command, submission: SubmissionServer) -> None:
    submission.replies["RCPT b@x.org"] = "550 5.1.1 No such user"
    done = esmtp("a@x.org", "b@x.org", stdin=MAIL)
    assert done.code == 69
    assert done.err.startswith("esmtp: b@x.org: failed: ")
    assert done.err.count("\n") == 1
    assert [mail.recipients for mail in submission.mails] == [["a@x.org"]]


def test_one_line_for_each_of_many(esmtp: Command, submission: SubmissionServer) -> None:
    submission.replies["END"] = "554 5.7.1 blocked"
    many = [f"user{n}@x.org" for n in range(25)]
    done = esmtp(*many, stdin=MAIL)
    assert done.code == 65
    assert [line.split(": ")[1] for line in done.err.splitlines()] == many


def test_nobody_listens(esmtp: Command, local: Mailbox) -> None:
    done = esmtp("a@x.org", stdin=MAIL)
    assert done.code == 75
    assert "127.0.0.1" in done.err


def test_log_in_refused(esmtp: Command, rc: Rc) -> None:
    with SubmissionServer(tls="none", auth_in_clear=True) as server:
        rc(f"identity me@x.org\n{way_to(server)}username alice\npassword wrong\n")
        done = esmtp("a@x.org", stdin=MAIL)
    assert done.code == 77
    assert "wrong" not in done.err
    assert server.mails == []


def test_certificate_not_trusted(esmtp: Command, rc: Rc) -> None:
    with SubmissionServer() as server:
        rc(f"identity me@x.org\nhostname 127.0.0.1:{server.port}\nstarttls required\n")
        done = esmtp("a@x.org", stdin=MAIL)
    assert done.code == 77
    assert server.mails == []


@pytest.mark.parametrize(
    ("command", "code", "words"),
    [
        ("exit 75", 75, "75"),
        ("echo unknown; exit 67", 67, "unknown"),
        ("echo full >&2; exit 74", 75, "full"),
        ("echo why >&2; exit 1", 69, "why; the command of mda in the rc will not take it"),
        ("no-such-command", 78, "no-such-command"),
        ("kill -9 $$", 75, "signal 9"),
    ],
)
def test_what_the_mda_says(esmtp: Command, rc: Rc, command: str, code: int, words: str) -> None:
    rc(f'identity me@x.org\nmda "{command}"\n')
    done = esmtp("joe", stdin=MAIL)
    assert done.code == code
    assert done.err.startswith("esmtp: joe: ")
    assert words in done.err


def test_legs_are_independent(esmtp: Command, local: Mailbox) -> None:
    done = esmtp("joe", "a@x.org", stdin=MAIL)
    assert done.code == 75
    assert done.err.startswith("esmtp: a@x.org: ")
    assert done.err.count("\n") == 1
    assert local.recipients == ["joe"]
    assert local.body == b"body\n"


def test_local_recipient_without_a_way(esmtp: Command, submission: SubmissionServer) -> None:
    done = esmtp("joe", "a@x.org", stdin=MAIL)
    assert done.code == 78
    assert "mda" in done.err
    assert [mail.recipients for mail in submission.mails] == [["a@x.org"]]


@pytest.mark.parametrize(
    ("name", "text", "mode", "words"),
    [
        ("missing", None, 0, "missing"),
        ("broken", "hostname x\nnonsense here\n", 0o600, "broken:2:1: "),
        ("open", 'identity me@x.org\nusername me\npassword "secret"\n', 0o644, "chmod 600"),
    ],
)
def test_rc_file(esmtp: Command, name: str, text: str | None, mode: int, words: str) -> None:
    if text is not None:
        (esmtp.home / name).write_text(text)
        (esmtp.home / name).chmod(mode)
    done = esmtp("-C", name, "a@x.org", stdin=MAIL * 10_000)
    assert done.code == 78
    assert words in done.err
    assert "secret" not in done.err
    assert "\\x0a" not in done.err


def test_loop_by_received(esmtp: Command, mailbox: Mailbox) -> None:
    hops = b"Received: from x\n\tby y\n" * 101
    done = esmtp("joe", "ann", stdin=hops + MAIL)
    assert done.code == 69
    assert done.err.count("loop") == done.err.count("\n") == 2
    assert mailbox.mail == b""
    assert esmtp("joe", stdin=hops[: len(hops) // 101 * 100] + MAIL).code == 0
    assert esmtp("-OMaxHopCount=101", "joe", stdin=hops + MAIL).code == 0


@pytest.mark.parametrize(("hops", "code"), [("100", 0), ("101", 69)])
def test_loop_by_h(esmtp: Command, mailbox: Mailbox, hops: str, code: int) -> None:
    assert esmtp("-h", hops, "joe", stdin=MAIL).code == code


def test_transcript_cannot_be_made(esmtp: Command, mailbox: Mailbox) -> None:
    done = esmtp("-X", "/nonexistent/log", "joe", stdin=MAIL)
    assert done.code == 73
    assert mailbox.mail == b""


@pytest.mark.parametrize("debug", ["", "1"])
def test_our_own_fault_is_one_line(esmtp: Command, mailbox: Mailbox, debug: str) -> None:
    (esmtp.home / "sitecustomize.py").write_text(
        "import esmtp_py.cli.sendmail as s\ndef broken(*a, **k): raise RuntimeError('a\\nb')\ns.originate = broken\n"
    )
    done = esmtp("joe", stdin=MAIL, PYTHONPATH=str(esmtp.home), ESMTP_DEBUG=debug)
    assert done.code == 70
    assert done.err.startswith("esmtp: internal error: RuntimeError: a\\x0ab")
    assert ("Traceback" in done.err) is bool(debug)
    assert (done.err.count("\n") == 1) is not bool(debug)
    assert mailbox.mail == b""


def test_hostile_words_of_a_server_are_safe_to_print(esmtp: Command, submission: SubmissionServer) -> None:
    submission.replies["RCPT"] = "550 \x1b[2J\x07\x9b\xff" + "x" * 3000
    done = esmtp("a@x.org", stdin=MAIL)
    assert done.code == 69
    assert "\x1b" not in done.err
    assert "\x07" not in done.err
    assert "\x9b" not in done.err
    assert len(done.err) < 2000


def test_mda_and_server_both_fail(esmtp: Command, rc: Rc) -> None:
    rc(f"identity me@x.org\nhostname 127.0.0.1:1\n{PIPE.replace('cat >>mail', 'exit 67')}")
    done = esmtp("joe", "a@x.org", stdin=MAIL)
    assert done.code == 75
    assert done.err.count("\n") == 2
