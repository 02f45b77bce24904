"""GSSAPI (RFC 4752): a Kerberos ticket, and no security layer, for TLS is one.

The security context is the caller's; what goes over the wire is here.
"""

from esmtp_py.sasl.mechanism import Broken

NAME = "GSSAPI"
NO_LAYER = 1  # section 3.3
# Kerberos needs one or two; whoever needs more will never be content.
MOST_STEPS = 8


def exchange(username: bytes, context: "Context") -> "Exchange":
    """username: whom to act for; b"" for whoever the ticket names.  Raises what the context raises."""
    token = context.step(None)
    for _ in range(MOST_STEPS):
        challenge = yield token or b""
        if context.complete:
            break
        token = context.step(challenge)
    else:
        raise Broken("it is never content")
    offer = context.unwrap(challenge)
    if len(offer) != 4 or not offer[0] & NO_LAYER:
        raise Broken("it insists on a security layer of its own, which TLS makes needless")
    yield context.wrap(bytes((NO_LAYER, 0, 0, 0)) + username)


TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmtp_py.sasl.mechanism import Context, Exchange
