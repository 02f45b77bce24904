"""Address literals."""

import ipaddress
import itertools

import pytest

from esmtp_py.message.literal import is_literal


@pytest.mark.parametrize(
    "text", ["0.0.0.0", "255.255.255.255", "192.0.2.1", "IPv6:::", "ipv6:::1", "x400:a/b;c", "a-b:c", "x:" + "y" * 251]
)
def test_literal(text: str) -> None:
    assert is_literal(text)


REFUSED = ["", "1.2.3", "1.2.3.4.5", "1.2.3.256", "1.2.3.", "1.2.3.x", "1.2.3.٤", "0001.2.3.4", "::1", "IPv6:", "IPv6"]
REFUSED += [
    ":",
    "x:",
    ":x",
    "x y:z",
    "x:y z",
    "x:ä",
    "x:\x7f",
    "ä:x",
    "x:" + "y" * 252,
    "IPv6:1.2.3.4",
    "IPv6:fe80::1%lo",
]


@pytest.mark.parametrize("text", REFUSED)
def test_no_literal(text: str) -> None:
    assert not is_literal(text)


def test_ipv6_is_what_the_standard_library_says_it_is() -> None:
    pieces = ["", "::", ":", "1", "ffff", "12345", "g", "1.2.3.4", "1:2:3", "1:2:3:4:5:6:7"]
    for words in itertools.product(pieces, repeat=4):
        for joint in ("", ":"):
            text = joint.join(words)
            try:
                ipaddress.IPv6Address(text)
                valid = True
            except ValueError:
                valid = False
            assert is_literal(f"IPv6:{text}") == valid, text
