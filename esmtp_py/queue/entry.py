"""What a queue file says: the envelope and options before the message, the seal behind it.

Pure, as ``reading``, which makes an Entry of bytes again.  ``store`` reads and writes the
files, ``marks`` is what is appended to them; esmtp-queue(5) describes all of it.

    esmtp-queue 1
    time 1700000000.123456
    sender <me@x.org>
    recipient <a@x> NOTIFY=FAILURE
    (empty line)
    MESSAGE
    seal SIZE ALGORITHM SUM      SIZE bytes before this line's leading LF, and their digest
    marks
"""

from esmtp_py.errors import MailError
from esmtp_py.message.envelope import Envelope, Recipient

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmtp_py.queue.marks import Marks

VERSION = b"esmtp-queue 1\n"
WIRE, RAW = "wire", "raw"

# The last such line is the seal: marks, which follow it, never begin so; the message may.
SEAL = b"\nseal "
_ID_LIMIT = 20
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


class Damaged(MailError):
    """A file in the queue that is no sound queue file; ``text`` says why.  It is kept, in corrupt/."""

    def __init__(self, text: str) -> None:
        super().__init__("io", text)


class Entry:
    """One mail in the queue.

    time:        of submission, seconds since 1970 (to the microsecond).
    sender:      reverse path, "" for the null one; None: the identity chooses, at delivery.
    recipients:  as in Envelope.  body, ret, envid, requiretls: as there.
    full_name:   -F; None if not given.   rc: -C, "" if not given.   hops: -h.
    aliases:     "no" with -n: recipients are not looked up; else "".
    errors:      -oe: "", "print", "mail" or "quiet".
    identity:    name of the Identity it must leave with, "" for the one that its sender chooses.
    not_before:  deliver no earlier; seconds since 1970, 0 for at once.
    form:        WIRE: the message is header, blank line and body with CRLF, Bcc taken out.
                 RAW: it is standard input as it came, and argv (bytes, without the
                 command's name) is all that is known; sender and recipients are in there.

    Set when it was read from a file: ``offset`` and ``size`` of the message in
    bytes, ``sealed`` (how many bytes the digest covers), ``algorithm``,
    ``digest``, and what was appended since, as ``marks``.
    """

    __slots__ = (
        "_marks",
        "_recipients",
        "_tail",
        "algorithm",
        "aliases",
        "argv",
        "body",
        "digest",
        "envid",
        "errors",
        "form",
        "full_name",
        "hops",
        "identity",
        "not_before",
        "offset",
        "rc",
        "requiretls",
        "ret",
        "sealed",
        "sender",
        "size",
        "time",
    )

    def __init__(
        self,
        time: float,
        sender: "str | None" = None,
        recipients: "list[Recipient] | None" = None,
        *,
        body: str = "",
        ret: str = "",
        envid: str = "",
        requiretls: bool = False,
        full_name: "str | None" = None,
        rc: str = "",
        hops: int = 0,
        errors: str = "",
        aliases: str = "",
        identity: str = "",
        not_before: float = 0,
        form: str = WIRE,
        argv: "list[bytes] | None" = None,
    ) -> None:
        self.time = time
        self.sender = sender
        self._recipients = recipients or []
        self.body = body
        self.ret = ret
        self.envid = envid
        self.requiretls = requiretls
        self.full_name = full_name
        self.rc = rc
        self.hops = hops
        self.errors = errors
        self.aliases = aliases
        self.identity = identity
        self.not_before = not_before
        self.form = form
        self.argv = argv or []
        self.offset = self.size = self.sealed = 0
        self.algorithm = self.digest = ""
        self._tail = b""
        self._marks: Marks | None = None

    @property
    def recipients(self) -> list[Recipient]:
        """In the order in which marks count them: those of the envelope, then those that aliases stand for."""
        if not (self._recipients and (self._tail or self._marks) and self.marks.members):
            return self._recipients
        return self._recipients + self.marks.members

    @recipients.setter
    def recipients(self, recipients: list[Recipient]) -> None:
        self._recipients = recipients

    @property
    def marks(self) -> "Marks":
        """What has become of it so far."""
        if self._marks is None:
            from esmtp_py.queue.marks import Marks

            self._marks = Marks(self._tail)
        return self._marks

    def envelope(self, sender: str) -> Envelope:
        """For all recipients; ``sender`` counts where the entry leaves it to the identity."""
        return Envelope(
            sender if self.sender is None else self.sender,
            self.recipients,
            body=self.body,
            ret=self.ret,
            envid=self.envid,
            requiretls=self.requiretls,
        )

    def head(self) -> bytes:
        """All that stands before the message, the empty line included."""
        lines = [f"time {self.time:.6f}"]
        if self.sender is not None:
            lines.append(f"sender {_path(self.sender)}")
        lines += [f"recipient {recipient_words(recipient)}" for recipient in self._recipients]
        for name, unsaid in WORDS.items():
            value = getattr(self, name)
            if value != unsaid:
                lines.append(f"{name} {escape(value)}")
        if self.hops:
            lines.append(f"hops {self.hops}")
        if self.not_before:
            lines.append(f"not_before {self.not_before:.6f}")
        if self.requiretls:
            lines.append("requiretls ")
        head = VERSION + "\n".join(lines).encode("utf-8", "surrogateescape") + b"\n"
        return head + b"".join(b"argv %d\n%b\n" % (len(word), word) for word in self.argv) + b"\n"


