"""Where the submission server of a domain may be: the usual names are tried."""

from esmtp_py.config.identity import Identity
from esmtp_py.config.providers import guesses
from esmtp_py.config.server import Server
from esmtp_py.deliver.survey import Survey, survey
from esmtp_py.errors import MailError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

# Seconds for each guess to answer: most of them are not there, and somebody is waiting.
PATIENCE = 4


def find(domain: str, tried: "Callable[[str], None]") -> str:
    """HOST:PORT of a server that answers in TLS with a good certificate; "" if none of the guesses does.

    tried: is told each place before it is tried.
    """
    for place in guesses(domain):
        tried(place)
        try:
            seen = look(place, timeout=PATIENCE, connect_timeout=PATIENCE)
        except MailError:
            continue
        if seen.certificate and not seen.fault:
            return place
    return ""


def look(place: str, **statements: "object") -> Survey:
    """A look at a server without a log-in; MailError when there is none."""
    return survey(candidate(place, **statements))


def candidate(place: str, **statements: "object") -> Identity:
    """An identity for HOST:PORT that nobody has written down yet."""
    host, _, port = place.rpartition(":")
    return Identity(server=Server(host.strip("[]"), port), origin={"hostname": "setup"}, **statements)
