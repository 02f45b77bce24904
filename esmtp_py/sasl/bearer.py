"""What the two mechanisms of OAuth2 have in common: which tokens they can carry."""

from esmtp_py.sasl.mechanism import Unable

# RFC 6750 section 2.1, b64token
_IN_TOKENS = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/=")


def token68(token: str) -> bytes:
    """The token as octets.  Raises Unable for what is none: it could end its field and begin another."""
    octets = token.encode("utf-8", "replace")
    if not octets or not _IN_TOKENS.issuperset(octets):
        raise Unable("the OAuth2 token has characters that no token has (RFC 6750)")
    return octets
