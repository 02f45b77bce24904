"""Bare names in a header get a domain: bytes are put in, and all that were there stay."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esmtp_py.message.address import parse_mailboxes
from esmtp_py.message.header import LINE_LIMIT, Header, value_of
from esmtp_py.message.qualify import qualified, qualify


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        (b"To: root\r\n", b"To: root@x.org\r\n"),
        (b"to :root , a@y.org,joe\r\n", b"to :root@x.org , a@y.org,joe@x.org\r\n"),
        (b"From: root (Cron Daemon)\r\n", b"From: root@x.org (Cron Daemon)\r\n"),
        (b"From: Cron Daemon <root>\r\n", b"From: Cron Daemon <root@x.org>\r\n"),
        (b"Cc: < root >,\r\n\tjoe\r\n", b"Cc: < root@x.org >,\r\n\tjoe@x.org\r\n"),
        (b'Sender: "joe r"\r\n', b'Sender: "joe r"@x.org\r\n'),
        (b"Resent-To: team: joe, ann@y;, root\r\n", b"Resent-To: team: joe@x.org, ann@y;, root@x.org\r\n"),
        (b"Reply-To: joe . r\r\n", b"Reply-To: joe . r@x.org\r\n"),
        (
            b"To: J\xc3\xb6 <root>, \xc3\xa9 (x) , j\r\n",
            b"To: J\xc3\xb6 <root@x.org>, \xc3\xa9@x.org (x) , j@x.org\r\n",
        ),
        (b"To: \xe4 <root>\r\n", b"To: \xe4 <root@x.org>\r\n"),
    ],
)
def test_a_domain_is_put_behind_each_bare_name(field: bytes, expected: bytes) -> None:
    assert qualified(field, b"x.org") == expected


@pytest.mark.parametrize(
    "field",
    [
        b"To: a@x\r\n",
        b"To:\r\n",
        b"To: undisclosed-recipients:;\r\n",
        b"To: not an address\r\n",
        b"To: a@@b, root\r\n",
        b"To: root\0\r\n",
    ],
)
def test_what_has_none_or_cannot_be_read_stays(field: bytes) -> None:
    assert qualified(field, b"x.org") == field


def test_only_fields_with_addresses() -> None:
    fields = [b"Subject: root\r\n", b"X-To: root\r\n", b"Received: from root\r\n", b"TO: root\r\n"]
    header = Header(fields)
    qualify(header, "x.org")
    assert header.fields == [*fields[:3], b"TO: root@x.org\r\n"]


def test_no_line_becomes_longer_than_smtp_allows() -> None:
    field = b"To: " + b",".join([b"joe"] * 200) + b"\r\n"
    made = qualified(field, b"example.org")
    assert max(map(len, made.split(b"\r\n"))) <= LINE_LIMIT
    assert b"\r\n \r\n" not in made
    assert [mailbox.address for mailbox in parse_mailboxes(value_of(made))] == ["joe@example.org"] * 200


def test_it_takes_linear_time() -> None:
    def seconds(count: int) -> float:
        field = b"To: \xc3\xa9" + b",a" * count + b"\r\n"
        start = time.process_time()
        assert qualified(field, b"x.org").count(b"@x.org") == count + 1
        return time.process_time() - start

    small, large = min(seconds(4000) for _ in range(3)), min(seconds(40000) for _ in range(2))
    assert large < small * 40


WORDS = st.sampled_from(
    [b"joe", b"ann@y.org", b"<root>", b'"q q"', b",", b" ", b"\r\n\t", b"(c)", b"N", b":", b";", b"\xc3\xa9", b"\xff"]
)


@given(st.lists(WORDS, max_size=12))
def test_without_what_was_put_in_it_is_the_field_that_came(words: list[bytes]) -> None:
    field = b"To: " + b"".join(words) + b"\r\n"
    made = qualified(field, b"Dom.Test")
    assert made.replace(b"@Dom.Test", b"") == field
    if made != field:
        assert all(mailbox.domain for mailbox in parse_mailboxes(value_of(made)))
