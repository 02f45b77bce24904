"""Which server gets the mail, and from whom: -f, From: and the rc."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import PIPE, Mailbox, way_to
from tests.conftest import Command
from tests.server import SubmissionServer


@pytest.fixture
def other() -> Iterator[SubmissionServer]:
    with SubmissionServer(tls="none", mechanisms=()) as running:
        yield running


Rc = Callable[[str], Path]


@pytest.fixture
def servers(server: SubmissionServer, other: SubmissionServer, rc: Rc) -> dict[str, SubmissionServer]:
    rc(f"identity me@home.org, *@family.org\n{way_to(server)}identity me@work.com\n{way_to(other)}")
    return {"home": server, "work": other}


@pytest.mark.parametrize(
    ("args", "author", "place", "sender"),
    [
        (["-f", "me@work.com"], "me@home.org", "work", "me@work.com"),
        (["-r", "me@work.com"], "", "work", "me@work.com"),
        (["-f", "<me@work.com>"], "", "work", "me@work.com"),
        (["-f", "Me <me@work.com>"], "", "work", "me@work.com"),
        (["-f", "aunt@family.org"], "me@work.com", "home", "aunt@family.org"),
        (["-f", "who@else.net"], "", "home", "who@else.net"),
        ([], "Me <me@work.com>", "work", "me@work.com"),
        ([], "uncle@family.org", "home", "uncle@family.org"),
        ([], "who@else.net", "home", "me@home.org"),
        ([], "", "home", "me@home.org"),
        (["-f", ""], "me@work.com", "work", ""),
        (["-f", "<>"], "me@work.com", "work", ""),
        (["-f", "<>"], "", "home", ""),
    ],
)
def test_identity(
    esmtp: Command, servers: dict[str, SubmissionServer], args: list[str], author: str, place: str, sender: str
) -> None:
    header = f"From: {author}\n" if author else "Subject: x\n"
    done = esmtp(*args, "you@y.org", stdin=header.encode() + b"\nbody\n")
    assert (done.code, done.err) == (0, "")
    assert [mail.sender for mail in servers[place].mails] == [sender]
    assert sum(len(each.mails) for each in servers.values()) == 1


def test_select_by_header(esmtp: Command, servers: dict[str, SubmissionServer]) -> None:
    with (esmtp.home / ".esmtprc").open("r+") as file:
        text = file.read()
        file.seek(0)
        file.write("select_by header\n" + text)
    assert esmtp("-f", "me@home.org", "you@y.org", stdin=b"From: me@work.com\n\nx\n").code == 0
    assert [mail.sender for mail in servers["work"].mails] == ["me@home.org"]


@pytest.mark.parametrize(("args", "author"), [(["-f", "who@else.net"], "me@home.org"), ([], "who@else.net")])
def test_unmatched_refuse(esmtp: Command, servers: dict[str, SubmissionServer], args: list[str], author: str) -> None:
    with (esmtp.home / ".esmtprc").open("r+") as file:
        text = file.read()
        file.seek(0)
        file.write("unmatched refuse\n" + text)
    done = esmtp(*args, "you@y.org", stdin=f"From: {author}\n\nx\n".encode())
    assert done.code == 78
    assert "`identity who@else.net`" in done.err
    assert not any(server.sessions for server in servers.values())


@pytest.mark.parametrize(
    ("statements", "args", "sender", "author"),
    [
        ("force reverse_path bounces@x.org", ["-f", "alias@x.org"], "bounces@x.org", "alias@x.org"),
        ("force reverse_path bounces@x.org", [], "bounces@x.org", "me@x.org"),
        ('force reverse_path ""', ["-f", "me@x.org"], "", "me@x.org"),
        ("sender other@x.org", [], "other@x.org", "other@x.org"),
        ("sender other@x.org", ["-f", "me@x.org"], "me@x.org", "me@x.org"),
    ],
)
def test_statements_about_the_sender(
    esmtp: Command, server: SubmissionServer, rc: Rc, statements: str, args: list[str], sender: str, author: str
) -> None:
    rc(f"identity me@x.org\n{way_to(server)}{statements}\n")
    done = esmtp("-F", "", *args, "you@y.org", stdin=b"\nx\n")
    assert (done.code, done.err) == (0, "")
    assert [mail.sender for mail in server.mails] == [sender]
    assert f"\r\nFrom: {author}\r\n".encode() in b"\r\n" + server.mails[0].data


def test_bare_sender_gets_a_domain_for_smtp_only(esmtp: Command, server: SubmissionServer, rc: Rc) -> None:
    rc(f"identity me@x.org\n{way_to(server)}{PIPE}")
    assert esmtp("-f", "root", "joe", "you@y.org", stdin=b"\nx\n").code == 0
    local, _, domain = server.mails[0].sender.partition("@")
    assert local == "root"
    assert domain
    assert Mailbox(esmtp.home).sender == "root"


def test_qualifydomain_also_for_the_sender(esmtp: Command, server: SubmissionServer, rc: Rc) -> None:
    rc(f"identity me@x.org\n{way_to(server)}qualifydomain q.org\n")
    assert esmtp("-f", "root", "joe", stdin=b"\nx\n").code == 0
    assert server.mails[0].sender == "root@q.org"
    assert server.mails[0].recipients == ["joe@q.org"]


def test_without_home(esmtp: Command, mailbox: Mailbox) -> None:
    (esmtp.home / "rc").write_text((esmtp.home / ".esmtprc").read_text())
    (esmtp.home / "rc").chmod(0o600)
    del esmtp.environ["HOME"]
    assert esmtp("-C", "rc", "joe", stdin=b"\nhello\n").code == 0
    assert mailbox.body == b"hello\n"


def test_no_rc_at_all(esmtp: Command) -> None:
    done = esmtp("-bv", "you@y.org")
    assert done.code == 0
    assert "localhost:25" in done.out
