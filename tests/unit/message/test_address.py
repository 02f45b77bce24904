"""What is read as an address, and above all what is not."""

import sys
import time

import pytest

from esmtp_py.message.address import (
    ADDRESS_LIMIT,
    DOMAIN_LIMIT,
    AddressError,
    Mailbox,
    format_mailbox,
    parse_mailboxes,
    parse_reverse_path,
    quote_local,
)


def addresses(text: bytes | str) -> list[str]:
    octets = text.encode() if isinstance(text, str) else text
    return [mailbox.address for mailbox in parse_mailboxes(octets)]


READ = {
    "a@x": ["a@x"],
    "<a@x>": ["a@x"],
    " <a@x> ": ["a@x"],
    "\ta@x\t": ["a@x"],
    "a@x, B <b@x>": ["a@x", "b@x"],
    "a@x,b@x": ["a@x", "b@x"],
    "": [],
    " ": [],
    ",": [],
    ",, a@x ,,\t, b@y,": ["a@x", "b@y"],
    "J. R. Doe <x@y>": ["x@y"],
    '"Doe, J." <x@y>': ["x@y"],
    "Doe <x@y> (at work)": ["x@y"],
    "a@x (A. (nested \\) comment) here)": ["a@x"],
    "(c)a(c)@(c)x(c).(c)org(c)": ["a@x.org"],
    "(a@x)": [],
    "(\\\\) a@x": ["a@x"],
    "(\\)) a@x": ["a@x"],
    "a @ x . org": ["a@x.org"],
    "joe . doe @ x": ["joe.doe@x"],
    "<@a.org,@b.org:joe@c.org>": ["joe@c.org"],
    "Joe <@a.org:joe@c.org>": ["joe@c.org"],
    "<,@a.org,,@b:joe@c.org>": ["joe@c.org"],
    "friends: a@x, B <b@y>;": ["a@x", "b@y"],
    "friends: a@x;, c@z": ["a@x", "c@z"],
    "Old friends:;": [],
    "undisclosed-recipients:;": [],
    "undisclosed-recipients: ;": [],
    "undisclosed-recipients:": [],
    "a@x, undisclosed-recipients:": ["a@x"],
    "a:;, b:;, c@x": ["c@x"],
    "a@x, g: , b@y, ;": ["a@x", "b@y"],
    '"joe"@x': ["joe@x"],
    '"j\\oe"@x': ["joe@x"],
    '"john doe"@x': ['"john doe"@x'],
    '"john@doe"@x': ['"john@doe"@x'],
    '"a\\"b\\\\c"@x': ['"a\\"b\\\\c"@x'],
    '"joe"."doe"@x': ["joe.doe@x"],
    'joe."d e"@x': ['"joe.d e"@x'],
    '""@x': ['""@x'],
    '"xclow3n@gmail.com x"@internal.domain': ['"xclow3n@gmail.com x"@internal.domain'],  # CVE-2025-13033
    "joe..doe@x": ['"joe..doe"@x'],
    "joe.@x": ['"joe."@x'],
    "!#$%&'*+-/=?^_`{|}~@x": ["!#$%&'*+-/=?^_`{|}~@x"],
    "a@x.": ["a@x"],
    "a@x., b@y.org.": ["a@x", "b@y.org"],
    "a@[192.0.2.1]": ["a@[192.0.2.1]"],
    "a@[ 192.0.2.1 ]": ["a@[192.0.2.1]"],
    "a@[IPv6:2001:db8::1]": ["a@[IPv6:2001:db8::1]"],
    "jörg@exämple.de": ["jörg@exämple.de"],
    "用户@例え.jp": ["用户@例え.jp"],
    "نامه\u200cای@x": ["نامه\u200cای@x"],  # the language is written with it
    "Jörg <a@x>": ["a@x"],
    '"a@x" <b@y>': ["b@y"],
    "a@x <a@x>": ["a@x"],
    "a@X.org <a@x.org>": ["a@x.org"],
    '"a@x, c@z" <b@y>': ["b@y"],
    "(a@x,) b@y": ["b@y"],
    "root": ["root"],
    "joe.doe": ["joe.doe"],
    "joe+x": ["joe+x"],
    "-joe": ["-joe"],
    "--": ["--"],
    "|cat": ["|cat"],
    "|/bin/cat": ["|/bin/cat"],
    "/var/mail/joe": ["/var/mail/joe"],
    "-oQ/tmp@x": ["-oQ/tmp@x"],
    "joe$": ["joe$"],
    '"DOM\\\\joe"': ['"DOM\\\\joe"'],
    "<root>": ["root"],
    "Root <root>": ["root"],
    "=?utf-8?q?a=40x?= <b@y>": ["b@y"],
}


