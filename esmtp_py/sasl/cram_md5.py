"""CRAM-MD5 (RFC 2195): the password is not sent, but may be guessed offline by who listens."""

NAME = "CRAM-MD5"


def exchange(username: bytes, password: bytes) -> "Exchange":
    import hmac  # only who uses it pays for it

    challenge = yield None
    yield username + b" " + hmac.new(password, challenge, "md5").hexdigest().encode("ascii")


TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmtp_py.sasl.mechanism import Exchange
