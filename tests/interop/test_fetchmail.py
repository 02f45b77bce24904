"""fetchmail takes mail from Dovecot's POP3, and ``mda "esmtp -f %F %T"`` hands it to procmail."""

import pathlib
import shutil
from collections.abc import Callable

import pytest

from tests.conftest import Command
from tests.interop.mailserver import PASSWORDS, MailServer
from tests.interop.programs import needs

pytestmark = needs("fetchmail", "procmail")
WriteRc = Callable[[str], pathlib.Path]


@pytest.fixture
def fetchmail(server: MailServer, esmtp: Command) -> Callable[[], int]:
    """One poll of bob's mail, of which there is none yet; returns fetchmail's exit status (0: mail, 1: none)."""
    for part in ("new", "cur"):
        for mail in pathlib.Path(server.directory, "mail/bob", part).glob("*"):
            mail.unlink()
    config = esmtp.home / ".fetchmailrc"
    password = PASSWORDS["bob"]
    config.touch(0o600)
    config.write_text(
        f"poll localhost proto pop3 port {server.dovecot.pop3} auth password no dns\n"
        f"  user bob there with password '{password}' is bob here\n"
        f'  options fetchall sslproto "" mda "{esmtp.program} -f %F %T"\n'
    )

    def poll() -> int:
        done = esmtp.run("fetchmail", "--nosyslog", "-f", str(config), "--pidfile", str(esmtp.home / "pid"))
        assert done.code in (0, 1), done
        return done.code

    return poll


def put(server: MailServer, subject: str, sender: str, body: bytes) -> None:
    """A mail for bob, as if it had come from outside."""
    directory = pathlib.Path(server.directory, "mail/bob/new")
    head = f"Return-Path: <{sender}>\nFrom: {sender or 'MAILER-DAEMON'}\nTo: bob@example.test\nSubject: {subject}\n\n"
    directory.mkdir(parents=True, exist_ok=True)
    for part in ("cur", "tmp"):
        (directory.parent / part).mkdir(exist_ok=True)
    (directory / f"1700000000.{subject}.host").write_bytes(head.encode() + body)
    for path in (directory.parent, *directory.parent.rglob("*")):
        shutil.chown(path, "mail", "mail")  # Dovecot is that user


def test_into_procmail(
    fetchmail: Callable[[], int], server: MailServer, esmtp: Command, rc: WriteRc, address: str
) -> None:
    rc(f'mda "/usr/bin/procmail -m {esmtp.home}/procmailrc %T"\n')
    (esmtp.home / "procmailrc").write_text(
        f"MAILDIR={esmtp.home}\nWHO=$1\n:0\n* ^Subject: +special\nspecial/\n:0\n$WHO/\n"
    )
    for name, sender in (("one", "me@far.test"), ("special", "odd'name@far.test"), ("null", "")):
        put(server, f"{name} {address}", sender, b"Hello.\n.\nAfter the dot.\n")
    assert fetchmail() == 0
    boxes = {name: [path.read_text() for path in (esmtp.home / name / "new").iterdir()] for name in ("bob", "special")}
    assert (len(boxes["bob"]), len(boxes["special"])) == (2, 1)
    for text in boxes["bob"] + boxes["special"]:
        assert "Hello.\n" in text
        assert "Bcc" not in text
    assert fetchmail() == 1  # it has been taken off the server


def test_mail_stays_on_the_server_when_the_mda_fails(
    fetchmail: Callable[[], int], server: MailServer, esmtp: Command, rc: WriteRc, address: str
) -> None:
    put(server, address, "me@far.test", b"Hello.\n")
    rc('mda "exit 75"\n')
    fetchmail()
    rc(f'mda "cat > {esmtp.home}/box"\n')
    assert fetchmail() == 0
    assert f"Subject: {address}" in (esmtp.home / "box").read_text()
