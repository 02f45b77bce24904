"""One bad recipient never holds up the others, and nobody gets a mail twice."""

import pathlib
from collections.abc import Callable

import pytest

from tests.conftest import Command
from tests.interop.mailserver import MailServer
from tests.ports import free_port

MAIL = b"From: alice@example.test\nTo: all of you:;\nSubject: many\n\nHello.\n"
WriteRc = Callable[[str], pathlib.Path]


@pytest.mark.parametrize("listener", ["submission", "data", "lockstep"])
def test_unknown_among_good_ones(listener: str, server: MailServer, esmtp: Command, rc: WriteRc, address: str) -> None:
    rc(server.rc(listener=listener))
    done = esmtp("-f", "alice@example.test", f"a{address}", f"ghost{address}", f"b{address}", stdin=MAIL)
    assert done.code == 69
    [line] = done.err.splitlines()
    assert f"ghost{address}" in line
    assert "User unknown" in line
    assert len(server.mails(f"a{address}")) == len(server.mails(f"b{address}")) == 1


@pytest.mark.parametrize("listener", ["submission", "data", "lockstep"])
def test_all_unknown(listener: str, server: MailServer, esmtp: Command, rc: WriteRc, address: str) -> None:
    rc(server.rc(listener=listener))
    done = esmtp("-f", "alice@example.test", f"ghost1{address}", f"ghost2{address}", stdin=MAIL)
    assert done.code == 67
    lines = done.err.splitlines()
    assert len(lines) == 2
    for number, line in enumerate(lines, 1):
        assert f"ghost{number}{address}" in line
        assert "User unknown" in line


@pytest.mark.parametrize("listener", ["submission", "data", "lockstep"])
def test_three_fates(listener: str, server: MailServer, esmtp: Command, rc: WriteRc, address: str) -> None:
    rc(server.rc(listener=listener))
    done = esmtp("-f", "alice@example.test", f"ghost{address}", f"later{address}", address, stdin=MAIL)
    assert done.code == 75  # one of them is worth another try, and a permanent code would forbid it
    refused, deferred = done.err.splitlines()
    assert f"ghost{address}" in refused
    assert "User unknown" in refused
    assert f"later{address}" in deferred
    assert "come back in five minutes" in deferred
    assert len(server.mails(address)) == 1


@pytest.mark.parametrize("listener", ["submission", "data", "lockstep"])
def test_refused_for_what_it_says(listener: str, server: MailServer, esmtp: Command, rc: WriteRc, address: str) -> None:
    rc(server.rc(listener=listener))
    done = esmtp("-f", "alice@example.test", address, f"b{address}", stdin=b"X-Unwanted: yes\n" + MAIL)
    assert done.code == 65
    lines = done.err.splitlines()
    assert len(lines) == 2
    assert all("we do not want this" in line for line in lines)
    assert server.mails(address) == []


def test_nobody_listens(server: MailServer, esmtp: Command, rc: WriteRc, address: str) -> None:
    rc(server.rc(hostname=f"localhost:{free_port()}"))
    done = esmtp("-f", "alice@example.test", address, stdin=MAIL)
    assert done.code == 75
    assert "localhost" in done.err


@pytest.mark.parametrize("count", [30, 31, 130])
def test_more_than_the_server_takes_at_once(
    count: int, server: MailServer, esmtp: Command, rc: WriteRc, address: str
) -> None:
    rc(server.rc(listener="few"))
    everybody = [f"{number}.{address}" for number in range(count)]
    done = esmtp("-f", "alice@example.test", *everybody, stdin=MAIL)
    assert (done.code, done.err) == (0, "")
    assert [len(server.mails(one)) for one in everybody] == [1] * count
    # A QUIT that was already on its way costs a second connection, but no transaction more than needed.
    assert sum(int(did["mail"]) for did in server.postfix.sessions()) == -(-count // 30)


def test_unknown_ones_among_more_than_the_server_takes(
    server: MailServer, esmtp: Command, rc: WriteRc, address: str
) -> None:
    rc(server.rc(listener="few"))
    everybody = [f"{'ghost' if number in (0, 29, 45, 69) else ''}{number}.{address}" for number in range(70)]
    done = esmtp("-f", "alice@example.test", *everybody, stdin=MAIL)
    assert done.code == 69
    assert len(done.err.splitlines()) == 4
    assert [len(server.mails(one)) for one in everybody] == ["ghost" not in one for one in everybody]


def test_each_address_once(server: MailServer, esmtp: Command, rc: WriteRc, address: str) -> None:
    rc(server.rc())
    done = esmtp("-f", "alice@example.test", address, f"You <{address}>", f"{address}, {address}", stdin=MAIL)
    assert (done.code, done.err) == (0, "")
    assert len(server.mails(address)) == 1
