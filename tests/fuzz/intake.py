"""Invariant: any bytes, cut anywhere, are one message with canonical lines, the same for each cut, or a MailError.

What then goes out with DATA ends once.  The first two bytes of the input say how it is cut and which mode it has.
"""

from esmtp_py.errors import MailError
from esmtp_py.message.dots import stuff
from esmtp_py.message.intake import Intake
from tests.fuzz.driver import main

SEEDS = [
    b"\x05\x00From me@x Thu Jan  1 00:00:00 1970\nTo: a@x\nBcc :\n b@x\nSubject: x\n\nhello\n.\nworld\n",
    b"\x01\x01A: b\r\nC: d\r\n\r\nhello\r\n.\r\nMAIL FROM:<x>\r\n",
    b"\x09\x02A: b\rC: d\r\rhello\r.\r\0\n.\r\n.\n\r\n.\r",
    b"\xff\x00" + b"N" * 998 + b":\n" + b"N" * 1000 + b":\n\n.",
    b"\x02\x03>From x\nno field\n\n\r\r\n..\n.",
]


def take(data: bytes, step: int, dot_ends: bool, binary: bool) -> tuple[list[bytes], bytes, bool] | str:
    intake = Intake(dot_ends, binary)
    try:
        body = b"".join([intake.feed(data[at : at + step]) for at in range(0, len(data), step)]) + intake.finish()
    except MailError as error:
        if error.kind != "content":
            raise
        return error.text
    return intake.header.fields, body, intake.eight_bit


def target(data: bytes) -> None:
    step, mode, message = data[0] + 1 if data else 1, data[1] if data[1:] else 0, data[2:]
    dot_ends, binary = bool(mode & 1), bool(mode & 2)
    whole = take(message, len(message) + 1, dot_ends, binary)
    assert take(message, step, dot_ends, binary) == whole
    if isinstance(whole, str):
        assert b"\0" in message
        return
    fields, body, _ = whole
    for text in (*fields, b"" if binary else body):
        assert text.count(b"\r\n") == text.count(b"\r") == text.count(b"\n")
        assert not text or text.endswith(b"\r\n")
        assert b"\0" not in text
    if not binary:
        wire = b"\r\n" + b"".join(stuff(body[at : at + step] for at in range(0, len(body), step)))
        assert wire.find(b"\r\n.\r\n") == len(wire) - 5


if __name__ == "__main__":
    main(target, SEEDS)
