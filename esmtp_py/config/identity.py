"""Who the user is for one address: the section of the rc file that applies.

An Identity stands alone; nothing is inherited from another section.  It is
frozen: couriers and the queue may share one.
"""

from esmtp_py.secret.text import Secret

SMTP, LMTP = "smtp", "lmtp"

# How a channel is protected (esmtprc(5), starttls).
STARTTLS_AUTO = "automatic"  # not said: used when offered; with credentials it must be
STARTTLS_DISABLED = "disabled"
STARTTLS_ENABLED = "enabled"
STARTTLS_REQUIRED = "required"
STARTTLS_IMPLICIT = "implicit"

# What becomes of a mail for which no -od flag says it (esmtprc(5), delivery).
INTERACTIVE, BACKGROUND, QUEUE, ON_FAILURE = "interactive", "background", "queue", "on-failure"

SUBMISSION_PORT = "587"  # RFC 6409
SUBMISSIONS_PORT = "465"  # RFC 8314


class Server:
    """Where to submit.

    protocol: SMTP or LMTP.  host: name or address literal without brackets,
    "" when path is set.  service: port number or service name, as written.
    path: unix socket, "" for TCP.
    """

    __slots__ = ("host", "path", "protocol", "service")

    def __init__(self, host: str, service: str, *, protocol: str = SMTP, path: str = "") -> None:
        self.host = host
        self.service = service
        self.protocol = protocol
        self.path = path

    def __str__(self) -> str:
        if self.path:
            return f"{self.protocol}:{self.path}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.service}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Server) and str(self) == str(other) and self.protocol == other.protocol

    def __hash__(self) -> int:
        return hash((str(self), self.protocol))

    @property
    def loopback(self) -> bool:
        """True when no packet leaves the machine: a unix socket, or an address of the loopback net."""
        if self.path or self.host.lower() in ("localhost", "localhost.", "::1"):
            return True
        octets = self.host.split(".")
        return len(octets) == 4 and octets[0] == "127" and all(o.isdigit() for o in octets)


class Identity:
    """One section of the rc file, as a value.

    Attributes are the statements of esmtprc(5) of the same name; "" or None
    means the statement was not written, except where a default is stated:

    addresses:   the literal addresses and ``*@domain`` patterns of the
                 ``identity`` line; () for the global section.
    is_default:  serves the senders that no identity names.
    server:      a Server; localhost:25 when no hostname was written.
    username:    "" for no AUTH.    password: Secret or None.
    auth:        "automatic" or a mechanism name in upper case.
    starttls:    one of the STARTTLS_ words.
    ca_file, ca_dir, certificate, certificate_passphrase (Secret or None)
    helo, qualifydomain, preconnect, postconnect, mda, force_mda
    force_reverse_path, force_sender, sender: ``%`` not yet expanded; None
                 when not written ("" in force_reverse_path is the null path).
    message_id:  True unless disabled.
    timeout:     seconds per reply, 0 for the defaults of RFC 5321.
    delivery:    INTERACTIVE, BACKGROUND, QUEUE or ON_FAILURE.
    queue_lifetime: seconds until a queued mail is given up, 0 for the queue's own default.
    connections: how many a run over the queue opens at once, 1 unless written.
    undo:        seconds that each mail waits in the queue before it leaves; 0 for none.
    origin:      {statement: "file:line"} of every statement written.
    where:       "file:line" of the section.
    """

    __slots__ = (
        "addresses",
        "auth",
        "ca_dir",
        "ca_file",
        "certificate",
        "certificate_passphrase",
        "connections",
        "delivery",
        "force_mda",
        "force_reverse_path",
        "force_sender",
        "helo",
        "is_default",
        "mda",
        "message_id",
        "origin",
        "password",
        "postconnect",
        "preconnect",
        "qualifydomain",
        "queue_lifetime",
        "sender",
        "server",
        "starttls",
        "timeout",
        "undo",
        "username",
        "where",
    )

    addresses: tuple[str, ...]
    is_default: bool
    server: Server
    username: str
    password: Secret | None
    auth: str
    starttls: str
    ca_file: str
    ca_dir: str
    certificate: str
    certificate_passphrase: Secret | None
    helo: str
    qualifydomain: str
    force_reverse_path: str | None
    force_sender: str | None
    sender: str | None
    message_id: bool
    preconnect: str
    postconnect: str
    mda: str
    force_mda: str
    timeout: int
    delivery: str
    queue_lifetime: int
    connections: int
    undo: int
    origin: dict[str, str]
    where: str

    def __init__(
        self,
        *,
        addresses: "tuple[str, ...]" = (),
        is_default: bool = False,
        server: Server = Server("localhost", "25"),  # noqa: B008 - immutable by convention
        username: str = "",
        password: "Secret | None" = None,
        auth: str = "automatic",
        starttls: str = STARTTLS_AUTO,
        ca_file: str = "",
        ca_dir: str = "",
        certificate: str = "",
        certificate_passphrase: "Secret | None" = None,
        helo: str = "",
        qualifydomain: str = "",
        force_reverse_path: "str | None" = None,
        force_sender: "str | None" = None,
        sender: "str | None" = None,
        message_id: bool = True,
        preconnect: str = "",
        postconnect: str = "",
        mda: str = "",
        force_mda: str = "",
        timeout: int = 0,
        delivery: str = "",
        queue_lifetime: int = 0,
        connections: int = 1,
        undo: int = 0,
        origin: "dict[str, str] | None" = None,
        where: str = "",
    ) -> None:
        settle = object.__setattr__
        values = locals()
        for name in Identity.__slots__:
            settle(self, name, values[name])
        settle(self, "origin", dict(origin or {}))

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"Identity is frozen: {name}")

    @property
    def name(self) -> str:
        """What messages call it: its first address, or "default"."""
        return self.addresses[0] if self.addresses else "default"

    @property
    def implicit_tls(self) -> bool:
        """TLS from the first byte: said so, or the port of RFC 8314."""
        if self.starttls == STARTTLS_IMPLICIT:
            return True
        by_port = self.server.service in (SUBMISSIONS_PORT, "submissions", "smtps", "ssmtp")
        return by_port and self.starttls != STARTTLS_DISABLED

    @property
    def tls_wanted(self) -> bool:
        """STARTTLS is used when it is offered.

        Not with the local server that serves where no hostname is written, nor
        on a unix socket, unless the rc says so: no packet leaves the machine,
        and their certificates are for no name that we could check.
        """
        if self.starttls != STARTTLS_AUTO:
            return self.starttls != STARTTLS_DISABLED
        return not self.server.path and "hostname" in self.origin

    @property
    def tls_demanded(self) -> bool:
        """Nothing but EHLO and STARTTLS may be said without TLS.

        So it is when the rc demands it, and, unless the rc says ``disabled``,
        whenever there are credentials to lose on a network.
        """
        if self.starttls in (STARTTLS_REQUIRED, STARTTLS_IMPLICIT):
            return True
        if self.starttls == STARTTLS_DISABLED:
            return False
        return bool(self.username) and not self.server.loopback
