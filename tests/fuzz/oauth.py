"""Invariant: whatever an endpoint answers, that is tokens which can be used, or an error of one clean line.

No error repeats what we sent.  The first byte chooses the status of HTTP for a body that is the rest; with a first
byte of 255 the rest is all of the reply, header and body, cut anywhere.
"""

from esmtp_py.concealed import Secret
from esmtp_py.config.identity import Identity
from esmtp_py.errors import MailError
from esmtp_py.net.post import Answer, Url, _answer
from esmtp_py.secret.oauth2.client import Client
from esmtp_py.secret.oauth2.grant import Refused, _object, _tokens
from esmtp_py.secret.oauth2.tokens import LONGEST_LIFETIME
from esmtp_py.smtp.veil import Veil
from tests.fuzz.driver import clean, main
from tests.fuzz.talker import Talker

SEEDS = [
    b'\0{"access_token": "at-1", "token_type": "Bearer", "expires_in": 3600, "refresh_token": "rt-2"}',
    b'\0{"access_token": "at-1", "token_type": null, "expires_in": true, "refresh_token": {"a": [1e400, -1]}}',
    b'\1{"error": "invalid_grant", "error_description": "token tops3cret\\u001b[2J is dead\\r\\n"}',
    b'\2{"error": ["x"], "a": ' + b"[" * 2000,
    b'\0{"access_token": "a b", "expires_in": NaN}',
    b"\3<html>\xff</html>",
    b'\xffHTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 23\r\n\r\n{"access_token": "at-1"}',
    b"\xffHTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    b'17\r\n{"access_token": "at-1"}\r\n0\r\n\r\n',
]
VEIL = Veil(Secret("tops3cret"))
STATUS = (200, 400, 503, 302)
URL = "https://idp.example/token"
CLIENT = Client(Identity(oauth2="custom", client_id="c", username="me", token_endpoint=URL, addresses=("me@x.org",)))


def replied(data: bytes, cut: int) -> "Answer | str":
    try:
        return _answer(Talker(data, cut), Url(URL), 0, VEIL)
    except MailError as error:
        clean(error.text)
        return error.text


def target(data: bytes) -> None:
    answer = Answer(STATUS[data[0] % 4] if data else 200, "text/html", data[1:])
    if data[:1] == b"\xff":
        found, cut = replied(data[1:], 1 << 30), replied(data[1:], 3)
        if isinstance(found, str) or isinstance(cut, str):
            assert found == cut
            return
        assert (found.status, found.kind, found.body) == (cut.status, cut.kind, cut.body)
        answer = found
    try:
        tokens = _tokens(_object(answer, URL, CLIENT, VEIL), CLIENT)
    except Refused as refused:
        clean(refused.text, "tops3cret")
    except MailError as error:
        clean(error.text)
    else:
        for token in (tokens.access, tokens.refresh or Secret("x")):
            assert token.reveal().isascii()
            assert token.reveal().isprintable()
            assert " " not in token.reveal()
        assert 0 <= tokens.seconds <= LONGEST_LIFETIME


if __name__ == "__main__":
    main(target, SEEDS)
