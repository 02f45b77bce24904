"""The envelope: who a message is from and for, apart from what its header says.

Addresses are ``str`` in their canonical form (``local@domain``, the local part
quoted only where RFC 5321 needs it, no angle brackets); the empty string is
the null reverse path; an address without a domain is a local one.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmtp_py.outcome import Outcome

# RFC 3461 section 4.1: NEVER stands alone.
NEVER = ("NEVER",)
NOTIFY_WORDS = ("SUCCESS", "FAILURE", "DELAY")


class Recipient:
    """One forward path with its DSN wishes (RFC 3461).

    notify: () when the caller said nothing, else NEVER or some of NOTIFY_WORDS.
    orcpt:  the original recipient as written by the caller, "" if the same.
    fate:   what becomes of it, where no courier need be asked, as for an alias that cannot be used; else None.
    """

    __slots__ = ("address", "fate", "notify", "orcpt")

    def __init__(self, address: str, notify: "tuple[str, ...]" = (), orcpt: str = "") -> None:
        self.address = address
        self.notify = notify
        self.orcpt = orcpt
        self.fate: Outcome | None = None

    @property
    def local(self) -> bool:
        """True for a bare user name, which no mail server can be asked about."""
        return "@" not in self.address

    def __repr__(self) -> str:
        return f"Recipient({self.address!r})"


class Envelope:
    """The transaction a message wants (RFC 5321 section 2.3.1).

    sender:     reverse path, "" for the null one.
    recipients: in the order given, each address once.
    body:       "" (say what the bytes are), "7BIT", "8BITMIME" or "BINARYMIME".
    ret, envid: "" or FULL/HDRS; "" or the caller's id, not yet xtext (RFC 3461).
    requiretls: to go over verified TLS all the way (RFC 8689).
    report:     written here about another mail: where requiretls is not offered it goes without.
    """

    __slots__ = ("body", "envid", "recipients", "report", "requiretls", "ret", "sender")

    def __init__(
        self,
        sender: str,
        recipients: "list[Recipient]",
        *,
        body: str = "",
        ret: str = "",
        envid: str = "",
        requiretls: bool = False,
        report: bool = False,
    ) -> None:
        self.sender = sender
        self.recipients = recipients
        self.body = body
        self.ret = ret
        self.envid = envid
        self.requiretls = requiretls
        self.report = report

    def to(self, recipients: "list[Recipient]") -> "Envelope":
        """The same envelope for other recipients: one leg of a route."""
        return Envelope(
            self.sender,
            recipients,
            body=self.body,
            ret=self.ret,
            envid=self.envid,
            requiretls=self.requiretls,
            report=self.report,
        )
