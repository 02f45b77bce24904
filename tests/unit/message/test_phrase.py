"""Display names: decoded for people, encoded for the wire."""

import pytest

from esmtp_py.message.address import format_mailbox, parse_mailboxes


def name(phrase: bytes) -> str:
    return parse_mailboxes(phrase + b" <a@x>")[0].name


DECODED = {
    b"=?utf-8?q?a?= =?utf-8?q?b?=": "ab",
    b"=?utf-8?q?a?=  b  =?utf-8?q?c?=": "a b c",
    b"=?utf-8?q?a_?= =?iso-8859-1?q?=E4?=": "a ä",
    b"=?utf-8?b?w7Y=?= =?utf-8?q?x?=": "öx",
    b"=?utf-8?b?w7Y?=": "ö",  # padding forgotten
    b"=?utf-8?q?=C3?= =?utf-8?q?=B6?=": "ö",  # one character cut in two
    b"=?utf-8?q?J._Doe?= x": "J. Doe x",
    b'"x"=?utf-8?q?a?="y"z =?utf-8?q?b?=': "xayz b",
    b'"=?utf-8?q?"a?= =?x': "=?utf-8?q?a?= =?x",
    b'=?utf-8?q?a"?="': "=?utf-8?q?a?=",
    b"J. =?utf-8?q?D=C3=B6e?=": "J. Döe",
    b"=?windows-1252?Q?=80?=": "€",
    b"=?ISO-2022-JP?B?GyRCRnxLXBsoQg==?=": "日本",
    b"=?us-ascii*en?q?Keith?=": "Keith",
    b"=?utf-8?q??=": "",
    b'"=?utf-8?q?a?="': "=?utf-8?q?a?=",  # RFC 2047 section 5: not in a quoted string
    b"=?nonsense?q?a?=": "=?nonsense?q?a?=",
    b"=?cp-nonsense?q?a?=": "=?cp-nonsense?q?a?=",
    b"=?punycode?q?a?=": "=?punycode?q?a?=",  # quadratic
    b"=?cp/../../x?q?a?=": "=?cp/../../x?q?a?=",
    b"=?utf-8?x?a?=": "=?utf-8?x?a?=",
    b"=?utf-8?b?a?=": "=?utf-8?b?a?=",
    b"xxutf-8?q?a?= =?x": "xxutf-8?q?a?= =?x",
    b"=?utf-8?q?axx": "=?utf-8?q?axx",
    b"=?utf-8?q?a": "=?utf-8?q?a",
    b"=?utf-8?=": "=?utf-8?=",
    b"=?=": "=?=",
    b"=?utf-8?q?=FF?=": "\ufffd",
    b"=?utf-8?q?a=0D=0ABcc=3A_x=00=1B=7Fy?=": "a Bcc: xy",
    b"=?utf-8?q?=C2=85a=C2=9B?=": "a",
}


@pytest.mark.parametrize("phrase", DECODED, ids=repr)
def test_decoded(phrase: bytes) -> None:
    assert name(phrase) == DECODED[phrase]


NAMES = [
    "Jörg Müller",
    "日本語" * 40,
    "ä" * 300,
    "x" * 2000,
    "word " * 100 + "ö",
    "word " * 100 + "end",
    'q" ' * 60 + "end",
    "Äpfel und Birnen " * 20 + "x",
    "👩‍👩‍👧" * 30,
    "a.b " * 30 + "c",
    "=?utf-8?q?=41?=",
    "\\" * 200,
    "Doe, Jane",
]


@pytest.mark.parametrize("original", NAMES, ids=lambda n: ascii(n[:20]))
def test_what_is_written_is_read_back_from_short_ascii_lines(original: str) -> None:
    value = format_mailbox(original, "a@example.org")
    assert value.isascii()
    lines = (b"Resent-From: " + value).split(b"\r\n")
    assert all(line[:1] == b" " and line.strip() for line in lines[1:])
    assert max(map(len, lines)) <= 78
    words = value.replace(b"\r\n", b"").split(b" ")
    assert all(len(word) <= 75 for word in words if word.startswith(b"=?"))
    mailbox = parse_mailboxes(value.replace(b"\r\n", b""))[0]
    assert (mailbox.name, mailbox.address) == (original, "a@example.org")


def test_each_encoded_word_is_whole_characters() -> None:
    for word in format_mailbox("日ä" * 80, "a@x").split():
        if word.startswith(b"=?"):
            assert "\ufffd" not in name(word)


def test_bytes_of_a_foreign_locale_do_not_break_the_name() -> None:
    assert name(format_mailbox("J\udcf6rg", "a@x").rpartition(b" ")[0]) == "J\ufffdrg"
