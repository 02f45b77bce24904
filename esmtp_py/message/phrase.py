"""Display names beyond plain words: RFC 2047, quoting, folding.  Imported only when such a name comes."""

import binascii

# Decoders are found by importing their module, and some of them (punycode) take quadratic time:
# only the charsets that mail is written in are looked for.
_CHARSETS = (
    "utf-8",
    "utf8",
    "us-ascii",
    "iso-",
    "iso8859",
    "latin",
    "windows-",
    "cp",
    "koi8-",
    "mac",
    "gb",
    "big5",
    "euc-",
    "shift",
    "sjis",
    "ks_c",
    "tis-620",
)

# RFC 2047 section 2 allows 75 for an encoded-word and 76 for its line.  60 fits behind "Resent-From: ", too.
_WORD_LIMIT = 60
_LINE_LIMIT = 78  # RFC 5322 section 2.1.1
_COLUMN = len("Resent-From: ")
_OPEN, _CLOSE = "=?utf-8?%s?", "?="
_PAYLOAD = _WORD_LIMIT - len(_OPEN % "q") - len(_CLOSE)
_SAFE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!*+-/")  # section 5 (3)

_ATEXT = _SAFE | frozenset("#$%&'=?^_`{|}~")

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeVar

    _Text = TypeVar("_Text", str, bytes)


def decode_phrase(parts: "list[tuple[str, bool, bool]]") -> str:
    """A phrase as people read it, without control characters.

    parts: its words and dots; each: text, was it quoted, was there space before it.
    """
    name: list[str] = []
    octets: list[bytes] = []
    charset = ""  # encoded-words that follow each other may share a character
    for text, quoted, spaced in _words(parts):
        encoded = None if quoted else _encoded_word(text)
        if not (encoded and encoded[0] == charset):
            name.append(_decode(octets, charset))
            if spaced and not (encoded and charset):
                name.append(" ")
            charset, octets = (encoded[0], []) if encoded else ("", [])
        if encoded:
            octets.append(encoded[1])
        else:
            name.append(text)
    name.append(_decode(octets, charset))
    return _clean("".join(name))


def format_phrase(name: str, address: bytes) -> bytes:
    """``name <address>``, the name encoded if it has to be, else quoted; folded to 78 columns if possible."""
    name = _clean(name)
    if not name:
        return address
    words = name.split(" ")
    if not name.isascii() or "=?" in name or max(map(len, words)) > _WORD_LIMIT:
        words = _encode(name)
    elif not all(map(_ATEXT.issuperset, words)):
        words = ('"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"').split(" ")
    return _fold([word.encode() for word in words] + [b"<%b>" % address])


def _words(parts: "list[tuple[str, bool, bool]]") -> "list[tuple[str, bool, bool]]":
    """Parts that touch as one word: the dots in ``=?utf-8?q?J._Doe?=`` had cut it."""
    words: list[tuple[list[str], bool, bool]] = []
    for text, quoted, spaced in parts:
        if words and not (spaced or quoted or words[-1][1]):
            words[-1][0].append(text)
        else:
            words.append(([text], quoted, spaced))
    return [("".join(texts), quoted, spaced) for texts, quoted, spaced in words]


def _decode(octets: list[bytes], charset: str) -> str:
    return b"".join(octets).decode(charset, "replace") if octets else ""


def _encoded_word(word: str) -> "tuple[str, bytes] | None":
    """Charset and bytes of an encoded-word; None for any other word."""
    fields = word[2:-2].split("?") if word[:2] == "=?" and word[-2:] == "?=" else []
    if len(fields) != 3:
        return None
    charset = fields[0].partition("*")[0].lower()  # a language may follow (RFC 2231)
    if not charset.startswith(_CHARSETS):
        return None
    try:
        b" ".decode(charset, "replace")  # of no bytes at all, Python would not look for it
        if fields[1] in "Qq":
            return charset, binascii.a2b_qp(fields[2], header=True)
        if fields[1] in "Bb":
            return charset, binascii.a2b_base64(fields[2] + "===")
    except (LookupError, ValueError):
        pass
    return None


def _encode(name: str) -> list[str]:
    """Encoded-words (RFC 2047): Q where most of it is plain, else B; no character is cut in two."""
    quoted = [_quote(ch) for ch in name]
    octets = [ch.encode() for ch in name]
    if sum(len(piece) == 1 for piece in quoted) >= len(name) / 2:
        return [_OPEN % "q" + "".join(piece) + _CLOSE for piece in _pieces(quoted, _PAYLOAD)]
    pieces = _pieces(octets, _PAYLOAD // 4 * 3)
    return [_OPEN % "b" + binascii.b2a_base64(b"".join(p), newline=False).decode() + _CLOSE for p in pieces]


def _quote(ch: str) -> str:
    if ch in _SAFE:
        return ch
    return "_" if ch == " " else "".join(f"={octet:02X}" for octet in ch.encode())


def _pieces(characters: "list[_Text]", limit: int) -> "list[list[_Text]]":
    pieces: list[list[_Text]] = [[]]
    length = 0
    for character in characters:
        if length + len(character) > limit:
            pieces.append([])
            length = 0
        pieces[-1].append(character)
        length += len(character)
    return pieces


def _fold(words: list[bytes]) -> bytes:
    out, column = words[:1], _COLUMN + len(words[0])
    for word in words[1:]:
        if column + 1 + len(word) > _LINE_LIMIT:
            out.append(b"\r\n " + word)
            column = 0
        else:
            out.append(b" " + word)
        column += 1 + len(word)
    return b"".join(out)


def _clean(name: str) -> str:
    """White space as single spaces, controls gone, bytes that were not UTF-8 marked."""
    name = name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    name = " ".join(name.split())
    if name.isprintable():
        return name
    return "".join(ch for ch in name if ch >= " " and not "\x7f" <= ch <= "\x9f")
