"""Edits of any header: the named fields change, all other bytes stay."""

from hypothesis import given
from hypothesis import strategies as st

from esmtp_py.errors import MailError
from esmtp_py.message.header import Header, conceal, is_field
from esmtp_py.message.intake import Intake
from esmtp_py.message.originate import complete, recipients_of, sender_of

NAMES = [b"To", b"Cc", b"Bcc", b"Resent-Bcc", b"From", b"Date", b"Message-ID", b"Return-Path", b"Received", b"Subject"]
NAMES += [b"Resent-To", b"Resent-From", b"Sender", b"X-Bcc", b"Bc"]
NAME = st.sampled_from(NAMES)
CASE = st.sampled_from([bytes.lower, bytes.upper, bytes.title, bytes.swapcase])
SPACE = st.sampled_from([b"", b" ", b"\t", b" \t "])
VALUE = st.lists(
    st.sampled_from([b"a@x", b",", b" ", b"\t", b"\r\n ", b"\r\n\t", b"b", b"\xe4", b"Bcc: c", b":"]), max_size=8
)


@st.composite
def raw_fields(draw: st.DrawFn) -> bytes:
    name = draw(CASE)(draw(NAME))
    return name + draw(SPACE) + b":" + b"".join(draw(VALUE)) + b"\r\n"


FIELDS = st.lists(raw_fields(), max_size=12)


def named(field: bytes, *names: bytes) -> bool:
    return field.partition(b":")[0].strip().lower() in [name.lower() for name in names]


@given(FIELDS, st.sampled_from([b"\r\n", b"\n", b"\r"]), st.binary(max_size=10))
def test_fields_come_in_as_they_are(fields: list[bytes], line_end: bytes, rest: bytes) -> None:
    intake = Intake(dot_ends=False, binary=True)
    intake.feed((b"".join(fields) + b"\r\n").replace(b"\r\n", line_end) + b"body" + rest)
    assert intake.header.fields == fields
    assert bytes(intake.header) == b"".join(fields)


@given(FIELDS)
def test_no_bcc_is_left_and_nothing_else_is_missing(fields: list[bytes]) -> None:
    header = Header(fields)
    conceal(header)
    assert header.fields == [field for field in fields if not named(field, b"Bcc", b"Resent-Bcc")]


@given(FIELDS, NAME, st.sampled_from([b"", b"v", b"v\r\n w"]))
def test_replace_touches_its_own_fields_only(fields: list[bytes], name: bytes, value: bytes) -> None:
    header = Header(fields)
    header.replace(name, value)
    assert header.get_all(name) == [value.replace(b"\r\n", b"")]
    assert [f for f in header.fields if not named(f, name)] == [f for f in fields if not named(f, name)]
    before = [named(field, name) for field in fields]
    assert [named(field, name) for field in header.fields].index(True) == (
        before.index(True) if True in before else len(fields)
    )


@given(FIELDS)
def test_complete_adds_what_is_missing_and_changes_nothing_else(fields: list[bytes]) -> None:
    header = Header(fields)
    complete(header, date=b"now", message_id=b"<1@x>", from_line=b"me@x")
    for name in (b"Date", b"From", b"Message-ID"):
        before = Header(fields).get_all(name)
        assert header.get_all(name) == before if any(before) else len(header.get_all(name)) == 1
    assert header.get(b"Return-Path") is None
    edited = (
        b"Date",
        b"From",
        b"Message-ID",
        b"Return-Path",
        b"To",
        b"Resent-From",
        b"Resent-Date",
        b"Resent-Message-ID",
    )
    rest = [field for field in fields if not named(field, *edited)]
    assert [field for field in header.fields if not named(field, *edited)] == rest
    once = list(header.fields)
    complete(header, date=b"later", message_id=b"<2@x>", from_line=b"you@x")
    assert header.fields == once


@given(FIELDS)
def test_readers_do_not_write(fields: list[bytes]) -> None:
    header = Header(fields)
    sender_of(header)
    try:
        recipients_of(header)
    except MailError:
        pass
    assert header.fields == fields


@given(st.binary(max_size=30))
def test_a_field_is_a_name_and_a_colon(line: bytes) -> None:
    name, colon, _ = line.partition(b":")
    name = name.rstrip(b" \t")
    assert is_field(line) == bool(colon and name and all(33 <= octet <= 126 for octet in name))
