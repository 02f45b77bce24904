"""Tokens as values, and what one may be, whoever it comes from: the provider, the keyring, a file."""

from esmtp_py.concealed import Secret

# When nothing is said of how long a token lives (RFC 6749 section 5.1 only recommends to say it).
UNSAID_LIFETIME = 300
# Longer than any provider lets one live; more is a mistake, or a lie that would keep a dead token in use.
LONGEST_LIFETIME = 86400
# Four times the largest ones seen: Microsoft's have up to 16 kB where a user is in many groups.
LONGEST_TOKEN = 64 * 1024


class Tokens:
    """access: lives for so many seconds.  refresh: a new refresh token, or None: the old one goes on."""

    __slots__ = ("access", "refresh", "seconds")

    def __init__(self, access: Secret, refresh: "Secret | None", seconds: int) -> None:
        self.access = access
        self.refresh = refresh
        self.seconds = seconds


def token(value: object) -> "Secret | None":
    """A token of RFC 6749 appendix A.12, which is printable ASCII; and no blank, for RFC 6750 has none.  Else None."""
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST_TOKEN:
        return None
    return Secret(value) if value.isascii() and value.isprintable() and " " not in value else None


def seconds(value: object, unsaid: int, longest: int) -> int:
    """A number of seconds, also one in quotes, as some write it; within 0 and ``longest``."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
        return unsaid
    return int(min(max(value, 0), longest))
