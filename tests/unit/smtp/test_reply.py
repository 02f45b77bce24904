"""Replies: what is believed, what is shown, and what it costs."""

import time
from itertools import chain

import pytest

from esmtp_py.errors import MailError
from esmtp_py.smtp.reply import MAX_LINE, MAX_LINES, MAX_SHOWN, Reply, ReplyParser, printable


def parsed(*pieces: bytes) -> list[Reply]:
    parser = ReplyParser()
    return [reply for piece in pieces for reply in parser.feed(piece)]


def why_not(*pieces: bytes) -> str:
    with pytest.raises(MailError) as raised:
        parsed(*pieces)
    assert raised.value.kind == "protocol"
    return raised.value.text


def test_one_line() -> None:
    (reply,) = parsed(b"250 2.1.0 ok\r\n")
    assert (reply.code, reply.lines, reply.status, str(reply)) == (250, [b"2.1.0 ok"], "2.1.0", "250 2.1.0 ok")
    assert reply.positive
    assert not reply.permanent


def test_several_lines() -> None:
    (reply,) = parsed(b"550-5.7.1 no\r\n550-\r\n550 5.7.1 never\r\n")
    assert reply.lines == [b"5.7.1 no", b"", b"5.7.1 never"]
    assert str(reply) == "550 5.7.1 no; ; 5.7.1 never"
    assert reply.permanent


def test_a_code_alone() -> None:
    (reply,) = parsed(b"250\r\n")
    assert (reply.code, reply.lines, str(reply)) == (250, [b""], "250")


@pytest.mark.parametrize("end", [b"\r\n", b"\n"])
def test_line_ends(end: bytes) -> None:
    assert [str(r) for r in parsed(b"250 a" + end + b"250 b" + end)] == ["250 a", "250 b"]


@pytest.mark.parametrize(
    ("code", "positive", "permanent"),
    [
        (200, True, False),
        (250, True, False),
        (399, True, False),
        (400, False, False),
        (499, False, False),
        (500, False, True),
    ],
)
def test_what_a_code_says(code: int, positive: bool, permanent: bool) -> None:
    reply = Reply(code, [b""])
    assert (reply.positive, reply.permanent) == (positive, permanent)
    assert repr(reply) == f"Reply('{code}')"


def test_any_cut_gives_the_same() -> None:
    text = b"250-a\r\n250 b\r\n354 c\n250\r\n"
    whole = [str(r) for r in parsed(text)]
    assert whole == ["250 a; b", "354 c", "250"]
    for cut in range(len(text)):
        assert [str(r) for r in parsed(text[:cut], text[cut:])] == whole
    assert [str(r) for r in parsed(*(bytes([c]) for c in text))] == whole


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"25",
        b"ok",
        b"2500 x",
        b"250_x",
        b"25\xb2 x",
        b"\xef\xbc\x92 x",
        b"150 x",
        b"050 x",
        b"650 x",
        b" 250 x",
        b"-50",
    ],
)
def test_no_reply(line: bytes) -> None:
    assert "no reply" in why_not(line + b"\r\n")


def test_replies_before_an_error_are_given() -> None:
    parser = ReplyParser()
    replies = parser.feed(b"250 a\r\ngarbage\r\n250 b\r\n")
    assert str(next(replies)) == "250 a"
    with pytest.raises(MailError):
        next(replies)


def test_mixed_codes() -> None:
    assert why_not(b"250-a\r\n251 b\r\n") == "the server mixed codes in one reply: 250 and 251"


def test_nul() -> None:
    assert "NUL" in why_not(b"250 a\0b\r\n")


@pytest.mark.parametrize("end", [b"\r\n", b"\n"])
@pytest.mark.parametrize("bytewise", [False, True])
def test_the_longest_line(end: bytes, bytewise: bool) -> None:
    def pieces(size: int) -> list[bytes]:
        text = b"250 " + b"x" * (size - 4) + end
        return [bytes([c]) for c in text] if bytewise else [text]

    (reply,) = parsed(*pieces(MAX_LINE))
    assert len(reply.lines[0]) == MAX_LINE - 4
    assert why_not(*pieces(MAX_LINE + 1)) == "the server's reply is too long to be one"


def test_a_line_without_end_is_not_waited_for() -> None:
    assert "too long" in why_not(b"250 " + b"x" * MAX_LINE)


def test_the_most_lines() -> None:
    (reply,) = parsed(b"250-x\r\n" * (MAX_LINES - 1) + b"250 x\r\n")
    assert len(reply.lines) == MAX_LINES
    assert "too long" in why_not(b"250-x\r\n" * MAX_LINES + b"250 x\r\n")


