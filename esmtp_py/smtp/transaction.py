"""One mail transaction: MAIL, RCPT, the message, and a fate for each recipient.

The transaction says which commands may go now (``opening``, then whatever
each reply makes possible), in as few flights as the server's extensions allow:

    PIPELINING + CHUNKING, small message   MAIL RCPT… BDAT-LAST+message
    PIPELINING + CHUNKING                  MAIL RCPT… | BDAT-LAST+message
    PIPELINING                             MAIL RCPT… DATA | message
    neither                                MAIL | RCPT | … | DATA | message
"""

from esmtp_py.errors import MailError
from esmtp_py.message.domain import ascii_domain
from esmtp_py.message.dots import stuff
from esmtp_py.message.envelope import Envelope, Recipient
from esmtp_py.outcome import Outcome
from esmtp_py.smtp import command
from esmtp_py.smtp.client import OutOfStep
from esmtp_py.smtp.command import DATA, MAIL, RCPT, Command, Payload
from esmtp_py.smtp.extensions import Extensions
from esmtp_py.smtp.reply import Reply, printable
from esmtp_py.smtp.verdict import too_many_mails, too_many_recipients, verdict

# A message up to here goes out before its recipients are accepted: one flight
# for the price of at most this many bytes in vain.  It is also what fits the
# initial window of a warm connection; more would wait for a turn anyway.
ONE_FLIGHT = 65536


