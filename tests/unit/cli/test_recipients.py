"""Recipients from argv words and header fields."""

import pytest

from esmtp_py.cli.recipients import difference, from_words, union
from esmtp_py.errors import MailError
from esmtp_py.message.address import Mailbox, parse_mailboxes


def addresses(words: list[str]) -> list[str]:
    return [mailbox.address for mailbox in from_words(words)]


def header(text: bytes) -> list[Mailbox]:
    return parse_mailboxes(text)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["a@x"], ["a@x"]),
        (["a@x", "root"], ["a@x", "root"]),
        (["a@x, B <b@x>"], ["a@x", "b@x"]),
        (["a@x,b@x", "c@x"], ["a@x", "b@x", "c@x"]),
        (["<a@x>"], ["a@x"]),
        (['"joe doe"@x'], ['"joe doe"@x']),
        (["jörg@x"], ["jörg@x"]),
        (["team: a@x, b@x;"], ["a@x", "b@x"]),
        (["-"], ["-"]),  # the mda refuses it
    ],
)
def test_words(words: list[str], expected: list[str]) -> None:
    assert addresses(words) == expected


@pytest.mark.parametrize(
    "word",
    [
        "",
        " ",
        "a@",
        "<a@x",
        "a@x\rb",
        "a@x\nBcc: b@x",
        "a@x\n",
        "a@x> SIZE=1",
        "<a@x> BODY=8BITMIME",
        "()",
        "a b@x",
    ],
)
def test_word_that_is_no_address_is_refused(word: str) -> None:
    with pytest.raises(MailError) as caught:
        from_words(["ok@x", word])
    assert caught.value.kind == "bad_address"


def test_union_keeps_the_order_and_each_address_once() -> None:
    both = union(from_words(["b@x", "A@X", "b@X"]), header(b"a@x, A@x, c@x, b@x"), ("NEVER",))
    assert [recipient.address for recipient in both] == ["b@x", "A@X", "a@x", "c@x"]
    assert all(recipient.notify == ("NEVER",) for recipient in both)


def test_difference_takes_argv_away() -> None:
    rest = difference(from_words(["b@X", "joe"]), header(b"a@x, b@x, joe, c@x, c@X"))
    assert [recipient.address for recipient in rest] == ["a@x", "c@x"]
