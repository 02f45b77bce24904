"""What is made here is one command line and never two."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esmtp_py.errors import MailError
from esmtp_py.smtp import command
from esmtp_py.smtp.command import Command, Payload

CONTROLS = [chr(c) for c in range(32)] + ["\x7f"]


def refused(made: object) -> MailError:
    assert callable(made)
    with pytest.raises(MailError) as raised:
        made()
    assert raised.value.text.isprintable()
    return raised.value


@pytest.mark.parametrize(
    ("made", "line"),
    [
        (command.hello("EHLO", "me.example.org"), b"EHLO me.example.org\r\n"),
        (command.hello("LHLO", "[IPv6:2001:db8::1]"), b"LHLO [IPv6:2001:db8::1]\r\n"),
        (command.plain("STARTTLS"), b"STARTTLS\r\n"),
        (command.auth("LOGIN", None), b"AUTH LOGIN\r\n"),
        (command.auth("PLAIN", b"AGEAYg=="), b"AUTH PLAIN AGEAYg==\r\n"),
        (command.auth("EXTERNAL", b""), b"AUTH EXTERNAL =\r\n"),
        (command.auth_response(b""), b"\r\n"),
        (command.auth_response(b"YQ=="), b"YQ==\r\n"),
        (command.mail("", []), b"MAIL FROM:<>\r\n"),
        (command.mail("me@example.org", ["SIZE=1", "SMTPUTF8"]), b"MAIL FROM:<me@example.org> SIZE=1 SMTPUTF8\r\n"),
        (command.mail("bób@example.org", []), "MAIL FROM:<bób@example.org>\r\n".encode()),
        (command.rcpt("bob@example.org", ["NOTIFY=NEVER"]), b"RCPT TO:<bob@example.org> NOTIFY=NEVER\r\n"),
        (command.rcpt("postmaster", []), b"RCPT TO:<postmaster>\r\n"),
        (command.rcpt('"a b>c\\"d"@example.org', []), b'RCPT TO:<"a b>c\\"d"@example.org>\r\n'),
        (command.rcpt('"a@b"', []), b'RCPT TO:<"a@b">\r\n'),
        (command.rcpt("a@[192.0.2.1]", []), b"RCPT TO:<a@[192.0.2.1]>\r\n"),
        (command.bdat(12, Payload(list)), b"BDAT 12 LAST\r\n"),
        (command.body(Payload(list)), b""),
    ],
    ids=lambda value: repr(value) if isinstance(value, bytes) else "",
)
def test_lines(made: Command, line: bytes) -> None:
    assert made.line == line


@pytest.mark.parametrize("char", CONTROLS, ids=ascii)
@pytest.mark.parametrize(
    "form", ["a{}b@example.org", "a@exa{}mple.org", "a@example.org{}", "{}a@example.org", '"a{}b"@example.org']
)
def test_no_control_character_in_an_address(form: str, char: str) -> None:
    address = form.format(char)
    assert refused(lambda: command.mail(address, [])).kind == "bad_address"
    assert refused(lambda: command.rcpt(address, [])).kind == "bad_address"


@pytest.mark.parametrize("char", [*CONTROLS, " "], ids=ascii)
def test_nor_in_any_other_word(char: str) -> None:
    for word in (f"a{char}b", f"a{char}", f"{char}a"):
        assert refused(lambda word=word: command.hello("EHLO", word)).kind == "config"
        assert refused(lambda word=word: command.auth(word, None)).kind == "config"
        assert refused(lambda word=word: command.mail("a@b", [f"ENVID={word}"])).kind == "usage"
        assert refused(lambda word=word: command.rcpt("a@b", [f"ORCPT=rfc822;{word}"])).kind == "usage"


@pytest.mark.parametrize(
    "address",
    [
        "a@example.org> NOTIFY=NEVER",  # CVE-2025-59937: parameters that come with an address
        "a@example.org>NOTIFY=NEVER",
        "<a@example.org>",
        "a b@example.org",
        'a"b@example.org',
        '"a"b@example.org',
        '"a" @example.org',
        '"a"> SIZE=1@example.org',
        '"a@example.org',
        '"a\\"@example.org',
        '"',
        '"a"@example.org> X',
        '"a"@"b"',
    ],
)
def test_an_address_brings_no_parameters(address: str) -> None:
    assert refused(lambda: command.mail(address, [])).kind == "bad_address"
    assert refused(lambda: command.rcpt(address, [])).kind == "bad_address"


def test_an_empty_recipient() -> None:
    assert refused(lambda: command.rcpt("", [])).kind == "bad_address"


@pytest.mark.parametrize("address", ["\ud800@example.org", "a@\udfff.org"])
def test_half_a_character(address: str) -> None:
    assert refused(lambda: command.mail(address, [])).kind == "bad_address"
    assert refused(lambda: command.hello("EHLO", address)).kind == "config"


def test_an_empty_word() -> None:
    assert refused(lambda: command.hello("EHLO", "")).kind == "config"


@given(st.text(), st.text())
def test_whatever_is_made_is_one_line(address: str, word: str) -> None:
    makers: list[Callable[[], Command]] = [
        lambda: command.mail(address, [f"ENVID={word}"]),
        lambda: command.rcpt(address, [f"ORCPT={word}"]),
        lambda: command.hello("EHLO", word),
        lambda: command.mail("a@b", [f"ENVID={command.xtext(word)}"]),
        lambda: command.rcpt("a@b", [f"ORCPT={command.typed_address(word)}"]),
    ]
    for make in makers:
        try:
            line = make().line
        except MailError:
            continue
        assert line.endswith(b"\r\n")
        assert not any(c < 32 or c == 127 for c in line[:-2])


@given(st.binary())
def test_xtext_can_be_read_back(octets: bytes) -> None:
    """RFC 3461 section 4, decoded here by its own rule."""
    text = command.xtext(octets.decode("utf-8", "surrogateescape"))
    assert all("!" <= c <= "~" and c != "=" for c in text)
    parts = text.split("+")
    assert b"".join([parts[0].encode()] + [bytes([int(p[:2], 16)]) + p[2:].encode() for p in parts[1:]]) == octets
    assert text == "+".join([parts[0], *(p[:2].upper() + p[2:] for p in parts[1:])])


@pytest.mark.parametrize(
    ("address", "value"),
    [
        ("bob@example.org", "rfc822;bob@example.org"),
        ("b+o=b@example.org", "rfc822;b+2Bo+3Db@example.org"),
        ('"a b"@x.org', 'rfc822;"a+20b"@x.org'),
        ("bób@x.org", r"utf-8;b\x{F3}b@x.org"),
        ("😀 +=\\@x.org", r"utf-8;\x{1F600}\x{20}\x{2B}\x{3D}\x{5C}@x.org"),
        ("b\udcf3b@x.org", "rfc822;b+F3b@x.org"),
    ],
)
def test_typed_address(address: str, value: str) -> None:
    assert command.typed_address(address) == value


@pytest.mark.parametrize(
    ("made", "shown"),
    [
        (command.auth("PLAIN", b"AGEAYg=="), b"AUTH PLAIN *"),
        (command.auth("LOGIN", None), b"AUTH LOGIN"),
        (command.auth_response(b"YQ=="), b"*"),
        (command.auth_response(b""), b"*"),
        (command.plain("DATA"), b"DATA"),
        (command.body(Payload(list)), b""),
    ],
)
def test_what_a_trace_sees(made: Command, shown: bytes) -> None:
    assert made.shown == shown
    assert "AGEA" not in repr(made)
    assert "YQ" not in repr(made)
