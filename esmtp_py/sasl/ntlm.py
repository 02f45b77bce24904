"""NTLM as Exchange speaks it ([MS-SMTPNTLM]): a challenge of Windows, weak, and for old servers only.

The security context is the caller's.
"""

from esmtp_py.sasl.mechanism import Broken

NAME = "NTLM"


def exchange(context: "Context") -> "Exchange":
    """Raises what the context raises."""
    yield None
    # the answer to the bare command is "ntlm supported", not even encoded
    challenge = yield context.step(None)
    if not challenge:
        raise Broken("it has no challenge")
    yield context.step(challenge)


TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmtp_py.sasl.mechanism import Context, Exchange
