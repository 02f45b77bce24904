"""Nothing that a peer or a caller wrote plays tricks on a terminal, and output errors are seen."""

import concurrent.futures
import os

import pytest

from esmtp_py.cli.terminal import Stream, complain, say
from esmtp_py.errors import MailError
from esmtp_py.printable import LIMIT, printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("550 no such user", "550 no such user"),
        ("grüße ✓", "grüße ✓"),
        ("a\r\nb\tc", r"a\x0d\x0ab\x09c"),
        ("\x1b[2J\x07\0\x7f", r"\x1b[2J\x07\x00\x7f"),
        ("\x9b31m", r"\x9b31m"),
        ("a\u202eb\u2028c", r"a\u202eb\u2028c"),
        ("\U000e0041", r"\U000e0041"),
        ("caf\udce9", r"caf\xe9"),
        ("x" * LIMIT, "x" * LIMIT),
        ("x" * (LIMIT + 1), "x" * LIMIT + "…"),
    ],
)
def test_printable(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_one_line_each(capfd: pytest.CaptureFixture[str]) -> None:
    say("a\nb")
    complain("c\nd")
    captured = capfd.readouterr()
    assert captured.out == "a\\x0ab\n"
    assert captured.err == "esmtp: c\\x0ad\n"


def test_an_output_that_does_not_block_gets_all_of_it_and_a_deaf_one_what_it_has_room_for() -> None:
    """As a program that reads its pipes without threads leaves them."""
    text = "x" * 1_000_000
    read, write = os.pipe()
    os.set_blocking(write, False)
    Stream(write, "it", deaf=True).write(text)
    heard = len(os.read(read, 1 << 20))
    assert 0 < heard < len(text)
    with open(read, "rb") as reader, concurrent.futures.ThreadPoolExecutor() as pool:
        all_of_it = pool.submit(reader.read)
        try:
            Stream(write, "it").write(text)
        finally:
            os.close(write)
        assert all_of_it.result().decode() == text


def test_a_full_or_closed_output_is_an_error_unless_deaf() -> None:
    read, write = os.pipe()
    os.close(read)
    try:
        with pytest.raises(MailError, match="cannot write to it: Broken pipe") as caught:
            Stream(write, "it").write("x")
        assert caught.value.kind == "io"
        Stream(write, "it", deaf=True).write("x")
    finally:
        os.close(write)
