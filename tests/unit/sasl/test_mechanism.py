"""Which mechanism is chosen, what cannot be said, and the form of challenges and responses."""

from base64 import b64decode, b64encode

import pytest

from esmtp_py.concealed import Secret
from esmtp_py.errors import MailError
from esmtp_py.sasl import mechanism
from esmtp_py.sasl.mechanism import Credentials
from tests.unit.sasl.exchanges import start


@pytest.mark.parametrize(
    ("username", "password"), [("a\0b", "p"), ("a", "p\0"), ("\ud800", "p"), ("a", "top\udfffsecret")]
)
@pytest.mark.parametrize("name", ["PLAIN", "LOGIN", "CRAM-MD5"])
def test_what_no_mechanism_can_carry(name: str, username: str, password: str) -> None:
    with pytest.raises(MailError) as raised:
        start(name, username, password)
    error = raised.value
    assert error.kind == "config"
    assert error.__cause__ is None
    assert "secret" not in repr((error, error.__context__, error.text))


def test_an_unknown_mechanism_is_not_taken_for_another() -> None:
    with pytest.raises(MailError, match=r"DIGEST-MD5.*SCRAM-SHA-256") as raised:
        start("DIGEST-MD5", "u", "p")
    assert raised.value.kind == "config"


PASSWORD = Credentials("u", password=Secret("p"))
BOUND = Credentials("u", password=Secret("p"), binding={"tls-server-end-point": b"x"}.get)
UNBOUND = Credentials("u", password=Secret("p"), binding={}.get)
ODD = Credentials("u", password=Secret("p\t"), binding={"tls-server-end-point": b"x"}.get)
TOKEN = Credentials("u", token=Secret("t"))
CERTIFICATE = Credentials("u", certificate=True)
BOTH = Credentials("u", password=Secret("p"), certificate=True)

ALL = (
    "LOGIN", "ANONYMOUS", "PLAIN", "CRAM-MD5", "NTLM", "GSSAPI", "EXTERNAL", "XOAUTH2", "OAUTHBEARER", "SCRAM-SHA-1",
    "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS", "DIGEST-MD5",
)  # fmt: skip


def best_first(credentials: Credentials, secure: bool) -> list[str]:
    """What is taken as the server offers less and less."""
    left, taken = ALL, []
    while True:
        try:
            taken.append(mechanism.choose(left, "automatic", credentials, secure=secure))
        except MailError:
            return taken
        left = tuple(name for name in left if name != taken[-1])


PLUS, SCRAM = ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS"], ["SCRAM-SHA-256", "SCRAM-SHA-1"]


@pytest.mark.parametrize(
    ("credentials", "secure", "order"),
    [
        (BOUND, True, [*PLUS, *SCRAM, "PLAIN", "LOGIN", "CRAM-MD5"]),
        (UNBOUND, True, [*SCRAM, "PLAIN", "LOGIN", "CRAM-MD5"]),
        (PASSWORD, True, [*SCRAM, "PLAIN", "LOGIN", "CRAM-MD5"]),
        (ODD, True, ["PLAIN", "LOGIN", "CRAM-MD5"]),
        (BOTH, True, [*SCRAM, "PLAIN", "LOGIN", "CRAM-MD5"]),
        (TOKEN, True, ["OAUTHBEARER", "XOAUTH2"]),
        (CERTIFICATE, True, ["EXTERNAL"]),
        (CERTIFICATE, False, []),
        # only the rc, or a server on this machine, lets it come to this
        (PASSWORD, False, [*SCRAM, "CRAM-MD5", "PLAIN", "LOGIN"]),
    ],
)
def test_the_strongest_that_the_credentials_allow(credentials: Credentials, secure: bool, order: list[str]) -> None:
    assert best_first(credentials, secure) == order


def test_what_the_rc_names_is_taken() -> None:
    for name in ALL:
        assert mechanism.choose(ALL, name, PASSWORD, secure=False) == name


@pytest.mark.parametrize(
    ("refused", "left"),
    [
        ("SCRAM-SHA-256-PLUS", ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-1")),
        ("SCRAM-SHA-1-PLUS", ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-1")),
        ("SCRAM-SHA-256", ("PLAIN",)),
        ("SCRAM-SHA-1", ("PLAIN",)),
        ("PLAIN", ("SCRAM-SHA-256", "SCRAM-SHA-1", "SCRAM-SHA-256-PLUS")),
    ],
)
def test_what_is_left_of_an_offer(refused: str, left: tuple[str, ...]) -> None:
    offered = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-1", "SCRAM-SHA-256-PLUS")
    assert mechanism.without(refused, offered) == left


@pytest.mark.parametrize("name", ["PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-256"])
def test_a_token_is_not_sent_as_a_password(name: str) -> None:
    with pytest.raises(MailError, match="password"):
        mechanism.start(name, TOKEN)


def test_a_mechanism_that_needs_more_is_pointed_at() -> None:
    with pytest.raises(MailError, match="offers GSSAPI NTLM; GSSAPI and NTLM would need more"):
        mechanism.choose(("GSSAPI", "NTLM"), "automatic", PASSWORD, secure=True)


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
        mechanism.choose(offered, wanted, PASSWORD, secure=secure)
    assert raised.value.kind == "auth"
    assert words in raised.value.text


def test_a_long_list_of_offers_is_one_short_line() -> None:
    with pytest.raises(MailError) as raised:
        mechanism.choose(("\x1b[2J" + "X" * 8000,) * 100, "automatic", PASSWORD, secure=True)
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
