"""The mails that are sent."""

import io
import os
from collections.abc import Iterator

HEAD = b"From: Alice <alice@example.test>\nTo: you@example.test\nSubject: measured\n\n"
LINE = b"TWFpbCBhcyBiYXNlNjQgbG9va3MgbGlrZSB0aGlzLCBsaW5lIGFmdGVyIGxpbmUgYWZ0ZXIgbGlu\n"
CHUNK = LINE * 800


def small() -> bytes:
    """One of about 1 kB."""
    return HEAD + LINE * 12


def of_two_kilobytes() -> bytes:
    return HEAD + LINE * 25


def wire(size: int) -> Iterator[bytes]:
    """One of about that many bytes with CRLF at line ends, in chunks."""
    yield HEAD.replace(b"\n", b"\r\n")
    line = LINE.replace(b"\n", b"\r\n")
    lines = max(0, size - len(HEAD)) // len(line)
    for _ in range(lines // 800):
        yield line * 800
    yield line * (lines % 800)


def pour(size: int, target: int) -> None:
    """Write a mail of that many bytes into the pipe ``target``, never holding more than a chunk of it; close it."""
    with io.FileIO(target, "wb") as pipe:
        pipe.write(HEAD)
        written = len(HEAD)
        while written < size:
            written += pipe.write(CHUNK)


def as_file(directory: str, data: bytes) -> str:
    """The mail in a file, and its path."""
    path = os.path.join(directory, "mail")
    with open(path, "wb") as file:
        file.write(data)
    return path
