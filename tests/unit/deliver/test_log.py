"""The line of the log: what it says of each kind of mail, and that nobody's words can forge it."""

import os
import pathlib
import syslog

import pytest

from esmtp_py.config.identity import Identity
from esmtp_py.config.server import Server
from esmtp_py.deliver.log import EXIT_NAMES, line, note
from esmtp_py.message.envelope import Envelope, Recipient
from esmtp_py.outcome import TABLE, Outcome

ME = Identity(addresses=("me@x.org",), server=Server("mx.x.org", "587"), username="me", origin={"hostname": "rc:1"})
GOOD = Outcome("delivered", "250 2.0.0 Ok: queued", remote="mx.x.org", reply="250 2.0.0 Ok: queued")
BAD = Outcome("unknown_user", "mx.x.org said in reply to RCPT TO: 550 5.1.1 no", reply="550 5.1.1 no")


def envelope(*addresses: str, sender: str = "me@x.org") -> Envelope:
    return Envelope(sender, [Recipient(address) for address in addresses])


def test_a_delivered_mail() -> None:
    assert line(ME, envelope("a@y.org", "b@y.org"), 2048, {"a@y.org": GOOD, "b@y.org": GOOD}) == (
        "host=mx.x.org tls=on auth=on user=me from=me@x.org recipients=a@y.org,b@y.org mailsize=2048 "
        "smtpstatus=250 smtpmsg='250 2.0.0 Ok: queued' exitcode=EX_OK"
    )


def test_a_refused_recipient_is_named_with_the_words_of_the_server() -> None:
    made = line(ME, envelope("a@y.org", "b@y.org"), 1, {"a@y.org": GOOD, "b@y.org": BAD})
    assert "smtpstatus=550 smtpmsg='550 5.1.1 no' errormsg='b@y.org: mx.x.org said" in made
    assert made.endswith("exitcode=EX_UNAVAILABLE")


def test_a_server_that_was_never_reached_has_said_nothing() -> None:
    made = line(ME, envelope("a@y.org"), 1, {"a@y.org": Outcome("unreachable", "cannot connect")})
    assert "smtpstatus" not in made
    assert made.endswith("errormsg='a@y.org: cannot connect' exitcode=EX_TEMPFAIL")


@pytest.mark.parametrize(
    ("statements", "said"),
    [
        ({"starttls": "implicit"}, "tls=on auth=off"),
        ({"starttls": "required"}, "tls=on auth=off"),
        ({"starttls": "disabled", "username": "me"}, "tls=off auth=on user=me"),
        ({}, "tls=if-offered auth=off"),
    ],
)
def test_how_the_channel_is_protected(statements: dict[str, str], said: str) -> None:
    who = Identity(server=Server("mx.x.org", "25"), origin={"hostname": "rc:1"}, **statements)
    assert f" {said} " in line(who, envelope("a@y.org"), 1, {"a@y.org": GOOD})


def test_a_login_without_a_username() -> None:
    who = Identity(server=Server("mx.x.org", "25"), origin={"hostname": "rc:1"}, auth="EXTERNAL")
    assert " auth=on from=" in line(who, envelope("a@y.org"), 1, {"a@y.org": GOOD})


def test_null_sender_and_unix_socket() -> None:
    who = Identity(server=Server("", "", path="/run/smtp"))
    assert "host=/run/smtp " in line(who, envelope("a", sender=""), 1, {"a": GOOD})
    assert " from=<> " in line(who, envelope("a", sender=""), 1, {"a": GOOD})


def test_nobody_forges_a_field_or_a_line() -> None:
    told = Outcome("refused", "no' exitcode=EX_OK\n", reply="554 no' exitcode=EX_OK\r\nNov")
    made = line(ME, envelope('"a exitcode=EX_OK\n"@y.org'), 1, {'"a exitcode=EX_OK\n"@y.org': told})
    assert "\n" not in made
    assert "\r" not in made
    assert "smtpmsg='554 no\" exitcode=EX_OK\\x0d\\x0aNov'" in made
    assert 'recipients="a\\x20exitcode=EX_OK\\x0a"@y.org ' in made


def test_each_exit_status_has_its_name() -> None:
    assert set(EXIT_NAMES) == {row[2] for row in TABLE.values()}


def test_file_is_made_for_the_user_alone_and_appended_to(tmp_path: pathlib.Path) -> None:
    who = Identity(log=str(tmp_path / "log"))
    for _ in range(2):
        assert note(who, envelope("a@y.org"), 1, {"a@y.org": GOOD}, 1700000000.0) == ""
    written = (tmp_path / "log").read_text().splitlines()
    assert len(written) == 2
    assert written[0].startswith("Nov 1")
    assert (tmp_path / "log").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("kind", ["missing", "link", "full"])
def test_a_log_that_cannot_be_written_is_a_warning(tmp_path: pathlib.Path, kind: str) -> None:
    path = {"missing": "no/log", "link": "link", "full": "/dev/full"}[kind]
    (tmp_path / "link").symlink_to("/etc/hostname")
    warning = note(Identity(log=str(tmp_path / path)), envelope("a@y.org"), 1, {"a@y.org": GOOD})
    assert warning.startswith("not logged: ")
    assert os.fspath(tmp_path / path) in warning


def test_syslog_gets_the_line_at_the_facility_with_the_level_of_the_fate(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[object, ...]] = []
    monkeypatch.setattr(syslog, "openlog", lambda *arguments: seen.append(arguments))
    monkeypatch.setattr(syslog, "syslog", lambda *arguments: seen.append(arguments))
    note(Identity(syslog="local3"), envelope("a@y.org"), 1, {"a@y.org": GOOD})
    note(Identity(syslog="mail"), envelope("a@y.org"), 1, {"a@y.org": BAD})
    assert seen[0] == ("esmtp", syslog.LOG_PID, syslog.LOG_LOCAL3)
    assert (seen[1][0], seen[3][0]) == (syslog.LOG_INFO, syslog.LOG_ERR)
    assert "exitcode=EX_NOUSER" in str(seen[3][1])


def test_every_facility_of_the_rc_is_one_of_the_system() -> None:
    from esmtp_py.config.policy import FACILITIES

    assert all(hasattr(syslog, f"LOG_{name.upper()}") for name in FACILITIES if name != "authpriv")
