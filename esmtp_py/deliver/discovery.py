"""``hostname srv:DOMAIN``: a connection to the server that the domain's DNS names, if that may be believed.

DNS is not proof.  RFC 6186 section 6: a server in the domain is what the user
has asked for, and its certificate must be for its name.  Any other must be one
that the user knows: by ``tls_hostname``, which the certificate is for then, or
by ``fingerprint``.
"""

from esmtp_py.config.identity import STARTTLS_DISABLED, STARTTLS_IMPLICIT, Identity
from esmtp_py.config.server import Server
from esmtp_py.errors import MailError
from esmtp_py.message.domain import ascii_domain
from esmtp_py.net.connect import connect
from esmtp_py.net.srv import SERVICES, Place, places
from esmtp_py.net.stream import Stream


def discover(identity: Identity, deadline: float) -> tuple[Stream, Place]:
    """The first server of the domain that takes a connection, and what the DNS said of it.

    MailError: config, dns, host_unknown, or unreachable with what each has said.
    """
    domain = identity.server.host
    if identity.proxy:
        what = "srv: in hostname asks the DNS, which proxy in the rc is there to avoid"
        raise MailError("config", what + ": write the name of the server in hostname")
    strangers: list[str] = []
    failures: list[str] = []
    for place in places(domain, _services(identity), deadline):
        if not _believed(identity, place):
            strangers.append(place.host)
            continue
        try:
            return _connected(identity, place, deadline), place
        except MailError as error:
            failures.append(error.text.removeprefix("cannot connect to "))
    if failures:
        raise MailError("unreachable", f"cannot connect to {'; '.join(failures)}", remote=domain)
    raise _unknown(domain, strangers[0])


def _services(identity: Identity) -> list[str]:
    """Those that the policy of the identity has a use for."""
    policy = {STARTTLS_IMPLICIT: (True,), STARTTLS_DISABLED: (False,)}.get(identity.starttls, (True, False))
    return [service for service, implicit in SERVICES.items() if implicit in policy]


def _believed(identity: Identity, place: Place) -> bool:
    domain, host = ascii_domain(identity.server.host.rstrip(".")).lower(), place.host.lower()
    known = (identity.tls_hostname or identity.fingerprint) and identity.starttls != STARTTLS_DISABLED
    return bool(known) or host == domain or host.endswith("." + domain)


def _unknown(domain: str, host: str) -> MailError:
    return MailError(
        "config",
        f"the DNS says that the server of {domain} is {host}, which is outside of {domain}, and the DNS may be forged: "
        f"if you know that it is right, write `tls_hostname {host}` in the rc",
        remote=domain,
    )


def _connected(identity: Identity, place: Place, deadline: float) -> Stream:
    server = Server(place.host, str(place.port))
    return connect(server, deadline, identity.source_address, identity.connect_timeout)
