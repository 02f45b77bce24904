"""What a server says it can do."""

import pytest

from esmtp_py.smtp.extensions import NONE, Extensions
from esmtp_py.smtp.reply import Reply


def offered(*lines: bytes) -> Extensions:
    return Extensions.of(Reply(250, [b"mx.example.org", *lines]))


def test_keywords_in_any_case() -> None:
    extensions = offered(b"Pipelining", b" CHUNKING ", b"", b"8bitmime")
    assert all(k in extensions for k in ("PIPELINING", "CHUNKING", "8BITMIME"))
    assert "MX.EXAMPLE.ORG" not in extensions
    assert "DSN" not in extensions


def test_a_keyword_is_a_whole_word() -> None:
    assert "STARTTLS" not in offered(b"XSTARTTLS", b"STARTTLS-NOT", b"X STARTTLS")


def test_none() -> None:
    assert "PIPELINING" not in NONE
    assert (NONE.size_limit, NONE.mechanisms, str(NONE)) == (0, (), "")


@pytest.mark.parametrize(
    ("line", "limit"),
    [
        (b"SIZE 1000", 1000),
        (b"SIZE", 0),
        (b"SIZE 0", 0),
        (b"SIZE -1", 0),
        (b"SIZE x", 0),
        ("SIZE ²".encode(), 0),
        (b"SIZE " + b"9" * 19, 10**19 - 1),
        (b"SIZE " + b"9" * 5000, 0),
    ],
)
def test_size(line: bytes, limit: int) -> None:
    assert offered(line).size_limit == limit


@pytest.mark.parametrize(
    ("lines", "mechanisms"),
    [
        ((b"AUTH PLAIN LOGIN",), ("PLAIN", "LOGIN")),
        ((b"AUTH=PLAIN LOGIN",), ("PLAIN", "LOGIN")),
        ((b"AUTH PLAIN", b"AUTH=LOGIN PLAIN"), ("PLAIN", "LOGIN")),
        ((b"auth plain cram-md5",), ("PLAIN", "CRAM-MD5")),
        ((b"AUTH",), ()),
        ((b"AUTHPLAIN",), ()),
    ],
)
def test_mechanisms(lines: tuple[bytes, ...], mechanisms: tuple[str, ...]) -> None:
    assert offered(*lines).mechanisms == mechanisms
