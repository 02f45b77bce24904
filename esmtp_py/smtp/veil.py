"""What a server may quote back at us, and nobody is to see: a secret, in clear or in base64.

Some servers repeat the command they do not like, some say which password was
wrong.  A reply passes here before it is shown, logged or put into a bounce.
"""

from binascii import b2a_base64

# What a trace shows where a secret stands.
MASKED = b"*"
# A shorter one is a word like others: "no" stands in "cannot", too.
SHORTEST = 4


class Veil:
    """The secrets of one connection."""

    __slots__ = ("_forms", "_words")

    def __init__(self, *secrets: "Secret | None") -> None:
        self._forms: list[bytes] = []
        self._words: list[bytes] = []
        for secret in secrets:
            if secret:
                self.add(secret.reveal().encode("utf-8", "surrogatepass"))

    def add(self, secret: bytes) -> None:
        """From here on ``secret`` is hidden, and so is its base64, whatever stands before and behind it in there."""
        if len(secret) < SHORTEST:
            self._words += [secret] if secret else []
            return
        whole = b2a_base64(secret, newline=False)
        forms = {secret, whole, whole.rstrip(b"="), *(_within(secret, shift) for shift in range(3)), *self._forms}
        # the longest first, or a part of it would be left
        self._forms = sorted((form for form in forms if len(form) >= SHORTEST), key=len, reverse=True)

    def over(self, text: bytes) -> bytes:
        """The text with a mask in the place of each secret; a short one only where it is a word of its own."""
        for form in self._forms:
            text = text.replace(form, MASKED)
        for word in self._words:
            text = _without(text, word)
        return text

    def over_text(self, text: str) -> str:
        """The same for text that is decoded already."""
        return self.over(text.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")


def _within(secret: bytes, shift: int) -> bytes:
    """Those characters of the base64 of a longer text that depend on the secret alone, ``shift`` bytes into a group."""
    encoded = b2a_base64(bytes(shift) + secret, newline=False).rstrip(b"=")
    whole = (shift + len(secret)) % 3 == 0
    return encoded[(0, 2, 3)[shift] : None if whole else -1]


def _without(text: bytes, word: bytes) -> bytes:
    at = text.find(word)
    while at >= 0:
        end = at + len(word)
        alone = not text[at - 1 : at].isalnum() if at else True
        if alone and not text[end : end + 1].isalnum():
            text = text[:at] + MASKED + text[end:]
            end = at + len(MASKED)
        at = text.find(word, end)
    return text


TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmtp_py.concealed import Secret
