"""Who the user is for one address: the section of the rc file that applies.

An Identity stands alone; nothing is inherited from another section.  It is
frozen: couriers and the queue may share one.
"""

from esmtp_py.config.server import SUBMISSIONS_PORT, Server

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from esmtp_py.concealed import Secret
    from esmtp_py.config.proxy import Proxy

# How a channel is protected (esmtprc(5), starttls).
STARTTLS_AUTO = "automatic"  # not said: used when offered; with credentials it must be
STARTTLS_DISABLED = "disabled"
STARTTLS_ENABLED = "enabled"
STARTTLS_REQUIRED = "required"
STARTTLS_IMPLICIT = "implicit"

# Each says where the password comes from, so a section has one of them.
PASSWORDS = ("password", "password_command", "password_file", "password_from", "credential")

# What there is no use for without a username, unless a mechanism needs none.
_LOGIN = (*PASSWORDS, "oauth2", "auth")

# Mechanisms that need no username: a certificate, a ticket, or nothing says who it is.
WITHOUT_USERNAME = ("EXTERNAL", "ANONYMOUS", "GSSAPI")

# What becomes of a mail for which no -od flag says it (esmtprc(5), delivery).
INTERACTIVE, BACKGROUND, QUEUE, ON_FAILURE = "interactive", "background", "queue", "on-failure"

# What becomes of From: (esmtprc(5), from_header).
ADD, FORCE, KEEP = "add", "force", "keep"


# What each attribute of an Identity is when no statement says it.
UNSAID: "dict[str, Any]" = {
    "addresses": (),
    "is_default": False,
    "called": "",
    "server": Server("localhost", "25"),
    "username": "",
    "password": None,
    "auth": "automatic",
    "starttls": STARTTLS_AUTO,
    "ca_file": "",
    "ca_dir": "",
    "certificate": "",
    "certificate_passphrase": None,
    "helo": "",
    "qualifydomain": "",
    "force_reverse_path": None,
    "force_sender": None,
    "sender": None,
    "message_id": True,
    "preconnect": "",
    "postconnect": "",
    "mda": "",
    "force_mda": "",
    "timeout": 0,
    "delivery": "",
    "queue_lifetime": 0,
    "connections": 1,
    "undo": 0,
    "password_command": "",
    "password_file": "",
    "password_from": "",
    "credential": "",
    "keyring_backend": "",
    "oauth2": "",
    "client_id": "",
    "client_secret": None,
    "authorization_endpoint": "",
    "token_endpoint": "",
    "device_endpoint": "",
    "scope": "",
    "token_file": "",
    "fingerprint": "",
    "tls_hostname": "",
    "min_tls": "",
    "ciphers": "",
    "certificate_key": "",
    "crl_file": "",
    "tls_required_ext": False,
    "proxy": None,
    "source_address": "",
    "connect_timeout": 0,
    "aliases": "",
    "domain": "",
    "from_header": ADD,
    "full_name": None,
    "date": True,
    "undisclosed_recipients": True,
    "dsn_notify": (),
    "record": "",
    "imap_server": None,
    "sent_folder": "",
    "log": "",
    "syslog": "",
    "origin": {},
    "where": "",
}


