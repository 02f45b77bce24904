"""The courier that submits to the identity's server (RFC 6409, RFC 2033 for LMTP)."""

from esmtp_py.config.identity import Identity
from esmtp_py.deliver.mishap import mishap
from esmtp_py.deliver.pipeline import Parcel, Pipeline
from esmtp_py.deliver.session import Session
from esmtp_py.errors import MailError
from esmtp_py.message.envelope import Envelope
from esmtp_py.outcome import Outcome


class Submission:
    """Delivers through one identity's server; a courier."""

    def __init__(self, identity: Identity, trace: "Trace | None" = None) -> None:
        self._identity = identity
        self._trace = trace
        self._begun = False

    def describe(self) -> str:
        """Where the mail goes, for people."""
        identity = self._identity
        login = f" as {identity.username}" if identity.username else ""
        server = identity.server
        place = server.written if server.path or server.srv else f"{server.protocol}://{server}"
        return place + login

    def deliver(self, message: "Message", envelope: Envelope) -> dict[str, Outcome]:
        """An Outcome for every recipient of the envelope, whatever happens.

        A signal before the server has heard of the mail ends it with KeyboardInterrupt, which says so.
        """
        outcomes: dict[str, Outcome] = {}
        try:
            self._hook("preconnect", self._identity.preconnect)
            try:
                self._submit(message, envelope, outcomes)
            finally:
                warning = self._after()
        except KeyboardInterrupt:
            if not self._begun:
                raise KeyboardInterrupt("nothing was sent") from None
            raise
        except MailError as error:
            _complete(outcomes, envelope, error)
        except Exception as error:  # what is delivered by now must not be sent again
            _complete(outcomes, envelope, mishap(error))
        else:
            for fate in outcomes.values():
                fate.warning = fate.warning or warning
        return outcomes

    def _hook(self, name: str, command: str) -> None:
        if command:
            from esmtp_py.deliver.shell import hook

            hook(command, name, self._trace)

    def _after(self) -> str:
        """Runs postconnect.  That it fails, or is stopped, changes no mail's fate, and is no more than a warning."""
        try:
            self._hook("postconnect", self._identity.postconnect)
        except MailError as error:
            return error.text
        except KeyboardInterrupt:
            return "postconnect was stopped by a signal"
        return ""

    def _submit(self, message: "Message", envelope: Envelope, outcomes: dict[str, Outcome]) -> None:
        """As many sessions as it takes, which is one.

        Only a server that takes fewer recipients than it must, and was told
        QUIT in the same flight, is called once more for the rest.
        """
        parcels = [Parcel(message, envelope, outcomes.update)]
        while parcels:
            session = Session(self._identity, message.size, self._trace)
            self._begun = True
            try:
                parcels = Pipeline(session).carry(iter(parcels))
            finally:
                session.close()


def _complete(outcomes: dict[str, Outcome], envelope: Envelope, error: MailError) -> None:
    """Whoever has no fate yet gets ``error``."""
    for recipient in envelope.recipients:
        outcomes.setdefault(recipient.address, error.outcome())


TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmtp_py.message.message import Message
    from esmtp_py.smtp.reply import Trace
