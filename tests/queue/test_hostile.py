"""More rows of the fault table: certificates, injected replies, servers that stall, and mails in a loop."""

import time

import pytest

from esmtp_py.deliver import session
from esmtp_py.net.connect import connect
from esmtp_py.queue.entry import RAW
from tests.queue.conftest import Queue, section
from tests.server import ScriptedServer, SubmissionServer
from tests.server.authority import shared_authority
from tests.server.scripted import script


def secure(server: SubmissionServer | ScriptedServer, *more: str) -> str:
    """An identity with a password, for that server and the authority of the tests."""
    lines = [f"hostname localhost:{server.port}", "username alice", "password secret", *more]
    return "\n".join(["identity me@x.org", *lines, f"ca_file {shared_authority().file}"]) + "\n"


@pytest.mark.parametrize(
    ("host", "expired", "word"), [("localhost", True, "expired"), ("x.org", False, "not for localhost")]
)
def test_a_bad_certificate_keeps_the_mail_and_says_which_check_failed(
    queue: Queue, host: str, expired: bool, word: str
) -> None:
    with SubmissionServer(certificate=shared_authority().issue(host, expired=expired)) as server:
        queue.rc(secure(server))
        names = [queue.put("a@x.org"), queue.put("b@x.org")]
        queue.run()
        server.settle()
    assert queue.ids() == names
    assert all(queue.fates(name) == ["tls"] and word in queue.words(name) for name in names)
    assert len(server.sessions) == 1, "one attempt for all of them"
    assert not any(line.startswith((b"AUTH", b"MAIL")) for line in server.sessions[0].commands)


@pytest.mark.parametrize("more", [r"250 evil\r\n", r"2"])
def test_what_comes_with_the_reply_to_starttls_ends_the_session(queue: Queue, more: str) -> None:
    steps = ["S: 220 x", "C: EHLO *", "S: 250-x", "S: 250 STARTTLS", "C: STARTTLS", rf"s: 220 go\r\n{more}"]
    with ScriptedServer(script(*steps)) as server:
        queue.rc(secure(server))
        name = queue.put("a@x.org")
        queue.run()
    assert server.tail == b""
    assert queue.ids() == [name]
    assert "more than its reply to STARTTLS" in queue.words(name)


@pytest.mark.parametrize(
    "steps",
    [
        ["= stall"],
        ["S: 220 x", "C: EHLO *", r"s: 250-x\r\n250", "= stall"],
        ["S: 220 x", "C: EHLO *", "S: 250 x", "C: MAIL *", "= stall"],
    ],
    ids=["at the greeting", "in a reply", "in a mail"],
)
def test_a_server_that_stalls_is_left_at_the_deadline(
    queue: Queue, monkeypatch: pytest.MonkeyPatch, steps: list[str]
) -> None:
    """The connection has all the time it wants, so that the server comes to stall."""
    monkeypatch.setattr(session, "connect", lambda server, deadline, *way: connect(server, deadline + 60, *way))
    with ScriptedServer(script(*steps)) as server:
        queue.rc(section(server, "timeout 1"))
        name = queue.put("a@x.org")
        before = time.monotonic()
        queue.run()
        assert time.monotonic() - before < 20
        server.mismatches.clear()
    assert queue.ids() == [name]
    assert "in time" in queue.words(name)


def test_a_mail_in_a_loop_comes_back_once(queue: Queue) -> None:
    with SubmissionServer(tls="none", mechanisms=()) as server:
        queue.way(server)
        text = b"Received: from x\n" * 101 + b"Subject: round\n\nand round\n"
        queue.put(form=RAW, argv=[b"-f", b"me@x.org", b"a@x.org"], sender=None, text=text)
        for _ in range(3):
            queue.run()
            queue.later()
    assert queue.ids() == []
    [report] = server.mails
    assert (report.sender, report.recipients) == ("", ["me@x.org"])
    assert b"Status: 5.4.6" in report.data
