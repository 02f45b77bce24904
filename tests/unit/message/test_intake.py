"""Anything a program may write, as header fields and canonical lines."""

import sys

import pytest

from esmtp_py.errors import MailError
from esmtp_py.message.intake import HEADER_LIMIT, Intake


def take(*chunks: bytes, dot_ends: bool = False, binary: bool = False) -> tuple[list[bytes], bytes]:
    intake = Intake(dot_ends, binary)
    body = b"".join([intake.feed(chunk) for chunk in chunks])
    body += intake.finish()
    assert intake.header_over
    assert intake.ended
    return intake.header.fields, body


TEXT = {
    b"": ([], b""),
    b"\n": ([], b""),
    b"\r\n": ([], b""),
    b"\r": ([], b""),
    b"A: b\n\nc\n": ([b"A: b\r\n"], b"c\r\n"),
    b"A: b\r\n\r\nc\r\n": ([b"A: b\r\n"], b"c\r\n"),
    b"A: b\r\rc\r": ([b"A: b\r\n"], b"c\r\n"),
    b"A: b\n\r\n\rc": ([b"A: b\r\n"], b"\r\nc\r\n"),
    b"A: b\n\nc\rd\r\ne\nf\r\r\ng\n\rh": ([b"A: b\r\n"], b"c\r\nd\r\ne\r\nf\r\n\r\ng\r\n\r\nh\r\n"),
    # no line end at the end
    b"A: b\n\nc": ([b"A: b\r\n"], b"c\r\n"),
    b"A: b\n\nc\r\n\nd\r\n\r\n\n": ([b"A: b\r\n"], b"c\r\n\r\nd\r\n\r\n\r\n"),
    # the header ends with the input
    b"A: b\n": ([b"A: b\r\n"], b""),
    b"A: b": ([b"A: b\r\n"], b""),
    b"A: b\r": ([b"A: b\r\n"], b""),
    b"A: b\nB: c": ([b"A: b\r\n", b"B: c\r\n"], b""),
    b"A: b\n c": ([b"A: b\r\n c\r\n"], b""),
    # odd spelling stays
    b"To:x\nCC\t:\n\ty\n z \n \nbcc : \n\n": ([b"To:x\r\n", b"CC\t:\r\n\ty\r\n z \r\n \r\n", b"bcc : \r\n"], b""),
    # no header at all
    b"hello\nworld\n": ([], b"hello\r\nworld\r\n"),
    b"hello": ([], b"hello\r\n"),
    b" A: b\n\nc": ([], b" A: b\r\n\r\nc\r\n"),
    b"\nA: b\n": ([], b"A: b\r\n"),
    b": b\n\nc": ([], b": b\r\n\r\nc\r\n"),
    b"A b: c\n": ([], b"A b: c\r\n"),
    b"\xc3\xa4: b\n": ([], "ä: b\r\n".encode()),
    # a line in its middle that is no field
    b"A: b\nhello\nC: d\n\ne": ([b"A: b\r\n"], b"hello\r\nC: d\r\n\r\ne\r\n"),
    b"A: b\n\xff: d\n": ([b"A: b\r\n"], b"\xff: d\r\n"),
    b"A: b\nBcc\n : c@x\n": ([b"A: b\r\n"], b"Bcc\r\n : c@x\r\n"),
    # postmarks
    b"From me@x Thu Jan  1 00:00:00 1970\nA: b\n\nc": ([b"A: b\r\n"], b"c\r\n"),
    b">From me\r\n>From you\r\nFrom x\r\nA: b\r\n": ([b"A: b\r\n"], b""),
    b"From me\n\nFrom here\n": ([], b"From here\r\n"),
    b"From me\nhello\n": ([], b"hello\r\n"),
    b"From me\n folded\n": ([], b" folded\r\n"),
    b"From : me@x\n": ([b"From : me@x\r\n"], b""),
    b">From: me@x\n": ([b">From: me@x\r\n"], b""),
    b"A: b\nFrom me Thu\nC: d\n": ([b"A: b\r\n"], b"From me Thu\r\nC: d\r\n"),
    b"A: b\n\n>From me\n": ([b"A: b\r\n"], b">From me\r\n"),
    b"From " + b"x" * 993 + b"\nA: b\n": ([b"A: b\r\n"], b""),
    b"From " + b"x" * 993 + b"\r\nA: b\n": ([b"A: b\r\n"], b""),
    b"From " + b"x" * 994 + b"\nA: b\n": ([], b"From " + b"x" * 994 + b"\r\nA: b\r\n"),
    b"From " + b"x" * 2000 + b"\nA: b\n": ([], b"From " + b"x" * 2000 + b"\r\nA: b\r\n"),
    # long lines
    b"A: " + b"b" * 5000 + b"\n\n": ([b"A: " + b"b" * 5000 + b"\r\n"], b""),
    b"N" * 998 + b":v\n": ([b"N" * 998 + b":v\r\n"], b""),
    b"N" * 999 + b":v\nA: b\n": ([], b"N" * 999 + b":v\r\nA: b\r\n"),
    b"A: b\n" + b"N" * 2000 + b"\n": ([b"A: b\r\n"], b"N" * 2000 + b"\r\n"),
    # dots are only dots
    b"A: b\n\n.\n": ([b"A: b\r\n"], b".\r\n"),
    b".\n": ([], b".\r\n"),
}


