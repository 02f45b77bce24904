"""What senders are told, and when: bounces, warnings, and confirmations where the server gives none; mda and SMTP."""

import email
import email.message
import os

import pytest

from esmtp_py.errors import MailError
from esmtp_py.message.envelope import Recipient
from esmtp_py.queue import ledger as ledger_module
from esmtp_py.queue.entry import RAW
from esmtp_py.queue.locked import Locked
from esmtp_py.queue.store import Store
from tests.queue.conftest import DAY, HOUR, TEXT, Queue
from tests.server import SubmissionServer
from tests.server.transaction import Mail

NOBODY = "550 5.1.1 no such user"
LATER = "451 4.2.0 busy"


@pytest.fixture
def server() -> SubmissionServer:
    return SubmissionServer(tls="none", mechanisms=())


def parts(report: Mail | bytes) -> tuple[email.message.Message, str, str, str]:
    """The header, and the three parts as text: for people, for programs, the original."""
    data = report if isinstance(report, bytes) else report.data
    parsed = email.message_from_bytes(data)
    assert parsed.get_content_type() == "multipart/report"
    payload = parsed.get_payload()
    assert isinstance(payload, list)
    text, status, returned = payload
    return parsed, str(text), str(status), str(returned)


# -- bounces -------------------------------------------------------------------------------------------------------


def test_a_bounce_has_what_rfc_3464_wants(queue: Queue, server: SubmissionServer) -> None:
    server.replies |= {"RCPT a@x.org": NOBODY, "RCPT b@x.org": "550 5.7.1 not for you"}
    with server:
        queue.way(server)
        queue.put(Recipient("a@x.org", orcpt="alias@x.org"), "b@x.org", "c@x.org", envid="id-7")
        queue.run()
    _, report = server.mails
    header, text, status, returned = parts(report)
    assert (report.sender, report.recipients) == ("", ["me@x.org"])
    assert header["To"] == "me@x.org"
    assert header["Auto-Submitted"] == "auto-replied"
    assert "no such user" in text
    assert "Reporting-MTA: dns; " in status
    assert "Original-Envelope-Id: id-7" in status
    assert "Original-Recipient: rfc822; alias@x.org" in status
    assert status.count("Final-Recipient:") == 2
    assert status.count("Action: failed") == 2
    assert "Status: 5.1.1" in status
    assert "Status: 5.7.1" in status
    assert f"Diagnostic-Code: smtp; {NOBODY}" in status
    assert "c@x.org" not in status
    assert "Subject: hello" in returned
    assert "body" in returned


@pytest.mark.parametrize(("ret", "whole"), [("", True), ("FULL", True), ("HDRS", False)])
def test_how_much_is_returned(queue: Queue, server: SubmissionServer, ret: str, whole: bool) -> None:
    server.replies["RCPT a@x.org"] = NOBODY
    with server:
        queue.way(server)
        queue.put("a@x.org", ret=ret)
        queue.run()
    *_, returned = parts(server.mails[0])
    assert ("body" in returned) == whole
    assert "Subject: hello" in returned


@pytest.mark.parametrize("without", [(), ("SIZE",), ("SIZE", "CHUNKING")])
def test_that_a_mail_was_too_big_can_be_said(queue: Queue, server: SubmissionServer, without: tuple[str, ...]) -> None:
    """A report with the mail in it would be too big as well, and the sender would never hear of it."""
    server.size_limit = 20_000
    server.extensions = tuple(each for each in server.extensions if each not in without)
    with server:
        queue.way(server)
        queue.put("a@x.org", text=TEXT + (b"x" * 70 + b"\r\n") * 500)
        tally = queue.run()
    [report] = server.mails
    assert (report.sender, report.recipients) == ("", ["me@x.org"])
    assert b"Subject: hello" in report.data
    assert b"xxx" not in report.data
    assert (tally.failed, queue.ids(), queue.ids("failed")) == (1, [], [])


def test_bcc_is_never_in_it(queue: Queue, server: SubmissionServer) -> None:
    server.replies["RCPT a@x.org"] = NOBODY
    with server:
        queue.way(server)
        text = b"From: me@x.org\nBcc: hidden@x.org\nbCC : too@x.org\nTo: a@x.org\n\nhi\n"
        queue.put(form=RAW, argv=[b"-t"], sender=None, text=text)
        queue.run()
    assert sorted(mail.sender for mail in server.mails) == ["", "me@x.org"]
    assert all(b"hidden" not in mail.data and b"too@x.org" not in mail.data for mail in server.mails)


