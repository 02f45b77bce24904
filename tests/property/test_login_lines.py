"""Whatever a name, a password and a token are made of, a log-in is lines of base64, and says them or nothing."""

from base64 import b64decode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esmtp_py.concealed import Secret
from esmtp_py.errors import MailError
from esmtp_py.sasl import mechanism
from esmtp_py.sasl.mechanism import Credentials
from esmtp_py.smtp import command

NAMES = ["PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256", "XOAUTH2", "OAUTHBEARER", "EXTERNAL"]
NAMES += ["ANONYMOUS"]
text = st.text(st.characters() | st.sampled_from("\r\n\0\1,=\x7f\udc80\udcff aé"), max_size=12)
challenges = st.lists(st.binary(max_size=20), max_size=3)


def lines(name: str, shown: Credentials, said: list[bytes]) -> list[bytes]:
    """What goes over the wire, each with its line end."""
    exchange = mechanism.start(name, shown, (name,))
    made = [command.auth(name, mechanism.encoded(next(exchange)))]
    try:
        made += [command.auth_response(mechanism.encoded(exchange.send(challenge)) or b"") for challenge in said]
    except (StopIteration, ValueError):
        pass
    return [each.line for each in made]


def refusal(error: MailError, secret: str) -> None:
    assert error.kind in ("config", "protocol")
    assert error.text.isprintable()
    assert len(secret) < 4 or secret not in error.text


@pytest.mark.parametrize("name", NAMES)
@given(text, text, challenges)
def test_every_line_is_one(name: str, user: str, secret: str, said: list[bytes]) -> None:
    token = Secret(secret)
    shown = Credentials(user, password=token, token=token, certificate=True, random=bytes)
    try:
        made = lines(name, shown, said)
    except MailError as error:
        refusal(error, secret)
        return
    for line in made:
        assert line.endswith(b"\r\n")
        assert not set(line[:-2]) & set(b"\r\n\0")
        assert line[:-2].isascii()


@given(text.filter(lambda word: "\0" not in word), text.filter(lambda word: "\0" not in word))
def test_plain_says_what_is_meant(user: str, secret: str) -> None:
    shown = Credentials(user, password=Secret(secret))
    try:
        [line] = lines("PLAIN", shown, [])
    except MailError:
        with pytest.raises(UnicodeEncodeError):  # half a character
            (user + secret).encode("utf-8", "surrogateescape")
        return
    octets = [word.encode("utf-8", "surrogateescape") for word in (user, secret)]
    assert b64decode(line.split()[2]).split(b"\0") == [b"", *octets]
