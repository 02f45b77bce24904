"""SCRAM: the vectors of RFC 5802 and RFC 7677, scramp as the server, and servers that are not what they say."""

import hashlib
from base64 import b64decode, b64encode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scramp import ScramMechanism

from esmtp_py.concealed import Secret
from esmtp_py.errors import MailError
from esmtp_py.sasl import mechanism, scram
from esmtp_py.sasl.mechanism import Broken, Credentials, Refused
from tests.unit.sasl.exchanges import NONCE, responses, start

PLAIN_NAMES = ("SCRAM-SHA-1", "SCRAM-SHA-256")
NAMES = (*PLAIN_NAMES, "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS")
NO_BINDING = scram.Channel(b"n")

# RFC 5802 section 5
SHA_1 = (
    b"n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
    b"r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
    b"c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
    b"v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
)
# RFC 7677 section 3
SHA_256 = (
    b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
    b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
    b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
    b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
)


@pytest.mark.parametrize(("name", "vector"), [("SCRAM-SHA-1", SHA_1), ("SCRAM-SHA-256", SHA_256)])
def test_vectors(name: str, vector: tuple[bytes, ...]) -> None:
    nonce = vector[0].partition(b"r=")[2]
    exchange = scram.exchange(name, "user", "pencil", nonce, NO_BINDING)
    assert responses(exchange, vector[1], vector[3]) == [vector[0], vector[2], b""]
    assert mechanism.concluded(exchange)


# -- scramp as the server ---------------------------------------------------------


def with_scramp(name: str, user: str, password: str, binding: tuple[str, bytes] | None, client: str = "") -> None:
    """The whole exchange; raises what either end raises.  client: the password it has, if it is another one."""
    judge = ScramMechanism(name)
    users = {scram.saslprep(user).decode(): judge.make_auth_info(password)}
    server = judge.make_server(users.__getitem__, channel_binding=binding)
    channel = scram.Channel(b"p=" + binding[0].encode(), binding[1]) if binding else NO_BINDING
    exchange = scram.exchange(name, user, client or password, NONCE, channel)
    first = next(exchange)
    assert first
    server.set_client_first(first.decode())
    proof = exchange.send(server.get_server_first().encode())
    assert proof
    server.set_client_final(proof.decode())
    assert exchange.send(server.get_server_final().encode()) == b""
    assert mechanism.concluded(exchange)


def carried(text: str) -> bool:
    return scram.carries(text, text) and scram.saslprep(text) != b""


words = st.text(st.characters(max_codepoint=0x3FF, exclude_categories=["Cs"]), min_size=1, max_size=20).filter(carried)


@settings(max_examples=25)
@given(st.sampled_from(PLAIN_NAMES), words, words)
def test_every_name_and_password(name: str, user: str, password: str) -> None:
    with_scramp(name, user, password, None)


@settings(max_examples=10)
@given(
    st.sampled_from(("SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS")),
    st.sampled_from(("tls-unique", "tls-server-end-point")),
    st.binary(min_size=1, max_size=64),
)
def test_every_binding(name: str, kind: str, data: bytes) -> None:
    with_scramp(name, "user", "pencil", (kind, data))


def test_another_password_is_noticed_by_the_server() -> None:
    with pytest.raises(Exception, match="keys don't match"):
        with_scramp("SCRAM-SHA-256", "user", "pencil", None, client="pen")


@pytest.mark.parametrize("name", ["a,b", "a=b", "=2C", ",,,", "n=x,r=y"])
def test_names_are_escaped(name: str) -> None:
    with_scramp("SCRAM-SHA-1", name, "pencil", None)


def test_spellings_of_one_password_are_one_password() -> None:
    with_scramp("SCRAM-SHA-256", "user", "\u2168", None, client="I\u00adX")


# -- channel binding --------------------------------------------------------------

END_POINT = {"tls-server-end-point": b"hash"}
UNIQUE = {"tls-unique": b"finished", **END_POINT}
EXPORTER = {"tls-exporter": b"exported", **END_POINT}


def first(name: str, bindings: dict[str, bytes] | None, *offered: str) -> bytes:
    """The initial response where TLS has these bindings, None without TLS."""
    credentials = Credentials(
        "user",
        password=Secret("pencil"),
        binding=bindings.get if bindings is not None else None,
        random=lambda count: b64decode(NONCE)[:count],
    )
    return next(mechanism.start(name, credentials, offered)) or b""


@pytest.mark.parametrize(
    ("bindings", "flag"),
    [
        (END_POINT, b"p=tls-server-end-point,,"),
        (UNIQUE, b"p=tls-unique,,"),
        (EXPORTER, b"p=tls-exporter,,"),
    ],
)
@pytest.mark.parametrize("name", ["SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS"])
def test_plus_takes_the_best_binding(name: str, bindings: dict[str, bytes], flag: bytes) -> None:
    assert first(name, bindings, name) == flag + b"n=user,r=" + NONCE