def test_the_trace_sees_each_line_once_and_bounded() -> None:
    for cut in (1, 1 << 20):
        seen: list[tuple[str, bytes]] = []
        text = b"250-a\r\n250 b\r\n" + b"y" * 100_000 + b"\r\n"
        pieces = [text[at : at + cut] for at in range(0, len(text), cut)]
        parser = ReplyParser(lambda tag, line, seen=seen: seen.append((tag, line)))  # type: ignore[misc]
        with pytest.raises(MailError):
            list(chain.from_iterable(map(parser.feed, pieces)))
        assert seen == [("S", b"250-a"), ("S", b"250 b"), ("S", b"y" * MAX_LINE)]


def test_idle_tells_the_first_byte_of_a_further_reply() -> None:
    parser = ReplyParser()
    assert parser.idle
    list(parser.feed(b"2"))
    assert not parser.idle
    list(parser.feed(b"50-x\r\n"))
    assert not parser.idle
    list(parser.feed(b"250 x\r\n"))
    assert parser.idle


def test_idle_while_replies_are_being_taken() -> None:
    parser = ReplyParser()
    idle = [parser.idle for _ in parser.feed(b"220 go\r\n250 more\r\n")]
    assert idle == [False, True]


def test_a_megabyte_of_lines_takes_linear_time() -> None:
    def seconds(lines: int) -> float:
        parser, text = ReplyParser(), b"250 ok\r\n" * lines
        start = time.process_time()
        assert sum(1 for _ in parser.feed(text)) == lines
        return time.process_time() - start

    seconds(1000)
    assert seconds(128_000) < 40 * max(seconds(8_000), 0.001)


def test_a_reply_is_taken_before_the_next_is_looked_at() -> None:
    """Two megabytes that came meanwhile do not become a list of lines."""
    parser = ReplyParser()
    with pytest.raises(MailError):
        list(parser.feed(b"\n" * (2 << 20)))
    assert sum(1 for _ in parser._buffer) == (2 << 20) - 1


@pytest.mark.parametrize(
    ("code", "text", "status"),
    [
        (250, b"2.1.5 ok", "2.1.5"),
        (250, b"2.1.5", "2.1.5"),
        (550, b"5.123.456 x", "5.123.456"),
        (550, b"4.1.1 another class", ""),
        (550, b"5.1 x", ""),
        (550, b"5.1.1.1 x", ""),
        (550, b"5.1.1234 x", ""),
        (550, b"5..1 x", ""),
        (550, b"5.1.\xb2 x", ""),
        (550, b" 5.1.1 x", ""),
        (550, b"", ""),
    ],
)
def test_enhanced_status(code: int, text: bytes, status: str) -> None:
    assert Reply(code, [text]).status == status


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (b"plain", "plain"),
        ("grün".encode(), "grün"),
        (b"gr\xfcn", r"gr\xfcn"),
        (b"\x1b[2J\r\n\t\0", r"\x1b[2J\r\n\t\x00"),
        ("\u202egnp".encode(), r"\u202egnp"),
        ("a\u2028b\u00a0c".encode(), r"a\u2028b\xa0c"),
        (b"x" * 500, "x" * 500),
        (b"x" * 501, "x" * 500 + "…"),
        ("ü".encode() * 501, "ü" * 500 + "…"),
        ("😀".encode() * 501, "😀" * 500 + "…"),
        (b"\0" * 500, r"\x00" * 125 + "…"),
    ],
)
def test_printable(line: bytes, shown: str) -> None:
    assert printable(line) == shown
    assert printable(line).isprintable()


def test_a_long_reply_is_one_line_of_bounded_length() -> None:
    reply = Reply(550, [b"5.7.1 " + b"x" * 400] * 200)
    assert len(str(reply)) == len("550 ") + MAX_SHOWN + 1
    assert str(reply).startswith("550 5.7.1 xxx")
    assert str(reply).endswith("…")


def test_a_secret_that_is_quoted_goes_no_further() -> None:
    seen: list[bytes] = []
    parser = ReplyParser(lambda tag, line: seen.append(line))
    parser.conceal(b"c2VjcmV0")
    parser.conceal(b"2500")
    (reply,) = parser.feed(b'500-what is "AUTH PLAIN c2VjcmV0"?\r\n500 c2VjcmV0c2VjcmV0 2500\r\n')
    assert str(reply) == '500 what is "AUTH PLAIN *"?; ** *'
    with pytest.raises(MailError) as raised:
        list(parser.feed(b"c2VjcmV0\r\n"))
    assert b"c2Vj" not in b"".join(seen) + raised.value.text.encode()


def test_what_is_no_secret_is_not_masked() -> None:
    parser = ReplyParser()
    for short in (b"", b"=", b"*"):
        parser.conceal(short)
    (reply,) = parser.feed(b"250 a=b*c\r\n")
    assert reply.lines == [b"a=b*c"]
