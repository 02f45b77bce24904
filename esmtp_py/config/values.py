"""What the values of an rc file may be: text in, checked value out.

Each function raises ValueError with the words a message shows; the text given
is never repeated there unless it is harmless.
"""

from esmtp_py.concealed import Secret
from esmtp_py.config.expand import unknown_form
from esmtp_py.config.identity import (
    BACKGROUND,
    INTERACTIVE,
    ON_FAILURE,
    QUEUE,
    STARTTLS_DISABLED,
    STARTTLS_ENABLED,
    STARTTLS_IMPLICIT,
    STARTTLS_REQUIRED,
)
from esmtp_py.config.model import DEFAULT, ENVELOPE, HEADER, REFUSE
from esmtp_py.config.server import LMTP, SMTP, SUBMISSION_PORT, Server
from esmtp_py.config.source import Source

LMTP_PORT = "24"  # registered for LMTP; RFC 2033 names none
LONGEST_TIMEOUT = 86400  # a server that needs a day for one reply is broken
_DAY = 86400
LONGEST_LIFETIME = 365 * _DAY  # more than anybody waits for an answer
LONGEST_UNDO = _DAY  # to send it tomorrow there is --at
MOST_CONNECTIONS = 20  # what servers allow one client (Postfix 50, others 10 to 20); a thread for each
UNITS = {"s": 1, "m": 60, "h": 3600, "d": _DAY}
AUTOMATIC = "automatic"
# What each of them needs is in sasl/mechanism.py.
MECHANISMS = (
    "plain", "login", "cram-md5", "scram-sha-1", "scram-sha-256", "scram-sha-1-plus", "scram-sha-256-plus", "external",
    "xoauth2", "oauthbearer", "anonymous", "ntlm", "gssapi",
)  # fmt: skip
DELIVERIES = (INTERACTIVE, BACKGROUND, QUEUE, ON_FAILURE)
POLICIES = (STARTTLS_DISABLED, STARTTLS_ENABLED, STARTTLS_REQUIRED, STARTTLS_IMPLICIT)

# What no host name or domain contains, and what would break a command line (RFC 5321 section 4.1.2).
_NOT_IN_HOSTS = " \"'()<>,;@\\/"
_NOT_IN_ADDRESSES = ' "(),;<>\\'
_IPV6 = "0123456789abcdefABCDEF:."


def server(text: str, source: Source) -> Server:
    """HOST, HOST:SERVICE, [::1]:SERVICE, ::1, srv:DOMAIN, lmtp:HOST:SERVICE, lmtp:/path, unix:/path, /path."""
    for scheme, protocol in (("", SMTP), ("unix:", SMTP), ("lmtp:", LMTP)):
        if text.startswith(scheme + "/"):
            return Server("", "", protocol=protocol, path=one_line(text[len(scheme) :], source))
    rest = text.removeprefix("srv:")
    # "srv:25" is port 25 of a host called srv, as it always was; "lmtp:24" alike.
    if rest != text and not rest.isdecimal():
        return _by_srv(rest)
    rest = text.removeprefix("lmtp:")
    if rest != text and not rest.isdecimal():
        host, service = host_and_service(rest, LMTP_PORT)
        return Server(host, service, protocol=LMTP)
    host, service = host_and_service(text, SUBMISSION_PORT)
    return Server(host, service)


def _by_srv(text: str) -> Server:
    if ":" in text or text.startswith("[") or text.replace(".", "").isdecimal():
        raise ValueError("expected srv: and a domain, such as srv:example.org, without a port")
    return Server(_domain(text, "a domain such as example.org"), "", srv=True)


def host_and_service(text: str, default: str) -> "tuple[str, str]":
    """HOST, HOST:SERVICE, [::1]:SERVICE or ::1; ``default`` where no service is given."""
    if text.startswith("["):
        literal, bracket, tail = text[1:].partition("]")
        if not bracket or (tail and not tail.startswith(":")):
            raise ValueError("expected an address in brackets as in [::1]:587")
        return _literal(literal), _service(tail[1:]) if tail else default
    if text.count(":") > 1:
        return _literal(text), default
    host, colon, tail = text.partition(":")
    return _domain(host, "a host name such as mail.example.org"), _service(tail) if colon else default


def _has(text: str, characters: str) -> bool:
    """Any of these, or what cannot be printed: control characters, odd blanks, bytes that are no UTF-8."""
    return not text.isprintable() or any(c in characters for c in text)


def _literal(text: str) -> str:
    address, _, scope = text.partition("%")
    if ":" in address:
        if not address.strip(_IPV6) and not _has(scope, _NOT_IN_HOSTS):
            return text
    elif address.replace(".", "").isdecimal() and address.count(".") == 3:
        return text
    raise ValueError("expected a host name, HOST:SERVICE, or an IPv6 address such as [::1]:587")


def _service(text: str) -> str:
    if text.isdecimal() and text.isascii():
        if len(text) <= 5 and 1 <= int(text) <= 65535:
            return text
        raise ValueError("expected a port number from 1 to 65535 after the colon")
    if text and text.isascii() and text.replace("-", "").replace("_", "").isalnum():
        return text
    raise ValueError("expected a port number or a service name after the colon")


def _domain(text: str, expected: str) -> str:
    if not text:
        raise ValueError(f"expected {expected}, not an empty one")
    if _has(text, _NOT_IN_HOSTS) or text.startswith("."):
        raise ValueError(f"expected {expected}")
    return text