@pytest.mark.parametrize("text", READ, ids=repr)
def test_read(text: str) -> None:
    assert addresses(text) == READ[text]


REFUSED = [
    "alice@example.org)bob@evil.example",  # CVE-2023-27043
    "alice@example.org(<bob@evil.example>",
    "alice@example.org]<bob@evil.example>",
    '"<bob@evil.example>',
    '"a@x" b@y',  # CVE-2025-13033
    '"a@x"b@y',
    '"xclow3n@gmail.com x"@internal.domain c@z',
    "<a@x>@y",
    "<a@x>b@y",
    "<a@x><b@y>",
    "<a@x> <b@y>",
    "a@x b@y",
    "a@x\tb@y",
    "a@x (c) b@y",
    "a@x <b@y>",
    "a@x <A@x>",
    "a@b@c",
    "a@b <a@b> c",
    "<a@x",
    "a@x>",
    "<<a@x>>",
    "<>",
    "Me <>",
    "a b@x",
    "Joe Doe",
    "a@",
    "@x",
    "a@.x",
    "a@x..y",
    "a@x y",
    "a@x;",
    "a:;;",
    "a:; b:;",
    "=?utf-8?q?Doe,_J?= <a@x>",  # it would be two recipients
    "a@x; b@y",
    "g: a@x",
    "g: a@x; b@y",
    "g: h: a@x;;",
    "g: h: a@x;",
    "<@a;joe@c>",
    "g: a@x;;",
    ": a@x;",
    ":",
    ";",
    "<@a>",
    "<@a:>",
    "<@a joe@c>",
    "<@:joe@c>",
    "(a@x",
    "a@x)",
    "a\\@x",
    "a@x\\",
    "a@[192.0.2.1",
    "a@[192.0.2.1]x",
    "a@[192.0.2.256]",
    "a@[2001:db8::1]]",
    "a@[[192.0.2.1]]",
    "[192.0.2.1]",
    'a@"x"',
    'a@x."y"',
    "a@x/y",
    "a@x|y",
    "a@x=y",
    "a@x?y",
    "a@b＠c",  # nameprep makes an ASCII @ of it
    "a@b／c",
    "a@b\u200ec.org",  # invisible, right to left
    "a\u202e@x",
    "a\u00a0b@x",
    "<a@x> SIZE=1",  # CVE-2025-59937
    "<a@x SIZE=1>",
    "a@x SIZE=1",
    "a@x> NOTIFY=NEVER",
    "a@x>\tBODY=8BITMIME",
    '""',
    '"a@x"',  # an address without a domain that looks like one with
]


@pytest.mark.parametrize("text", REFUSED, ids=repr)
def test_refused(text: str) -> None:
    with pytest.raises(AddressError):
        parse_mailboxes(text.encode())


def test_one_bad_address_spoils_the_list() -> None:
    with pytest.raises(AddressError):
        parse_mailboxes(b"a@x, b@y c@z, d@w")


CONTROLS = [chr(c) for c in (*range(32), 127, *range(128, 160), 0x2028, 0x2029)]


