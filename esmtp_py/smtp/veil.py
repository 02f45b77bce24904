"""What a server may quote back at us, and nobody is to see: a secret, in clear or as mail and web encode it.

Some servers repeat the command they do not like, some say which password was
wrong; some do it in upper case, or cut what is long into pieces.  A reply
passes here before it is shown, logged or put into a bounce.
"""

from binascii import b2a_base64

# What a trace shows where a secret stands.
MASKED = b"*"
# A shorter one is a word like others: "no" stands in "cannot", too.
SHORTEST = 4
# So many characters in a row are a piece of the secret, and no word that happens to be in it.
PIECE = 8
# Places in a form where a piece of it is looked for; for a token of 64 kB it has to be some lines long, then.
PLACES = 256

# RFC 3986 section 2.3
_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_FOR_URLS = bytes.maketrans(b"+/", b"-_")


class Veil:
    """The secrets of one connection."""

    __slots__ = ("_every", "_forms", "_pieces", "_words")

    def __init__(self, *secrets: "Secret | None") -> None:
        self._forms: list[bytes] = []  # in lower case
        self._pieces: dict[bytes, dict[bytes, int]] = {}  # of each form, and where in it
        self._every: set[bytes] = set()  # of all forms
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
        encoded = [whole, whole.rstrip(b"="), *(_within(secret, shift) for shift in range(3))]
        encoded += [form.translate(_FOR_URLS) for form in encoded]
        forms = [form.lower() for form in (secret, _percent(secret), secret.hex().encode("ascii"), *encoded)]
        self._forms += [form for form in dict.fromkeys(forms) if len(form) >= SHORTEST and form not in self._forms]
        self._pieces.clear()  # made anew when there is something to hide them in

    def over(self, text: bytes) -> bytes:
        """The text with a mask in the place of each secret, in any letter case; a short one only where it is a word."""
        text = _without(text, self._spans(text.lower()))
        for word in self._words:
            text = _without_word(text, word)
        return text

    def over_text(self, text: str) -> str:
        """The same for text that is decoded already."""
        return self.over(text.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")

    def _spans(self, text: bytes) -> list[tuple[int, int]]:
        """Where secrets are, and pieces of them."""
        spans = []
        for form in self._forms:
            at = text.find(form)
            while at >= 0:
                spans.append((at, at + len(form)))
                at = text.find(form, at + len(form))
        return spans + self._pieces_in(text)

    def _pieces_in(self, text: bytes) -> list[tuple[int, int]]:
        if not self._pieces:
            for form in self._forms:
                places = range(0, len(form) - PIECE + 1, 1 + len(form) // PLACES)
                self._pieces[form] = {form[at : at + PIECE]: at for at in places}
                self._every.update(self._pieces[form])
        seen = [at for at in range(len(text) - PIECE + 1) if text[at : at + PIECE] in self._every]
        return [span for form in self._forms for span in self._of(form, text, seen)]

    def _of(self, form: bytes, text: bytes, seen: list[int]) -> "Iterator[tuple[int, int]]":
        pieces, last = self._pieces[form], 0
        for at in seen:
            place = pieces.get(text[at : at + PIECE]) if at >= last else None
            if place is not None:
                begin, last = _grown(text, at, form, place, last)
                yield begin, last


def _grown(text: bytes, at: int, form: bytes, place: int, least: int) -> tuple[int, int]:
    """As much of the form as stands there around a piece of it; not before ``least``."""
    begin, end = at, at + PIECE
    while begin > least and place and text[begin - 1] == form[place - 1]:
        begin, place = begin - 1, place - 1
    place += end - begin
    while end < len(text) and place < len(form) and text[end] == form[place]:
        end, place = end + 1, place + 1
    return begin, end


def _without(text: bytes, spans: list[tuple[int, int]]) -> bytes:
    """One mask for what overlaps."""
    kept: list[bytes] = []
    done = 0
    for begin, end in sorted(spans):
        if begin > done or not kept:
            kept.append(text[done:begin])
        done = max(done, end)
    return MASKED.join([*kept, text[done:]]) if spans else text


def _within(secret: bytes, shift: int) -> bytes:
    """Those characters of the base64 of a longer text that depend on the secret alone, ``shift`` bytes into a group."""
    encoded = b2a_base64(bytes(shift) + secret, newline=False).rstrip(b"=")
    whole = (shift + len(secret)) % 3 == 0
    return encoded[(0, 2, 3)[shift] : None if whole else -1]


def _percent(secret: bytes) -> bytes:
    return b"".join(b"%c" % byte if byte in _UNRESERVED else b"%%%02x" % byte for byte in secret)


def _without_word(text: bytes, word: bytes) -> bytes:
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
    from collections.abc import Iterator

    from esmtp_py.concealed import Secret