def own_name(text: str, source: Source) -> str:
    """A host name or an address literal; the empty one is as if nothing had been written."""
    return _domain(text, "a host name such as laptop.example.org") if text else ""


def domain(text: str, source: Source) -> str:
    """A domain; the empty one is as if nothing had been written."""
    return _domain(text, "a domain such as example.org") if text else ""


def address(text: str, source: "Source | None" = None) -> str:
    """An address, or a bare local name; "" and "<>" are the null one.  White space only in a quoted local part."""
    if text.startswith("<") and text.endswith(">"):
        text = text[1:-1]
    local, at, _ = text.rpartition("@")
    quoted = at and len(local) > 1 and local[0] == local[-1] == '"'
    if _has(text, "") or _has(text[len(local) :] if quoted else text, _NOT_IN_ADDRESSES):
        raise ValueError("expected an address such as me@example.org, without a name or comment")
    return text


def sender_pattern(text: str, source: Source) -> str:
    """An address an identity serves, or *@DOMAIN."""
    text = address(text)
    if text.startswith("*@"):
        if "*" in text[2:]:
            raise ValueError("the only pattern is *@DOMAIN; write each domain out")
        _domain(text[2:], "*@ and a domain")
    return text


def percent_address(text: str, source: Source) -> str:
    """An address with %u, %h, %d, %%; not the null one."""
    made = percent_reverse_path(text, source)
    if not made:
        raise ValueError("expected an address, not an empty one")
    return made


def percent_reverse_path(text: str, source: Source) -> str:
    """An address with %u, %h, %d, %%, or the null one."""
    unknown = unknown_form(text)
    if unknown:
        raise ValueError("of the % forms only %u, %h and %d mean something here; write %% for a percent sign")
    return address(text)


def secret(text: str, source: Source) -> Secret:
    return Secret(text)


def mechanism(text: str, source: Source) -> str:
    """As RFC 4422 writes it, in upper case; or "automatic"."""
    word = text.lower()
    if word != AUTOMATIC and word not in MECHANISMS:
        raise ValueError(f"expected automatic, {', '.join(MECHANISMS[:-1])} or {MECHANISMS[-1]}")
    return word if word == AUTOMATIC else word.upper()


def tls_policy(text: str, source: Source) -> str:
    return one_of(text, POLICIES, "expected disabled, enabled, required or implicit")


def switch(text: str, source: Source) -> bool:
    return one_of(text, ("enabled", "disabled"), "expected enabled or disabled") == "enabled"


def selector(text: str, source: Source) -> str:
    return one_of(text, (ENVELOPE, HEADER), "expected envelope or header")


def fallback(text: str, source: Source) -> str:
    return one_of(text, (DEFAULT, REFUSE), "expected default or refuse")


def one_of(text: str, words: "tuple[str, ...]", otherwise: str) -> str:
    """The text, if it is one of these words."""
    if text not in words:
        raise ValueError(otherwise)
    return text


def seconds(text: str, source: Source) -> int:
    if len(text) <= 5 and 1 <= int(text) <= LONGEST_TIMEOUT:
        return int(text)
    raise ValueError(f"expected a number of seconds from 1 to {LONGEST_TIMEOUT}")


def delivery(text: str, source: Source) -> str:
    return one_of(text, DELIVERIES, "expected interactive, background, queue or on-failure")


def connections(text: str, source: Source) -> int:
    if len(text) <= 5 and 1 <= int(text) <= MOST_CONNECTIONS:
        return int(text)
    raise ValueError(f"expected a number from 1 to {MOST_CONNECTIONS}")


def lifetime(text: str, source: Source) -> int:
    return _time(text, LONGEST_LIFETIME, "expected a time from 1s to 365d, such as 5d, 12h, 90m or 3600s")


def undo(text: str, source: Source) -> int:
    return _time(text, LONGEST_UNDO, "expected a time from 1s to 1d, such as 30s, 5m or 1h")


def duration(text: str) -> int:
    """Seconds in ``5d``, ``12h``, ``90m``, ``3600s`` or ``3600``; 0 for anything else."""
    unit = UNITS.get(text[-1:], 0)
    digits = text[:-1] if unit else text
    # int() of a long string is slow, and nobody waits for that long.
    usable = digits.isascii() and digits.isdigit() and len(digits) <= 9
    return int(digits) * (unit or 1) if usable else 0


def _time(text: str, longest: int, otherwise: str) -> int:
    made = duration(text)
    if not 1 <= made <= longest:
        raise ValueError(otherwise)
    return made


def path(text: str, source: Source) -> str:
    """A file or directory: ~/ is the home directory, and a relative path starts where the rc file is."""
    one_line(text, source)
    if not text:
        raise ValueError("expected a file name, not an empty one")
    if text == "~" or text.startswith("~/"):
        if not source.home:
            raise ValueError("there is no home directory to put in the place of ~")
        return source.home.rstrip("/") + text[1:]
    if text.startswith("/"):
        return text
    return source.directory.rstrip("/") + "/" + text


def one_line(text: str, source: Source) -> str:
    """Any text without control characters."""
    if any(c < " " or c == "\x7f" for c in text):
        raise ValueError("control characters are not allowed here")
    return text


def command(text: str, source: Source) -> str:
    """For the shell: anything."""
    return text
