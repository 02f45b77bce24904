"""Mutt in batch mode, with two identities told apart by use_envelope_from."""

import pathlib
from collections.abc import Callable

import pytest

from tests.conftest import Command
from tests.interop.callers import two_identities
from tests.interop.mailserver import MailServer
from tests.interop.programs import needs

pytestmark = needs("mutt")
WriteRc = Callable[[str], pathlib.Path]


@pytest.fixture
def mutt(server: MailServer, esmtp: Command, rc: WriteRc) -> Callable[..., None]:
    """Runs Mutt; returns when it has ended well."""
    rc(two_identities(server))
    (esmtp.home / "muttrc").write_text(
        f'set sendmail="{esmtp.named("sendmail")} -oem -oi"\nset use_envelope_from=yes\n'
        f'set send_charset=utf-8 realname="Me" copy=no folder="{esmtp.home}"\n'
    )

    def run(user: str, *args: str, text: bytes) -> None:
        chosen = ("-e", f"set from={user}@example.test")
        done = esmtp.run("mutt", "-n", "-F", str(esmtp.home / "muttrc"), *chosen, *args, stdin=text)
        assert (done.code, done.err) == (0, "")

    return run


def test_each_mail_leaves_with_the_identity_of_its_from(
    mutt: Callable[..., None], server: MailServer, address: str
) -> None:
    for user in ("alice", "bob", "alice"):
        mutt(user, "-s", f"from {user}", address, text=b"Hello.\n")
    mails = server.mails(address)
    assert sorted(mail.login for mail in mails) == ["alice", "alice", "bob"]
    for mail in mails:
        assert mail.get("Return-Path") == f"<{mail.login}@example.test>"
        assert mail.get("From") == f"Me <{mail.login}@example.test>"
        assert mail.get("Subject") == f"from {mail.login}"
        assert mail.body == b"Hello.\n"


def test_bcc_dots_and_utf8(mutt: Callable[..., None], server: MailServer, address: str) -> None:
    text = "Grüße\n.\n..\nEnde\n".encode()
    mutt("bob", "-s", "ümläut", "-b", f"hidden.{address}", "-c", f"copy.{address}", address, text=text)
    for recipient in (address, f"copy.{address}", f"hidden.{address}"):
        [mail] = server.mails(recipient)
        assert mail.body == text
        assert "hidden" not in "".join(mail.get_all("To") + mail.get_all("Cc") + mail.get_all("Bcc"))
        assert mail.get("Subject") == "=?utf-8?B?w7xtbMOkdXQ=?="


def test_attachment(mutt: Callable[..., None], server: MailServer, address: str, tmp_path: pathlib.Path) -> None:
    noise = tmp_path / "noise.bin"
    noise.write_bytes(bytes(range(256)) * 400)
    mutt("alice", "-s", "file", "-a", str(noise), "--", address, text=b"see file\n")
    [mail] = server.mails(address)
    assert b"Content-Transfer-Encoding: base64" in mail.body
    assert mail.get_all("Message-ID") != []
    assert len(mail.get_all("Message-ID")) == len(mail.get_all("Date")) == 1
