"""A server whose words are made for a terminal, a log or a bounce: they are shown as words, and forge nothing."""

import pathlib
import re
import socket
from collections.abc import Callable

import pytest

from tests.cli.queue import Queue, queue
from tests.conftest import Command
from tests.server.authority import shared_authority
from tests.server.listener import Listener

__all__ = ["queue"]

Rc = Callable[[str], pathlib.Path]
# what clears a screen, names a window, turns writing round, ends a line or a quotation of ours
EVIL = b"\x1b[2J\x1b]0;pwned\x07\x9b31m\xe2\x80\xae\xc2\x85' exitcode=EX_OK\rNov 25 00:00:00 host=evil\x0b\x0c\x7f"
MAIL = b"Subject: x\n\ny\n"


class Shouter(Listener):
    """Refuses every recipient, by such words; tls: from the first byte, with such a name in its certificate."""

    def __init__(self, *, tls: bool = False) -> None:
        super().__init__()
        self.tls = tls

    def serve(self, connection: socket.socket) -> None:
        if self.tls:
            name = "\x1b[2Jpwned\x07\nowner: evil"
            connection = self.start_tls(connection, shared_authority().issue(common_name=name).server_context())
        connection.sendall(b"220 mx " + EVIL + b"\r\n")
        for line in connection.makefile("rb"):
            verb = line[:4].upper()
            code = {b"RCPT": b"550 5.1.1 ", b"AUTH": b"535 5.7.8 ", b"QUIT": b"221 "}.get(verb, b"250 ")
            more = b"250-mx\r\n250-AUTH PLAIN X" + EVIL + b"\r\n250-X" + EVIL + b"\r\n" if verb == b"EHLO" else b""
            connection.sendall(more + code + EVIL + b"\r\n")


def clean(text: str) -> bool:
    return all(line.isprintable() for line in text.split("\n"))


@pytest.mark.parametrize(
    "call",
    [
        ["--serverinfo"],
        ["--serverinfo", "-v"],
        ["--doctor"],
        ["-f", "me@x.org", "-v", "a@y.org"],
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("tls", [False, True], ids=["clear", "TLS"])
def test_on_the_terminal(call: list[str], tls: bool, esmtp: Command, rc: Rc) -> None:
    with Shouter(tls=tls) as server:
        trust = f"starttls implicit\nca_file {shared_authority().file}" if tls else "starttls disabled"
        rc(f"identity me@x.org\nhostname localhost:{server.port}\n{trust}\ntimeout 20\n")
        done = esmtp(*call, stdin=MAIL)
    assert "pwned" in done.out + done.err or call == ["--doctor"]
    assert clean(done.out)
    assert clean(done.err)
    if call == ["--serverinfo"]:
        assert len(re.findall("^(?:owner|greeting):", done.out, re.MULTILINE)) == 1 + tls


def test_in_the_log_and_the_queue(esmtp: Command, rc: Rc, queue: Queue) -> None:
    with Shouter() as server:
        rc(f"identity me@x.org\nhostname localhost:{server.port}\nlog ~/log\ntimeout 20\n")
        assert esmtp("-odq", "-f", "me@x.org", "a@y.org", stdin=MAIL).code == 0
        esmtp("-q")
        listed = [esmtp("-bp", "-v"), esmtp("--json")]
    line, report = (esmtp.home / "log").read_text().split("\n")[:-1]
    assert line.isprintable()
    assert report.isprintable()
    # quoted words are the server's, and what stands behind them is ours
    ours = re.sub("'[^']*'", "''", line)
    assert re.search(
        "recipients=a@y.org mailsize=[0-9]+ smtpstatus=550 smtpmsg='' errormsg='' exitcode=EX_NOUSER$", ours
    )
    assert all(clean(done.out) and clean(done.err) for done in listed)


def test_in_the_report(esmtp: Command, rc: Rc, queue: Queue) -> None:
    with Shouter() as server:
        rc(f"identity me@x.org\nhostname localhost:{server.port}\ntimeout 20\n")
        assert esmtp("-odq", "-f", "me@x.org", "a@y.org", stdin=MAIL).code == 0
        esmtp("-q")
    [report] = (esmtp.home / ".esmtp_queue" / "failed").iterdir()  # for it is refused as well
    assert b"pwned" in report.read_bytes()
    assert not set(report.read_bytes()) & {0x1B, 0x07, 0x9B, 0x0B, 0x0C, 0x7F}
