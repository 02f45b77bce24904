"""A queued mail made ready: its header found, its identity chosen, only those who wait in its envelope."""

from email.utils import parsedate_to_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esmtp_py.cli.raw import unpack
from esmtp_py.config.identity import Identity
from esmtp_py.config.model import Config
from esmtp_py.deliver.caller import Caller
from esmtp_py.errors import MailError
from esmtp_py.message.envelope import Recipient
from esmtp_py.message.intake import HEADER_LIMIT
from esmtp_py.outcome import Outcome
from esmtp_py.queue.entry import RAW, Damaged, Entry
from esmtp_py.queue.marks import outcome_mark, reported_mark
from esmtp_py.queue.ready import choose, header_of, read, ready, waiting
from tests.unit.queue.conftest import NOW, Put

ME = Identity(addresses=("me@x.org",), is_default=True)
OTHER = Identity(addresses=("other@x.org",))
CONFIG = Config((ME, OTHER), ME)


class Stored:
    """What ``header_of`` wants of a Locked: a message in pieces of any size."""

    name = "1700000000-000000a"

    def __init__(self, text: bytes, size: int = 65536) -> None:
        self.text, self.size = text, size

    def chunks(self):  # type: ignore[no-untyped-def]
        for at in range(0, len(self.text), self.size):
            yield self.text[at : at + self.size]


def header(text: bytes, size: int = 65536) -> tuple[list[bytes], int]:
    found, offset = header_of(Stored(text, size))  # type: ignore[arg-type]
    return found.fields, offset


# -- the header ----------------------------------------------------------------------------------------------------

fields = st.lists(
    st.builds(
        lambda name, lines: name + b": " + b"\r\n ".join(lines) + b"\r\n",
        st.sampled_from([b"Subject", b"X", b"received"]),
        st.lists(st.sampled_from([b"", b"a", b"\tb", b"c: d", b"\xff"]), min_size=1, max_size=3),
    ),
    max_size=5,
)


@given(fields, st.sampled_from([b"", b"body\r\n", b"\r\n\r\n", b"\r\nX: y\r\n\r\n"]), st.integers(1, 40))
def test_the_fields_are_those_that_were_stored_however_they_are_read(
    stored: list[bytes], body: bytes, size: int
) -> None:
    text = b"".join(stored) + b"\r\n" + body
    found, offset = header(text, size)
    assert found == stored
    assert text[offset:] == body


@pytest.mark.parametrize("text", [b"", b"\r", b"Subject: x\r\n", b"Subject: x\n\nbody\n", b"X: y\r\n" * 50_000])
def test_a_header_without_end_is_damage(text: bytes) -> None:
    with pytest.raises(Damaged, match="no end of header"):
        header(text)


def test_no_more_than_a_header_can_have_is_looked_through() -> None:
    stored = Stored(b"x" * HEADER_LIMIT * 8 + b"\r\n\r\n")
    read_pieces = 0

    class Counting(Stored):
        def chunks(self):  # type: ignore[no-untyped-def]
            nonlocal read_pieces
            for chunk in stored.chunks():
                read_pieces += 1
                yield chunk

    with pytest.raises(Damaged):
        header_of(Counting(b""))  # type: ignore[arg-type]
    assert read_pieces < 2 * HEADER_LIMIT // 65536


@pytest.mark.timeout(10)
def test_a_field_of_a_hundred_thousand_folds_takes_no_time() -> None:
    field = b"X:" + b"\r\n " * 300_000 + b"\r\n"
    assert header(field + b"\r\n") == ([field], len(field) + 2)


# -- the mail ------------------------------------------------------------------------------------------------------


def test_date_and_message_id_are_those_of_submission(put: Put) -> None:
    locked = put("a@x.org")
    message, spoiled = read(locked, unpack)
    mail = ready(locked, message, choose(locked.entry, CONFIG, Caller(), message.header), Caller())
    assert spoiled is None
    date = mail.message.header.get(b"Date") or b""
    assert parsedate_to_datetime(date.decode()).timestamp() == NOW
    assert (mail.message.header.get(b"Message-ID") or b"").startswith(b"<" + locked.name.encode())
    wire = b"".join(mail.message.chunks())
    assert wire.endswith(b"\r\n\r\nhello\r\n")
    assert len(wire) == mail.message.size


def test_the_envelope_has_those_who_wait_and_their_wishes(put: Put) -> None:
    locked = put("a@x.org", Recipient("b@x.org", ("NEVER",)), "c@x.org", "d@x.org", ret="HDRS", envid="e")
    locked.mark(outcome_mark(NOW, [0], Outcome("delivered")) + outcome_mark(NOW, [2], Outcome("refused")))
    locked.mark(outcome_mark(NOW, [3], Outcome("try_again")) + reported_mark(NOW, [1], "delay"))
    assert waiting(locked.entry) == {"b@x.org": 1, "d@x.org": 3}
    message, _ = read(locked, unpack)
    mail = ready(locked, message, choose(locked.entry, CONFIG, Caller(), message.header), Caller())
    assert [(r.address, r.notify) for r in mail.envelope.recipients] == [("b@x.org", ("NEVER",)), ("d@x.org", ())]
    assert (mail.envelope.sender, mail.envelope.ret, mail.envelope.envid) == ("me@x.org", "HDRS", "e")
    assert mail.numbers == {"b@x.org": 1, "d@x.org": 3}


def test_a_mail_as_it_came_is_what_a_direct_call_would_have_made_of_it(put: Put) -> None:
    text = b"From: other@x.org\nBcc: b@x.org\n\nhello\n"
    locked = put(text=text, form=RAW, argv=[b"-t", b"a@x.org"], sender=None)
    message, spoiled = read(locked, unpack)
    choice = choose(locked.entry, CONFIG, Caller(), message.header)
    mail = ready(locked, message, choice, Caller())
    assert (choice.identity, mail.envelope.sender, spoiled) == (OTHER, "other@x.org", None)
    assert sorted(mail.numbers) == ["a@x.org", "b@x.org"]
    assert b"Bcc" not in bytes(mail.message.header)


# -- the identity --------------------------------------------------------------------------------------------------


def chosen(sender: str | None, author: bytes = b"", identity: str = "", config: Config = CONFIG) -> tuple[str, str]:
    entry = Entry(NOW, sender, [], identity=identity)
    found, _ = header_of(Stored((b"From: " + author + b"\r\n" if author else b"") + b"\r\n"))  # type: ignore[arg-type]
    choice = choose(entry, config, Caller(), found)
    return choice.identity.name, choice.sender


def test_the_sender_chooses_or_the_author() -> None:
    assert chosen("other@x.org") == ("other@x.org", "other@x.org")
    assert chosen(None, b"Other <other@x.org>") == ("other@x.org", "other@x.org")
    assert chosen("stranger@y.org") == ("me@x.org", "stranger@y.org")


@pytest.mark.parametrize(("sender", "leaves_as"), [("", ""), (None, ""), ("joe@x.org", "joe@x.org")])
def test_what_was_settled_before_stays(sender: str | None, leaves_as: str) -> None:
    """Reports, and what is left of a mail that others have already."""
    assert chosen(sender, b"me@x.org", "other@x.org") == ("other@x.org", leaves_as)
    assert chosen(sender, b"me@x.org", "gone@x.org")[1] == leaves_as, "also when the rc knows that identity no more"


def test_an_rc_may_refuse_a_sender() -> None:
    with pytest.raises(MailError, match="unmatched refuse"):
        chosen("stranger@y.org", config=Config((ME, OTHER), ME, unmatched="refuse"))
