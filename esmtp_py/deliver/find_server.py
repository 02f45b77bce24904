"""Where the submission server of a domain may be: what its DNS says, then the usual names, each tried."""

import time

from esmtp_py.config.identity import Identity
from esmtp_py.config.providers import guesses
from esmtp_py.config.server import SUBMISSIONS_PORT, Server
from esmtp_py.deliver.survey import Survey, survey
from esmtp_py.errors import MailError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

# Seconds for each guess to answer: most of them are not there, and somebody is waiting.
PATIENCE = 4


def find(domain: str, tried: "Callable[[str], None]") -> str:
    """HOST:PORT of a server that answers in TLS with a good certificate; "" if none does.

    tried: is told each place before it is tried.  The DNS may be forged: whoever asks has to show the user the answer.
    MailError("dns") when no name can be looked up now: the other guesses would take as long, and there are many.
    """
    for place in dict.fromkeys([*named(domain), *guesses(domain)]):
        tried(place)
        try:
            seen = look(place, timeout=PATIENCE, connect_timeout=PATIENCE)
        except MailError as error:
            if error.kind == "dns":
                raise
            continue
        if seen.certificate and not seen.fault:
            return place
    return ""


def named(domain: str) -> list[str]:
    """What the SRV records of the domain name (RFC 6186); nothing where there are none or dnspython is not here."""
    from esmtp_py.net.srv import SERVICES, places

    try:
        found = list(places(domain, SERVICES, time.monotonic() + PATIENCE))
    except MailError:
        return []
    # HOST:PORT says how TLS begins, so those remain whose port says it
    return [f"{place.host}:{place.port}" for place in found if place.implicit == (str(place.port) == SUBMISSIONS_PORT)]


def look(place: str, **statements: "object") -> Survey:
    """A look at a server without a log-in; MailError when there is none."""
    return survey(candidate(place, **statements))


def candidate(place: str, **statements: "object") -> Identity:
    """An identity for HOST:PORT that nobody has written down yet."""
    host, _, port = place.rpartition(":")
    return Identity(server=Server(host.strip("[]"), port), origin={"hostname": "setup"}, **statements)
