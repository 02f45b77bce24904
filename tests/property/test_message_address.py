"""Whatever is read as an address is one, says so again, and never comes out of what another parser calls two."""

import email.headerregistry
import email.policy

from hypothesis import example, given
from hypothesis import strategies as st

from esmtp_py.message.address import (
    AddressError,
    Mailbox,
    format_mailbox,
    parse_mailboxes,
    parse_reverse_path,
    quote_local,
)
from esmtp_py.message.mailbox import NOT_ATEXT, plain

SIGNS = st.text(st.sampled_from('ab.@<>,:;()[]"\\ \t=?é-|/1'), max_size=30)
PIECES = [
    "a",
    "b",
    "@",
    ".",
    "<",
    ">",
    ",",
    ":",
    ";",
    "(",
    ")",
    '"',
    "\\",
    " ",
    "x.org",
    "[",
    "]",
    "1.2.3.4",
    "é",
    "\t",
]
PIECES += ["a@x", "<b@y>", '"c d"', "g:", "(e)", "=?utf-8?q?f?=", "@r:"]
WORDS = st.lists(st.sampled_from(PIECES), max_size=15).map("".join)
ANY = st.one_of(SIGNS, WORDS, st.text(max_size=30))

ATOM = st.text(st.characters(codec="ascii", exclude_characters="".join(NOT_ATEXT)), min_size=1, max_size=8)
LOCAL = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=12)
DOMAIN = st.lists(st.text("abcXYZ019-_", min_size=1, max_size=8), min_size=1, max_size=4).map(".".join)
SPACE = st.sampled_from(["", " ", "\t", "(c)", " (c (d) \\) ) "])


PLAINLY = st.text("abZ09.@-+=_", max_size=20) | st.from_regex(r"[a+=.-]{1,6}@[b.-]{1,6}", fullmatch=True)


def read(text: str) -> list[str]:
    return [mailbox.address for mailbox in parse_mailboxes(text.encode("utf-8", "surrogateescape"))]


@given(st.binary(max_size=40) | ANY.map(lambda text: text.encode("utf-8", "surrogatepass")))
@example(b"\xff@\xff")
def test_only_addresses_and_address_errors_come_out(text: bytes) -> None:
    mailboxes: list[Mailbox] = []
    fault: AddressError | None = None
    try:
        mailboxes = parse_mailboxes(text)
    except AddressError as error:
        fault = error
    assert not fault or (0 <= fault.offset <= len(text) and fault.text.isprintable())
    for mailbox in mailboxes:
        assert all(ch >= " " and not "\x7f" <= ch <= "\x9f" for ch in mailbox.address + mailbox.name)
        assert mailbox.local or mailbox.domain
        assert NOT_ATEXT.isdisjoint(mailbox.domain.replace(".", "")) or mailbox.domain[0] == "["
        assert ("@" in mailbox.address) == bool(mailbox.domain)
        mailbox.address.encode()


@given(ANY)
def test_what_was_read_reads_the_same_again(text: str) -> None:
    try:
        addresses = read(text)
    except AddressError:
        return
    for address in addresses:
        assert read(address) == [address]
        assert read(f"<{address}>") == [address]
        again = parse_reverse_path(address.encode())
        assert again is not None
        assert again.address == address


@given(LOCAL, DOMAIN, SPACE, SPACE, SPACE, SPACE, st.booleans())
def test_any_local_part_can_be_written(
    local: str, domain: str, before: str, left: str, right: str, after: str, angle: bool
) -> None:
    text = f"{before}{quote_local(local)}{left}@{right}{domain}{after}"
    (mailbox,) = parse_mailboxes((f"<{text}>" if angle else text).encode())
    assert (mailbox.local, mailbox.domain) == (local, domain)


@given(st.lists(st.tuples(LOCAL, DOMAIN), max_size=5), st.sampled_from([",", ", ", ",,", " ,\t"]))
def test_a_list_is_the_addresses_of_its_items_in_order(pairs: list[tuple[str, str]], comma: str) -> None:
    addresses = [f"{quote_local(local)}@{domain}" for local, domain in pairs]
    assert read(comma.join(addresses)) == addresses
    assert read("g: " + comma.join(addresses) + ";") == addresses


@given(st.text(max_size=200), LOCAL, DOMAIN)
def test_any_name_can_be_written_and_is_read_back(name: str, local: str, domain: str) -> None:
    address = f"{quote_local(local)}@{domain}"
    value = format_mailbox(name, address)
    lines = (b"From: " + value).split(b"\r\n")
    assert value.isascii()
    assert all(line[:1] == b" " and line.strip() for line in lines[1:])
    assert b"\r" not in b"".join(lines)
    assert b"\n" not in b"".join(lines)
    assert all(len(line) <= 78 or line.split()[-1].startswith(b"<") for line in lines)
    (mailbox,) = parse_mailboxes(value.replace(b"\r\n", b""))
    visible = "".join(" " if ch.isspace() else ch for ch in name.encode("utf-8", "replace").decode())
    visible = "".join(ch for ch in visible if ch >= " " and not "\x7f" <= ch <= "\x9f")
    assert mailbox.address == address
    assert mailbox.name.split() == visible.split()


ITEMS = [
    "a@x",
    "<b@y>",
    "C <c@z>",
    '"c@d" <e@f>',
    "g:",
    ";",
    "h: a@x;",
    "(i)",
    "(i@j)",
    '"k l"@m',
    "n . o @ p . q",
    "<@r:s@t>",
]
ITEMS += ["a.b@[1.2.3.4]", "u", "<", ">", "@v", '"', "\\", '"w\\" <x@y>"@z', "J. R. Doe <j@r>", ","]
LISTS = st.lists(st.tuples(st.sampled_from(ITEMS), st.sampled_from([",", ",", ", ", " ", ""])), min_size=1, max_size=6)


@given(LISTS.map(lambda items: "".join(item + joint for item, joint in items)))
def test_the_standard_library_never_sees_other_addresses_without_a_complaint(text: str) -> None:
    """Where its newer parser finds no defect, both agree; a difference would be a way to confuse one of us."""
    try:
        header = email.policy.default.header_factory("To", text)
    except Exception:  # it raises many things
        return
    assert isinstance(header, email.headerregistry.AddressHeader)
    try:
        ours = read(text)
    except AddressError:
        ours = None
    if header.defects:  # type: ignore[attr-defined]
        return
    theirs = [quote_local(a.username) + (f"@{a.domain}" if a.domain else "") for a in header.addresses]
    assert ours == theirs


@given(PLAINLY | ANY)
@example("joe@x.org")
@example("a" * 65 + "@" + "b" * 189)
@example("a" * 256 + "@b")
@example("joe@" + "b" * 256)
@example("a@b.")
@example("=@b")
def test_a_plain_address_is_what_the_parser_makes_of_it(text: str) -> None:
    mailbox = plain(text)
    if mailbox:
        assert [mailbox] == parse_mailboxes(text.encode())
        assert parse_reverse_path(text.encode()) == mailbox


@given(st.lists(st.text("abZ09-+=_", min_size=1, max_size=8), min_size=1, max_size=4), DOMAIN)
def test_what_programs_write_is_plain(words: list[str], domain: str) -> None:
    assert plain(f"{'.'.join(words)}@{domain}")
    assert plain(".".join(words))
