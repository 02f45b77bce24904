"""EXTERNAL (RFC 4422 appendix A): the certificate that TLS has shown says who we are."""

NAME = "EXTERNAL"


def exchange(username: bytes) -> "Exchange":
    """username: whom to act for; b"" for whoever the certificate names."""
    yield username


TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmtp_py.sasl.mechanism import Exchange
