"""Mechanisms: the vectors of the RFCs, which one is chosen, and what cannot be said."""

import hmac
from base64 import b64decode, b64encode

import pytest

from esmtp_py.concealed import Secret
from esmtp_py.errors import MailError
from esmtp_py.sasl import mechanism
from esmtp_py.sasl.mechanism import Credentials

Said = list[bytes | None]


def start(name: str, username: str, password: str) -> "mechanism.Exchange":
    return mechanism.start(name, Credentials(username, password=Secret(password)))


def says(name: str, username: str, password: str, *challenges: bytes) -> Said:
    exchange = start(name, username, password)
    return [next(exchange), *(exchange.send(c) for c in challenges)]


def test_plain_is_one_initial_response() -> None:
    # RFC 4616 section 4, without an authorization identity
    assert says("PLAIN", "tim", "tanstaaftanstaaf") == [b"\0tim\0tanstaaftanstaaf"]


def test_plain_in_utf8() -> None:
    assert says("PLAIN", "jürgen", "pässword") == ["\0jürgen\0pässword".encode()]


def test_login_answers_two_prompts_whatever_they_say() -> None:
    assert says("LOGIN", "tim", "secret", b"Username:", b"Password:") == [None, b"tim", b"secret"]
    assert says("LOGIN", "tim", "secret", b"", b"\xff") == [None, b"tim", b"secret"]


def test_cram_md5_is_that_of_rfc_2195() -> None:
    challenge = b"<1896.697170952@postoffice.reston.mci.net>"
    expected = b"tim b913a602c7eda7a495b4e6e7334d3890"
    assert says("CRAM-MD5", "tim", "tanstaaftanstaaf", challenge) == [None, expected]


def test_cram_md5_with_a_long_password() -> None:
    """RFC 2104: a key longer than a block is hashed."""
    assert says("CRAM-MD5", "tim", "x" * 100, b"<1@a>") == [
        None,
        b"tim " + hmac.new(b"x" * 100, b"<1@a>", "md5").hexdigest().encode(),
    ]


@pytest.mark.parametrize(("name", "challenges"), [("PLAIN", 0), ("LOGIN", 2), ("CRAM-MD5", 1)])
def test_a_mechanism_has_an_end(name: str, challenges: int) -> None:
    exchange = start(name, "u", "p")
    next(exchange)
    for _ in range(challenges):
        exchange.send(b"x")
    with pytest.raises(StopIteration):
        exchange.send(b"x")


def test_md5_switched_off_is_the_rcs_affair(monkeypatch: pytest.MonkeyPatch) -> None:
    def fips(*_: object) -> object:
        raise ValueError("[digital envelope routines] unsupported")

    monkeypatch.setattr(hmac, "new", fips)
    with pytest.raises(MailError, match="another mechanism") as raised:
        says("CRAM-MD5", "u", "p", b"c")
    assert raised.value.kind == "config"


@pytest.mark.parametrize(
    ("username", "password"), [("a\0b", "p"), ("a", "p\0"), ("\ud800", "p"), ("a", "top\udfffsecret")]
)
@pytest.mark.parametrize("name", mechanism.IN_TLS)
def test_what_no_mechanism_can_carry(name: str, username: str, password: str) -> None:
    with pytest.raises(MailError) as raised:
        start(name, username, password)
    error = raised.value
    assert error.kind == "config"
    assert error.__cause__ is None
    assert "secret" not in repr((error, error.__context__, error.text))


def test_bytes_of_another_charset_pass() -> None:
    assert says("PLAIN", "u", b"p\xe4ss".decode("utf-8", "surrogateescape")) == [b"\0u\0p\xe4ss"]


def test_an_unknown_mechanism_is_not_taken_for_another() -> None:
    with pytest.raises(MailError, match="SCRAM-SHA-256") as raised:
        start("SCRAM-SHA-256", "u", "p")
    assert raised.value.kind == "config"


@pytest.mark.parametrize(
    ("offered", "wanted", "secure", "chosen"),
    [
        (("LOGIN", "PLAIN", "CRAM-MD5"), "automatic", True, "PLAIN"),
        (("LOGIN", "PLAIN", "CRAM-MD5"), "automatic", False, "CRAM-MD5"),
        (("CRAM-MD5", "LOGIN"), "automatic", True, "LOGIN"),
        (("CRAM-MD5",), "automatic", True, "CRAM-MD5"),
        (("LOGIN", "PLAIN"), "automatic", False, "PLAIN"),
        (("X", "LOGIN"), "automatic", False, "LOGIN"),
        (("LOGIN", "PLAIN"), "LOGIN", True, "LOGIN"),
        (("PLAIN", "CRAM-MD5"), "PLAIN", False, "PLAIN"),
    ],
)
def test_choice(offered: tuple[str, ...], wanted: str, secure: bool, chosen: str) -> None:
    assert mechanism.choose(offered, wanted, Credentials(), secure=secure) == chosen


@pytest.mark.parametrize(
    ("offered", "wanted", "words"),
    [
        ((), "automatic", "offers no authentication"),
        (("GSSAPI", "NTLM"), "automatic", "GSSAPI NTLM"),
        (("PLAIN",), "CRAM-MD5", "does not offer CRAM-MD5; it offers PLAIN"),
        ((), "PLAIN", "does not offer PLAIN; it offers nothing"),
    ],
)
@pytest.mark.parametrize("secure", [True, False])
def test_no_choice(offered: tuple[str, ...], wanted: str, words: str, secure: bool) -> None:
    with pytest.raises(MailError) as raised:
        mechanism.choose(offered, wanted, Credentials(), secure=secure)
    assert raised.value.kind == "auth"
    assert words in raised.value.text


def test_a_long_list_of_offers_is_one_short_line() -> None:
    with pytest.raises(MailError) as raised:
        mechanism.choose(("\x1b[2J" + "X" * 8000,) * 100, "automatic", Credentials(), secure=True)
    assert len(raised.value.text) < 700
    assert raised.value.text.isprintable()


@pytest.mark.parametrize("text", [b"", b"YQ==", b"YQ== ", b64encode(bytes(range(256)))])
def test_challenge(text: bytes) -> None:
    assert mechanism.challenge("CRAM-MD5", text) == b64decode(text)


@pytest.mark.parametrize("text", [b"Y", b"YQ=", b"Y!Q==", b"=YQ=", b"YQ==YQ==", b"Y Q==", b"\xff"])
def test_broken_challenge(text: bytes) -> None:
    with pytest.raises(ValueError):
        mechanism.challenge("CRAM-MD5", text)
    assert mechanism.challenge("LOGIN", text) == b""


def test_encoded_is_one_line() -> None:
    assert mechanism.encoded(None) is None
    assert mechanism.encoded(b"") == b""
    assert mechanism.encoded(b"x" * 1000) == b64encode(b"x" * 1000)
