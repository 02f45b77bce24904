"""What a refusal means: the one policy from a reply to an Outcome.

Every step of a session comes here (Postfix keeps the same thing in one file):
the step decides, then the enhanced status, then the first digit.
"""

from esmtp_py.outcome import Outcome
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
    RCPT,
    RESPONSE,
    RSET,
    STARTTLS,
)
from esmtp_py.smtp.reply import Reply

# What people read; the field's verbs are the author's and the administrator's.
STEP = {
    GREETING: "our connection",
    EHLO: "EHLO",
    HELO: "HELO",
    LHLO: "LHLO",
    STARTTLS: "STARTTLS",
    AUTH: "AUTH",
    RESPONSE: "AUTH",
    MAIL: "MAIL FROM",
    RCPT: "RCPT TO",
    DATA: "DATA",
    BODY: "end of data",
    BDAT_LAST: "end of data",
}

_SESSION_STEPS = (GREETING, EHLO, HELO, LHLO, RSET)
_DATA_STEPS = (BODY, BDAT_LAST)
# A log-in is missing, too weak, or to be made in TLS (RFC 4954 section 6).  A bare 534 is Courier's: the message, or
# its header, is too long.
_LOGIN_CODES = (530, 534, 535, 538)


def verdict(verb: str, reply: Reply, remote: str) -> Outcome:
    """The fate that a reply to ``verb`` gives; ``remote`` is the server's name."""
    kind = "delivered" if reply.positive else _kind(verb, reply)
    text = str(reply) if reply.positive else f"{remote} said in reply to {STEP.get(verb, verb)}: {reply}"
    if reply.code == 530 and verb in (MAIL, RCPT):  # what leads to a session has an advice of its own
        text += "; check username, password and starttls in the rc"
    return Outcome(kind, text, status=_status(kind, reply), remote=remote, reply=str(reply))


def too_many_recipients(reply: Reply) -> bool:
    """True when RCPT was refused only because the transaction is full.

    RFC 5321 section 4.5.3.1.10: 452, and 552 from older servers; Courier has
    431.  With an enhanced status only X.5.3 says so: 452 4.2.2 is a full mailbox.
    """
    if reply.status:
        return reply.status[1:] == ".5.3"
    return reply.code in (431, 452, 552)


def too_many_mails(reply: Reply) -> bool:
    """True when MAIL was refused only because the session has had its share: OpenSMTPD's 452 4.5.3."""
    return reply.status == "4.5.3"


def _kind(verb: str, reply: Reply) -> str:
    subject = reply.status[2:]
    if verb in (AUTH, RESPONSE) or (reply.code in _LOGIN_CODES and (reply.code != 534 or subject)):
        # 4xx: the password may be right, the server's database is away
        return "try_again" if not reply.permanent else "auth"
    if not reply.permanent:
        return "try_again"
    if verb in _SESSION_STEPS or (verb == MAIL and reply.code == 503):
        # nor is "bad sequence of commands" anything against this mail
        return "server_refused"
    if verb == STARTTLS:
        return "tls"
    if subject == "1.1" and verb != MAIL:
        return "unknown_user"  # also at the end of the message: LMTP answers for each recipient there
    if subject == "3.4" or (reply.code in (534, 552) and verb != RCPT and not subject):
        return "too_big"
    # X.1 and X.2 speak of addresses and mailboxes (RFC 3463 section 2)
    return "content" if verb in _DATA_STEPS and subject[:2] not in ("1.", "2.") else "refused"


def _status(kind: str, reply: Reply) -> str:
    """The server's own enhanced status, unless the kind says another class."""
    own = Outcome(kind).status
    return reply.status if reply.status[:1] == own[:1] else own
