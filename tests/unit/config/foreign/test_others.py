"""ssmtp and nullmailer: what their files come to."""

import pathlib

import pytest

from esmtp_py.config.foreign import muttrc, nullmailer, ssmtp
from esmtp_py.config.foreign.here import Here
from tests.unit.config.foreign import HERE

NAMELESS = Here(login="alice", host="box")


def test_ssmtp() -> None:
    found = ssmtp.read(
        "#\nroot=me@x.org\nmailhub=smtp.x.org:587\nrewriteDomain=x.org\nhostname=box.x.org\nUseTLS=YES\n"
        "UseSTARTTLS=yes\nAuthUser=me\nAuthPass=a#b=c\nAuthMethod=LOGIN\nMinUserId=500\n",
        HERE,
    )
    [section] = found.sections
    assert section.addresses == []
    assert dict(section.statements) == {
        "hostname": "smtp.x.org:587",
        "starttls": "required",
        "username": "me",
        "password": "a#b=c",
        "helo": "box.x.org",
        "auth": "login",
        "sender": "%u@x.org",
        "qualifydomain": "x.org",
        "from_header": "force",
    }
    assert len(found.lost) == 2


@pytest.mark.parametrize(
    ("lines", "hostname", "starttls"),
    [
        ("mailhub=a.org", "a.org:25", None),
        ("mailhub=a.org\nUseTLS=YES", "a.org:465", "implicit"),
        ("mailhub=a.org:26\nUseSTARTTLS=YES", "a.org:26", "required"),
        ("", "mail:25", None),
    ],
)
def test_server_of_ssmtp(lines: str, hostname: str, starttls: str | None) -> None:
    told = dict(ssmtp.read(lines, HERE).sections[0].statements)
    assert told["hostname"] == hostname
    assert told.get("starttls") == starttls


@pytest.mark.parametrize(
    ("lines", "sender", "domain"),
    [
        ("hostname=box.x.org", "%u@box.x.org", "box.x.org"),
        ("hostname=box.x.org\nrewriteDomain=x.org", "%u@x.org", "x.org"),
        ("hostname=\nrewriteDomain=", "%u@%h", "box.here.org"),
    ],
)
def test_every_user_of_ssmtp_has_an_address(lines: str, sender: str, domain: str) -> None:
    told = dict(ssmtp.read(lines, HERE).sections[0].statements)
    assert (told["sender"], told["qualifydomain"], told["from_header"]) == (sender, domain, "force")


def test_reverse_aliases_of_ssmtp_are_for_the_rc_files_of_their_users() -> None:
    found = ssmtp.read(
        "mailhub=x.org", HERE, "# them\n\nroot:me@x.org:smtp.x.org:587\njoe:joe@y.org\nann:ann@y.org:y.org\n"
    )
    assert [line.partition("; ")[2] for line in found.lost] == [
        "in the rc file of root write `sender me@x.org` and `hostname smtp.x.org:587`",
        "in the rc file of joe write `sender joe@y.org`",
        "in the rc file of ann write `sender ann@y.org` and `hostname y.org:25`",
    ]


@pytest.mark.parametrize(
    ("lines", "statements", "lost"),
    [
        ("AuthUser=me\nAuthMethod=LOGIN", {"username", "password_from", "auth"}, "esmtp --set-password alice@x.org"),
        ("AuthPass=x\nAuthMethod=LOGIN", set(), "nobody logs in"),
    ],
)
def test_half_a_login_of_ssmtp(lines: str, statements: set[str], lost: str) -> None:
    found = ssmtp.read(f"hostname=x.org\n{lines}", HERE)
    told = {name for name, _ in found.sections[0].statements}
    assert told & {"username", "password", "password_from", "auth"} == statements
    assert lost in found.lost[0]


