"""Which command may follow which, and which reply may answer which: the two tables.

``SEND`` is the state of what has been *sent*, from when the greeting is owed.
With pipelining it runs ahead of what has been answered, which is why it knows
no replies (Postfix keeps the same two states apart).  A move that is not in it is our own bug.

``RESERVED`` lists the codes that mean one thing only.  A server that uses one
elsewhere is out of step with us, and nothing it says can be believed: a 221
taken for the answer to a message's data once lost mail.
"""

from esmtp_py.smtp.command import (
    AUTH,
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

GREETED, READY, SECURING, AUTHENTICATING, SENDER, RECIPIENTS, DATA_SENT, CLOSING = (
    "greeted", "ready", "securing", "authenticating", "sender", "recipients", "data sent", "closing",
)  # fmt: skip

_HELLO = {EHLO: READY, HELO: READY, LHLO: READY}
_ALWAYS = {QUIT: CLOSING, RSET: READY}

SEND: dict[str, dict[str, str]] = {
    GREETED: {**_HELLO, QUIT: CLOSING},
    READY: {**_HELLO, **_ALWAYS, STARTTLS: SECURING, AUTH: AUTHENTICATING, MAIL: SENDER, NOOP: READY},
    SECURING: {},  # until the handshake: back to GREETED (RFC 3207 section 4.2)
    AUTHENTICATING: {RESPONSE: AUTHENTICATING},  # until the final reply: READY
    SENDER: {**_ALWAYS, RCPT: RECIPIENTS},
    RECIPIENTS: {**_ALWAYS, RCPT: RECIPIENTS, DATA: DATA_SENT, BDAT_LAST: READY},
    DATA_SENT: {BODY: READY},  # and, when 354 was refused, READY without it
    CLOSING: {},
}

RESERVED: dict[int, tuple[str, ...]] = {
    220: (GREETING, STARTTLS),
    221: (QUIT,),
    235: (AUTH, RESPONSE),
    334: (AUTH, RESPONSE),
    354: (DATA,),
}

# The only positive code these take; every other verb takes any 2xx not reserved.
ONLY: dict[str, tuple[int, ...]] = {
    GREETING: (220,),
    STARTTLS: (220,),
    AUTH: (235, 334),
    RESPONSE: (235, 334),
    DATA: (354,),
    QUIT: (221,),
}


def in_step(verb: str, code: int, before: str = "") -> bool:
    """Can ``code`` be an answer to ``verb``, when the one ``before`` has just been answered?"""
    if code >= 400:
        # a refused QUIT is nobody's answer to QUIT, but 421 is everybody's; Haraka wants nothing behind a message
        # before its answer, which with DATA no other reply can be taken for: 354 has gone before
        return verb != QUIT or code == 421 or (code == 503 and before == BODY)
    if verb in ONLY:
        return code in ONLY[verb]
    return 200 <= code < 300 and code not in RESERVED