# Fields that are one text, with what stands for "not said".
WORDS: dict[str, str | None] = {
    "form": WIRE,
    "full_name": None,
    "rc": "",
    "body": "",
    "ret": "",
    "envid": "",
    "errors": "",
    "aliases": "",
    "identity": "",
}


def new_id(seconds: float, pid: int) -> str:
    """A name for a file submitted at ``seconds`` since 1970 by process ``pid``; names sort by time."""
    seconds = max(seconds, 0)
    whole = int(seconds)
    tail = ""
    while pid:
        pid, digit = divmod(pid, 36)
        tail = _DIGITS[digit] + tail
    # of a clock that shows a year after 2286 the last ten digits
    return f"{whole % 10_000_000_000:010d}-{int((seconds - whole) * 1000000):06d}{tail}"


def is_id(name: str) -> bool:
    """True for what new_id, the wrapper, and reports (an id and -f, -d or -s, maybe with a number) may be called."""
    rest, dash, report = name[11:].rpartition("-")
    if not dash:
        rest = report
    elif report[:1] not in ("f", "d", "s") or not (report + "0")[1:].isdigit():
        return False
    stamped = name[:10].isdigit() and name[10:11] == "-"
    return stamped and rest.isalnum() and len(rest) <= _ID_LIMIT and name.isascii()


def escape(text: str) -> str:
    """Without control characters, so that it is one line: those, and ``%``, as ``%XX``."""
    if text.isprintable() and "%" not in text:
        return text
    return "".join(f"%{ord(char):02X}" if char < " " or char in "%\x7f" else char for char in text)


def _path(address: str) -> str:
    """In angle brackets, as one word."""
    if address.isprintable() and not any(char in address for char in ' %<>"'):
        return f"<{address}>"
    return "<" + "".join(f"%{ord(char):02X}" if char <= " " or char in "%<>\x7f" else char for char in address) + ">"


def recipient_words(recipient: Recipient) -> str:
    """What a recipient is, in one line; ``reading.recipient_of`` reads it."""
    notify = " NOTIFY=" + ",".join(recipient.notify) if recipient.notify else ""
    orcpt = " ORCPT=" + escape(recipient.orcpt) if recipient.orcpt else ""
    return f"{_path(recipient.address)}{notify}{orcpt}"


def seal_line(size: int, algorithm: str, digest: str) -> bytes:
    """What closes a file of ``size`` bytes; from here on only marks are appended."""
    return SEAL + f"{size} {algorithm} {digest}\n".encode()
