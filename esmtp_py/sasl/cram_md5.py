"""CRAM-MD5 (RFC 2195): the password is not sent, but may be guessed offline by who listens."""

from esmtp_py.errors import MailError

NAME = "CRAM-MD5"


def exchange(username: bytes, password: bytes) -> "Exchange":
    challenge = yield None
    yield username + b" " + _digest(password, challenge)


def _digest(password: bytes, challenge: bytes) -> bytes:
    import hmac  # only who uses it pays for it

    try:
        return hmac.new(password, challenge, "md5").hexdigest().encode("ascii")
    except ValueError as error:  # FIPS
        raise MailError("config", "MD5 is switched off on this system: name another mechanism with auth") from error


TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmtp_py.sasl.mechanism import Exchange
