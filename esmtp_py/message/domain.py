"""Domain names beyond ASCII, in the form every resolver and server knows (RFC 5891)."""

from esmtp_py.errors import MailError

# Python's codec is of IDNA 2003: it makes other letters of these, or none, and with that somebody else's domain.
_DEVIATING = frozenset("ß\u03c2\u200c\u200d")


def ascii_domain(domain: str) -> str:
    """The A-label form of ``domain``; ASCII names and address literals come back as they are.

    Raises MailError("bad_address") for a name that has none.
    """
    if domain.isascii():
        return domain
    try:
        if not _DEVIATING.isdisjoint(domain):
            domain = _without_deviating(domain)
        return domain.encode("idna").decode("ascii")
    except UnicodeError as error:
        raise MailError("bad_address", f"not a domain name: {domain!r}", status="5.1.2") from error


def _without_deviating(domain: str) -> str:
    """The labels that have such a letter made ASCII already; the codec looks only at their length then."""
    from encodings.idna import dots

    return ".".join(label if _DEVIATING.isdisjoint(label) else _a_label(label) for label in dots.split(domain))


def _a_label(label: str) -> str:
    from encodings.idna import nameprep

    pieces, begin = [], 0
    for at, char in enumerate(label):
        if char in _DEVIATING:
            pieces += [nameprep(label[begin:at]), char]
            begin = at + 1
    return "xn--" + "".join([*pieces, nameprep(label[begin:])]).encode("punycode").decode("ascii")