@pytest.mark.parametrize("source", TEXT, ids=lambda s: repr(s[:40]))
def test_text_however_it_is_cut(source: bytes) -> None:
    assert take(source) == TEXT[source]
    assert take(*(bytes([octet]) for octet in source)) == TEXT[source]
    for cut in range(len(source)):
        assert take(source[:cut], b"", source[cut:]) == TEXT[source]


DOT = {
    b"A: b\n\nc\n.\nd\n": ([b"A: b\r\n"], b"c\r\n"),
    b"A: b\n\nc\r\n.\r\nd\n": ([b"A: b\r\n"], b"c\r\n"),
    b"A: b\n\nc\r.\rd\n": ([b"A: b\r\n"], b"c\r\n"),
    b"A: b\n\n.\nd\n": ([b"A: b\r\n"], b""),
    b"A: b\n\nc.\n.d\ne.": ([b"A: b\r\n"], b"c.\r\n.d\r\ne.\r\n"),
    b"A: b\n\nc\n.": ([b"A: b\r\n"], b"c\r\n"),
    b"A: b\n\n.": ([b"A: b\r\n"], b""),
    b"A: b\n\nc\n..\n": ([b"A: b\r\n"], b"c\r\n..\r\n"),
    b"A: b\n\nc\n..": ([b"A: b\r\n"], b"c\r\n..\r\n"),
    b"A: b\n\n.c\n. \n": ([b"A: b\r\n"], b".c\r\n. \r\n"),
    b"A: b\n\nc.\nd.": ([b"A: b\r\n"], b"c.\r\nd.\r\n"),
    b"A: b\n\nc\n.\n\0": ([b"A: b\r\n"], b"c\r\n"),
    b"A: b\n.\nC: d\n": ([b"A: b\r\n"], b""),
    b"A: b\n.": ([b"A: b\r\n"], b""),
    b".\nA: b\n": ([], b""),
    b".": ([], b""),
    b"hello\n.\n": ([], b"hello\r\n"),
    b"From me\n.\nA: b\n": ([], b""),
    b"A: b\n .\n\n": ([b"A: b\r\n .\r\n"], b""),
}


@pytest.mark.parametrize("source", DOT, ids=repr)
def test_a_lone_dot_ends_however_it_is_cut(source: bytes) -> None:
    assert take(source, dot_ends=True) == DOT[source]
    assert take(*(bytes([octet]) for octet in source), dot_ends=True) == DOT[source]
    for cut in range(len(source)):
        assert take(source[:cut], source[cut:], dot_ends=True) == DOT[source]


def test_reading_may_stop_at_the_dot() -> None:
    intake = Intake(dot_ends=True)
    assert intake.feed(b"A: b\n\nc\n.\n") == b"c\r\n"
    assert intake.ended
    assert intake.feed(b"more") == b""
    assert intake.finish() == b""


BINARY = {
    b"A: b\n\nc\0\rd\ne\r\n.\n\r": ([b"A: b\r\n"], b"c\0\rd\ne\r\n.\n\r"),
    b"A: b\r\n\r\n\n\r\n": ([b"A: b\r\n"], b"\n\r\n"),
    b"A: b\r\r\nc": ([b"A: b\r\n"], b"c"),
    b"A: b\n\r\rc": ([b"A: b\r\n"], b"\rc"),
    b"A: b\n\nc": ([b"A: b\r\n"], b"c"),
    b"A: b": ([b"A: b\r\n"], b""),
    b"": ([], b""),
    b"\0\n": ([], b"\0\n"),
    b"no field\r": ([], b"no field\r"),
    b"no field": ([], b"no field"),
    b"A: b\nno field\r\n": ([b"A: b\r\n"], b"no field\r\n"),
    b"N" * 2000: ([], b"N" * 2000),
    b".\n": ([], b".\n"),
}


@pytest.mark.parametrize("source", BINARY, ids=lambda s: repr(s[:40]))
def test_a_binary_body_is_kept_exactly(source: bytes) -> None:
    for dot_ends in (False, True):
        assert take(source, dot_ends=dot_ends, binary=True) == BINARY[source]
        assert take(*(bytes([octet]) for octet in source), dot_ends=dot_ends, binary=True) == BINARY[source]
        for cut in range(len(source)):
            assert take(source[:cut], source[cut:], dot_ends=dot_ends, binary=True) == BINARY[source]


