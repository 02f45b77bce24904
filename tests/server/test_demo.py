"""``make run`` shows a mail that really arrived, and fails when it did not."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.server import Mail, Session, SubmissionServer
from tests.server.demo import MAIL, judge

ROOT = Path(__file__).resolve().parents[2]


def test_it_shows_both_sides() -> None:
    command = [sys.executable, "-m", "tests.server.demo"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100)
    assert (done.returncode, done.stderr) == (0, "")
    for sign in ("C: STARTTLS", "C: AUTH ", "Exit status 0", "AUTH PLAIN as alice", "    to   carol@example.net"):
        assert sign in done.stdout
    assert "Bcc" not in done.stdout.partition("What the server took")[2].partition("Hello Bob")[0]


def a_mail() -> Mail:
    """As it should arrive."""
    session = Session(SubmissionServer(), None)  # type: ignore[arg-type]
    session.tls, session.user = "TLSv1.3", "alice"
    mail = Mail(session, "alice@example.org", {})
    mail.recipients = ["bob@example.net", "carol@example.net"]
    mail.data = MAIL.replace(b"Bcc: carol@example.net\n", b"").replace(b"\n", b"\r\n")
    return mail


def test_a_good_result_is_not_complained_about() -> None:
    assert judge(0, [a_mail()]) == []


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (lambda mail: setattr(mail.session, "tls", ""), "without TLS"),
        (lambda mail: setattr(mail.session, "user", ""), "without AUTH"),
        (lambda mail: setattr(mail, "sender", ""), "sender"),
        (lambda mail: mail.recipients.pop(), "recipients"),
        (lambda mail: setattr(mail, "data", b"Bcc: carol@example.net\r\n" + mail.data), "Bcc"),
        (lambda mail: setattr(mail, "data", mail.data.replace(b"\r\n.\r\n", b"\r\n..\r\n")), "body"),
    ],
)
def test_a_bad_one_is(spoil, complaint: str) -> None:  # type: ignore[no-untyped-def]
    mail = a_mail()
    spoil(mail)
    [said] = judge(0, [mail])
    assert complaint in said


def test_no_mail_is_bad_and_so_is_an_exit_status() -> None:
    assert judge(0, [])
    assert judge(75, [a_mail()])
