"""Invariant: whatever a server challenges, a log-in by any mechanism ends soon, in answers or in an error of ours.

Only those that do so by design say the password, SCRAM never ends well, for
this server does not know it, and no error repeats it.  The first byte chooses
the mechanism; lines are challenges, in base64.
"""

from base64 import b64encode

from esmtp_py.concealed import Secret
from esmtp_py.errors import MailError
from esmtp_py.sasl import mechanism
from esmtp_py.sasl.mechanism import Broken, Credentials
from tests.fuzz.driver import clean, main

NONCE = "AAAA" * 6
SEEDS = [
    bytes([number]) + b"\n".join(b64encode(each) for each in challenges)
    for number, challenges in enumerate(
        [
            [f"r={NONCE}x,s=QUFB,i=4096".encode(), b"v=QUFB"],
            [f"r={NONCE}x,s=QUFB,i=4096".encode(), b"e=invalid-proof"],
            [b"e=unknown-user"],
            [b"<1@mx>"],
            [b"Username:", b"Password:"],
            [b""],
            [b'{"status":"401"}'],
            [b'{"status":"401"}', b""],
            [b""],
        ]
    )
]
NAMES = ["SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS", "CRAM-MD5", "LOGIN", "PLAIN", "XOAUTH2", "OAUTHBEARER"]
NAMES += ["ANONYMOUS"]
SHOWING = ("LOGIN", "PLAIN", "XOAUTH2", "OAUTHBEARER")
SECRET = "tops3cret"


def target(data: bytes) -> None:
    name = NAMES[data[0] % len(NAMES)] if data else "PLAIN"
    shown = Credentials(
        "me", password=Secret(SECRET), token=Secret(SECRET), random=bytes, binding={"tls-unique": b"x"}.get
    )
    exchange = mechanism.start(name, shown, (name,))
    said = [next(exchange) or b""]
    try:
        for challenge in data[1:].split(b"\n"):
            said.append(exchange.send(mechanism.challenge(name, challenge)) or b"")
    except StopIteration:
        pass
    except (Broken, MailError, ValueError) as error:
        clean(str(error), SECRET)
    assert len(said) <= (2 if "SCRAM" in name else 3)
    assert name in SHOWING or not any(SECRET.encode() in each for each in said)


if __name__ == "__main__":
    main(target, SEEDS)
