"""--import: an rc file from another mailer's configuration, which then works as it is."""

import pathlib
import stat
from collections.abc import Callable

import pytest

from tests.conftest import Command
from tests.server import SubmissionServer

MSMTP = """account x
host localhost
port {port}
from me@x.org
auth on
user alice
password secret
tls on
tls_trust_file {ca}
tls_priorities NORMAL
"""


def test_a_mail_goes_with_what_was_imported(esmtp: Command) -> None:
    with SubmissionServer() as server:
        (esmtp.home / ".msmtprc").write_text(MSMTP.format(port=server.port, ca=server.authority.file))
        done = esmtp("--import", "msmtprc")
        assert done.code == 0
        assert "1 identity from" in done.out
        assert "not taken over: account x: tls_priorities NORMAL" in done.err
        path = esmtp.home / ".esmtprc"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert esmtp("--check-rc").code == 0
        assert esmtp("-f", "me@x.org", "you@y.org", stdin=b"Subject: x\n\ny\n").code == 0
        assert server.mails[0].sender == "me@x.org"
    assert server.violations == []


def test_a_file_that_is_there_is_never_written_over(esmtp: Command, rc: Callable[[str], pathlib.Path]) -> None:
    path = rc("identity mine@x.org\n")
    (esmtp.home / "m").write_text("account a\nhost x.org\n")
    done = esmtp("--import", "m")
    assert done.code == 73
    assert "is there already" in done.err
    assert path.read_text() == "identity mine@x.org\n"
    assert esmtp("--import", "m", "-C", "other").code == 0
    assert sorted(p.name for p in esmtp.home.iterdir()) == [".esmtprc", "m", "other"]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("muttrc", "set smtp_url=smtps://me@x.org from=me@x.org\n", "identity me@x.org"),
        ("conf", "mailhub=x.org\n", "hostname x.org:25"),
        ("remotes", "x.org smtp\n", "hostname x.org:25"),
        ("rc", "# c\n\ndefaults\ntls on\naccount default\nhost x.org\n", "starttls required"),
    ],
)
def test_whose_file_it_is_is_seen(esmtp: Command, name: str, content: str, said: str) -> None:
    (esmtp.home / name).write_text(content)
    assert esmtp("--import", name).code == 0
    assert said in (esmtp.home / ".esmtprc").read_text()


def test_mail_to_root_goes_where_ssmtp_sent_it(esmtp: Command) -> None:
    with SubmissionServer() as server:
        login = "AuthUser=alice\nAuthPass=secret\nUseSTARTTLS=YES\n"
        (esmtp.home / "conf").write_text(f"mailhub=localhost:{server.port}\nhostname=box.x.org\n{login}")
        (esmtp.home / "revaliases").write_text("joe:joe@x.org:mail.x.org\n")
        done = esmtp("--import", "conf")
        assert "not taken over: revaliases: joe: " in done.err
        assert "warning" not in esmtp("--check-rc").out
        with (esmtp.home / ".esmtprc").open("a") as rc:
            rc.write(f"ca_file {server.authority.file}\n")
        assert esmtp("root", stdin=b"Subject: x\n\ny\n").code == 0
        assert server.mails[0].sender.endswith("@box.x.org")
        assert server.mails[0].recipients == ["root@box.x.org"]
    assert server.violations == []


def test_a_muttrc_that_only_sources_is_one(esmtp: Command) -> None:
    (esmtp.home / ".mutt").mkdir()
    (esmtp.home / ".mutt" / "muttrc").write_text("source ~/.mutt/account\nsource 'echo set x=y |'\n")
    account = "set my_pass=$MAIL_PASS\nset smtp_url=smtps://me@x.org smtp_pass=$my_pass from=me@x.org\n"
    (esmtp.home / ".mutt" / "account").write_text(account)
    done = esmtp("--import", ".mutt/muttrc", MAIL_PASS="secret")
    assert done.code == 0
    assert "not taken over: source echo set x=y |: a program, which is not run\n" in done.err
    assert "smtp_pass: $MAIL_PASS is of the environment" in done.err
    assert "password secret\n" in (esmtp.home / ".esmtprc").read_text()
    assert "warning" not in esmtp("--check-rc").out


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["msmtprc"], 66, "name the path"),
        (["nowhere"], 66, "no such file"),
        (["odd"], 66, "whose configuration is it"),
        (["nullmailer", "x"], 64, "--import takes one"),
        (["empty"], 66, "nothing there that sends mail"),
    ],
)
def test_what_cannot_be_imported(esmtp: Command, words: list[str], code: int, said: str) -> None:
    (esmtp.home / "odd").write_text("hello\n")
    (esmtp.home / "empty").mkdir()
    done = esmtp("--import", *words)
    assert done.code == code
    assert said in done.err
    assert not (esmtp.home / ".esmtprc").exists()


def test_what_an_rc_file_does_not_take_is_left_out_and_said(esmtp: Command) -> None:
    (esmtp.home / "m").write_text(
        "account a\nhost x.org\nfrom me@x.org\ntls on\ntimeout 99999\nsyslog LOG_X\n"
        "account b\nhost x.org\nport 99999\nfrom b@x.org\n"
        "account c\nhost x.org\nfrom c d@x.org\n"
    )
    done = esmtp("--import", "m")
    assert done.code == 0
    assert [line.partition(": ")[2] for line in done.err.splitlines()] == [
        "not taken over: account a of msmtp: timeout: expected a number of seconds from 1 to 86400",
        "not taken over: account a of msmtp: syslog: expected a facility such as mail, user or local0",
        "not taken over: account b of msmtp: hostname: expected a port number from 1 to 65535 after the colon",
        "not taken over: account c of msmtp: identity: expected an address such as me@example.org, "
        "without a name or comment",
    ]
    checked = esmtp("--check-rc")
    assert checked.code == 0
    assert "warning" not in checked.out
    assert "hostname x.org:25" in (esmtp.home / ".esmtprc").read_text()


def test_what_the_check_would_warn_of_is_said(esmtp: Command) -> None:
    (esmtp.home / "m").write_text("account a\nhost x.org\nfrom me@x.org\ntls on\ntls_trust_file ~/nowhere\n")
    done = esmtp("--import", "m")
    assert done.code == 0
    [warning] = done.err.splitlines()
    assert f"{esmtp.home}/.esmtprc:8: no mail can leave: cannot use ca_file {esmtp.home}/nowhere" in warning
    assert f"warning: {warning.removeprefix('esmtp: ')}\n" in esmtp("--check-rc").out


def test_nothing_is_written_when_no_section_is_left(esmtp: Command) -> None:
    (esmtp.home / "m").write_text("account a\nhost x.org\nport 99999\nfrom me@x.org\n")
    done = esmtp("--import", "m")
    assert done.code == 66
    assert "account a of msmtp: hostname" in done.err
    assert not (esmtp.home / ".esmtprc").exists()
