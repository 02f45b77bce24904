"""``--explain ADDRESS``: who esmtp would be for a sender, and why; nothing is opened but the rc file.

Each fact is a line, with the place in the rc file that says so.
"""

from esmtp_py.cli.mail import given_sender
from esmtp_py.cli.terminal import say
from esmtp_py.config import load
from esmtp_py.config.identity import STARTTLS_DISABLED, STARTTLS_IMPLICIT, STARTTLS_REQUIRED, WITHOUT_USERNAME
from esmtp_py.config.values import AUTOMATIC
from esmtp_py.deliver.caller import Caller
from esmtp_py.deliver.route import domain_of_locals
from esmtp_py.deliver.select import qualified, select
from esmtp_py.errors import MailError
from esmtp_py.outcome import EX_OK
from esmtp_py.secret.password import has_source
from esmtp_py.secret.service import host, service

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from esmtp_py.cli.options import Options
    from esmtp_py.config.identity import Identity
    from esmtp_py.config.model import Config
    from esmtp_py.deliver.select import Choice


def explain(options: "Options") -> int:
    """Prints the facts; MailError for no address, a broken rc, or a sender that nobody serves."""
    if len(options.recipients) != 1:
        raise MailError("usage", "--explain takes one address, such as: esmtp --explain me@example.org")
    address = given_sender(options.recipients[0], options.asked) or ""
    config, caller = load(options.rc), Caller()
    choice = select(config, caller, address, "")
    choice.sender = qualified(choice.sender, choice.identity, caller)
    for label, text in _facts(config, choice, address):
        say(f"{label + ':':10} {text}")
    return EX_OK


def _facts(config: "Config", choice: "Choice", address: str) -> "Iterator[tuple[str, str]]":
    identity = choice.identity
    yield "identity", f"{identity.name}{_place(identity.where)}, {reason(config, identity, address)}"
    yield "sender", _sender(identity, choice, address)
    yield "server", _server(identity)
    yield from _way(identity)
    yield "TLS", tls(identity)
    if identity.tls_wanted or identity.tls_demanded:
        yield "trust", trust(identity)
    yield "login", login(identity)
    if identity.username and not _without_password(identity):
        yield "password", password(identity)
    yield "local", _local(identity)
    yield "delivery", _delivery(identity)


def reason(config: "Config", identity: "Identity", address: str) -> str:
    """Why this identity has been chosen for the address."""
    wanted = address.lower()
    written = [each.lower() for each in identity.addresses]
    if wanted in written:
        return f"because it names {address or 'the null sender'}"
    pattern = "*@" + wanted.rpartition("@")[2]
    if "@" in wanted and pattern in written:
        return f"because it serves {pattern}"
    if any(each.startswith(wanted + "@") for each in written):
        return f"because it names {address} at this machine"
    if not config.path:
        return "because there is no rc file"
    why = "it says default" if "default" in identity.origin else "it is the default one"
    return f"because no identity names {address or 'the null sender'}, and {why}"


def _place(where: str) -> str:
    return f" ({where})" if where else ""


def _said(identity: "Identity", statement: str) -> str:
    return _place(identity.origin.get(statement, ""))


def _sender(identity: "Identity", choice: "Choice", address: str) -> str:
    forced = "force_reverse_path" in identity.origin
    return f"{choice.sender or '<>'}{', forced' + _said(identity, 'force_reverse_path') if forced else ''}"


def _server(identity: "Identity") -> str:
    default = "" if "hostname" in identity.origin else ", for no hostname is written"
    return f"{identity.server.written}{_said(identity, 'hostname')}{default}"


def _way(identity: "Identity") -> "Iterator[tuple[str, str]]":
    if identity.proxy:
        yield "proxy", f"{identity.proxy.place}{_said(identity, 'proxy')}"
    if identity.source_address:
        yield "from", f"{identity.source_address}{_said(identity, 'source_address')}"
    for name in ("preconnect", "postconnect"):
        if getattr(identity, name):
            yield name, f"{getattr(identity, name)}{_said(identity, name)}"


def tls(identity: "Identity") -> str:
    """How the connection is protected, and why."""
    said = _said(identity, "starttls")
    if identity.starttls == STARTTLS_DISABLED:
        return f"none{said}"
    if identity.server.srv and identity.starttls != STARTTLS_IMPLICIT:
        why = said if identity.starttls == STARTTLS_REQUIRED else f", for the DNS can be forged{said}"
        how = f"from the first byte, or else by STARTTLS, or nothing is sent{why}"
    elif identity.implicit_tls:
        how = f"from the first byte{said or f' (port {identity.server.service})'}"
    elif identity.starttls == STARTTLS_REQUIRED:
        how = f"by STARTTLS, or nothing is sent{said}"
    elif identity.tls_demanded:
        how = f"by STARTTLS, or nothing is sent, for there is a {_why_demanded(identity)}{said}"
    elif identity.tls_wanted:
        how = f"by STARTTLS if it is offered{said}"
    else:
        return "none: no packet leaves this machine" if identity.loopback else "none, for no hostname is written"
    return f"{how}, version {identity.min_tls or '1.2'} or newer"


