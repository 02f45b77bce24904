"""SCRAM (RFC 5802, RFC 7677): both ends prove that they know the password, and neither shows it.

With -PLUS both proofs are bound to the TLS channel, so nobody can stand in its middle.
"""

from binascii import Error, a2b_base64, b2a_base64

from esmtp_py.sasl.mechanism import Broken, Refused, Unable
from esmtp_py.sasl.saslprep import saslprep

# mechanism: its hash, as hashlib calls it; best first.
HASHES = {
    "SCRAM-SHA-256-PLUS": "sha256",
    "SCRAM-SHA-1-PLUS": "sha1",
    "SCRAM-SHA-256": "sha256",
    "SCRAM-SHA-1": "sha1",
}
# RFC 5802 section 5.1 and RFC 7677 section 4.  With fewer, a server that is not
# ours could try passwords on our proof at leisure.
FEWEST_ITERATIONS = 4096
# OWASP's advice of 2023 is 1,300,000 for SHA-1; twice that takes a second or
# two, which nobody can interrupt.
MOST_ITERATIONS = 2_600_000
# RFC 5802 section 7: what a server may have against us, and what that means to people.
REFUSALS = {
    "invalid-encoding": "it cannot read what we say",
    "extensions-not-supported": "it lacks an extension",
    "invalid-proof": "the password is wrong",
    "channel-bindings-dont-match": "the TLS connection does not end at it: somebody is in between",
    "server-does-support-channel-binding": "it offers -PLUS, and somebody has hidden that from us",
    "channel-binding-not-supported": "it has no channel binding",
    "unsupported-channel-binding-type": "it does not know our kind of channel binding",
    "unknown-user": "it does not know the user",
    "invalid-username-encoding": "it cannot read the user name",
    "no-resources": "it is too busy",
    "other-error": "it does not say why",
}
# With these nothing else may be tried: it would be what the intruder wants.
INTRUDER = ("channel-bindings-dont-match", "server-does-support-channel-binding")


class Channel:
    """What we say about channel binding (RFC 5802 section 6).

    flag: b"n" we have none; b"y" we have, and the server does not offer it;
    b"p=TYPE" it is used, and data is what both ends see of the channel.
    """

    __slots__ = ("data", "flag")

    def __init__(self, flag: bytes, data: bytes = b"") -> None:
        self.flag = flag
        self.data = data


def carries(username: str, password: str) -> bool:
    """SCRAM can be used with these."""
    try:
        saslprep(username)
        saslprep(password)
    except Unable:
        return False
    return True


def exchange(name: str, username: str, password: str, nonce: bytes, channel: Channel) -> "Exchange":
    """nonce: printable ASCII without commas, never used before.  Raises Unable."""
    import hashlib
    import hmac

    algorithm = HASHES[name]
    user, secret = saslprep(username), saslprep(password)
    header = channel.flag + b",,"
    bare = b"n=" + user.replace(b"=", b"=3D").replace(b",", b"=2C") + b",r=" + nonce
    challenge = yield header + bare
    joint, salt, iterations = _server_first(challenge, nonce)
    unproven = b"c=" + _base64(header + channel.data) + b",r=" + joint
    said = b",".join((bare, challenge, unproven))
    salted = hashlib.pbkdf2_hmac(algorithm, secret, salt, iterations)
    client_key = hmac.digest(salted, b"Client Key", algorithm)
    signature = hmac.digest(hashlib.new(algorithm, client_key).digest(), said, algorithm)
    proof = bytes(a ^ b for a, b in zip(client_key, signature, strict=True))
    final = yield unproven + b",p=" + _base64(proof)
    expected = hmac.digest(hmac.digest(salted, b"Server Key", algorithm), said, algorithm)
    if not hmac.compare_digest(_server_final(final), expected):
        raise Broken("its proof is wrong, so it does not know the password that it asks for")
    yield b""


def _server_first(message: bytes, nonce: bytes) -> tuple[bytes, bytes, int]:
    """Nonce, salt and iteration count out of ``r=,s=,i=``; extensions after them are not for us."""
    if message.startswith(b"e="):
        word, why = _refusal(message)
        raise (Broken if word in INTRUDER else Refused)(why)
    parts = message.split(b",")
    if len(parts) < 3 or [part[:2] for part in parts[:3]] != [b"r=", b"s=", b"i="]:
        raise Broken("its first message is none")
    joint, salt, count = (part[2:] for part in parts[:3])
    if not joint.startswith(nonce) or len(joint) == len(nonce) or not _printable(joint):
        raise Broken("its nonce does not continue ours")
    if not (count.isdigit() and len(count) < 12 and FEWEST_ITERATIONS <= int(count) <= MOST_ITERATIONS):
        raise Broken(f"its iteration count is not between {FEWEST_ITERATIONS} and {MOST_ITERATIONS}")
    return joint, _octets(salt, "salt"), int(count)


def _server_final(message: bytes) -> bytes:
    """The server's signature."""
    if message.startswith(b"e="):
        raise Broken(_refusal(message)[1])
    if not message.startswith(b"v="):
        raise Broken("it does not prove that it knows the password")
    return _octets(message[2:].split(b",")[0], "proof")


def _refusal(message: bytes) -> tuple[str, str]:
    """The word of ``e=``, and what it means."""
    word = message[2:].split(b",")[0].decode("ascii", "replace")
    return word, REFUSALS.get(word, REFUSALS["other-error"])


def _octets(text: bytes, what: str) -> bytes:
    try:
        octets = a2b_base64(text, strict_mode=True)
    except Error as error:
        raise Broken(f"its {what} is no base64") from error
    if not octets:
        raise Broken(f"its {what} is empty")
    return octets


def _printable(text: bytes) -> bool:
    return all(33 <= byte <= 126 for byte in text)


def _base64(octets: bytes) -> bytes:
    return b2a_base64(octets, newline=False)


TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmtp_py.sasl.mechanism import Exchange