def test_a_bounce_never_bounces(queue: Queue, server: SubmissionServer) -> None:
    server.replies |= {"RCPT a@x.org": NOBODY, "RCPT me@x.org": NOBODY}
    with server:
        queue.way(server)
        name = queue.put("a@x.org")
        tally = queue.run()
        assert (tally.failed, tally.untold) == (2, 1), "the mail, and the report"
        own = queue.put("a@x.org", sender="")
        tally = queue.run()
        assert (tally.failed, tally.untold) == (1, 1)
    assert queue.ids() == []
    assert queue.ids("failed") == [f"{name}-f0", own]
    assert own in tally.said[-1]
    assert "failed/" in tally.said[-1]
    assert b"no such user" in queue.message(f"{name}-f0", "failed"), "whoever looks there finds why"


def test_notify_never_is_heeded_for_each_recipient(queue: Queue, server: SubmissionServer) -> None:
    server.replies |= {"RCPT a@x.org": NOBODY, "RCPT b@x.org": NOBODY}
    with server:
        queue.way(server)
        queue.put(Recipient("a@x.org", ("NEVER",)), Recipient("b@x.org", ("FAILURE",)))
        queue.put(Recipient("a@x.org", ("NEVER",)), Recipient("b@x.org", ("SUCCESS",)))
        tally = queue.run()
    assert (tally.failed, tally.untold) == (2, 1)
    assert queue.ids() == []
    [report] = server.mails
    _, _, status, _ = parts(report)
    assert "Final-Recipient: rfc822; b@x.org" in status
    assert "a@x.org" not in status


def test_through_the_mda_where_there_is_one(queue: Queue, server: SubmissionServer) -> None:
    server.replies["RCPT a@x.org"] = NOBODY
    with server:
        queue.way(server, f"mda 'cat >>{queue.home}/%T'")
        queue.put("a@x.org")
        tally = queue.run()
    [mailbox] = [path for path in queue.home.iterdir() if path.is_file() and path.name != ".esmtprc"]
    header, _, status, _ = parts(mailbox.read_bytes().partition(b"\n")[2])
    assert "MAILER-DAEMON@" in str(header["From"])
    assert "a@x.org" in status
    assert server.mails == []
    assert tally.failed == 1


@pytest.mark.parametrize(("more", "to"), [("qualifydomain x.org", "joe@x.org"), ("", None)])
def test_to_a_sender_without_a_domain_by_the_address_the_server_knows(
    queue: Queue, server: SubmissionServer, more: str, to: str | None
) -> None:
    server.replies["RCPT a@x.org"] = NOBODY
    with server:
        queue.way(server, more)
        queue.put("a@x.org", sender="joe")
        queue.run()
    [report] = server.mails
    assert report.recipients == [to] if to else report.recipients[0].startswith("joe@")


def test_a_server_that_is_away_does_not_hold_back_the_report_that_the_mda_takes(queue: Queue) -> None:
    queue.rc(f"identity me@x.org\nhostname 127.0.0.1:1\nmda 'cat >>{queue.home}/mail'\nqueue_lifetime 1m\n")
    queue.put("a@x.org")
    queue.run()
    queue.later(HOUR)
    tally = queue.run()
    assert (tally.failed, tally.delivered, queue.ids()) == (1, 1, [])
    assert "given up" in (queue.home / "mail").read_text()


def refusing(queue: Queue, server: SubmissionServer) -> None:
    """An rc whose mda refuses all mail for good, and counts it."""
    queue.way(server, f"mda 'cat >/dev/null; echo x >>{queue.home}/asked; exit 1'")


def test_one_that_the_mda_does_not_take_goes_through_the_identity(queue: Queue, server: SubmissionServer) -> None:
    server.replies["RCPT a@x.org"] = NOBODY
    with server:
        refusing(queue, server)
        queue.put("a@x.org")
        tally = queue.run()
        queue.later()
        queue.run()
    [report] = server.mails
    assert (report.sender, report.recipients) == ("", ["me@x.org"])
    assert b"\nFrom: Mail Delivery System <me@x.org>\r\n" in b"\n" + report.data
    assert b"no such user" in report.data
    assert (queue.ids(), queue.ids("failed")) == ([], [])
    assert (tally.delivered, tally.failed, tally.untold, tally.deferred, tally.said) == (1, 1, 0, 0, [])
    assert (queue.home / "asked").read_text() == "x\n"