def _why_demanded(identity: "Identity") -> str:
    return "login" if identity.logs_in and not identity.loopback else "fingerprint"


def trust(identity: "Identity") -> str:
    """Which certificate is good enough."""
    if identity.fingerprint:
        return (
            f"only the certificate with the fingerprint SHA256:{identity.fingerprint}{_said(identity, 'fingerprint')}"
        )
    found = f"the server that the DNS names, in {identity.server.host}" if identity.server.srv else ""
    name = identity.tls_hostname or found or identity.server.host
    by = [
        f"{getattr(identity, statement)}{_said(identity, statement)}"
        for statement in ("ca_file", "ca_dir")
        if getattr(identity, statement)
    ]
    return f"a certificate for {name}, issued by {' or '.join(by) or 'an authority that the system trusts'}"


def login(identity: "Identity") -> str:
    """As whom, and how."""
    nameless = identity.nameless_login
    if nameless:
        return f"impossible, and nothing is sent: {nameless}{_said(identity, nameless)}, but no username"
    if not identity.logs_in:
        return "none, for no username is written"
    if identity.auth != AUTOMATIC:
        how = identity.auth + _said(identity, "auth")
    elif _without_password(identity):
        how = f"EXTERNAL, with the certificate {identity.certificate}{_said(identity, 'certificate')}"
    else:
        how = "the best mechanism offered"
    return f"as {identity.username}{_said(identity, 'username')}, by {how}" if identity.username else f"by {how}"


def _without_password(identity: "Identity") -> bool:
    """Another thing says who it is."""
    if identity.auth == AUTOMATIC:
        return bool(identity.certificate) and not (identity.oauth2 or has_source(identity))
    return identity.auth in WITHOUT_USERNAME


def password(identity: "Identity") -> str:
    """Where the secret comes from; never the secret."""
    if identity.oauth2:
        kept = f"in {identity.token_file}" if identity.token_file else "in the keyring"
        return f"an OAuth2 token of {identity.oauth2}{_said(identity, 'oauth2')}, kept {kept}"
    for statement, where in (
        ("password", "in the rc file"),
        ("password_command", f"from the command {identity.password_command}"),
        ("password_file", f"in the file {identity.password_file}"),
        ("credential", f"in the credential {identity.credential} of systemd"),
        ("password_from", _elsewhere(identity)),
    ):
        if getattr(identity, statement):
            return f"{where}{_said(identity, statement)}"
    return "none: write where it comes from, such as `password_from keyring`"


def _elsewhere(identity: "Identity") -> str:
    return {
        "keyring": f"in the keyring, {_keyring(identity)}",
        "netrc": f"in ~/.netrc, machine {host(identity)}",
        "ask": "asked for at the terminal",
    }.get(identity.password_from, "")


def _keyring(identity: "Identity") -> str:
    backend = f" of {identity.keyring_backend}" if identity.keyring_backend else ""
    return f"service {service(identity)}, user {identity.username}{backend}"


def _local(identity: "Identity") -> str:
    if identity.force_mda and identity.mda:
        return f"everything goes to {identity.force_mda} by {identity.mda}{_said(identity, 'force_mda')}"
    if identity.force_mda:
        return f"everything is refused: there is no mda for {identity.force_mda}{_said(identity, 'force_mda')}"
    fate = _of_locals(identity)
    if not identity.aliases:
        return f"recipients without a domain {fate}"
    looked_up = f"are looked up in {identity.aliases}{_said(identity, 'aliases')}"
    return f"recipients without a domain {looked_up}; those that have none then {fate}"


def _of_locals(identity: "Identity") -> str:
    domain = domain_of_locals(identity)
    if domain:
        return f"get @{domain}{_said(identity, 'qualifydomain' if identity.qualifydomain else 'domain')}"
    if identity.mda:
        return f"go to {identity.mda}{_said(identity, 'mda')}"
    return "are refused: neither mda nor qualifydomain is written"


def _delivery(identity: "Identity") -> str:
    how = f"{identity.delivery or 'interactive'}{_said(identity, 'delivery')}"
    undo = f", after {identity.undo} s in which it can be taken back{_said(identity, 'undo')}" if identity.undo else ""
    return how + undo
