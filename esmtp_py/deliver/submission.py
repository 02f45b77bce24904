"""The courier that submits to the identity's server (RFC 6409, RFC 2033 for LMTP)."""

from esmtp_py.config.identity import Identity
from esmtp_py.deliver.session import Session
from esmtp_py.errors import MailError
from esmtp_py.message.envelope import Envelope, Recipient
from esmtp_py.outcome import Outcome
from esmtp_py.smtp.transaction import Transaction

# RFC 5321 section 4.5.3.1.8: every server takes that many recipients in one
# transaction.  With more there may be a further one, so QUIT has to wait.
SURE_RECIPIENTS = 100


class Submission:
    """Delivers through one identity's server; a courier."""

    def __init__(self, identity: Identity, trace: "Trace | None" = None) -> None:
        self._identity = identity
        self._trace = trace

    def describe(self) -> str:
        """Where the mail goes, for people."""
        identity = self._identity
        login = f" as {identity.username}" if identity.username else ""
        return f"{identity.server.protocol}://{identity.server}{login}"

    def deliver(self, message: "Message", envelope: Envelope) -> dict[str, Outcome]:
        """An Outcome for every recipient of the envelope, whatever happens."""
        outcomes: dict[str, Outcome] = {}
        try:
            self._hook(self._identity.preconnect, "preconnect")
            try:
                self._submit(message, envelope, outcomes)
            finally:
                self._hook(self._identity.postconnect, "postconnect")
        except MailError as error:
            for recipient in envelope.recipients:
                outcomes.setdefault(recipient.address, error.outcome())
        return outcomes

    def _hook(self, command: str, name: str) -> None:
        if command:
            from esmtp_py.deliver.shell import hook

            hook(command, name, self._trace)

    def _submit(self, message: "Message", envelope: Envelope, outcomes: dict[str, Outcome]) -> None:
        """Sessions and transactions until every recipient has been asked for.

        A server that takes fewer recipients than it must, and was told QUIT
        in the same flight, is called once more for the rest.
        """
        pending, sure = envelope.recipients, len(envelope.recipients) <= SURE_RECIPIENTS
        while pending:
            session = Session(self._identity, message.size, self._trace)
            try:
                pending = self._transact(session, message, envelope.to(pending), outcomes, sure)
            finally:
                session.close()
            sure = False

    def _transact(
        self, session: Session, message: "Message", envelope: Envelope, outcomes: dict[str, Outcome], last: bool
    ) -> list[Recipient]:
        """All the transactions this session allows; returns the recipients that want another session.

        last: one transaction will do, as far as anyone can tell.
        """
        lmtp = self._identity.server.protocol == "lmtp"
        while envelope.recipients and not session.over:
            transaction = Transaction(message, envelope, session.extensions, session.remote, lmtp=lmtp)
            try:
                session.carry(transaction, last=last)
            finally:
                outcomes.update(transaction.outcomes)
            envelope = envelope.to(transaction.remaining)
        return envelope.recipients


TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmtp_py.message.message import Message
    from esmtp_py.smtp.reply import Trace
