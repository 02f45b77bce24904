"""Reports as mails of the queue: their names, whom they go to, and that none is written twice."""

import pytest

from esmtp_py.cli.raw import unpack
from esmtp_py.config.identity import Identity
from esmtp_py.deliver.caller import Caller
from esmtp_py.deliver.select import Choice
from esmtp_py.errors import MailError
from esmtp_py.message.envelope import Recipient
from esmtp_py.outcome import Outcome
from esmtp_py.queue.entry import is_id
from esmtp_py.queue.locked import Locked
from esmtp_py.queue.marks import DELAY, FAILURE, SUCCESS
from esmtp_py.queue.ready import Ready, read, ready
from esmtp_py.queue.report import Reports, author, original_of, way_back
from esmtp_py.queue.store import Store
from tests.unit.queue.conftest import NOW, Put

CALLER = Caller()
RELAYED = Outcome("delivered", "250 ok", status="2.0.0")
RELAYED.action = "relayed"
OUTCOMES = {FAILURE: Outcome("refused", "no"), DELAY: Outcome("try_again", "later"), SUCCESS: RELAYED}


def mail_of(locked: Locked, identity: Identity | None = None) -> Ready:
    message, _ = read(locked, unpack)
    return ready(locked, message, Choice(identity or Identity(addresses=("me@x.org",)), "me@x.org", "me@x.org"), CALLER)


def write(queue: Store, locked: Locked, kind: str, number: int = 0) -> Reports:
    reports = Reports(queue, CALLER)
    recipient = locked.entry.recipients[number]
    reports.write(locked, mail_of(locked), kind, number, {number: recipient}, {recipient.address: OUTCOMES[kind]}, NOW)
    return reports


@pytest.mark.parametrize(
    ("kind", "letter", "action"), [(FAILURE, "f", "failed"), (DELAY, "d", "delayed"), (SUCCESS, "s", "relayed")]
)
def test_a_report_is_a_mail_whose_name_tells_what_it_is(
    queue: Store, put: Put, kind: str, letter: str, action: str
) -> None:
    locked = put("a@x.org", "b@x.org", rc="/etc/own")
    name = f"{locked.name}-{letter}1"
    assert write(queue, locked, kind, 1).written == [name]
    assert is_id(name)
    assert original_of(name) == (locked.name, kind, 1)
    report = queue.lock(name)
    assert report
    with report:
        report.verify()
        assert report.entry.sender == ""
        assert [recipient.address for recipient in report.entry.recipients] == ["me@x.org"]
        assert (report.entry.rc, report.entry.identity) == ("/etc/own", "me@x.org"), "the way of its original"
        assert f"Action: {action}".encode() in b"".join(report.chunks())


def test_a_second_one_of_that_name_is_not_written(queue: Store, put: Put) -> None:
    locked = put("a@x.org")
    assert len(write(queue, locked, FAILURE).written) == 1
    before = (queue.path, queue.ids())
    assert write(queue, locked, FAILURE).written == []
    assert (queue.path, queue.ids()) == before


def test_nor_when_the_first_one_could_not_be_delivered(queue: Store, put: Put) -> None:
    locked = put("a@x.org")
    [name] = write(queue, locked, FAILURE).written
    queue.move(name, "new", "failed") if queue.directory("failed", create=True) else None
    assert write(queue, locked, FAILURE).written == []
    assert name not in queue.ids()


def test_one_that_cannot_be_stored_says_who_does_not_hear_of_it(
    queue: Store, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise MailError("cannot_create", "no space")

    locked = put("a@x.org")
    monkeypatch.setattr(Store, "begin", full)
    with pytest.raises(MailError, match=r"me@x\.org.*no space") as caught:
        write(queue, locked, FAILURE)
    assert caught.value.kind == "cannot_create"


@pytest.mark.parametrize(
    ("name", "original"),
    [
        ("1700000000-000001a-f0", ("1700000000-000001a", FAILURE, 0)),
        ("1700000000-000001a-d12", ("1700000000-000001a", DELAY, 12)),
        ("1700000000-000001a-s3", ("1700000000-000001a", SUCCESS, 3)),
        ("1700000000-000001a-f", ("1700000000-000001a", FAILURE, 0)),
        ("1700000000-000001a", ("", "", 0)),
        ("1700000000-f1", ("", "", 0)),  # the wrapper may name a mail so
        ("1700000000-d", ("", "", 0)),
    ],
)
def test_whose_report_a_name_is(name: str, original: tuple[str, str, int]) -> None:
    assert original_of(name) == original


@pytest.mark.parametrize(
    ("statements", "sender", "to", "by"),
    [
        ({}, "me@x.org", "me@x.org", "me@x.org"),
        ({"qualifydomain": "x.org"}, "joe", "joe@x.org", "joe@x.org"),
        ({}, "joe", f"joe@{CALLER.host}", f"joe@{CALLER.host}"),
        ({"mda": "m"}, "me@x.org", CALLER.login, f"MAILER-DAEMON@{CALLER.host}"),
        # a bare name would go to the server
        ({"mda": "m", "qualifydomain": "x.org"}, "me@x.org", "me@x.org", "me@x.org"),
        # everything goes to that user, whatever the address
        ({"mda": "m", "force_mda": "joe"}, "me@x.org", "me@x.org", f"MAILER-DAEMON@{CALLER.host}"),
    ],
)
def test_who_gets_it_and_from_whom(statements: dict[str, str], sender: str, to: str, by: str) -> None:
    identity = Identity(**statements)  # type: ignore[arg-type]
    assert way_back(sender, identity, CALLER).address == to
    assert author(identity, sender, CALLER) == by


def test_recipients_are_named_as_the_caller_wrote_them(queue: Store, put: Put) -> None:
    locked = put(Recipient("a@x.org", orcpt="alias@y.org"))
    [name] = write(queue, locked, FAILURE).written
    report = queue.lock(name)
    assert report
    with report:
        assert b"Original-Recipient: rfc822; alias@y.org" in b"".join(report.chunks())
