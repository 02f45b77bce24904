"""Which courier each recipient goes with.

Legs are independent: what happens on one neither starts, stops nor starves
another, and the caller gets one Outcome for each recipient it asked for.
"""

from esmtp_py.config.identity import Identity
from esmtp_py.deliver.mishap import mishap
from esmtp_py.deliver.submission import Submission
from esmtp_py.errors import MailError
from esmtp_py.message.envelope import Envelope, Recipient
from esmtp_py.outcome import Outcome


class Leg:
    """Some recipients with the courier that takes them.

    envelope:  as the courier sees it, addresses rewritten where the rc says so.
    originals: {address in envelope: the caller's addresses it stands for}.
    """

    __slots__ = ("courier", "envelope", "originals")

    def __init__(self, courier: "Courier", envelope: Envelope, originals: dict[str, list[str]]) -> None:
        self.courier = courier
        self.envelope = envelope
        self.originals = originals


class NoRoute:
    """The courier for recipients whose fate is known, and for local ones that the rc has no way for."""

    def describe(self) -> str:
        return "nowhere: write mda or qualifydomain in the rc"

    def deliver(self, message: "Message", envelope: Envelope) -> dict[str, Outcome]:
        return {
            r.address: r.fate
            or Outcome(
                "config",
                f"{r.address} is a local user, and the rc has neither mda nor qualifydomain: write one of them",
            )
            for r in envelope.recipients
        }


def plan(identity: Identity, envelope: Envelope, trace: "Trace | None" = None) -> list[Leg]:
    """The legs for an envelope, each recipient in exactly one; opens nothing."""
    remote: dict[Recipient, list[str]] = {}
    local: dict[Recipient, list[str]] = {}
    nowhere: dict[Recipient, list[str]] = {}
    domain = domain_of_locals(identity)
    if identity.force_mda:
        # everything of this mail arrives at one user, once
        local[Recipient(identity.force_mda)] = [r.address for r in envelope.recipients]
    else:
        for recipient in envelope.recipients:
            if recipient.fate:
                nowhere[recipient] = [recipient.address]
            elif not recipient.local:
                remote[recipient] = [recipient.address]
            elif domain:
                remote[_qualified(recipient, domain)] = [recipient.address]
            else:
                local[recipient] = [recipient.address]
    legs = []
    if remote:
        legs.append(_leg(Submission(identity, trace), envelope, remote))
    if local:
        legs.append(_leg(_local_courier(identity, trace), envelope, local))
    if nowhere:
        legs.append(_leg(NoRoute(), envelope, nowhere))
    return legs


def domain_of_locals(identity: Identity) -> str:
    """What a local recipient gets; "" where it stays without, and is for the mda, or for nobody."""
    # without an mda a bare name can only be an address that the server knows
    return identity.qualifydomain or ("" if identity.mda else identity.domain)


def deliver(message: "Message", envelope: Envelope, legs: list[Leg]) -> dict[str, Outcome]:
    """Runs every leg; {address as in ``envelope``: Outcome} for all its recipients."""
    outcomes: dict[str, Outcome] = {}
    for leg in legs:
        fates = _run(leg, message)
        for address, originals in leg.originals.items():
            outcomes.update((original, fates[address]) for original in originals)
    return {r.address: outcomes[r.address] for r in envelope.recipients}


def _run(leg: Leg, message: "Message") -> dict[str, Outcome]:
    """What the courier says, for every recipient of the leg, even if it fails us."""
    try:
        fates = leg.courier.deliver(message, leg.envelope)
        missing = MailError("internal", f"{leg.courier.describe()}: nobody says what became of this recipient")
    except Exception as error:  # the other legs have still to run
        fates, missing = {}, mishap(error)
    return {r.address: fates.get(r.address) or missing.outcome() for r in leg.envelope.recipients}


def _qualified(recipient: Recipient, domain: str) -> Recipient:
    return Recipient(f"{recipient.address}@{domain}", recipient.notify, recipient.orcpt)


def _local_courier(identity: Identity, trace: "Trace | None") -> "Courier":
    if not identity.mda:
        return NoRoute()
    from esmtp_py.deliver.mda import Mda

    return Mda(identity, trace)


def _leg(courier: "Courier", envelope: Envelope, recipients: dict[Recipient, list[str]]) -> Leg:
    """Each address once: ``joe`` and ``joe@example.org`` may have become the same."""
    unique: dict[str, Recipient] = {}
    originals: dict[str, list[str]] = {}
    for recipient, asked in recipients.items():
        unique.setdefault(recipient.address, recipient)
        originals.setdefault(recipient.address, []).extend(asked)
    return Leg(courier, envelope.to(list(unique.values())), originals)


TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from esmtp_py.message.message import Message
    from esmtp_py.smtp.reply import Trace

    class Courier(Protocol):
        """Anything that can deliver (``deliver`` answers for every recipient and never raises MailError)."""

        def describe(self) -> str: ...
        def deliver(self, message: Message, envelope: Envelope) -> dict[str, Outcome]: ...