@pytest.mark.parametrize(
    ("bindings", "offered", "flag"),
    [
        (None, ("SCRAM-SHA-1",), b"n,,"),
        ({}, ("SCRAM-SHA-1",), b"n,,"),
        # we could, and the server says that it cannot: if that is not what it said, it will notice
        (END_POINT, ("SCRAM-SHA-1",), b"y,,"),
        # it can, and the rc wants it without
        (END_POINT, ("SCRAM-SHA-1", "SCRAM-SHA-1-PLUS"), b"n,,"),
        (END_POINT, ("SCRAM-SHA-1", "SCRAM-SHA-256-PLUS"), b"n,,"),
    ],
)
def test_flags(bindings: dict[str, bytes] | None, offered: tuple[str, ...], flag: bytes) -> None:
    assert first("SCRAM-SHA-1", bindings, *offered).startswith(flag + b"n=user")


@pytest.mark.parametrize("bindings", [None, {}])
def test_plus_without_a_binding(bindings: dict[str, bytes] | None) -> None:
    with pytest.raises(MailError, match="binds the login") as raised:
        first("SCRAM-SHA-256-PLUS", bindings, "SCRAM-SHA-256-PLUS")
    assert raised.value.kind == "auth"


def test_the_binding_is_in_the_proof() -> None:
    exchange = scram.exchange("SCRAM-SHA-1-PLUS", "user", "pencil", NONCE, scram.Channel(b"p=tls-unique", b"\1\2"))
    next(exchange)
    final = exchange.send(SHA_1[1]) or b""
    assert final.startswith(b"c=" + b64encode(b"p=tls-unique,,\1\2") + b",r=")


def test_another_channel_is_noticed_by_the_server() -> None:
    judge = ScramMechanism("SCRAM-SHA-256-PLUS")
    info = judge.make_auth_info("pencil")
    server = judge.make_server(lambda user: info, channel_binding=("tls-unique", b"the server's"))
    channel = scram.Channel(b"p=tls-unique", b"the intruder's")
    exchange = scram.exchange("SCRAM-SHA-256-PLUS", "user", "pencil", NONCE, channel)
    server.set_client_first((next(exchange) or b"").decode())
    proof = exchange.send(server.get_server_first().encode()) or b""
    with pytest.raises(Exception, match="don't match"):
        server.set_client_final(proof.decode())


def test_a_hidden_plus_is_noticed_by_the_server() -> None:
    judge = ScramMechanism("SCRAM-SHA-256")
    info = judge.make_auth_info("pencil")
    server = judge.make_server(lambda user: info, channel_binding=("tls-server-end-point", b"hash"))
    said = first("SCRAM-SHA-256", END_POINT, "SCRAM-SHA-256")
    with pytest.raises(Exception, match="support"):
        server.set_client_first(said.decode())


# -- servers that do not follow it --------------------------------------------------


def after_first(message: bytes) -> None:
    exchange = scram.exchange("SCRAM-SHA-1", "user", "pencil", NONCE, NO_BINDING)
    next(exchange)
    exchange.send(message)


NEW = NONCE + b"x"


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (b"", "first message"),
        (b"x", "first message"),
        (b"\xff\0", "first message"),
        (b"r=%b,s=QSXCR+Q6sek8bf92" % NEW, "first message"),
        (b"s=QSXCR+Q6sek8bf92,r=%b,i=4096" % NEW, "first message"),
        (b"m=ext,r=%b,s=QSXCR+Q6sek8bf92,i=4096" % NEW, "first message"),
        (b"r=%b,s=QSXCR+Q6sek8bf92,i=4096" % NONCE, "nonce"),  # not continued
        (b"r=%b,s=QSXCR+Q6sek8bf92,i=4096" % NONCE[:-1], "nonce"),
        (b"r=x%b,s=QSXCR+Q6sek8bf92,i=4096" % NONCE, "nonce"),
        (b"r=%b\xff,s=QSXCR+Q6sek8bf92,i=4096" % NONCE, "nonce"),
        (b"r=%b ,s=QSXCR+Q6sek8bf92,i=4096" % NONCE, "nonce"),
        (b"r=%b\0,s=QSXCR+Q6sek8bf92,i=4096" % NONCE, "nonce"),
        (b"r=%b,s=QSXCR+Q6sek8bf92,i=" % NEW, "iteration"),
        (b"r=%b,s=QSXCR+Q6sek8bf92,i=0" % NEW, "iteration"),
        (b"r=%b,s=QSXCR+Q6sek8bf92,i=1" % NEW, "iteration"),
        (b"r=%b,s=QSXCR+Q6sek8bf92,i=4095" % NEW, "iteration"),
        (b"r=%b,s=QSXCR+Q6sek8bf92,i=-4096" % NEW, "iteration"),
        (b"r=%b,s=QSXCR+Q6sek8bf92,i=4096x" % NEW, "iteration"),
        (b"r=%b,s=QSXCR+Q6sek8bf92,i=2600001" % NEW, "iteration"),
        (b"r=%b,s=QSXCR+Q6sek8bf92,i=1000000000" % NEW, "iteration"),
        (b"r=%b,s=QSXCR+Q6sek8bf92,i=" % NEW + b"9" * 5000, "iteration"),
        (b"r=%b,s=,i=4096" % NEW, "salt is empty"),
        (b"r=%b,s=!!!,i=4096" % NEW, "no base64"),
        (b"r=%b,s=QSX,i=4096" % NEW, "no base64"),
        (b"e=channel-bindings-dont-match", "in between"),
        (b"e=server-does-support-channel-binding", "hidden"),
    ],
)
def test_first_messages_that_are_none(message: bytes, words: str) -> None:
    with pytest.raises(Broken, match=words) as raised:
        after_first(message)
    assert not isinstance(raised.value, Refused)