class Identity:
    """One section of the rc file, as a value.

    Attributes are the statements of esmtprc(5) of the same name; "" or None
    means the statement was not written, except where a default is stated:

    addresses:   the literal addresses and ``*@domain`` patterns of the
                 ``identity`` line; () for the global section.
    is_default:  serves the senders that no identity names.
    called:      its name, where that is not its first address.
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
    password_command, password_file, password_from ("keyring", "netrc", "ask"), credential (a name),
                 keyring_backend: where the password comes from instead; one of the first four at most.
    oauth2:      "google", "microsoft", "custom", or "" for a password.
    client_id, client_secret (Secret or None), authorization_endpoint, token_endpoint, device_endpoint, scope:
                 of that provider; "" for the provider's own.  token_file: "" for the keyring.
    fingerprint: SHA-256 of the certificate to trust, 64 lower case hex digits.
    tls_hostname, certificate_key, crl_file; min_tls: "", "1.2" or "1.3"; ciphers: OpenSSL's list.
    tls_required_ext: each mail asks for REQUIRETLS (RFC 8689).
    proxy:       a Proxy or None.   source_address: to connect from.
    connect_timeout: seconds per address, 0 for the default.
    aliases:     a file.   domain: of bare addresses in the header, and of a bare sender.
    from_header: ADD when it is missing, FORCE the identity's, or KEEP what comes.
    full_name:   None for that of the passwd entry.   date, undisclosed_recipients: True unless disabled.
    dsn_notify:  for recipients without -N: words as in Recipient.
    record:      "imap", or a maildir or mbox that gets a copy.   imap_server: None when not written;
                 sent_folder: "" for the one that the server or custom says.
    log:         a file.   syslog: a facility.
    origin:      {statement: "file:line"} of every statement written.
    where:       "file:line" of the section.
    """

    __slots__ = tuple(UNSAID)

    addresses: tuple[str, ...]
    is_default: bool
    called: str
    server: Server
    username: str
    password: "Secret | None"
    auth: str
    starttls: str
    ca_file: str
    ca_dir: str
    certificate: str
    certificate_passphrase: "Secret | None"
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
    password_command: str
    password_file: str
    password_from: str
    credential: str
    keyring_backend: str
    oauth2: str
    client_id: str
    client_secret: "Secret | None"
    authorization_endpoint: str
    token_endpoint: str
    device_endpoint: str
    scope: str
    token_file: str
    fingerprint: str
    tls_hostname: str
    min_tls: str
    ciphers: str
    certificate_key: str
    crl_file: str
    tls_required_ext: bool
    proxy: "Proxy | None"
    source_address: str
    connect_timeout: int
    aliases: str
    domain: str
    from_header: str
    full_name: str | None
    date: bool
    undisclosed_recipients: bool
    dsn_notify: tuple[str, ...]
    record: str
    imap_server: Server | None
    sent_folder: str
    log: str
    syslog: str
    origin: dict[str, str]
    where: str

    def __init__(self, **said: "Any") -> None:
        """said: the attributes that are not as in UNSAID.  TypeError for one that no identity has."""
        settle = object.__setattr__
        for name, unsaid in UNSAID.items():
            settle(self, name, said.pop(name, unsaid))
        settle(self, "origin", dict(self.origin))
        if said:
            raise TypeError(f"an Identity has no {', '.join(said)}")

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"Identity is frozen: {name}")

    def but(self, **changes: "Any") -> "Identity":
        """Another one, like this but for these attributes."""
        same = {name: getattr(self, name) for name in UNSAID}
        return Identity(**{**same, **changes})

    @property
    def name(self) -> str:
        """What messages and queue files call it: the first address that it serves, or "default"."""
        return self.called or (self.addresses[0] if self.addresses else "default")

    @property
    def logged(self) -> bool:
        """A line for each mail is wanted."""
        return bool(self.log or self.syslog)

    @property
    def logs_in(self) -> bool:
        """AUTH comes before the first mail."""
        return bool(self.username) or self.auth in WITHOUT_USERNAME

    @property
    def nameless_login(self) -> str:
        """The statement that wants a login that ``username`` is missing for, "" if none."""
        if self.logs_in:
            return ""
        return next((name for name in _LOGIN if getattr(self, name) != UNSAID[name]), "")

    def of_nobody(self) -> "Identity":
        """The same without any login, to look at the server."""
        return self.but(**{name: UNSAID[name] for name in ("username", *_LOGIN)})

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
        whenever there are credentials to lose on a network, a certificate is
        said that the server must have, or only it shows that the DNS is right.
        """
        if self.starttls in (STARTTLS_REQUIRED, STARTTLS_IMPLICIT):
            return True
        if self.starttls == STARTTLS_DISABLED:
            return False
        return bool(self.fingerprint) or self.server.srv or (self.logs_in and not self.loopback)

    @property
    def loopback(self) -> bool:
        """No packet to the server leaves the machine; what a proxy calls localhost is another one."""
        return self.server.loopback and (self.proxy is None or bool(self.server.path))
