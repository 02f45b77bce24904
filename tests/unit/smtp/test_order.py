"""The two tables, each cell of them: what may be said when, and what may answer what."""

import pytest

from esmtp_py.smtp import command, order
from esmtp_py.smtp.client import Client, OutOfOrder
from esmtp_py.smtp.command import (
    AUTH,
    BDAT,
    BDAT_LAST,
    BODY,
    DATA,
    EHLO,
    GREETING,
    HELO,
    LHLO,
    MAIL,
    NOOP,
    QUIT,
    RCPT,
    RESPONSE,
    RSET,
    STARTTLS,
)

VERBS = (GREETING, EHLO, HELO, LHLO, STARTTLS, AUTH, RESPONSE, MAIL, RCPT, DATA, BODY, BDAT_LAST, RSET, NOOP, QUIT)
HELLO = {EHLO, HELO, LHLO}

# RFC 5321 section 4.1.4, RFC 3207 section 4, RFC 4954 section 4, RFC 3030 section 2, RFC 2920 section 3.1
LEGAL = {
    order.GREETED: HELLO | {QUIT},
    order.READY: HELLO | {STARTTLS, AUTH, MAIL, RSET, NOOP, QUIT},
    order.SECURING: set(),
    order.AUTHENTICATING: {RESPONSE},
    order.SENDER: {RCPT, RSET, QUIT},
    order.RECIPIENTS: {RCPT, DATA, BDAT_LAST, RSET, QUIT},
    order.DATA_SENT: {BODY},
    order.CLOSING: set(),
}


@pytest.mark.parametrize("state", LEGAL)
@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_in_every_state(state: str, verb: str) -> None:
    client = Client()
    client._state = state
    legal = verb in LEGAL[state]
    assert client.allows(verb) is legal
    if legal:
        client.send(command.Command(verb, b"x"))
        assert client.next
        return
    with pytest.raises(OutOfOrder, match=verb):
        client.send(command.Command(verb, b"x"))
    assert client.next is None, "nothing illegal is ever written"


def test_no_state_is_forgotten() -> None:
    assert set(LEGAL) == set(order.SEND)
    assert {to for moves in order.SEND.values() for to in moves.values()} <= set(order.SEND)
    assert {verb for moves in order.SEND.values() for verb in moves} == set(VERBS) - {GREETING}
    assert BDAT not in VERBS, "a message goes in one chunk"


ANY_2XX = (200, 211, 214, 250, 251, 252, 253, 299)
POSITIVE = {
    GREETING: (220,),
    STARTTLS: (220,),
    AUTH: (235, 334),
    RESPONSE: (235, 334),
    DATA: (354,),
    QUIT: (221,),
    **dict.fromkeys((EHLO, HELO, LHLO, MAIL, RCPT, BODY, BDAT_LAST, RSET, NOOP), ANY_2XX),
}
CODES = (*ANY_2XX, 220, 221, 235, 300, 334, 350, 354, 399)


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("code", CODES)
def test_every_positive_code_for_every_verb(verb: str, code: int) -> None:
    assert order.in_step(verb, code) is (code in POSITIVE[verb])


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("code", [400, 421, 450, 499, 500, 550, 599])
def test_every_refusal_for_every_verb(verb: str, code: int) -> None:
    assert order.in_step(verb, code) is (verb != QUIT or code == 421)