def test_limits_of_the_iteration_count(monkeypatch: pytest.MonkeyPatch) -> None:
    counts: list[int] = []

    def pbkdf2(name: str, secret: bytes, salt: bytes, count: int) -> bytes:
        counts.append(count)
        return b"x" * 20

    monkeypatch.setattr(hashlib, "pbkdf2_hmac", pbkdf2)
    for count in (scram.FEWEST_ITERATIONS, scram.MOST_ITERATIONS):
        after_first(b"r=%b,s=QSXCR+Q6sek8bf92,i=%d" % (NEW, count))
    assert counts == [4096, 2_600_000]


def test_extensions_after_the_count_are_not_for_us() -> None:
    after_first(b"r=%b,s=QSXCR+Q6sek8bf92,i=4096,x=new" % NEW)


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (b"e=unknown-user", "user"),
        (b"e=unsupported-channel-binding-type,x", "our kind"),
        (b"e=", "does not say why"),
        (b"e=\x1b[2J", "does not say why"),
    ],
)
def test_a_refusal_before_the_proof(message: bytes, words: str) -> None:
    """Of the mechanism, not of the password."""
    with pytest.raises(Refused, match=words):
        after_first(message)


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (b"", "does not prove"),
        (b"x", "does not prove"),
        (b"v=", "empty"),
        (b"v=!", "no base64"),
        (b"v=rmF9pqV8S7suAoZWja4dJRkFsKU=", "proof is wrong"),  # the last bit
        (b"v=rmF9pqV8S7suAoZWja4dJRkFsA==", "proof is wrong"),  # cut short
        (SHA_1[1], "does not prove"),
        (b"e=invalid-proof", "password is wrong"),
        (b"e=other-error", "does not say why"),
        (b"e=\r\nx", "does not say why"),
    ],
)
def test_last_messages_that_prove_nothing(message: bytes, words: str) -> None:
    exchange = scram.exchange("SCRAM-SHA-1", "user", "pencil", NONCE, NO_BINDING)
    responses(exchange, SHA_1[1])
    with pytest.raises(Broken, match=words) as raised:
        exchange.send(message)
    assert str(raised.value).isprintable()


@pytest.mark.parametrize(("challenges", "over"), [(0, False), (1, False), (2, True)])
def test_its_end(challenges: int, over: bool) -> None:
    """A server that lets us in without its proof is not the one we mean."""
    exchange = scram.exchange("SCRAM-SHA-1", "user", "pencil", NONCE, NO_BINDING)
    responses(exchange, *(SHA_1[1], SHA_1[3])[:challenges])
    assert mechanism.concluded(exchange) is over


@pytest.mark.parametrize("password", ["a\tb", "\U0001f600", b"\xe4".decode("utf-8", "surrogateescape")])
@pytest.mark.parametrize("name", NAMES)
def test_what_scram_cannot_carry(name: str, password: str) -> None:
    exchange = start(name, "user", password, random=lambda n: b"x" * n, binding=END_POINT.get)
    with pytest.raises(MailError, match="auth plain") as raised:
        next(exchange)
    assert raised.value.kind == "config"
    assert password not in raised.value.text


@settings(max_examples=300)
@given(st.lists(st.binary(max_size=60), max_size=4))
def test_no_server_can_break_it(challenges: list[bytes]) -> None:
    exchange = scram.exchange("SCRAM-SHA-1", "user", "pencil", NONCE, NO_BINDING)
    next(exchange)
    try:
        for challenge in challenges:
            exchange.send(challenge)
    except (Broken, StopIteration):
        pass
