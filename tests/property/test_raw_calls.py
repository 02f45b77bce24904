"""A call that the wrapper queued means the same whether it is read the quick way, for a list, or like any other."""

from hypothesis import example, given
from hypothesis import strategies as st

from esmtp_py.cli import raw
from esmtp_py.cli.flags import ERROR_MODES
from esmtp_py.errors import MailError
from esmtp_py.queue.entry import RAW, Entry

HEADER = b"To: c@x.org, d@x.org\nBcc: e@x.org\n\n"

FLAGS = [b"-i", b"-oi", b"-t", b"-ti", b"-bm", b"-om", b"-odi", b"-odb", b"-odq", b"-odd", b"-f", b"-r", b"-F", b"--"]
FLAGS += [b"-oe%b" % mode.encode() for mode in ERROR_MODES] + [b"-oem", b"-bp", b"-h9", b"-Nnever", b"-Rhdrs", b"-v"]
FLAGS += [b"-fme@x.org", b"-B8BITMIME", b"-Vid", b"-C/rc", b"-q", b"-", b"-x y", b"--json", b"-od", b"-o"]
ADDRESSES = [b"a@x.org", b"b@X.ORG", b"A@x.org", b"a@X.org", b"root", b"b+c=d@y", b"<a@x.org>", b"a@x.org, b@y", b""]
ADDRESSES += [b"<>", b".a@x", b"a@x.", b"a@", b"@x", b"J\xc3\xb6@x", b"\xff", b"a b", b"a@x@y", b"a\0b", b"a" * 300]

words = st.one_of(
    st.sampled_from(ADDRESSES[:6] + FLAGS[:12]),
    st.sampled_from(FLAGS),
    st.sampled_from(ADDRESSES),
    st.binary(max_size=6),
)


def entry(argv: list[bytes]) -> Entry:
    """With fields that no call has said, as a file that somebody has written by hand may have them."""
    found = Entry(1, form=RAW, argv=argv, body="7BIT", ret="FULL", envid="x", full_name="X", rc="/x", hops=3)
    found.errors = "mail"
    found.requiretls = True
    return found


def described(found: Entry) -> list[object]:
    plain = [getattr(found, name) for name in Entry.__slots__ if name.lstrip("_") != "recipients"]
    return [*plain, [(each.address, each.notify, each.orcpt) for each in found.recipients]]


@given(st.lists(words, max_size=6))
@example([b"-f"])
@example([b"-f", b"-f", b"a@x.org"])
@example([b"-f", b"a@x.org", b"-f", b"b@x.org", b"c@x.org"])
@example([b"-f", b"", b"a@x.org"])
@example([b"-oem", b"-oep", b"a@x.org", b"a@X.org"])
def test_both_ways_to_read_a_call_agree(argv: list[bytes]) -> None:
    quick, slow = entry(argv), entry(argv)
    quickly = raw._read_plainly(quick)
    try:
        raw._read_call(slow, [HEADER])
    except MailError:
        assert not quickly
    assert described(quick) == described(slow if quickly else entry(argv))


@given(st.lists(st.sampled_from(FLAGS[:2] + FLAGS[4:10]), max_size=3), st.sampled_from(ADDRESSES[:6]))
def test_the_usual_calls_are_read_the_quick_way(flags: list[bytes], address: bytes) -> None:
    assert raw._read_plainly(entry([*flags, b"-f", b"me@x.org", address]))
