"""A queue file, written and read back; and everything that is none."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esmtp_py.message.envelope import Envelope, Recipient
from esmtp_py.outcome import Outcome
from esmtp_py.queue.digest import new
from esmtp_py.queue.entry import (
    RAW,
    SEAL,
    VERSION,
    WIRE,
    Damaged,
    Entry,
    escape,
    is_id,
    new_id,
    seal_line,
)
from esmtp_py.queue.marks import outcome_mark
from esmtp_py.queue.reading import LATEST, read_end, read_head, unescape
from tests.unit.queue.strategies import any_entries, entries, messages, sealed, texts

PLAIN = Entry(1700000000.25, "me@x.org", [Recipient("a@x.org"), Recipient("b@x.org", ("FAILURE", "DELAY"), "orig@x")])
TEXT = b"Subject: x\r\n\r\nhello\r\n"
DONE = Outcome("delivered", "250 ok")


def read(data: bytes) -> Entry:
    """As the store does, with the whole file at hand."""
    entry = read_head(data)
    if entry is None:
        raise Damaged("its envelope has no end")
    read_end(entry, data, 0)
    return entry


def verified(data: bytes) -> Entry:
    """As a runner does: the digest too."""
    entry = read(data)
    digest = new(entry.algorithm)
    digest.update(data[: entry.sealed])
    if digest.hexdigest() != entry.digest:
        raise Damaged("its content is not what was queued")
    return entry


def said(entry: Entry) -> dict[str, object]:
    """All of an entry that its head says."""
    left_out = {"offset", "size", "sealed", "algorithm", "digest", "_recipients", "_tail", "_marks"}
    values = {name: getattr(entry, name) for name in Entry.__slots__ if name not in left_out}
    return values | {"recipients": [(r.address, r.notify, r.orcpt) for r in entry.recipients]}


# -- what is written -----------------------------------------------------------------------------------------------


def test_a_person_can_read_it() -> None:
    assert PLAIN.head() == (
        b"esmtp-queue 1\n"
        b"time 1700000000.250000\n"
        b"sender <me@x.org>\n"
        b"recipient <a@x.org>\n"
        b"recipient <b@x.org> NOTIFY=FAILURE,DELAY ORCPT=orig@x\n"
        b"\n"
    )


def test_words_of_a_call_are_counted() -> None:
    entry = Entry(1700000000, form=RAW, argv=[b"-F", b"two\n\nlines", b""])
    assert entry.head() == (
        b"esmtp-queue 1\ntime 1700000000.000000\nform raw\nargv 2\n-F\nargv 10\ntwo\n\nlines\nargv 0\n\n\n"
    )


@given(any_entries, messages)
def test_what_is_written_is_read(entry: Entry, message: bytes) -> None:
    data = sealed(entry, message)
    found = verified(data)
    assert said(found) == said(entry)
    assert data[found.offset : found.offset + found.size] == message
    assert found.sealed == found.offset + found.size
    assert not found.marks.fates


ODD_TEXTS = [
    "a b",
    "a%b",
    "%41",
    "<a>",
    ">",
    '"q q"@x',
    "a\n@x",
    "\r",
    "\0",
    " ",
    "",
    "é@x",
    "日",
    "\udcff",
    "\x7f",
    "NOTIFY=NEVER",
]


@pytest.mark.parametrize("text", ODD_TEXTS)
def test_what_is_odd_is_kept_in_every_place(text: str) -> None:
    recipients = [Recipient(text), Recipient(text, ("FAILURE",), text), Recipient("a@x", (), text)]
    entry = Entry(1, text, recipients, full_name=text, rc=text, envid=text)
    assert said(verified(sealed(entry, TEXT))) == said(entry)


@given(entries)
def test_no_value_makes_a_line_of_its_own(entry: Entry) -> None:
    lines = entry.head().split(b"\n")
    names = {b"time", b"sender", b"recipient", b"full_name", b"rc", b"body", b"ret", b"envid", b"errors", b"hops"}
    assert lines[0] + b"\n" == VERSION
    assert lines[-2:] == [b"", b""]
    assert {line.split(b" ")[0] for line in lines[1:-2]} <= names | {b"requiretls", b"not_before", b"form"}
    assert sum(line.startswith(b"recipient ") for line in lines) == len(entry.recipients)


@given(texts)
def test_escaping_leaves_one_line_and_nothing_is_lost(text: str) -> None:
    assert not any(char < " " or char == "\x7f" for char in escape(text))
    assert unescape(escape(text)) == text


@pytest.mark.parametrize("text", ["%", "%4", "%zz", "a%", "%+1", "% 1"])
def test_a_percent_sign_that_nobody_wrote_is_damage(text: str) -> None:
    with pytest.raises(Damaged):
        unescape(text)


def test_the_envelope_has_the_sender_that_was_given() -> None:
    assert PLAIN.envelope("chosen@x.org").sender == "me@x.org"
    assert Entry(1, "").envelope("chosen@x.org").sender == ""


def test_the_identity_chooses_where_no_sender_was_given() -> None:
    entry = Entry(1, None, [Recipient("a@x")], body="8BITMIME", ret="HDRS", envid="e", requiretls=True)
    envelope = entry.envelope("chosen@x.org")
    assert isinstance(envelope, Envelope)
    assert (envelope.sender, envelope.recipients) == ("chosen@x.org", entry.recipients)
    assert (envelope.body, envelope.ret, envelope.envid, envelope.requiretls) == ("8BITMIME", "HDRS", "e", True)


# -- names ---------------------------------------------------------------------------------------------------------


def test_names_sort_by_time() -> None:
    moments = [0, 1, 999999999.999999, 1700000000.000001, 1700000000.1, 1700000000.999999, 1700000001]
    names = [new_id(moment, 4194304) for moment in moments]
    assert names == sorted(names)
    assert len(set(names)) == len(names)


@given(st.floats(-1e9, LATEST), st.integers(1, 2**22))
def test_every_new_name_is_one(seconds: float, pid: int) -> None:
    assert is_id(new_id(seconds, pid))
    assert is_id(new_id(seconds, pid) + "-f")


def test_processes_do_not_share_names() -> None:
    assert len({new_id(1700000000.5, pid) for pid in range(1, 5000)}) == 4999


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "new",
        "1700000000",
        "1700000000-",
        "170000000-x1",
        "1700000000_x1",
        "x700000000-x1",
        "1700000000-x/1",
        "1700000000-x.1",
        "1700000000-x1-z",
        "1700000000-x1-f-d",
        "1700000000--f",
        "1700000000-" + "x" * 21,
        "17000000٠٠-x1",
        "1700000000-é",
    ],
)
def test_other_names_are_none(name: str) -> None:
    assert not is_id(name)


@pytest.mark.parametrize("name", ["1700000000-1", "1700000000-4242S0", "1700000000-000001abc-s"])
def test_the_wrapper_and_reports_have_their_own_names(name: str) -> None:
    assert is_id(name)


# -- what is no queue file -----------------------------------------------------------------------------------------


@given(any_entries, messages, st.data())
def test_a_file_cut_anywhere_is_damaged_or_has_fewer_marks(entry: Entry, message: bytes, data: st.DataObject) -> None:
    whole = sealed(entry, message)
    mark = outcome_mark(1, [0], DONE)
    marks = mark + outcome_mark(1, [1], DONE)
    cut = data.draw(st.integers(0, len(whole + marks) - 1))
    try:
        found = verified((whole + marks)[:cut])
    except Damaged:
        assert cut < len(whole)
        return
    assert cut >= len(whole)
    assert said(found) == said(entry)
    # without its line end a mark is whole: its sum says so
    assert len(found.marks.fates) == (cut - len(whole) + 1) // len(mark)


@given(entries, messages, st.data())
def test_a_flipped_bit_is_noticed(entry: Entry, message: bytes, data: st.DataObject) -> None:
    whole = bytearray(sealed(entry, message))
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(Damaged):
        verified(bytes(whole))


def test_a_message_that_looks_like_seal_and_marks_changes_nothing() -> None:
    forged = PLAIN.head() + TEXT
    digest = new()
    digest.update(forged)
    message = TEXT + seal_line(len(forged), "blake2b", digest.hexdigest()) + outcome_mark(1, [0, 1], DONE)
    found = verified(sealed(PLAIN, message))
    assert found.size == len(message)
    assert not found.marks.fates


def test_marks_after_the_seal_count() -> None:
    found = verified(sealed(PLAIN, TEXT) + outcome_mark(5, [1], DONE))
    assert not found.marks.fate(0).settled
    assert found.marks.fate(1).settled


def test_words_in_a_mark_that_look_like_a_seal_are_none() -> None:
    mark = outcome_mark(5, [0], Outcome("refused", "no\nseal 5 blake2b 00\n"))
    assert verified(sealed(PLAIN, TEXT) + mark).marks.fate(0).settled


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"\n",
        b"esmtp-queue 2\ntime 1\n\n",
        b"esmtp-queue 1\n\n",
        b"esmtp-queue 1\nsender <a@x>\n\n",
        b"esmtp-queue 1\ntime x\n\n",
        b"esmtp-queue 1\ntime -1\n\n",
        b"esmtp-queue 1\ntime 1_0\n\n",
        b"esmtp-queue 1\ntime nan\n\n",
        b"esmtp-queue 1\ntime " + b"1" * 5000 + b"\n\n",
        b"esmtp-queue 1\ntime 1\ntime 1\n\n",
        b"esmtp-queue 1\ntime 1\nsender a@x\n\n",
        b"esmtp-queue 1\ntime 1\nsender <\n\n",
        b"esmtp-queue 1\ntime 1\nsender >\n\n",
        b"esmtp-queue 1\ntime 1\nrecipient <a@x> NOTIFY=NEVER more\n\n",
        b"esmtp-queue 1\ntime 1\nrecipient a@x\n\n",
        b"esmtp-queue 1\ntime 1\nrecipient a@x>\n\n",
        b"esmtp-queue 1\ntime 1\nrecipient <a@x\n\n",
        b"esmtp-queue 1\ntime 1\nsender <a@x\n\n",
        b"esmtp-queue 1\ntime 1\nsender a@x>\n\n",
        b"esmtp-queue 1\ntime 1\nrecipient <%x>\n\n",
        b"esmtp-queue 1\ntime 1\nrecipient\n\n",
        b"esmtp-queue 1\ntime 1\nform other\n\n",
        b"esmtp-queue 1\ntime 1\nnews of tomorrow\n\n",
        b"esmtp-queue 1\ntime 1\nrequiretls no\n\n",
        b"esmtp-queue 1\ntime 1\nform raw\nargv x\n\n",
        b"esmtp-queue 1\ntime 1\nform raw\nargv -1\n\n\n",
        b"esmtp-queue 1\ntime 1\nform raw\nargv 3\nabcd\n\n",
        b"esmtp-queue 1\ntime 1\nform raw\nargv 3\nabc\nrecipient <a@x>\n\n",
        b"esmtp-queue 1\ntime 1\nform raw\nargv 99999999999999999999999\nabc\n\n",
        b"esmtp-queue 1\ntime 1\nform raw\nargv " + b"9" * 5000 + b"\nabc\n\n",
    ],
)
def test_a_head_that_nobody_wrote_is_damage(head: bytes) -> None:
    with pytest.raises(Damaged):
        read(head + b"Subject: x\r\n\r\n" + seal_line(len(head) + 14, "blake2b", "00"))


@pytest.mark.parametrize(
    "seal",
    [
        b"",
        SEAL,
        seal_line(1, "blake2b", "00"),
        seal_line(10**30, "blake2b", "00"),
        seal_line(len(PLAIN.head() + TEXT), "blake2b", "00")[:-1],
        seal_line(len(PLAIN.head() + TEXT), "blake2b", "00 11"),
        seal_line(len(PLAIN.head() + TEXT), "blake2b", "é"),
        seal_line(len(PLAIN.head() + TEXT), "b" * 300, "00"),
        b"\nseal 0%d blake2b 00\n" % len(PLAIN.head() + TEXT),
    ],
)
def test_a_seal_that_nobody_wrote_is_damage(seal: bytes) -> None:
    with pytest.raises(Damaged):
        read(PLAIN.head() + TEXT + seal)


def test_a_seal_before_the_message_is_damage() -> None:
    head = Entry(1, form=RAW, argv=[b"x" + seal_line(99, "blake2b", "00")]).head()
    with pytest.raises(Damaged):
        read(head.replace(b"seal 99", b"seal %d" % head.index(SEAL)))


@given(any_entries, st.integers(0, 400))
def test_a_head_that_goes_on_asks_for_more(entry: Entry, cut: int) -> None:
    head = entry.head()
    assert read_head(head[: min(cut, len(head) - 1)]) is None
    assert read_head(head) is not None


@given(st.binary(max_size=200))
def test_noise_is_damage(noise: bytes) -> None:
    with pytest.raises(Damaged):
        read(VERSION + noise)


@pytest.mark.parametrize(
    "unit",
    [b"\n", b"\nseal ", b"recipient ", b"%", b"time 1\n", b"\nargv 1\nx", b" ", b"<", b"\0", b"recipient <a@x>\n"],
)
def test_a_megabyte_of_garbage_takes_linear_time(unit: bytes) -> None:
    def seconds(size: int) -> float:
        garbage = VERSION + b"time 1\n" + unit * (size // len(unit)) + b"\n\nx" + unit * (size // len(unit))
        best = 9.0
        for _ in range(3):
            began = time.process_time()
            try:
                read(garbage)
            except Damaged:
                pass
            best = min(best, time.process_time() - began)
        return best

    small, large = seconds(1 << 17), seconds(1 << 20)
    assert large < 30 * small + 0.05, "eight times as much took more than thirty times as long"
    assert large < 3


def test_wire_is_the_form_that_is_not_said() -> None:
    assert b"form" not in PLAIN.head()
    found = read_head(PLAIN.head())
    assert found
    assert found.form == WIRE
