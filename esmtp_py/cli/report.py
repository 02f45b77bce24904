"""The lines people read when mail has not gone out: what happened to whom, in whose words, and what to do.

They go to standard error, one for each recipient; scripts can rely on the form
``esmtp: ADDRESS: FATE: WHY``.
"""

from esmtp_py.cli.terminal import complain
from esmtp_py.outcome import DEFERRED, DELIVERED, FAILED
from esmtp_py.printable import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmtp_py.message.envelope import Envelope, Recipient
    from esmtp_py.outcome import Outcome

# "deferred" is a queue's word; for a direct delivery the mail is with the caller again.
_FATE = {DELIVERED: "delivered", FAILED: "failed", DEFERRED: "not delivered for now"}

# kind: what to do next, for the kinds whose text does not say it already
_ADVICE = {
    "unknown_user": "check the address",
    "refused": "the server will not take it; ask its administrator",
    "content": "the message itself is refused; change it and send it again",
    "too_big": "send less, or in parts",
    "loop": "find the forwarding that leads back here",
    "try_again": "send it again later",
    "unreachable": "send it again later",
    "connection_lost": "send it again later",
    "dns": "send it again later",
    "server_refused": "send it again later",
    "protocol": "-v shows the dialogue; tell the server's administrator",
}
# who refuses a mail without being a server
_BY_MDA = "the command of mda in the rc will not take it"


def line(recipient: "Recipient", outcome: "Outcome") -> str:
    """One recipient's fate, safe to print."""
    advice = _BY_MDA if outcome.kind == "refused" and not outcome.remote else _ADVICE.get(outcome.kind, "")
    text = printable(reason(outcome))
    alias = f" (for {printable(recipient.orcpt)})" if recipient.orcpt else ""
    return f"{printable(recipient.address)}: {_FATE[outcome.fate]}: {text}{alias}" + (f"; {advice}" if advice else "")


def reason(outcome: "Outcome") -> str:
    """Why, in the words of whoever said so; not yet safe to print."""
    return outcome.text or outcome.reply or outcome.kind.replace("_", " ")


def failures(envelope: "Envelope", outcomes: "dict[str, Outcome]") -> "list[Recipient]":
    """The recipients that did not get the mail, in the order they were given."""
    return [recipient for recipient in envelope.recipients if outcomes[recipient.address].fate != DELIVERED]


def warn(outcomes: "dict[str, Outcome]") -> None:
    """What a sender should know of a mail that went out; once, however many recipients it concerns."""
    for text in dict.fromkeys(outcome.warning for outcome in outcomes.values()):
        if text:
            complain(f"warning: {printable(text)}")


def tell(recipients: "list[Recipient]", outcomes: "dict[str, Outcome]") -> None:
    """One line on standard error for each of these recipients."""
    for recipient in recipients:
        complain(line(recipient, outcomes[recipient.address]))