def test_nullmailer(tmp_path: pathlib.Path) -> None:
    (tmp_path / "remotes").write_text(
        "# first\nsmtp.x.org smtp --port=587 --starttls --auth-login user=me --pass='a b' --x509cafile=/ca.pem\n"
        "second.x.org smtp\n"
    )
    (tmp_path / "helohost").write_text("box.x.org\n")
    (tmp_path / "allmailfrom").write_text("me@x.org\n")
    (tmp_path / "defaultdomain").write_text("x.org\n")
    (tmp_path / "queuelifetime").write_text("172800\n")
    (tmp_path / "adminaddr").write_text("root@x.org\n")
    found = nullmailer.read(str(tmp_path), NAMELESS)
    [section] = found.sections
    assert dict(section.statements) == {
        "hostname": "smtp.x.org:587",
        "starttls": "required",
        "username": "me",
        "password": "a b",
        "ca_file": "/ca.pem",
        "auth": "login",
        "helo": "box.x.org",
        "force reverse_path": "me@x.org",
        "queue_lifetime": "172800s",
        "qualifydomain": "x.org",
        "sender": "%u@x.org",
    }
    assert [line.partition(":")[0] for line in found.lost] == ["remotes, line 2", "adminaddr"]


def test_nullmailer_without_remotes(tmp_path: pathlib.Path) -> None:
    assert nullmailer.read(str(tmp_path), NAMELESS).sections == []


@pytest.mark.parametrize(
    ("files", "mailname", "domain"),
    [
        ({"defaulthost": "laptop", "defaultdomain": "example.org"}, "", "laptop.example.org"),
        ({"defaulthost": "mail.x.org", "defaultdomain": "example.org"}, "", "mail.x.org"),
        ({"defaulthost": "localhost", "defaultdomain": "example.org"}, "", "localhost"),
        ({"defaulthost": "laptop", "me": "example.org"}, "", "laptop.example.org"),
        ({"me": "box.x.org"}, "y.org", "box.x.org"),
        ({"me": "box", "defaultdomain": "x.org"}, "", "box.x.org"),
        ({"defaultdomain": "x.org"}, "", "x.org"),
        ({}, "y.org", "y.org"),
    ],
)
def test_bare_names_of_nullmailer_get_its_host(
    tmp_path: pathlib.Path, files: dict[str, str], mailname: str, domain: str
) -> None:
    for name, value in {"remotes": "x.org smtp", **files}.items():
        (tmp_path / name).write_text(value + "\n")
    here = Here(login="alice", host="box", mailname=mailname)
    found = nullmailer.read(str(tmp_path), here)
    told = dict(found.sections[0].statements)
    assert (told["qualifydomain"], told["sender"]) == (domain, f"%u@{domain}")
    assert found.lost == []


def test_what_nullmailer_has_by_another_name_or_uses_not(tmp_path: pathlib.Path) -> None:
    (tmp_path / "remotes").write_text("x.org smtp source=192.0.2.1 user=me auth-login x509certfile=/c x509keyfile=/k\n")
    found = nullmailer.read(str(tmp_path), NAMELESS)
    told = dict(found.sections[0].statements)
    assert (told["source_address"], told["certificate_key"]) == ("192.0.2.1", "/k")
    assert "username" not in told
    assert "auth" not in told
    assert found.lost[0] == "remotes: user and pass: one of them is missing, so nobody logs in"


@pytest.mark.parametrize("host", ["", "laptop"])
def test_nullmailer_without_a_domain_says_so(tmp_path: pathlib.Path, host: str) -> None:
    (tmp_path / "remotes").write_text("x.org smtp\n")
    (tmp_path / "defaulthost").write_text(host)
    found = nullmailer.read(str(tmp_path), NAMELESS)
    assert dict(found.sections[0].statements).get("qualifydomain", "") == host
    assert "qualifydomain" in found.lost[0]


@pytest.mark.parametrize(
    "text",
    ["", "set", "set x='", "=\n===", "source a\0b", "set \\", "x=${", "$`", "account\nhost\n\0", "set smtp_url=://@:"],
)
def test_odd_files_do_no_harm(text: str) -> None:
    from esmtp_py.config.foreign import msmtprc

    muttrc.read(text, "/nowhere/muttrc", HERE)
    msmtprc.read(text, HERE)
    ssmtp.read(text, HERE, text)
