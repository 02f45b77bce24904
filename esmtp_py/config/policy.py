"""What the statements about header, reports, copies and the log may say, as in ``values``."""

from esmtp_py.config.identity import ADD, FORCE, KEEP
from esmtp_py.config.server import Server
from esmtp_py.config.source import Source
from esmtp_py.config.values import domain as domain_name
from esmtp_py.config.values import host_and_service, one_of, path
from esmtp_py.errors import MailError

IMAPS_PORT = "993"  # RFC 8314
IMAP = "imap"
NOTIFY = ("NEVER", "SUCCESS", "FAILURE", "DELAY")
FACILITIES = (
    *("auth", "authpriv", "cron", "daemon", "kern", "lpr", "mail", "news", "syslog", "user", "uucp"),
    *("local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7"),
)


def from_policy(text: str, source: Source) -> str:
    return one_of(text, (ADD, FORCE, KEEP), "expected add, force or keep")


def domain(text: str, source: Source) -> str:
    """A domain that addresses can have; the empty one is as if nothing had been written."""
    from esmtp_py.message.address import AddressError, parse_reverse_path
    from esmtp_py.message.domain import ascii_domain

    domain_name(text, source)
    try:
        if text:
            ascii_domain(text)
            parse_reverse_path(b"x@" + text.encode("utf-8", "surrogateescape"))
    except (AddressError, MailError):
        raise ValueError("expected a domain such as example.org") from None
    return text


def notify(text: str, source: Source) -> str:
    return one_of(text.upper(), NOTIFY, "expected never, or a list of success, failure and delay")


def notify_list(words: list[str]) -> tuple[str, ...]:
    if "NEVER" in words and len(words) > 1:
        raise ValueError("never stands alone")
    return tuple(dict.fromkeys(words))


def record(text: str, source: Source) -> str:
    return IMAP if text == IMAP else path(text, source)


def imap_server(text: str, source: Source) -> Server:
    host, service = host_and_service(text, IMAPS_PORT)
    return Server(host, service, protocol=IMAP)


def folder(text: str, source: Source) -> str:
    """The name of a folder on an IMAP server; the empty one is as if nothing had been written."""
    if not text.isprintable():
        raise ValueError("expected a name such as Sent, in UTF-8 and without control characters")
    return text


def facility(text: str, source: Source) -> str:
    return one_of(text.lower(), FACILITIES, "expected a facility such as mail, user or local0")
