"""Where a domain submits its mail, by its SRV records (RFC 6186, 8314, 2782).  Imported when an rc says ``srv:``.

The records are not proof of anything: whoever uses a Place has to see to it
that its certificate is for a name that the user has said.
"""

import random
import time

from esmtp_py.errors import MailError
from esmtp_py.message.domain import ascii_domain

# service: TLS from the first byte.  RFC 8314 section 5.1: this order, unless a domain says otherwise by offering one.
SERVICES = {"_submissions._tcp": True, "_submission._tcp": False}
# A resolver has asked several servers several times by then.
LOOK_UP_SECONDS = 15.0
# No provider has more, and somebody else's DNS is not to keep us busy.
MAX_RECORDS = 16

_IN_NAMES = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")


class Place:
    """host, port; implicit: TLS from the first byte, otherwise STARTTLS."""

    __slots__ = ("host", "implicit", "port")

    def __init__(self, host: str, port: int, implicit: bool) -> None:
        self.host = host
        self.port = port
        self.implicit = implicit

    def __repr__(self) -> str:
        return f"Place({self.host}:{self.port}, {'implicit' if self.implicit else 'starttls'})"


def places(domain: str, services: "Iterable[str]", deadline: float) -> "Iterator[Place]":
    """Where to submit mail of ``domain``, the best first; a service is looked up when those before were of no use.

    Raises MailError: config (no dnspython, no domain), dns (try again later),
    host_unknown (the domain has, or wants, no such service).
    """
    refuses = False
    found = False
    for service in services:
        records = look_up(f"{service}.{_domain(domain)}.", deadline)
        if [record.host for record in records] == [""]:  # RFC 2782: a target of "." is a no
            refuses = True
            continue
        for record in in_order(records):
            if record.host and _IN_NAMES.issuperset(record.host):
                found = True
                yield Place(record.host, record.port, SERVICES[service])
    if not found:
        why = "says that it takes no mail for submission" if refuses else "has no SRV record for mail submission"
        raise MailError("host_unknown", f"{domain} {why}: write its server in hostname, without srv:", remote=domain)


def _domain(domain: str) -> str:
    try:
        return ascii_domain(domain.rstrip("."))
    except MailError as error:
        raise MailError("config", f"{error.text}: correct hostname in the rc") from error


class Record:
    """One SRV record; host is "" for the target "."."""

    __slots__ = ("host", "port", "priority", "weight")

    def __init__(self, priority: int, weight: int, port: int, host: str) -> None:
        self.priority = priority
        self.weight = weight
        self.port = port
        self.host = host


def look_up(name: str, deadline: float) -> list[Record]:
    """The records of an absolute name; none where there are none.  MailError("dns") where that cannot be known now."""
    try:
        import dns.exception
        import dns.resolver
    except ImportError as error:
        what = "srv: in hostname needs dnspython: pip install 'esmtp-py[dns]'"
        raise MailError("config", what + ", or write the name of the server") from error
    seconds = max(0.1, min(LOOK_UP_SECONDS, deadline - time.monotonic()))
    try:
        answer = dns.resolver.resolve(name, "SRV", lifetime=seconds, search=False)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return []
    except (dns.exception.SyntaxError, dns.name.LabelTooLong, dns.name.NameTooLong, dns.name.EmptyLabel) as error:
        raise MailError("config", f"{name} is no domain: correct hostname in the rc") from error
    except (dns.exception.DNSException, OSError) as error:
        raise MailError("dns", f"cannot look up {name} now: {_words(error)}", remote=name) from error
    return [
        Record(each.priority, each.weight, each.port, each.target.to_text(omit_final_dot=True).rstrip("."))
        for each in list(answer)[:MAX_RECORDS]
    ]


def _words(error: Exception) -> str:
    said = str(error).splitlines()[:1]
    text = said[0][:200] if said else type(error).__name__
    return text if text.isprintable() else ascii(text)


def in_order(records: list[Record], pick: "Callable[[int], int]" = random.randrange) -> list[Record]:
    """RFC 2782: by priority; of equal ones by lot, as their weights say.

    pick: a number from 0 up to, and without, the one given.
    """
    ordered = []
    for priority in sorted({record.priority for record in records}):
        # those of weight 0 first: they win when the lot is 0
        left = sorted((r for r in records if r.priority == priority), key=lambda record: record.weight)
        while left:
            lot = pick(sum(record.weight for record in left) + 1)
            at = 0
            while lot > left[at].weight:
                lot -= left[at].weight
                at += 1
            ordered.append(left.pop(at))
    return ordered


TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