@pytest.mark.parametrize("control", [c for c in CONTROLS if c != "\t"], ids=repr)
@pytest.mark.parametrize(
    "shape", ["a{}b@x", "a@x{}y", "{}a@x", "a@x{}", '"a{}b"@x', "a@[192.0.2.{}1]", "<a@x{}>", "a{}b", '"a{}b"']
)
def test_no_control_character_is_in_an_address(shape: str, control: str) -> None:
    with pytest.raises(AddressError):
        parse_mailboxes(shape.format(control).encode())


def test_nor_is_a_quoted_tab() -> None:
    with pytest.raises(AddressError):
        parse_mailboxes(b'"a\tb"@x')


@pytest.mark.parametrize("control", ["\r", "\n", "\0", "\r\n", "\r\n "], ids=repr)
@pytest.mark.parametrize("shape", ['"A{}B" <a@x>', "(A{}B) a@x", '"A\\{}B" <a@x>'])
def test_line_ends_and_nul_are_nowhere(shape: str, control: str) -> None:
    with pytest.raises(AddressError):
        parse_mailboxes(shape.format(control).encode())


def test_other_controls_in_a_display_name_are_dropped() -> None:
    assert parse_mailboxes(b'"A\x1b[31m\x7fB\tC" (\x01) <a@x>') == [Mailbox("A[31mB C", "a", "x")]


def test_bytes_that_are_no_utf8_are_kept_out_of_addresses_only() -> None:
    assert parse_mailboxes(b"J\xf6rg <a@x>") == [Mailbox("J\ufffdrg", "a", "x")]
    for text in (b"j\xf6rg@x", b"a@x\xf6y", b'"j\xf6rg"@x'):
        with pytest.raises(AddressError):
            parse_mailboxes(text)


NAMED = {
    b"a@x": "",
    b"Joe <a@x>": "Joe",
    b"  Joe   Doe  <a@x>": "Joe Doe",
    b"J. R. Doe <a@x>": "J. R. Doe",
    b"J.R.Doe<a@x>": "J.R.Doe",
    b'"Doe, J." <a@x>': "Doe, J.",
    b'"a \\"b\\" c" <a@x>': 'a "b" c',
    b'"J." Doe <a@x>': "J. Doe",
    b"Joe (the one) Doe <a@x>": "Joe Doe",
    b"=?utf-8?q?J=C3=B6rg_M=C3=BCller?= <a@x>": "Jörg Müller",
    b"=?UTF-8?B?SsO2cmc=?= Doe <a@x>": "Jörg Doe",
    "Jörg <a@x>".encode(): "Jörg",
    b"a@x <a@x>": "a@x",
    b"g: Joe <a@x>;": "Joe",
}


@pytest.mark.parametrize("text", NAMED, ids=repr)
def test_display_name(text: bytes) -> None:
    assert [mailbox.name for mailbox in parse_mailboxes(text)] == [NAMED[text]]


def test_limits() -> None:
    domain = ("d" * 62 + ".") * 4 + "org"
    assert len(domain) == DOMAIN_LIMIT
    assert addresses(f"a@{domain}") == [f"a@{domain}"]
    with pytest.raises(AddressError):
        addresses(f"a@{domain}x")
    with pytest.raises(AddressError):
        addresses("a@" + "ä" * 128)
    long = "l" * (ADDRESS_LIMIT - 2)
    assert addresses(f"{long}@x") == [f"{long}@x"]
    assert len(f"MAIL FROM:<{long}@x>\r\n") == 512
    for text in (f"{long}l@x", '"' + "\\\\" * 240 + " \\\\" * 10 + '"@x', long + "lll"):
        with pytest.raises(AddressError):
            addresses(text)


def test_a_local_name_has_the_same_limit() -> None:
    assert addresses("l" * ADDRESS_LIMIT) == ["l" * ADDRESS_LIMIT]
    with pytest.raises(AddressError):
        addresses("l" * (ADDRESS_LIMIT + 1))


