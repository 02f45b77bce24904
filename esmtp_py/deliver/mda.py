"""The courier that hands mail to a local delivery agent: the rc's ``mda`` command."""

from esmtp_py.child import Finished
from esmtp_py.config.identity import Identity
from esmtp_py.deliver import shell
from esmtp_py.errors import MailError
from esmtp_py.message.envelope import Envelope
from esmtp_py.message.newlines import unix_form
from esmtp_py.outcome import Outcome

_EX_NOUSER = 67
# EX_OSERR, EX_IOERR, EX_TEMPFAIL: the system is short of something, or the disk fails; as for sendmail and Postfix.
_NOT_NOW = (71, 74, 75)
_NOT_STARTED = (126, 127)  # sh: cannot execute, not found
_SIGNALS = range(129, 193)  # sh: what it ran was ended by a signal


class Mda:
    """Runs the command once for all its recipients; a courier."""

    def __init__(self, identity: Identity, trace: "Trace | None" = None) -> None:
        self._identity = identity
        self._trace = trace

    def describe(self) -> str:
        return f"pipe to {self._identity.mda}"

    def deliver(self, message: "Message", envelope: Envelope) -> dict[str, Outcome]:
        """An Outcome for every recipient of the envelope, whatever happens."""
        outcomes = _refused(self._identity.mda, envelope)
        recipients = [r for r in envelope.recipients if r.address not in outcomes]
        if recipients:
            fate = self._run(message, envelope.to(recipients))
            outcomes.update((r.address, fate) for r in recipients)
        return outcomes

    def _run(self, message: "Message", envelope: Envelope) -> Outcome:
        try:
            if _has_controls(envelope.sender):
                raise MailError("bad_address", f"not a sender: {envelope.sender!a}")
            values = {"T": [r.address for r in envelope.recipients], "F": [_no_option(envelope.sender)]}
            command = shell.expand(self._identity.mda, values)
            if self._trace:
                self._trace("*", f"mda: {command}".encode("utf-8", "replace"))
            return _verdict(shell.pipe(command, _as_delivered(message, envelope.sender), shell.SECONDS))
        except MailError as error:
            return error.outcome()


def _as_delivered(message: "Message", sender: str) -> "Iterator[bytes]":
    """RFC 5321 section 4.4: final delivery writes the reverse path into the message."""
    yield b"Return-Path: <" + sender.encode("utf-8", "surrogateescape") + b">\n"
    yield from unix_form(message)


def _refused(template: str, envelope: Envelope) -> dict[str, Outcome]:
    """Recipients no command may see: no quoting keeps ``-x`` from being taken for an option."""
    refused = {}
    for address in (r.address for r in envelope.recipients):
        if not address or _has_controls(address):
            refused[address] = Outcome("bad_address", f"not a local recipient: {address!a}")
        elif address.startswith("-") and "%T" in template:
            refused[address] = Outcome("bad_address", f"a local recipient cannot begin with a dash: {address}")
    return refused


def _has_controls(address: str) -> bool:
    return any(c < " " or c == "\x7f" for c in address)


def _no_option(sender: str) -> str:
    """The same reverse path, in quotes that SMTP does not mind, if it looks like an option."""
    local, at, domain = sender.rpartition("@")
    return f'"{local}"@{domain}' if sender.startswith("-") and at else sender


def _verdict(finished: Finished) -> Outcome:
    """What an MDA's exit says (sysexits.h): 0 is the only success, and only some codes are for ever."""
    text = f"the mda {finished.how}"
    if finished.status == 0:
        fate = Outcome("delivered", "delivered by the mda")
        fate.action = "delivered"
        return fate
    if finished.status is None or finished.status < 0 or finished.status in (*_NOT_NOW, *_SIGNALS):
        return Outcome("try_again", text, status="4.3.0")
    if finished.status in _NOT_STARTED:
        return Outcome("config", f"{text}: check mda in the rc")
    if finished.status == _EX_NOUSER:
        return Outcome("unknown_user", text)
    return Outcome("refused", text, status="5.3.0")


TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from esmtp_py.message.message import Message
    from esmtp_py.smtp.reply import Trace