@pytest.mark.parametrize("word", [b"failed ", b"member "])
def test_once_whatever_fails_in_between(
    queue: Queue, server: SubmissionServer, monkeypatch: pytest.MonkeyPatch, word: bytes
) -> None:
    server.replies["RCPT a@x.org"] = NOBODY
    real = Locked.mark

    def mark(locked: Locked, lines: bytes) -> None:
        if lines.startswith(word) and "-f" in locked.name:
            raise MailError("io", "the disk is full")
        real(locked, lines)

    with server:
        refusing(queue, server)
        queue.put("a@x.org")
        with monkeypatch.context() as patch:
            patch.setattr(Locked, "mark", mark)
            queue.run()
        for _ in range(3):
            queue.later()
            queue.run()
    [report] = server.mails
    assert report.recipients == ["me@x.org"]
    assert (queue.ids(), queue.ids("failed")) == ([], [])


def test_and_is_kept_where_that_way_is_closed_too(queue: Queue, server: SubmissionServer) -> None:
    server.replies["RCPT"] = NOBODY
    with server:
        refusing(queue, server)
        name = queue.put("a@x.org")
        for _ in range(2):
            queue.run()
            queue.later()
        assert (queue.ids(), queue.ids("failed")) == ([], [f"{name}-f0"])
        queue.rc("identity me@x.org\nmda 'cat >/dev/null; exit 1'\n")
        own = queue.put("joe")
        queue.run()
    assert (queue.ids(), queue.ids("failed")) == ([], [f"{name}-f0", f"{own}-f0"])
    assert server.mails == []


# -- killed in between ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("identities", [1, 2])
def test_a_replay_after_a_kill_between_report_and_mark_writes_no_second_one(
    queue: Queue, server: SubmissionServer, monkeypatch: pytest.MonkeyPatch, identities: int
) -> None:
    server.replies["RCPT a@x.org"] = NOBODY
    with server:
        queue.way(server)
        if identities == 2:
            queue.rc((queue.home / ".esmtprc").read_text() + "identity other@x.org\nhostname 127.0.0.1:1\n")
        name = queue.put("a@x.org")
        stop_before_mark(queue, monkeypatch, b"reported ")
        assert queue.ids() == [name, f"{name}-f0"]
        tally = queue.run(f"{name}-f0")
        assert tally.delivered == 0, "while its original does not know of it"
        queue.run()
        queue.run()
    assert queue.ids() == []
    assert [mail.recipients for mail in server.mails] == [["me@x.org"]]


