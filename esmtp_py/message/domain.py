"""Domain names beyond ASCII, in the form every resolver and server knows (RFC 5891)."""

from esmtp_py.errors import MailError


def ascii_domain(domain: str) -> str:
    """The A-label form of ``domain``; ASCII names and address literals come back as they are.

    Raises MailError("bad_address") for a name that has none.
    """
    if domain.isascii():
        return domain
    try:
        return domain.encode("idna").decode("ascii")
    except UnicodeError as error:
        raise MailError("bad_address", f"not a domain name: {domain!r}", status="5.1.2") from error
