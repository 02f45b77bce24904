"""Where an identity submits its mail."""

SMTP, LMTP = "smtp", "lmtp"

SUBMISSION_PORT = "587"  # RFC 6409
SUBMISSIONS_PORT = "465"  # RFC 8314


class Server:
    """Where to submit.

    protocol: SMTP or LMTP.  host: name or address literal without brackets,
    "" when path is set.  service: port number or service name, as written.
    path: unix socket, "" for TCP.  srv: host is a domain, whose SRV records
    name the server; service is "" then.
    """

    __slots__ = ("host", "path", "protocol", "service", "srv")

    def __init__(self, host: str, service: str, *, protocol: str = SMTP, path: str = "", srv: bool = False) -> None:
        self.host = host
        self.service = service
        self.protocol = protocol
        self.path = path
        self.srv = srv

    def __str__(self) -> str:
        if self.path:
            return f"{self.protocol}:{self.path}"
        if self.srv:
            return f"srv:{self.host}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.service}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Server) and str(self) == str(other) and self.protocol == other.protocol

    def __hash__(self) -> int:
        return hash((str(self), self.protocol))

    @property
    def written(self) -> str:
        """As the rc says it, with what tells LMTP and a socket from SMTP over TCP."""
        if self.path:
            return f"{'lmtp' if self.protocol == LMTP else 'unix'}:{self.path}"
        return f"lmtp:{self}" if self.protocol == LMTP else str(self)

    @property
    def literal(self) -> bool:
        """The host is an address, and no name."""
        return ":" in self.host or (self.host.count(".") == 3 and self.host.replace(".", "").isdecimal())

    @property
    def loopback(self) -> bool:
        """True when no packet leaves the machine: a unix socket, or an address of the loopback net."""
        if self.srv:
            return False
        if self.path or self.host.lower() in ("localhost", "localhost.", "::1"):
            return True
        octets = self.host.split(".")
        return len(octets) == 4 and octets[0] == "127" and all(o.isdigit() for o in octets)