def test_mailboxes_are_equal_by_name_and_address() -> None:
    assert Mailbox("A", "a b", "x") == Mailbox("A", "a b", "x")
    assert len({Mailbox("A", "a", "x"), Mailbox("A", "a", "x")}) == 1
    others: list[object] = [Mailbox("B", "a", "x"), Mailbox("A", "b", "x"), Mailbox("A", "a", "y"), "A", None]
    assert Mailbox("A", "a", "x") not in others


def test_a_longer_local_part_than_64_is_the_servers_to_judge() -> None:
    verp = "bounces+" + "1" * 60 + "=example.net@mail.example.org"
    assert addresses(verp) == [verp]


@pytest.mark.parametrize("text", [b"", b"  ", b"<>", b" <> "])
def test_null_reverse_path(text: bytes) -> None:
    assert parse_reverse_path(text) is None


@pytest.mark.parametrize("text", [b"me@x", b"<me@x>", b" Me <me@x>", b'"Me, too" <me@x> (here)', b"<@a:me@x>"])
def test_reverse_path(text: bytes) -> None:
    mailbox = parse_reverse_path(text)
    assert mailbox is not None
    assert mailbox.address == "me@x"


@pytest.mark.parametrize(
    "text", [b"a@x, b@y", b",", b"(a@x)", b"g: a@x;", b"g:;", b"Me <>", b"me@x -X/tmp/y", b"<me@x> AUTH=<>", b"\r\n"]
)
def test_anything_else_is_no_reverse_path(text: bytes) -> None:
    with pytest.raises(AddressError):
        parse_reverse_path(text)


def test_the_error_is_one_printable_line_that_points_at_the_fault() -> None:
    with pytest.raises(AddressError) as raised:
        parse_mailboxes(b"alice@example.org)bob@evil.example")
    assert raised.value.offset == 17
    assert raised.value.text == "unexpected \")\", at character 18 of 'alice@example.org)bob@evil.example'"
    assert str(raised.value) == raised.value.text


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("a b@x", "two words where one address is wanted, at character 3 of 'a b@x'"),
        ("Me <>", "no address in <>, at character 4 of 'Me <>'"),
        ("a@", "unexpected end, at character 3 of 'a@'"),
        ("a@\x1b", "unexpected a control character, at character 3 of 'a@?'"),
        ("x" * 100 + ">", 'unexpected ">", at character 101 of \'…' + "x" * 59 + ">'"),
        (">" + "x" * 100, 'unexpected ">", at character 1 of \'>' + "x" * 59 + "…'"),
        (">" + "x" * 59, 'unexpected ">", at character 1 of \'>' + "x" * 59 + "'"),
        (
            "x" * 1000 + "\r\n\x1b[2J" + "y" * 1000,
            f"CR in an address, at character 1001 of '…{'x' * 30}???[2J{'y' * 24}…'",
        ),
    ],
)
def test_the_error_shows_what_is_around_the_fault(text: str, error: str) -> None:
    with pytest.raises(AddressError) as raised:
        parse_mailboxes(text.encode())
    assert raised.value.text == error


def test_canonical_form_is_its_own() -> None:
    for texts in READ.values():
        for text in texts:
            assert addresses(text) == [text]


def test_quote_local() -> None:
    assert quote_local("joe") == "joe"
    assert quote_local("a b") == '"a b"'
    assert quote_local('"\\') == '"\\"\\\\"'


# -- format_mailbox --------------------------------------------------------------------------------


