"""However a message is cut and whatever its line ends, what comes out is canonical and the same."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from esmtp_py.errors import MailError
from esmtp_py.message.dots import stuff
from esmtp_py.message.intake import Intake
from esmtp_py.message.newlines import to_lf

PIECES = [b"\r", b"\n", b"\r\n", b".", b" ", b"\t", b"a", b":", b"A: b", b"Bcc:", b"From x", b">From y", b"\xe4", b"\0"]
PIECES += [b"x" * 997, b":" + b"x" * 998, b"\n\n", b"A: b\nC: d\n\n"]
SOURCE = st.lists(st.sampled_from(PIECES), max_size=20).map(b"".join) | st.binary(max_size=50)
CUTS = st.lists(st.integers(0, 2100), max_size=8)

Taken = tuple[list[bytes], bytes, bool] | str


def cut(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(min(at, len(data)) for at in cuts), len(data)]
    return [data[start:end] for start, end in itertools.pairwise(edges)]


def take(chunks: list[bytes], dot_ends: bool, binary: bool) -> Taken:
    intake = Intake(dot_ends, binary)
    try:
        body = b"".join([intake.feed(chunk) for chunk in chunks]) + intake.finish()
    except MailError as error:
        return error.text
    return intake.header.fields, body, intake.eight_bit


@given(SOURCE, CUTS, st.booleans(), st.booleans())
def test_any_split_gives_the_same(source: bytes, cuts: list[int], dot_ends: bool, binary: bool) -> None:
    whole = take([source], dot_ends, binary)
    assert take(cut(source, cuts), dot_ends, binary) == whole
    assert take([source[at : at + 1] for at in range(len(source))], dot_ends, binary) == whole


@given(SOURCE, st.booleans(), st.booleans())
def test_what_comes_out_is_canonical(source: bytes, dot_ends: bool, binary: bool) -> None:
    taken = take([source], dot_ends, binary)
    if isinstance(taken, str):
        assert b"\0" in source
        return
    fields, body, eight_bit = taken
    for text in (*fields, b"" if binary else body):
        assert text.count(b"\r\n") == text.count(b"\r") == text.count(b"\n")
        assert not text or text.endswith(b"\r\n")
        assert b"\0" not in text
    for field in fields:
        assert field[:1] not in (b" ", b"\t")
        assert all(line[:1] in (b" ", b"\t") for line in field.split(b"\r\n")[1:-1])
    assert eight_bit == (not b"".join([*fields, body]).isascii())


@given(SOURCE)
def test_nothing_is_lost(source: bytes) -> None:
    """Apart from line ends, postmarks and the one blank line, every byte is there, in order."""
    taken = take([source], False, False)
    if isinstance(taken, str):
        return
    lines = source.splitlines()
    while lines and lines[0].startswith((b"From ", b">From ")) and len(lines[0]) <= 998:
        if lines[0].partition(b":")[0].rstrip(b" \t") == b"From" and b":" in lines[0]:
            break
        del lines[0]
    fields, body, _ = taken
    header = b"".join(fields).splitlines()
    kept = body.splitlines()
    assert lines in (header + kept, [*header, b"", *kept])


@given(SOURCE, CUTS)
def test_a_binary_body_is_the_end_of_the_source(source: bytes, cuts: list[int]) -> None:
    taken = take(cut(source, cuts), True, True)
    if not isinstance(taken, str):
        assert source.endswith(taken[1])


@given(SOURCE, CUTS, CUTS)
def test_one_message_in_one_message_out(source: bytes, cuts: list[int], again: list[int]) -> None:
    taken = take(cut(source, cuts), False, False)
    if isinstance(taken, str):
        return
    body = taken[1]
    wire = b"\r\n" + b"".join(stuff(cut(body, again)))
    assert wire.index(b"\r\n.\r\n") == len(wire) - 5
    assert b"".join(line.removeprefix(b".") for line in wire[2:-3].splitlines(keepends=True)) == body
    assert b"".join(to_lf(cut(body, again))) == body.replace(b"\r\n", b"\n")
