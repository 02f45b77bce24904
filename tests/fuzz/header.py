"""Invariant: whatever the header, no Bcc leaves, nothing is doubled, other fields stay, and readers change nothing."""

from esmtp_py.errors import MailError
from esmtp_py.message.header import Header, conceal, is_field, name_of, received_count
from esmtp_py.message.intake import Intake
from esmtp_py.message.originate import complete, recipients_of, sender_of
from tests.fuzz.driver import main

SEEDS = [
    b"To: a@x\nBCC\t: b@x,\n\tc@x\nResent-Bcc:d@x\nSubject: bcc: e@x\n\n",
    b"Return-Path: <a@x>\nReceived: x\n y\nResent-From: a@x\nResent-To: b@x\nReceived: z\nResent-From: c@x\nTo:\n\n",
    b"From: A <a@x>, b@x\nSender: c@x\nDate:\nMessage-ID: <a@b>\nmessage-id : \nCc: g:;\n",
    b"Bcc: a@x",
]
OURS = frozenset((b"date", b"from", b"message-id", b"to", b"return-path", b"bcc", b"resent-bcc"))
OURS |= {b"resent-date", b"resent-from", b"resent-message-id"}


def target(data: bytes) -> None:
    intake = Intake(dot_ends=False)
    try:
        intake.feed(data)
        intake.finish()
    except MailError:
        return
    header = intake.header
    before = list(header.fields)
    assert all(is_field(field) for field in before)
    received_count(header)
    sender_of(header)
    try:
        recipients_of(header)
    except MailError as error:
        if error.kind != "bad_address":
            raise
    assert header.fields == before
    conceal(header)
    complete(header, date=b"now", message_id=b"<1@x>", from_line=b"me@x")
    names = [name_of(field) for field in header.fields]
    assert b"bcc" not in names
    assert b"resent-bcc" not in names
    for name in (b"date", b"from", b"message-id"):
        had = [value for value in Header(before).get_all(name) if value]
        assert [value for value in header.get_all(name) if value][: len(had)] == had
        assert had or names.count(name) == 1
    assert [f for f in header.fields if name_of(f) not in OURS] == [f for f in before if name_of(f) not in OURS]
    done = list(header.fields)
    conceal(header)
    complete(header, date=b"later", message_id=b"<2@x>", from_line=b"you@x")
    assert header.fields == done


if __name__ == "__main__":
    main(target, SEEDS)