WRITTEN = {
    ("", "a@x"): b"a@x",
    ("Joe", "a@x"): b"Joe <a@x>",
    ("Joe Doe", "a@x"): b"Joe Doe <a@x>",
    (" Joe \t Doe ", "a@x"): b"Joe Doe <a@x>",
    ("J. R. Doe", "a@x"): b'"J. R. Doe" <a@x>',
    ("Doe, Joe", "a@x"): b'"Doe, Joe" <a@x>',
    ('Joe "Q" \\ Doe', "a@x"): b'"Joe \\"Q\\" \\\\ Doe" <a@x>',
    ("root (Cron Daemon)", "root"): b'"root (Cron Daemon)" <root>',
    ("Jörg Müller", "a@x"): b"=?utf-8?q?J=C3=B6rg_M=C3=BCller?= <a@x>",
    ("日本語", "a@x"): b"=?utf-8?b?5pel5pys6Kqe?= <a@x>",
    ("=?utf-8?q?x?=", "a@x"): b"=?utf-8?q?=3D=3Futf-8=3Fq=3Fx=3F=3D?= <a@x>",
    ("Joe\r\nBcc: evil@x", "a@x"): b'"Joe Bcc: evil@x" <a@x>',
    ("J\0o\x1be\x7f\x9b", "a@x"): b"Joe <a@x>",
    ("\r\n", "a@x"): b"a@x",
    ("\x01", "a@x"): b"a@x",
    ("Jörg", "jörg@exämple.de"): "=?utf-8?q?J=C3=B6rg?= <jörg@exämple.de>".encode(),
}


@pytest.mark.parametrize("name_and_address", WRITTEN, ids=repr)
def test_format_mailbox(name_and_address: tuple[str, str]) -> None:
    assert format_mailbox(*name_and_address) == WRITTEN[name_and_address]


@pytest.mark.parametrize("control", ["\r", "\n", "\0", "\x1b", "\x7f"], ids=repr)
def test_format_mailbox_writes_no_control_character(control: str) -> None:
    with pytest.raises(AddressError):
        format_mailbox("Me", f"a@x{control}y")


# -- hostile input ---------------------------------------------------------------------------------

HOSTILE = ["(", ")", ":", ",", "<", ">", '"', "\\", "@", ".", ";", "[", "]", "a", " ", "é"]
HOSTILE += ['"\\', "(\\", "()", "a ", "a,", "a.", "a@b,", "<a@b>,", "a:;,", "g:a,", '"" ', "@a,", "[a]", "=?", "\\("]
HOSTILE += ["=?utf-8?q?a?= ", "=?cp1252?b?YQ==?= x ", '"a"', "(a)", "a@b <a@b>,"]
OPENED = ["", '"', "(", "<@", "a@[", "g:", "a ", "=?utf-8?q?"]


def read(text: bytes) -> None:
    try:
        parse_mailboxes(text)
    except AddressError:
        return


def steps(text: bytes) -> int:
    """How many lines of the message package run while ``text`` is read."""
    count = 0

    def trace(frame: object, event: str, _: object) -> object:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)  # type: ignore[arg-type]
    try:
        read(text)
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize("end", ["", " <a@b>"])
@pytest.mark.parametrize("start", OPENED, ids=repr)
@pytest.mark.parametrize("unit", HOSTILE, ids=repr)
def test_steps_grow_with_the_length_and_no_faster(unit: str, start: str, end: str) -> None:
    once, twice = (steps((start + unit * times + end).encode()) for times in (200, 400))
    assert twice <= 2.1 * once + 50


MEGABYTES = ["(", ":", ",", "<", '"', "\\", "a", "a,", "a.", '""', "=?utf-8?q?a?= ", "\u0315\u0300"]


@pytest.mark.parametrize("unit", MEGABYTES, ids=repr)
def test_a_megabyte_is_read_in_seconds(unit: str) -> None:
    """Also where the work is done in C and no step is seen; quadratic would be minutes."""
    begin = time.process_time()
    for start in ("", '"', "a@", "a@[", "g:"):
        read((start + unit * (1_000_000 // len(unit.encode())) + " <a@b>").encode())
    assert time.process_time() - begin < 20