def test_a_replay_tells_of_each_failure_once_whatever_fails_in_between(
    queue: Queue, server: SubmissionServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The report of the killed run is about b; the next run finds that a and c fail, too."""
    server.replies |= {"RCPT b@x.org": NOBODY, "RCPT a@x.org": LATER, "RCPT c@x.org": LATER}
    with server:
        queue.way(server)
        name = queue.put("a@x.org", "b@x.org", "c@x.org")
        stop_before_mark(queue, monkeypatch, b"reported ")
        server.replies |= {"RCPT a@x.org": NOBODY, "RCPT c@x.org": NOBODY}
        queue.later(600)
        queue.run()
        queue.run()
    assert queue.ids() == []
    assert [mail.recipients for mail in server.mails] == [["me@x.org"]] * 2
    told = [parts(mail)[2] for mail in server.mails]
    for address in ("a@x.org", "b@x.org", "c@x.org"):
        assert sum(f"Final-Recipient: rfc822; {address}" in status for status in told) == 1, (name, address)


@pytest.mark.parametrize("mark", [b"failed ", b"delivered "])
def test_a_mail_whose_recipients_are_all_settled_is_finished(
    queue: Queue, server: SubmissionServer, mark: bytes
) -> None:
    """Killed between its last mark and what follows from it."""
    from esmtp_py.outcome import Outcome
    from esmtp_py.queue.marks import outcome_mark

    with server:
        queue.way(server)
        name = queue.put("a@x.org")
        locked = queue.store.lock(name)
        assert locked
        with locked:
            locked.mark(outcome_mark(queue.now, [0], Outcome("refused" if mark == b"failed " else "delivered", "so")))
        tally = queue.run()
    assert queue.ids() == []
    assert [mail.recipients for mail in server.mails] == ([["me@x.org"]] if mark == b"failed " else [])
    assert tally.delivered == (mark == b"failed "), "the report"


def stop_before_mark(queue: Queue, monkeypatch: pytest.MonkeyPatch, verb: bytes) -> None:
    """A run that ends where it would write such a mark, as if it were killed there."""
    real = Locked.mark

    def mark(locked: Locked, lines: bytes) -> None:
        if verb in lines:
            raise MailError("io", "killed")
        real(locked, lines)

    with monkeypatch.context() as patch:
        patch.setattr(Locked, "mark", mark)
        queue.run()


# -- delays --------------------------------------------------------------------------------------------------------


def test_a_warning_after_four_hours_once_and_given_up_after_five_days(queue: Queue, server: SubmissionServer) -> None:
    server.replies["RCPT a@x.org"] = LATER
    with server:
        queue.way(server)
        name = queue.put("a@x.org", "b@x.org")
        warned = []
        for hour in range(6 * 24):
            queue.run()
            warned += [(hour, mail) for mail in server.mails[1 + len(warned) :]]
            queue.later(HOUR)
            if name not in queue.ids():
                break
    (first, delayed), (last, failed) = warned
    assert first == 5 or first == 4
    assert 5 * 24 <= last <= 5 * 24 + 6
    header, text, status, _ = parts(delayed)
    assert "Action: delayed" in status
    assert "a@x.org" in status
    assert "b@x.org" not in status
    assert "delayed" in str(header["Subject"])
    _, text, status, _ = parts(failed)
    assert "Action: failed" in status
    assert "Status: 5.4.7" in status
    assert "busy" in text


@pytest.mark.parametrize(
    ("notify", "warnings"), [((), 1), (("NEVER",), 0), (("FAILURE",), 0), (("DELAY",), 1), (("SUCCESS", "DELAY"), 1)]
)
def test_who_is_warned(queue: Queue, server: SubmissionServer, notify: tuple[str, ...], warnings: int) -> None:
    server.replies["RCPT a@x.org"] = LATER
    with server:
        queue.way(server)
        queue.put(Recipient("a@x.org", notify))
        for _ in range(4):
            queue.run()
            queue.later(5 * HOUR)
    assert [mail.recipients for mail in server.mails] == [["me@x.org"]] * warnings


def test_also_behind_a_server_that_cannot_be_reached(queue: Queue) -> None:
    queue.rc(f"identity me@x.org\nhostname 127.0.0.1:1\nmda 'cat >>{queue.home}/mail'\n")
    for letter in "abc":
        queue.put(f"{letter}@x.org")
    for _ in range(3):
        queue.run()
        queue.later(5 * HOUR)
    assert (queue.home / "mail").read_text().count("Action: delayed") == 3


def test_no_mail_is_given_up_that_was_never_tried(queue: Queue, server: SubmissionServer) -> None:
    with server:
        queue.way(server)
        queue.put("a@x.org")
        queue.later(30 * DAY)
        assert queue.run().delivered == 1


def test_a_null_sender_is_not_warned(queue: Queue, server: SubmissionServer) -> None:
    server.replies["RCPT a@x.org"] = LATER
    with server:
        queue.way(server)
        name = queue.put("a@x.org", sender="")
        for _ in range(3):
            queue.run()
            queue.later(5 * HOUR)
    assert (queue.ids(), server.mails) == ([name], [])


# -- success -------------------------------------------------------------------------------------------------------

WANTED = ("SUCCESS", "FAILURE")


def test_success_is_confirmed_where_the_server_cannot(queue: Queue, server: SubmissionServer) -> None:
    server.extensions = tuple(e for e in server.extensions if e != "DSN")
    with server:
        queue.way(server)
        queue.put(Recipient("a@x.org", WANTED), "b@x.org", Recipient("c@x.org", ("FAILURE",)))
        tally = queue.run()
    mail, report = server.mails
    assert mail.recipients == ["a@x.org", "b@x.org", "c@x.org"]
    assert (report.sender, report.recipients) == ("", ["me@x.org"])
    _, _, status, returned = parts(report)
    assert "Action: relayed" in status
    assert "Status: 2." in status
    assert "a@x.org" in status
    assert "b@x.org" not in status
    assert "c@x.org" not in status
    assert "body" not in returned, "RFC 3461 section 4.3: only the header"
    assert (queue.ids(), tally.failed) == ([], 0)


def test_and_not_where_it_can(queue: Queue, server: SubmissionServer) -> None:
    with server:
        queue.way(server)
        queue.put(Recipient("a@x.org", WANTED))
        queue.run()
    [mail] = server.mails
    assert mail.wishes == [{"NOTIFY": "SUCCESS,FAILURE"}]


@pytest.mark.parametrize(
    ("recipient", "sender"), [("a@x.org", ""), ("later@x.org", "me@x.org"), ("no@x.org", "me@x.org")]
)
def test_nor_to_nobody_nor_for_what_was_not_delivered(
    queue: Queue, server: SubmissionServer, recipient: str, sender: str
) -> None:
    server.extensions = tuple(e for e in server.extensions if e != "DSN")
    server.replies |= {"RCPT later@x.org": LATER, "RCPT no@x.org": NOBODY}
    with server:
        queue.way(server)
        queue.put(Recipient(recipient, WANTED), sender=sender)
        queue.run()
    assert not any(b"relayed" in mail.data for mail in server.mails)


def test_each_is_confirmed_once_when_it_is_delivered(queue: Queue, server: SubmissionServer) -> None:
    server.extensions = tuple(e for e in server.extensions if e != "DSN")
    server.replies["RCPT b@x.org"] = LATER
    with server:
        queue.way(server)
        queue.put(Recipient("a@x.org", WANTED), Recipient("b@x.org", WANTED))
        queue.run()
        queue.run()
        server.replies.clear()
        queue.later(600)
        queue.run()
        queue.run()
    told = [parts(mail)[2] for mail in server.mails if not mail.sender]
    assert [("a@x.org" in status, "b@x.org" in status) for status in told] == [(True, False), (False, True)]
    assert queue.ids() == []


def test_a_confirmation_that_finds_no_room_is_said_and_the_mail_is_not_sent_again(
    queue: Queue, server: SubmissionServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise MailError("cannot_create", "No space left on device")

    server.extensions = tuple(e for e in server.extensions if e != "DSN")
    with server:
        queue.way(server)
        queue.put(Recipient("a@x.org", WANTED))
        with monkeypatch.context() as patch:
            patch.setattr(Store, "begin", full)
            tally = queue.run()
        queue.run()
    assert (tally.delivered, len(tally.said), queue.ids()) == (1, 1, [])
    assert len(server.mails) == 1


def test_the_mda_has_delivered(queue: Queue) -> None:
    queue.rc(f"identity me@x.org\nmda 'cat >>{queue.home}/mail'\n")
    queue.put(Recipient("joe", WANTED))
    tally = queue.run()
    assert (tally.delivered, queue.ids()) == (2, [])
    assert "Action: delivered" in (queue.home / "mail").read_text()


# -- mda and SMTP --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("end", "kind"),
    [
        ("exit 75", "try_again"),
        ("exit 67", "unknown_user"),
        ("exit 3", "refused"),
        ("kill -9 $$", "try_again"),
        ("no-such-program", "config"),
    ],
)
def test_how_an_mda_ends(queue: Queue, monkeypatch: pytest.MonkeyPatch, end: str, kind: str) -> None:
    queue.rc(f"identity me@x.org\nmda 'cat >/dev/null; echo its words; {end}'\n")
    name = queue.put("joe", sender="")
    tally = queue.run()
    place = "failed" if kind in ("unknown_user", "refused") else "new"
    assert queue.ids(place) == [name]
    assert tally.deferred == (place == "new")
    outcome = queue.marks(name, place).fate(0).outcome
    assert outcome
    assert outcome.kind == kind
    assert "its words" in outcome.text


def test_each_leg_is_noted_and_a_retry_goes_to_who_still_waits(queue: Queue, server: SubmissionServer) -> None:
    with server:
        queue.way(server, f"mda 'cat >>{queue.home}/mail; test ! -e {queue.home}/full || exit 75'")
        (queue.home / "full").touch()
        name = queue.put("a@x.org", "joe")
        tally = queue.run()
        assert (tally.delivered, tally.deferred) == (0, 1)
        assert queue.fates(name) == ["delivered", "try_again"]
        (queue.home / "full").unlink()
        queue.later(600)
        tally = queue.run()
        assert (tally.delivered, queue.ids()) == (1, [])
        server.replies["RCPT a@x.org"] = LATER
        name = queue.put("a@x.org", "joe")
        queue.run()
        assert queue.fates(name) == ["try_again", "delivered"]
        server.replies.clear()
        queue.later(600)
        queue.run()
    assert queue.ids() == []
    assert len(server.mails) == 2
    assert (queue.home / "mail").read_text().count("Return-Path:") == 3


def test_local_mail_does_not_wait_for_a_server_that_is_away(queue: Queue) -> None:
    queue.rc(f"identity me@x.org\nhostname 127.0.0.1:1\nmda 'cat >>{queue.home}/mail'\n")
    both, remote = queue.put("a@x.org", "joe"), queue.put("a@x.org")
    queue.put("ann")
    tally = queue.run()
    assert (tally.delivered, tally.deferred, queue.ids()) == (1, 2, [both, remote])
    assert queue.fates(both) == ["unreachable", "delivered"]
    assert (queue.home / "mail").read_text().count("Return-Path:") == 2


def test_no_session_waits_for_an_mda(queue: Queue, server: SubmissionServer) -> None:
    """The mda ends when the server has said good-bye to all of us."""
    with server:
        queue.way(
            server,
            f"mda 'cat >/dev/null; test -e {queue.home}/over || exit 75'",
            f"postconnect 'touch {queue.home}/over'",
        )
        for _ in range(3):
            queue.put("joe", "a@x.org")
            queue.put("ann")
            queue.put("b@x.org")
        assert queue.run().delivered == 9
        server.settle()
    assert len(server.sessions) == 1


def test_one_session_for_many_mixed_mails_is_enough_for_most(queue: Queue, server: SubmissionServer) -> None:
    with server:
        queue.way(server, "mda 'cat >/dev/null'")
        for _ in range(10):
            queue.put("joe", "a@x.org")
        assert queue.run().delivered == 10
        server.settle()
    assert len(server.sessions) == 1


# -- what was submitted is what leaves -----------------------------------------------------------------------------


@pytest.mark.parametrize("wait", [0, 3 * DAY])
def test_date_and_message_id_are_those_of_submission(queue: Queue, server: SubmissionServer, wait: float) -> None:
    server.replies["RCPT a@x.org"] = LATER
    with server:
        queue.way(server)
        name = queue.put(Recipient("a@x.org", ("NEVER",)))
        queue.run()
        server.replies.clear()
        queue.later(wait + HOUR)
        queue.run()
    [mail] = server.mails
    parsed = email.message_from_bytes(mail.data)
    assert parsed["Date"] == "Tue, 14 Nov 2023 22:13:20 +0000"
    assert str(parsed["Message-ID"]).startswith(f"<{name}@")


def test_the_reports_of_all_kinds_have_names_that_tell(queue: Queue) -> None:
    assert os.path.isdir(queue.store.path)
    for name, expected in {
        "1700000000-000001a-f0": ("1700000000-000001a", "failure", 0),
        "1700000000-000001a-d12": ("1700000000-000001a", "delay", 12),
        "1700000000-000001a-s3": ("1700000000-000001a", "success", 3),
        "1700000000-f1": ("", "", 0),
        "1700000000-000001a": ("", "", 0),
    }.items():
        assert ledger_module.original_of(name) == expected


@pytest.mark.parametrize(
    ("call", "to"),
    [(("-t", "-f", "me@x.org"), "a b c"), (("-t",), ""), (("-t", "-i", "-f", "me@x.org", "b@x.org"), "joe@")],
)
def test_a_mail_of_the_wrapper_whose_recipients_cannot_be_read_comes_back(
    queue: Queue, server: SubmissionServer, call: tuple[str, ...], to: str
) -> None:
    """Its caller was told 0, and nobody looks at what a run in the background says."""
    text = f"From: me@x.org\nTo: {to}\nBcc: c@x.org\nSubject: hello\n\nbody\n".encode()
    text = text if to else b"From: me@x.org\nSubject: hello\n\nbody\n"
    with server:
        queue.way(server, "aliases aliases")
        (queue.home / "aliases").write_text("default: other@x.org\n")
        name = queue.put(form=RAW, argv=[os.fsencode(word) for word in call], sender=None, text=text)
        tally = queue.run()
    assert (tally.delivered, tally.failed, tally.untold) == (1, 1, 0)
    assert (queue.ids(), queue.ids("failed")) == ([], []), name
    [report] = server.mails
    assert (report.sender, report.recipients) == ("", ["me@x.org"])
    assert b"<the recipients>\r\n" in report.data
    assert (b"the To: field cannot be read" if to else b"the header names no recipients") in report.data
    assert b"Subject: hello" in report.data
    assert b"c@x.org" not in report.data
