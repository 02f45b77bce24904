"""What a server quotes back at us: not the password, in whatever form."""

import random
import time
from base64 import b64encode, urlsafe_b64encode
from urllib.parse import quote_plus

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from esmtp_py.concealed import Secret
from esmtp_py.errors import MailError
from esmtp_py.smtp.reply import Reply, ReplyParser
from esmtp_py.smtp.veil import Veil


def veil(*secrets: bytes) -> Veil:
    made = Veil()
    for secret in secrets:
        made.add(secret)
    return made


def heard(line: bytes, *secrets: bytes) -> tuple[Reply, list[bytes]]:
    """The reply, and what a trace saw of it."""
    seen: list[bytes] = []
    parser = ReplyParser(lambda tag, shown: seen.append(shown))
    for secret in secrets:
        parser.veil(secret)
    [reply] = parser.feed(line + b"\r\n")
    return reply, seen


@given(st.binary(min_size=4, max_size=40), st.binary(max_size=9), st.binary(max_size=9))
def test_in_clear_and_in_base64_with_anything_around_it(secret: bytes, before: bytes, behind: bytes) -> None:
    shown = veil(secret).over(b"no: " + before + secret + behind)
    assert secret not in shown or secret in before + b"*" + behind or secret in b"no: " + before + b"*"
    encoded = b64encode(before + secret + behind).rstrip(b"=")
    assert encoded not in veil(secret).over(b"no: " + encoded + b" is wrong")


@pytest.mark.parametrize("before", [b"", b"a", b"ab", b"abc", b"\0alice\0", b"user=a\1auth=Bearer "])
@pytest.mark.parametrize("behind", [b"", b"x", b"xy", b"\1\1"])
def test_what_is_left_of_the_base64_is_the_others(before: bytes, behind: bytes) -> None:
    shown = veil(b"hunter2-hunter2").over(b64encode(before + b"hunter2-hunter2" + behind))
    assert b"*" in shown
    # a character at either end holds some bits of ours, never a whole one of them
    assert len(shown) <= len(b64encode(before)) + len(b64encode(behind)) + 4


PASSWORD = b"correct+horse/Battery staple"
TOKEN = b64encode(random.Random(1).randbytes(1536))


@pytest.mark.parametrize(
    "encoded",
    [
        PASSWORD.upper(),
        b64encode(b"\0alice\0" + PASSWORD).upper(),
        urlsafe_b64encode(PASSWORD),
        quote_plus(PASSWORD, safe="").replace("+", "%20").encode(),
        quote_plus(PASSWORD, safe="").replace("+", "%20").lower().encode(),
        PASSWORD.hex().encode(),
        PASSWORD.hex().upper().encode(),
    ],
)
def test_in_other_spellings(encoded: bytes) -> None:
    shown = veil(PASSWORD).over(b"wrong: " + encoded + b" !")
    assert b"*" in shown
    # up to 10 characters of it are those of the name in front
    assert not any(encoded[at : at + 6] in shown for at in range(5, len(encoded) - 6))


@pytest.mark.parametrize("secret", [PASSWORD, b64encode(PASSWORD), TOKEN])
@pytest.mark.parametrize("length", [20, 100, 500])
def test_a_piece_is_as_secret_as_the_whole(secret: bytes, length: int) -> None:
    made = veil(secret)
    for at in range(0, len(secret), 7):
        piece = secret[at : at + length]
        if len(piece) >= 20:
            assert made.over(b"no: " + piece + b"...") == b"no: *..."


def test_a_secret_on_several_lines() -> None:
    """As of a server that quotes a long command, and keeps to 512 bytes a line."""
    cut = [TOKEN[at : at + 400] for at in range(0, len(TOKEN), 400)]
    lines = [b"500-what is AUTH XOAUTH2", *(b"500-" + part for part in cut), b"500 end"]
    parser = ReplyParser()
    parser.veil(TOKEN)
    [reply] = parser.feed(b"\r\n".join(lines) + b"\r\n")
    assert str(reply) == "500 what is AUTH XOAUTH2; " + "*; " * len(cut) + "end"


def test_what_only_looks_like_it_stays() -> None:
    text = b"535 5.7.8 Error: authentication failed: the batteries, correctly: horses/bats (staple)"
    assert veil(PASSWORD).over(text) == text


@pytest.mark.parametrize("unit", [TOKEN, TOKEN[:9] + b"!", b"A", b"\0"])
def test_a_long_reply_takes_linear_time(unit: bytes) -> None:
    made = veil(TOKEN, b"A" * 65536)

    def taken(length: int) -> float:
        text = unit * (length // len(unit))
        begun = time.process_time()
        made.over(text)
        return time.process_time() - begun

    taken(1000)
    # 16 times as long; what grows with the square would need 256 times as much
    assert taken(1 << 20) < 60 * max(taken(1 << 16), 0.005)


def test_the_longest_goes_first() -> None:
    assert veil(b"hunter2", b"hunter2000").over(b"hunter2000 hunter2") == b"* *"


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (b"no such user, no.", b"* such user, *."),
        (b"cannot, nobody", b"cannot, nobody"),
        (b"no", b"*"),
        (b"wrong: no", b"wrong: *"),
        (b"no-no", b"*-*"),
    ],
)
def test_a_short_one_is_hidden_where_it_is_a_word(line: bytes, shown: bytes) -> None:
    assert veil(b"no").over(line) == shown


@given(st.text(max_size=30))
@example("\ud800 and \udcff")
def test_any_text_passes(text: str) -> None:
    assert Veil(Secret("hunter2"), None).over_text(text + "hunter2") == text + "*"
    assert Veil(Secret("\ud800hunter2")).over_text(text + "\ud800hunter2") == text + "*"


def test_none_at_all() -> None:
    assert veil(b"").over(b"any text") == b"any text"


def test_reply_and_trace() -> None:
    reply, seen = heard(b"535 5.7.8 hunter2 is wrong, alice", b"hunter2")
    assert str(reply) == "535 5.7.8 * is wrong, alice"
    assert seen == [b"535 5.7.8 * is wrong, alice"]


@pytest.mark.parametrize("password", [b"535", b"5", b"7", b"5.7.8", b"535 5"])
def test_code_and_status_stay(password: bytes) -> None:
    reply, seen = heard(b"535 5.7.8 no", password)
    assert (str(reply), seen) == ("535 5.7.8 no", [b"535 5.7.8 no"])


def test_a_challenge_is_worked_with_as_it_is() -> None:
    challenge = b64encode(b"<hunter2@mx>")
    reply, seen = heard(b"334 " + challenge, b"hunter2")
    assert reply.lines == [challenge]
    assert challenge not in str(reply).encode() + seen[0]


def test_what_is_no_reply_is_veiled_too() -> None:
    for line in (b"hunter2 is wrong", b"53 hunter2", b"535!hunter2", b"535 hunter2 \0"):
        parser = ReplyParser()
        parser.veil(b"hunter2")
        with pytest.raises(MailError) as raised:
            list(parser.feed(line + b"\r\n"))
        assert "hunt" not in raised.value.text