@pytest.mark.parametrize(
    "source", [b"A: \0\n\n", b"A: b\n \0\n", b"A: b\n\n\0", b"A\0: b\n", b"A: b\n\nc\n\0\n", b"\0"]
)
def test_nul_is_refused(source: bytes) -> None:
    for chunks in ((source,), tuple(bytes([octet]) for octet in source)):
        with pytest.raises(MailError) as raised:
            take(*chunks)
        assert raised.value.kind == "content"
        assert raised.value.outcome().exit_code == 65


def test_nul_is_refused_in_a_binary_messages_header() -> None:
    with pytest.raises(MailError):
        take(b"A: \0\n\n", binary=True)


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize(
    ("source", "eight_bit"),
    [
        (b"A: b\n\nc", False),
        (b"A: \xe4\n\nc", True),
        (b"A: b\n\xe4\n\n", True),
        (b"A: b\n \xe4\n", True),
        (b"A: b\n\n\xe4", True),
    ],
)
def test_eight_bit_is_noticed(source: bytes, eight_bit: bool, binary: bool) -> None:
    intake = Intake(False, binary)
    intake.feed(source)
    intake.finish()
    assert intake.eight_bit is eight_bit


def test_the_header_is_there_when_it_is_over() -> None:
    intake = Intake(False)
    intake.feed(b"A: b\n")
    assert not intake.header_over
    intake.feed(b"\n")
    assert intake.header_over
    assert intake.header.get(b"A") == b"b"


def test_finish_happens_once() -> None:
    intake = Intake(False)
    intake.feed(b"A: b\n\nc")
    assert (intake.finish(), intake.finish(), intake.feed(b"d")) == (b"\r\n", b"", b"")


ENDLESS = [
    b"A: " + b"x" * HEADER_LIMIT,
    b"A: x\n" * (HEADER_LIMIT // 6 + 1),
    b"A:\n" + b" \n" * (HEADER_LIMIT // 3 + 1),
]


@pytest.mark.parametrize("source", ENDLESS, ids=["line", "fields", "folds"])
def test_an_endless_header_is_refused(source: bytes) -> None:
    for size in (len(source), 65536, 1000):
        with pytest.raises(MailError) as raised:
            take(*(source[start : start + size] for start in range(0, len(source), size)))
        assert raised.value.kind == "content"


def test_the_limit_is_inclusive_and_is_not_the_bodys() -> None:
    source = b"A: " + b"x" * (HEADER_LIMIT - 5) + b"\n\n" + b"y" * 2 * HEADER_LIMIT
    fields, body = take(source)
    assert len(fields[0]) == HEADER_LIMIT
    assert len(body) == 2 * HEADER_LIMIT + 2
    with pytest.raises(MailError):
        take(b"B" + source)


def test_a_line_is_held_only_while_it_may_be_header() -> None:
    for start in (b"", b"A: b\n", b"A: " + b"x" * 2000 + b"\n"):
        intake = Intake(False)
        assert intake.feed(start) == b""
        assert intake.feed(b"y" * 998) == b""
        assert not intake.header_over
        assert intake.feed(b"y") == b"y" * 999
        assert intake.header_over


def test_a_field_without_an_end_is_refused_before_it_has_one() -> None:
    intake = Intake(False)
    intake.feed(b"A: b\nC:")
    for _ in range(HEADER_LIMIT // 1024 - 1):
        intake.feed(b"x" * 1024)
    with pytest.raises(MailError):
        intake.feed(b"x" * 1024)


def test_a_body_without_line_ends_is_not_taken_for_a_header() -> None:
    fields, body = take(*[b"y" * 65536] * 40)
    assert (fields, len(body)) == ([], 40 * 65536 + 2)


def steps(source: bytes, size: int) -> int:
    count = 0

    def trace(frame: object, event: str, _: object) -> object:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)  # type: ignore[arg-type]
    try:
        take(*(source[start : start + size] for start in range(0, len(source), size)))
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize("unit", [b"A:\n", b" \n", b"\r", b"\n.", b"\r\n", b"x", b":", b"From \n", b"A: b"])
@pytest.mark.parametrize("size", [1, 100])
@pytest.mark.parametrize("start", [b"", b"A: ", b"\n"])
def test_steps_grow_with_the_length_and_no_faster(start: bytes, unit: bytes, size: int) -> None:
    once, twice = (steps(start + unit * times, size) for times in (2000, 4000))
    assert twice <= 2.1 * once + 50


def test_an_ordinary_body_is_not_walked_line_by_line() -> None:
    text = b"A: b\n\n" + b"some text\r\n" * 100_000
    assert steps(text, 65536) < 1000


DRIBBLE = {"field": b"A: " + b"x" * 1_000_000, "folds": b"A:\n" + b" \n" * 300_000, "body": b"x" * 1_000_000}


@pytest.mark.parametrize("what", DRIBBLE)
def test_a_megabyte_of_single_bytes_takes_seconds(what: str) -> None:
    """Also where the work is done in C and no step is seen; quadratic would be minutes."""
    source = DRIBBLE[what]
    fields, body = take(*(source[i : i + 1] for i in range(len(source))))
    assert len(b"".join(fields)) + len(body) >= len(source)
