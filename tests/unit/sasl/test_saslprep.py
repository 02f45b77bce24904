"""SASLprep: the examples of RFC 4013 section 3, and scramp as the judge of everything else."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scramp import ScramException
from scramp.utils import saslprep as scramps

from esmtp_py.errors import MailError
from esmtp_py.sasl.saslprep import saslprep


@pytest.mark.parametrize(
    ("text", "prepared"),
    [
        ("I\u00adX", "IX"),  # SOFT HYPHEN mapped to nothing
        ("user", "user"),
        ("USER", "USER"),  # case is kept
        ("\u00aa", "a"),  # NFKC
        ("\u2168", "IX"),
        ("a\u00a0b", "a b"),  # a space that is none in ASCII
        ("\u00ad", ""),
        ("pa ss", "pa ss"),
        ("", ""),
        ("\u05d0\u05d1", "\u05d0\u05d1"),
    ],
)
def test_examples(text: str, prepared: str) -> None:
    assert saslprep(text) == prepared.encode()


@pytest.mark.parametrize(
    "text", ["\u0007", "a\tb", "a\x7f", "\u0627\u0031", "a\u05d0", "\u200e", "\ue000", "\U0001f600", "\ud800"]
)
def test_what_is_prohibited(text: str) -> None:
    with pytest.raises(MailError, match="auth plain") as raised:
        saslprep(text)
    assert raised.value.kind == "config"
    assert text not in raised.value.text


characters = st.one_of(
    st.characters(), st.sampled_from("aB1 \u00a0\u00ad\u00aa\u2168\u05d0\u0627\u0661\u0301\u200b\u1680\u0340")
)


@given(st.text(characters, max_size=8))
def test_as_scramp_does(text: str) -> None:
    try:
        expected = scramps(text).encode()
    except (ScramException, UnicodeEncodeError):
        with pytest.raises(MailError):
            saslprep(text)
    else:
        assert saslprep(text) == expected


def test_ascii_needs_no_tables() -> None:
    source = (
        "from esmtp_py.sasl.saslprep import saslprep; saslprep('x y'); import sys; print('stringprep' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", source], capture_output=True, check=True).stdout == b"False\n"
