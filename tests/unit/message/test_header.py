"""Edits touch the field they name, and no other byte."""

import pytest

from esmtp_py.message.header import Header, is_field

FIELDS = [
    b"Received: from a\r\n\tby b\r\n",
    b"DKIM-Signature:  a=b;\r\n  c=d \r\n \t\r\n",
    b"To:x\r\n",
    b"SUBJECT\t :  two\r\n  lines \r\n",
    b"to : y\r\n",
    b"X-8: \xe4\xff\r\n",
    b"Empty:\r\n",
]


def header() -> Header:
    return Header(FIELDS)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (b"To", b"x"),
        (b"subject", b"two  lines"),
        (b"DKIM-SIGNATURE", b"a=b;  c=d"),
        (b"X-8", b"\xe4\xff"),
        (b"empty", b""),
        (b"T", None),
        (b"To ", None),
        (b"", None),
    ],
)
def test_get_unfolds_and_strips_the_topmost(name: bytes, value: bytes | None) -> None:
    assert header().get(name) == value


def test_the_longest_name_is_found() -> None:
    longest = b"N" * 998
    assert Header([longest + b":v:w\r\n"]).get(longest) == b"v:w"


def test_get_all() -> None:
    assert header().get_all(b"TO") == [b"x", b"y"]
    assert header().get_all(b"Cc") == []


def test_remove_takes_every_one_and_leaves_the_rest_as_it_was() -> None:
    edited = header()
    edited.remove(b"tO")
    assert edited.fields == [field for field in FIELDS if not field.lower().startswith(b"to")]
    edited.remove(b"Received")
    assert bytes(edited) == b"".join(edited.fields) == b"".join(FIELDS[i] for i in (1, 3, 5, 6))


def test_append_and_prepend() -> None:
    edited = header()
    edited.append(b"Date", b"now")
    edited.prepend(b"Received", b"from c\r\n by d")
    assert edited.fields == [b"Received: from c\r\n by d\r\n", *FIELDS, b"Date: now\r\n"]


def test_replace_keeps_the_place_and_never_doubles() -> None:
    edited = header()
    edited.replace(b"TO", b"z")
    assert edited.fields == [*FIELDS[:2], b"TO: z\r\n", FIELDS[3], *FIELDS[5:]]
    edited.replace(b"Cc", b"z")
    assert edited.fields[-1] == b"Cc: z\r\n"


def test_size_and_eight_bit_follow_the_edits() -> None:
    edited = header()
    assert edited.size == len(bytes(edited))
    assert edited.eight_bit
    edited.remove(b"X-8")
    assert edited.size == len(bytes(edited))
    assert not edited.eight_bit


@pytest.mark.parametrize(
    "value", [b"a\r\nBcc: b", b"a\n b", b"a\rb", b"a\0b", b"a\r\n", b"a\r\n\r\n b", b"\n", b"a\r\r\n b"]
)
def test_no_value_ends_its_field(value: bytes) -> None:
    for edit in (Header.append, Header.prepend, Header.replace):
        with pytest.raises(ValueError):
            edit(header(), b"X", value)


@pytest.mark.parametrize("name", [b"", b"X:", b"X Y", b"X\r\nY", b" X", b"\xe4", b"X\t"])
def test_no_name_that_is_none(name: bytes) -> None:
    for edit in (Header.append, Header.prepend, Header.replace):
        with pytest.raises(ValueError):
            edit(header(), name, b"v")


@pytest.mark.parametrize("line", [b"a:", b"a:b", b"A-b_c!: d", b"a \t:", b"x" * 998 + b":", b">From:", b"From : x"])
def test_field(line: bytes) -> None:
    assert is_field(line)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b":",
        b" :",
        b" a:",
        b"a b:",
        b"a",
        b"\xe4:",
        b"a\0:",
        b"a\x7f:",
        b"x" * 999 + b":",
        b"From a b:c",
        b"http //x:",
    ],
)
def test_no_field(line: bytes) -> None:
    assert not is_field(line)
