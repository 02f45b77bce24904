"""Header and body together: size and bytes are those of the wire."""

from collections.abc import Iterator

from esmtp_py.message.header import Header
from esmtp_py.message.message import CHUNK, Message


class Text:
    """A body in memory."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    @property
    def size(self) -> int:
        return len(self.data)

    @property
    def eight_bit(self) -> bool:
        return not self.data.isascii()

    def chunks(self) -> Iterator[bytes]:
        if self.data:
            yield self.data


def test_a_blank_line_stands_between_header_and_body() -> None:
    message = Message(Header([b"A: b\r\n"]), Text(b"c\r\n"))
    assert b"".join(message.chunks()) == b"A: b\r\n\r\nc\r\n"
    assert message.size == 11


def test_an_empty_message_is_a_blank_line() -> None:
    message = Message(Header(), Text(b""))
    assert list(message.chunks()) == [b"\r\n"]
    assert message.size == 2


def test_edits_count() -> None:
    message = Message(Header(), Text(b"c"))
    message.header.append(b"A", b"b")
    assert message.size == len(b"".join(message.chunks())) == 9


def test_eight_bit_in_header_or_body() -> None:
    assert not Message(Header([b"A: b\r\n"]), Text(b"c")).eight_bit
    assert Message(Header([b"A: \xe4\r\n"]), Text(b"c")).eight_bit
    assert Message(Header([b"A: b\r\n"]), Text(b"\xe4")).eight_bit


def test_pieces_are_small_and_each_call_starts_again() -> None:
    message = Message(Header([b"A: " + b"x" * 3 * CHUNK + b"\r\n"]), Text(b"c"))
    first, second = message.chunks(), message.chunks()
    next(first)
    assert b"".join(second) == bytes(message.header) + b"\r\nc"
    assert all(len(chunk) <= CHUNK for chunk in message.chunks())
