"""The form an MDA gets."""

import pytest

from esmtp_py.message.newlines import to_lf


@pytest.mark.parametrize(
    ("wire", "unix"),
    [
        (b"", b""),
        (b"a\r\nb\r\n\r\n", b"a\nb\n\n"),
        (b"a\r\r\n\rb\n\r", b"a\r\n\rb\n\r"),
        (b"\r", b"\r"),
        (b"\r\r", b"\r\r"),
    ],
)
def test_lf_however_it_is_cut(wire: bytes, unix: bytes) -> None:
    assert b"".join(to_lf([wire])) == unix
    assert b"".join(to_lf(bytes([octet]) for octet in wire)) == unix
    for cut in range(len(wire)):
        assert b"".join(to_lf([wire[:cut], b"", wire[cut:]])) == unix


def test_nothing_is_yielded_for_nothing() -> None:
    assert list(to_lf([b"", b"\r", b"\n", b""])) == [b"\n"]
