"""The mail of this run: what the command line, the rc and standard input say about it, put together.

``Mail.prepare`` is the part of the way that sending and -bv share: words of
argv, rc file, message, identity, envelope.  It ends before anything is sent.
"""

import os

from esmtp_py.cli.recipients import difference, from_words, union
from esmtp_py.cli.stdin import read_message
from esmtp_py.errors import MailError
from esmtp_py.message.envelope import Envelope
from esmtp_py.message.header import conceal, received_count
from esmtp_py.message.mailbox import plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from esmtp_py.cli.options import Options
    from esmtp_py.deliver.caller import Caller
    from esmtp_py.deliver.route import Leg
    from esmtp_py.deliver.select import Choice
    from esmtp_py.message.header import Header
    from esmtp_py.message.mailbox import Mailbox
    from esmtp_py.message.message import Message


class Mail:
    """Filled step by step; what a step could not settle stays None.

    message:  standard input, without Bcc once the envelope is known.   header: its header, also where that is all.
    given:    address of -f, "" for the null sender, None without -f.
    choice:   identity and sender.   envelope: complete.
    spoiled:  why the message must not leave although it has an envelope.
    input_touched: reading has begun; what comes back from a second try is not the message.
    """

    __slots__ = ("_caller", "choice", "envelope", "given", "header", "input_touched", "message", "options", "spoiled")

    def __init__(self, options: "Options") -> None:
        self.options = options
        self._caller: Caller | None = None
        self.message: Message | None = None
        self.header: Header | None = None
        self.given: str | None = None
        self.choice: Choice | None = None
        self.envelope: Envelope | None = None
        self.spoiled: MailError | None = None
        self.input_touched = False

    @property
    def caller(self) -> "Caller":
        """Who runs us; a mail that is only queued need not know."""
        if self._caller is None:
            from esmtp_py.deliver.caller import Caller

            self._caller = Caller()
        return self._caller

    def prepare(self, *, with_message: bool) -> "tuple[Choice, Envelope]":
        """Everything but the sending.  with_message: standard input holds one.  MailError ends the run."""
        from esmtp_py.config import load
        from esmtp_py.deliver.select import select

        words = self.asked()
        config = load(self.options.rc)
        if with_message:
            self.read()
        self.choice = choice = select(config, self.caller, self.given, self._author())
        return choice, self.address(words, choice.sender)

    def asked(self) -> "list[Mailbox]":
        """The recipients in argv; sets ``given``.  MailError for a call that makes no sense."""
        self.given = given_sender(self.options.sender)
        words = from_words(self.options.recipients)
        if not words and not self.options.from_header:
            raise MailError("usage", "no recipients: name them, or use -t to take them from the header (--help: more)")
        return words

    def address(self, words: "list[Mailbox]", sender: str) -> Envelope:
        """Sets the envelope, takes Bcc out of the message, and looks whether that is fit to leave."""
        self.envelope = self._envelope(words, sender)
        self._judge()
        return self.envelope

    def read(self) -> "Message":
        """Takes the message from standard input."""
        self.input_touched = True
        message, self.spoiled = read_message(dot_ends=self.options.dots, binary=self.options.body == "BINARYMIME")
        self.message, self.header = message, message.header
        return message

    def replace_aliases(self) -> None:
        """The envelope as it leaves; a mail that is queued keeps its own until then."""
        assert self.choice
        assert self.envelope
        if self.choice.identity.aliases and self.options.aliases:
            from esmtp_py.deliver.expansion import expand

            self.envelope = expand(self.envelope, self.choice.identity, self.caller)

    def legs(self, trace: "Callable[[str, bytes], None] | None") -> "list[Leg]":
        """The couriers for the envelope.  A sender without domain gets one for SMTP, not for the MDA."""
        from esmtp_py.deliver.route import plan
        from esmtp_py.deliver.select import qualified
        from esmtp_py.deliver.submission import Submission

        assert self.choice
        assert self.envelope
        legs = plan(self.choice.identity, self.envelope, trace)
        for leg in legs:
            if isinstance(leg.courier, Submission):
                leg.envelope.sender = qualified(leg.envelope.sender, self.choice.identity, self.caller)
        return legs

    def _author(self) -> str:
        from esmtp_py.message.originate import sender_of

        mailbox = sender_of(self.header) if self.header else None
        return mailbox.address if mailbox else ""

    def _envelope(self, words: "list[Mailbox]", sender: str) -> Envelope:
        options = self.options
        found = _named_in(self.header) if options.from_header and self.header else []
        combine = difference if options.from_header and options.extra == "remove" else union
        recipients = combine(words, found, options.notify)
        if not recipients:
            raise MailError("bad_address", "-t: the header names no recipients; nothing was sent")
        if self.header:
            conceal(self.header)
        return Envelope(
            sender,
            recipients,
            body=options.body,
            ret=options.ret,
            envid=options.envid,
            requiretls=options.requiretls,
        )

    def _judge(self) -> None:
        """RFC 5321 section 6.3: a message that has come too far is going in circles."""
        if not self.header or self.spoiled:
            return
        hops = max(self.options.hops, received_count(self.header))
        if hops > self.options.max_hops:
            limit = self.options.max_hops
            self.spoiled = MailError("loop", f"the message has made {hops} hops, more than {limit}: it is in a loop")


def _named_in(header: "Header") -> "list[Mailbox]":
    from esmtp_py.message.originate import recipients_of

    return recipients_of(header)


def given_sender(text: "str | None", flag: str = "-f") -> "str | None":
    """The address of -f, or of another flag: None if there was none, "" for the null sender."""
    if text is None:
        return None
    if text.startswith("-"):
        raise MailError("bad_address", f"{flag} {text}: a sender cannot begin with a dash; is its argument missing?")
    if mailbox := plain(text):
        return mailbox.address
    from esmtp_py.message.address import AddressError, parse_reverse_path

    try:
        mailbox = parse_reverse_path(os.fsencode(text))
    except AddressError as error:
        raise MailError("bad_address", f"{flag} {text}: {error.text}; nothing was sent") from error
    return mailbox.address if mailbox else ""