class Transaction:
    """Message and envelope on their way through one connection.

    outcomes:  {address: Outcome} of the recipients whose fate is known.
    remaining: recipients the server had no room for: they want a further
               transaction (RFC 5321 section 4.5.3.1.10).
    done:      every recipient is in one of the two, and no reply is owed.
    said:      it has no more commands to come.
    heard:     the server has answered one of its commands.
    full:      the server takes no further mail in this session.
    early:     MAIL was out of sequence.
    clean:     it ended with the message accepted, so nothing of it is left at the server.
    """

    def __init__(
        self, message: "Message", envelope: Envelope, extensions: Extensions, remote: str, *, lmtp: bool = False
    ) -> None:
        self.outcomes: dict[str, Outcome] = {}
        self.remaining: list[Recipient] = []
        self.done = False
        self.heard = False
        self.full = self.early = False
        self.clean = False
        self._message = message
        self._envelope = envelope
        self._extensions = extensions
        self._remote = remote
        self._lmtp = lmtp
        self._unsent: list[tuple[Recipient, Command]] = []  # the next one last
        self._asked: list[Recipient] = []
        self._accepted: list[Recipient] = []
        self._judged = 0
        self._data_sent = False
        self._final: Command | None = None  # what the message goes with
        self._utf8 = False
        self._warning = ""

    @property
    def said(self) -> bool:
        return self.done or self._final is not None

    # -- what may be sent ---------------------------------------------------

    def opening(self) -> list[Command]:
        """The first flight.  Raises MailError when the server cannot take this message at all.

        Nothing may be left to say: then ``done`` is set.
        """
        addresses = (self._envelope.sender, *(r.address for r in self._envelope.recipients))
        self._utf8 = "SMTPUTF8" in self._extensions and not all(a.isascii() for a in addresses)
        mail = command.mail(self._wire(self._envelope.sender), self._mail_parameters(), self)
        for recipient in reversed(self._envelope.recipients):
            self._prepare(recipient)
        if not self._unsent:
            self.done = True
            return []
        if "PIPELINING" not in self._extensions:
            return [mail]
        flight = [mail, *(self._rcpt() for _ in range(len(self._unsent)))]
        if self._may_fly_blind:
            flight.append(self._data())
        return flight

    def _prepare(self, recipient: Recipient) -> None:
        """Makes the RCPT command; an address that cannot be said here concerns nobody else."""
        try:
            rcpt = command.rcpt(self._wire(recipient.address), self._rcpt_parameters(recipient), self)
        except MailError as error:
            self.outcomes[recipient.address] = error.outcome()
        else:
            self._unsent.append((recipient, rcpt))

    def _wire(self, address: str) -> str:
        """The address as this server understands it (RFC 6531; RFC 5891 for the domain)."""
        if address.isascii() or self._utf8:
            return address
        local, at, domain = address.rpartition("@")
        if not local.isascii():
            raise MailError(
                "bad_address",
                f"{self._remote} takes no addresses beyond ASCII (SMTPUTF8): "
                f"{printable(address.encode('utf-8', 'backslashreplace'))} needs another address or server",
                status="5.6.7",
            )
        return local + at + ascii_domain(domain)

    @property
    def _chunking(self) -> bool:
        return "CHUNKING" in self._extensions

    @property
    def _may_fly_blind(self) -> bool:
        """May the data command go before the recipients are accepted?

        Not in LMTP, where the number of replies depends on them.
        """
        return not self._lmtp and (not self._chunking or self._message.size <= ONE_FLIGHT)

    def _rcpt(self) -> Command:
        recipient, rcpt = self._unsent.pop()
        self._asked.append(recipient)
        return rcpt

    def _data(self) -> Command:
        self._data_sent = True
        if self._chunking:
            size = self._message.size
            payload = Payload(lambda: _exactly(size, self._message.chunks()), bytes(self._message.header))
            self._final = command.bdat(size, payload, self._final_replies, self)
            return self._final
        data = command.plain(DATA)
        data.owner = self
        return data

    @property
    def _final_replies(self) -> int:
        """LMTP answers once for each accepted recipient (RFC 2033 section 4.2)."""
        return max(1, len(self._accepted)) if self._lmtp else 1

    def _mail_parameters(self) -> list[str]:
        limit, size = self._extensions.size_limit, self._message.size
        if limit and size > limit:
            raise MailError(
                "too_big", f"the message has {size} bytes and {self._remote} takes no more than {limit}: send less"
            )
        parameters = []
        if "SIZE" in self._extensions:
            parameters.append(f"SIZE={size}")
        parameters += self._body_parameters()
        parameters += self._tls_parameters()
        if "DSN" in self._extensions:
            if self._envelope.ret:
                parameters.append(f"RET={self._envelope.ret}")
            if self._envelope.envid:
                parameters.append(f"ENVID={command.xtext(self._envelope.envid)}")
        return parameters

    def _body_parameters(self) -> list[str]:
        body = self._envelope.body
        if body == "BINARYMIME":
            if "BINARYMIME" not in self._extensions or not self._chunking:
                raise MailError("content", f"{self._remote} takes no BINARYMIME: encode the message", status="5.6.1")
            parameters = ["BODY=BINARYMIME"]
        elif "8BITMIME" in self._extensions and (body == "8BITMIME" or self._message.eight_bit):
            parameters = ["BODY=8BITMIME"]
        else:
            parameters = []
            if self._message.eight_bit:
                self._warning = f"{self._remote} does not offer 8BITMIME and got 8-bit text all the same"
        if self._utf8:
            parameters.append("SMTPUTF8")
        return parameters

    def _tls_parameters(self) -> list[str]:
        """RFC 8689 section 4.2.1; and section 5: no report is lost for want of it."""
        if "REQUIRETLS" in self._extensions or not self._envelope.requiretls:
            return ["REQUIRETLS"] if self._envelope.requiretls else []
        if self._envelope.report:
            return []
        raise MailError(
            "not_permitted",
            f"{self._remote} does not offer REQUIRETLS, and this mail must not go any other way: "
            "send it without -O RequireTLS and tls_required_ext, or through another server",
            status="5.7.30",
        )

    def _rcpt_parameters(self, recipient: Recipient) -> list[str]:
        parameters: list[str] = []
        if "DSN" in self._extensions:
            if recipient.notify:
                parameters.append("NOTIFY=" + ",".join(recipient.notify))
            if recipient.orcpt:
                parameters.append("ORCPT=" + command.typed_address(recipient.orcpt))
        return parameters

    # -- what the replies mean ----------------------------------------------

    def answered(self, answered: Command, reply: Reply) -> list[Command]:
        """Takes the reply to one of this transaction's commands; returns what may follow."""
        self.heard = True
        if answered.verb == MAIL:
            return self._mail_answered(reply)
        if answered.verb == RCPT:
            return self._rcpt_answered(reply)
        if answered.verb == DATA:
            return self._data_answered(reply)
        self._message_answered(answered, reply)
        return []

    def _mail_answered(self, reply: Reply) -> list[Command]:
        if not reply.positive:
            fate = verdict(MAIL, reply, self._remote)
            self.outcomes.update((r.address, fate) for r in self._envelope.recipients)
            self._unsent.clear()
            self.full, self.early = too_many_mails(reply), reply.code == 503
            self.done = not self._asked
        return [self._rcpt()] if self._unsent else []

    def _rcpt_answered(self, reply: Reply) -> list[Command]:
        recipient = self._asked[self._judged]
        self._judged += 1
        if recipient.address in self.outcomes:
            # MAIL was refused: the 503 that is due says nothing new, but anything else would go on with an older one
            if reply.positive:
                raise OutOfStep("the server takes a recipient although it refused the sender", reply)
        elif reply.positive:
            self._accepted.append(recipient)
        elif too_many_recipients(reply) and self._accepted:
            self.remaining.append(recipient)
        else:
            self.outcomes[recipient.address] = verdict(RCPT, reply, self._remote)
        return self._after_rcpt()

    def _after_rcpt(self) -> list[Command]:
        if self._unsent:
            return [self._rcpt()]
        if self._judged < len(self._asked) or self._data_sent:
            return []
        if self._accepted:
            return [self._data()]
        self.done = True
        return []

    def _data_answered(self, reply: Reply) -> list[Command]:
        if reply.positive:
            return [self._body()]
        self._settle(DATA, reply, self._accepted)
        self.done = True
        return []

    def _body(self) -> Command:
        """The message, or the lone dot that a 354 without recipients still wants (RFC 2920 section 3.1)."""
        if not self._accepted:
            self._final = command.body(Payload(lambda: [b".\r\n"]), owner=self)
        else:
            payload = Payload(lambda: stuff(self._message.chunks()), bytes(self._message.header))
            self._final = command.body(payload, self._final_replies, self)
        return self._final

    def _message_answered(self, answered: Command, reply: Reply) -> None:
        if self._lmtp and self._accepted:
            # in the order of the accepted RCPT commands
            recipient = self._accepted[-1 - answered.replies]
            self._settle(answered.verb, reply, [recipient])
        else:
            self._settle(answered.verb, reply, self._accepted)
        self.done = answered.replies <= 0
        self.clean = reply.positive

    def _settle(self, verb: str, reply: Reply, recipients: list[Recipient]) -> None:
        fate = verdict(verb, reply, self._remote)
        if reply.positive:
            fate.warning = self._warning
            fate.action = "" if "DSN" in self._extensions else "relayed"
        self.outcomes.update((r.address, fate) for r in recipients)

    # -- when the session ends first ----------------------------------------

    def lost(self, error: MailError) -> None:
        """The session ended with ``error``: whoever has no fate yet gets that one."""
        fate = error.outcome()
        # a server that said 421 instead of an answer did not take the message
        if self._final and self._final.sent and error.kind != "try_again" and fate.fate == "deferred":
            fate.text += "; the server may have taken the message all the same, so it may be sent more than once"
        remaining = {r.address for r in self.remaining}
        for recipient in self._envelope.recipients:
            if recipient.address not in remaining:
                self.outcomes.setdefault(recipient.address, fate)
        self.done = True

    def doubt(self, error: MailError) -> None:
        """The server's answers turn out to be out of step: none of them is believed, for better or worse."""
        self.outcomes = {address: fate for address, fate in self.outcomes.items() if not fate.reply}
        self.lost(error)


def _exactly(size: int, chunks: "Iterable[bytes]") -> "Iterator[bytes]":
    """``chunks``, which must have ``size`` bytes: with BDAT one more would be read as a command."""
    for chunk in chunks:
        size -= len(chunk)
        if size < 0:
            break
        yield chunk
    if size:
        raise MailError("internal", "the message has not the size that was said")


TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from esmtp_py.message.message import Message
