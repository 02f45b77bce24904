"""Whatever a provider answers, whoever calls at our port: tokens, a request of ours, or a MailError; nothing else."""

import json
import time
from collections.abc import Callable
from typing import TypeVar

from hypothesis import example, given
from hypothesis import strategies as st

from esmtp_py.concealed import Secret
from esmtp_py.config.identity import Identity
from esmtp_py.config.login import endpoint
from esmtp_py.config.source import Source
from esmtp_py.errors import MailError
from esmtp_py.net.post import MAX_BODY, Answer, Url, _answer, _request
from esmtp_py.outcome import DEFERRED
from esmtp_py.secret.oauth2 import grant
from esmtp_py.secret.oauth2.client import Client
from esmtp_py.secret.oauth2.redirect import Redirect, _parsed
from esmtp_py.secret.oauth2.tokens import LONGEST_LIFETIME, LONGEST_TOKEN, Tokens, seconds, token
from esmtp_py.smtp.veil import Veil

Made = TypeVar("Made")
VEIL = Veil(Secret("canary-of-ours"))
WHERE = Url("https://login.example.test/token")
CLIENT = Client(
    Identity(
        username="alice",
        oauth2="custom",
        client_id="id",
        authorization_endpoint="https://login.example.test/authorize",
        token_endpoint="https://login.example.test/token",
    )
)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda values: st.lists(values, max_size=3) | st.dictionaries(st.text(), values, max_size=3),
    max_leaves=5,
)
NAMES = ("access_token", "refresh_token", "token_type", "expires_in", "error", "error_description")
answers = st.dictionaries(st.sampled_from(NAMES), json_values | st.sampled_from(("Bearer", "abc", "invalid_grant", 60)))


class Pieces:
    """A stream that gives these, and then the end."""

    def __init__(self, *pieces: bytes) -> None:
        self.pieces = [piece for piece in pieces if piece]

    def receive(self, deadline: float) -> bytes:
        return self.pieces.pop(0) if self.pieces else b""


head = st.sampled_from(
    [
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.0 200\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 -1 x\r\n",
        b"Content-Length: 5\r\n",
        b"Content-Length: -5\r\n",
        b"Content-Length: 99999999999999999999\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"\r\n",
        b"5\r\nhello\r\n",
        b"ffffffffffffffff\r\n",
        b"0\r\n\r\n",
    ]
)


def outcome_of(call: Callable[[], Made]) -> Made | MailError:
    """What it makes, or the error: temporary, and one line that can be shown."""
    try:
        return call()
    except MailError as raised:
        error = raised
    assert error.text.isprintable()
    assert error.outcome().fate == DEFERRED
    return error


@given(st.lists(head | st.binary(max_size=40), max_size=12))
def test_any_bytes_are_an_answer_or_an_error(pieces: list[bytes]) -> None:
    answer = outcome_of(lambda: _answer(Pieces(*pieces), WHERE, time.monotonic() + 60, VEIL))
    if isinstance(answer, MailError):
        assert answer.kind in ("protocol", "connection_lost")
    else:
        assert len(answer.body) <= MAX_BODY
        assert answer.kind.isprintable()


# As an rc file is decoded.
words = st.binary(max_size=20).map(lambda octets: octets.decode("utf-8", "surrogateescape"))


@given(st.dictionaries(words, words | words.map(Secret)))
def test_any_form_is_one_request(form: dict[str, str | Secret]) -> None:
    request = _request(WHERE, form)
    top, _, body = request.partition(b"\r\n\r\n")
    assert top.count(b"\r\n") == 7
    assert b"\r" not in body
    assert b"\n" not in body
    assert f"Content-Length: {len(body)}".encode() in top


def _read(answer: Answer) -> Tokens | MailError:
    def read() -> Tokens:
        try:
            return grant._tokens(grant._object(answer, CLIENT.token_endpoint, CLIENT, VEIL), CLIENT)
        except grant.Refused as refused:
            raise grant.meaning(CLIENT, refused) from None

    made = outcome_of(read)
    assert not isinstance(made, MailError) or "canary-of-ours" not in made.text
    return made


@given(answers | json_values, st.sampled_from([200, 201, 302, 400, 401, 404, 429, 500, 503]))
@example({"error": "invalid_grant", "error_description": "you said canary-of-ours"}, 400)
def test_any_json_is_tokens_or_an_error(found: object, status: int) -> None:
    tokens = _read(Answer(status, "application/json", json.dumps(found).encode()))
    if isinstance(tokens, Tokens):
        assert status == 200
        assert 0 <= tokens.seconds <= LONGEST_LIFETIME
        for each in (tokens.access, tokens.refresh):
            assert each is None or (
                each.reveal().isascii() and each.reveal().isprintable() and " " not in each.reveal()
            )


@given(st.binary(max_size=200))
def test_any_body_is_tokens_or_an_error(body: bytes) -> None:
    _read(Answer(200, "text/html", body))


@given(json_values)
def test_tokens_and_seconds_of_anything(value: object) -> None:
    made = token(value)
    assert made is None or 0 < len(made.reveal()) <= LONGEST_TOKEN
    assert 0 <= seconds(value, 300, 1000) <= 1000


@given(st.binary(max_size=300))
@example(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
@example(b"GET / HTTP/1.1\r\n:\r\n\r\n")
def test_any_request_is_parsed(request: bytes) -> None:
    method, target, fields = _parsed(request)
    assert isinstance(method + target, str)
    assert all(name == name.lower() for name in fields)


@given(st.text() | st.lists(st.tuples(st.sampled_from(["state", "code", "error"]), st.text())).map(str))
def test_no_query_is_ours_without_our_state(query: str) -> None:
    with Redirect(CLIENT) as redirect:
        assert redirect._granted(query) is None


@given(st.sampled_from(["https://", "http://", "HTTPS://", "", "ftp://"]), st.text(max_size=30))
@example("http://", "127.0.0.1@evil.example/")
@example("http://", "127.0.0.1:80:80/")
@example("https://", "a\\@b/")
def test_what_is_an_endpoint_has_its_parts(scheme: str, rest: str) -> None:
    try:
        text = endpoint(scheme + rest, Source("", ""))
    except ValueError:
        return
    url = Url(text)
    assert url.host
    assert url.port.isdigit()
    assert url.target.startswith("/")
    assert not set(url.target + url.authority) & set(" \r\n\0#@")
    assert url.secure or url.host in ("localhost", "localhost.", "::1") or url.host.startswith("127.")
