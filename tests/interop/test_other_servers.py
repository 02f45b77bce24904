"""Exim, OpenSMTPD and Sendmail: what is said to them in groups they take in groups, and mistake nothing for another."""

import collections
import json
import pathlib
import time
from collections.abc import Callable, Iterator

import pytest

from esmtp_py.message.envelope import Recipient
from esmtp_py.queue.entry import Entry
from tests.cli.queue import Queue
from tests.cli.queue import queue as queue  # a fixture
from tests.conftest import Command
from tests.interop.exim import Exim
from tests.interop.opensmtpd import OpenSmtpd
from tests.interop.overlaid import Overlaid, impossible, missing
from tests.interop.sendmail import Sendmail

WriteRc = Callable[[str], pathlib.Path]
SENDER = "alice@example.test"
SERVERS = [
    pytest.param(Exim, "starttls", id="exim"),
    pytest.param(Exim, "data", id="exim-data"),
    pytest.param(Exim, "lockstep", id="exim-lockstep"),
    pytest.param(OpenSmtpd, "lockstep", id="opensmtpd"),
    pytest.param(Sendmail, "starttls", id="sendmail"),
]
STOCK = [SERVERS[0], *SERVERS[3:]]
LOGINS = [
    (kind, listener, mechanism)
    for kind in (Exim, Sendmail)
    for listener, mechanism in (("implicit", "automatic"), ("starttls", "plain"), ("starttls", "login"))
]

BODIES = {
    "dots": b".\r\n..\r\n.a\r\n\r\n.\r\n",
    "eight bits": bytes(range(128, 256)) + b"\r\n\xe9\r\n",
    "a long line": b"x" * 998 + b"\r\nend\r\n",
    "no line end": b"one\r\ntwo",
    "nothing": b"",
    "blank lines": b"\r\n\r\n\r\n",
    "spaces": b"  before\r\nbehind \t\r\nFrom me\r\n",
    "much": (b"z" * 70 + b"\r\n") * 1200,
}


@pytest.fixture(scope="session")
def running() -> "Iterator[Callable[[type[Overlaid]], Overlaid]]":
    """Each server, started when it is first asked for."""
    started: dict[type[Overlaid], Overlaid] = {}

    def get(kind: type[Overlaid]) -> Overlaid:
        if kind not in started:
            if why := missing(kind.name):
                pytest.skip(why)
            if why := impossible(kind.name):
                pytest.xfail(why)
            started[kind] = kind().__enter__()
        return started[kind]

    yield get
    for server in started.values():
        server.__exit__()


@pytest.fixture
def server(running: "Callable[[type[Overlaid]], Overlaid]", kind: type[Overlaid]) -> Overlaid:
    return running(kind)


def put(queue: Queue, *recipients: str, body: bytes = b"hello\r\n", header: str = "") -> None:
    head = f"From: {SENDER}\r\nSubject: x\r\n{header}\r\n".encode()
    queue.add(Entry(time.time(), SENDER, [Recipient(one) for one in recipients]), head + body)


def arrived(server: Overlaid, end: str) -> "collections.Counter[str]":
    """How often each recipient whose address ends so has got a mail."""
    return collections.Counter(who for who, _ in server.mails() if who.endswith(end))


@pytest.mark.parametrize(("kind", "listener"), SERVERS)
def test_a_queue_with_refusals_in_the_middle(
    listener: str, server: Overlaid, queue: Queue, esmtp: Command, rc: WriteRc, address: str
) -> None:
    """Senders hear of what is refused for good; what is refused for now waits; all others have their mail, once."""
    rc(server.rc(listener))
    good = [f"a{number}-{address}" for number in range(12)]
    refuses_messages = not isinstance(server, OpenSmtpd)
    put(queue, good[0])
    put(queue, good[1], f"ghost1-{address}", good[2])
    put(queue, f"later1-{address}", good[3])
    put(queue, f"ghost2-{address}", f"ghost3-{address}")
    put(queue, good[4])
    put(queue, f"later2-{address}")
    if refuses_messages:
        put(queue, f"b-{address}", header="X-Unwanted: yes\r\n")
    put(queue, *good[5:11])  # Exim and Sendmail take four at a time
    put(queue, good[11])
    run = esmtp("-v", "-q")
    assert run.code == 0, run
    assert arrived(server, address) == collections.Counter(good)
    waiting = [json.loads(line)["recipients"] for line in esmtp("--json").out.splitlines()]
    assert sorted(one["address"] for mail in waiting for one in mail) == [f"later{n}-{address}" for n in (1, 2)]
    assert run.err.count("C: MAIL FROM:<> ") == 2 + refuses_messages
    assert server.complaints() == []


@pytest.mark.parametrize(("kind", "listener"), SERVERS)
def test_every_byte_arrives(
    listener: str, server: Overlaid, queue: Queue, esmtp: Command, rc: WriteRc, address: str
) -> None:
    rc(server.rc(listener))
    for number, body in enumerate(BODIES.values()):
        put(queue, f"{number}-{address}", body=body)
    assert esmtp("-q").code == 0
    got = {who: mail.body for who, mail in server.mails() if who.endswith(address)}
    assert len(got) == len(BODIES)
    for number, (what, body) in enumerate(BODIES.items()):
        whole = body if body.endswith(b"\r\n") or not body else body + b"\r\n"
        assert got[f"{number}-{address}"] == whole.replace(b"\r\n", b"\n"), what


@pytest.mark.parametrize(("kind", "listener"), STOCK)
def test_more_mails_than_a_window_or_a_session_has(
    listener: str, server: Overlaid, queue: Queue, esmtp: Command, rc: WriteRc, address: str
) -> None:
    """OpenSMTPD takes a hundred of them in a session, and then refuses MAIL."""
    rc(server.rc(listener))
    people = [f"{number}-{address}" for number in range(105)]
    for one in people:
        put(queue, one)
    run = esmtp("-v", "-q")
    assert run.code == 0, run
    assert run.err.count("* connected to") == (2 if isinstance(server, OpenSmtpd) else 1)
    assert arrived(server, address) == collections.Counter(people)
    assert server.complaints() == []


@pytest.mark.parametrize(("kind", "listener", "mechanism"), LOGINS)
def test_login(mechanism: str, listener: str, server: Overlaid, esmtp: Command, rc: WriteRc, address: str) -> None:
    rc(server.rc(listener, auth=mechanism))
    assert esmtp("-f", SENDER, address, stdin=b"Subject: x\n\nx\n").code == 0
    assert arrived(server, address) == {address: 1}
    rc(server.rc(listener, "wrong", auth=mechanism))
    refused = esmtp("-f", SENDER, address, stdin=b"Subject: x\n\nx\n")
    assert refused.code == 77
    assert "535" in refused.err


@pytest.mark.parametrize(("kind", "listener"), STOCK)
def test_dsn_and_smtputf8(listener: str, server: Overlaid, esmtp: Command, rc: WriteRc, address: str) -> None:
    rc(server.rc(listener))
    asked = ("-N", "success,delay", "-R", "hdrs", "-V", "id+1=2")
    done = esmtp("-v", *asked, "-f", SENDER, f"jörg-{address}", address, stdin="Subject: ü\n\nx\n".encode())
    takes_it = isinstance(server, Exim)
    assert done.code == (0 if takes_it else 69), done
    assert arrived(server, address) == collections.Counter([address, *[f"jörg-{address}"] * takes_it])
    assert " RET=HDRS ENVID=id+2B1+3D2" in done.err
    assert f"C: RCPT TO:<{address}> NOTIFY=SUCCESS,DELAY" in done.err
