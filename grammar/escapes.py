r"""The backslash in a value; imported by the first value that has one.

\n \t \b \r; \x and up to two hexadecimal digits; \0 and octal digits, three
counting the zero; \1 to \9 decimal, up to three digits, modulo 256; any other
character stands for itself.  Numbers are bytes: \xc3\xa9 is "é".
"""

_LETTERS = {"n": b"\n", "t": b"\t", "b": b"\b", "r": b"\r"}
_HEX = "0123456789abcdefABCDEF"
_DECIMAL = "0123456789"
_OCTAL = "01234567"

NUL = "a value cannot contain a NUL byte"
DIGITS = "\\x wants one or two hexadecimal digits"


def decoded(text: str) -> "tuple[str, tuple[int, str] | None]":
    """What ``text``, which does not end in a lone backslash, stands for, and None.

    Or "" with the offset in ``text`` of a fault, and what is wrong there.
    Bytes that are no UTF-8 are surrogates, before and after.
    """
    made: list[bytes] = []
    done = 0
    while (slash := text.find("\\", done)) >= 0:
        byte, after = _escape(text, slash + 1)
        if byte in (b"", b"\0"):
            return "", (slash, NUL if byte else DIGITS)
        made += (text[done:slash].encode("utf-8", "surrogateescape"), byte)
        done = after
    made.append(text[done:].encode("utf-8", "surrogateescape"))
    if "\0" in text:
        return "", (text.index("\0"), NUL)
    return b"".join(made).decode("utf-8", "surrogateescape"), None


def _escape(text: str, at: int) -> "tuple[bytes, int]":
    """The escape whose backslash is just before ``at``: its bytes (b"" is a mistake), and where the text goes on."""
    letter = text[at]
    if letter in "xX":
        digits = _digits(text, at + 1, 2, _HEX)
        return (bytes((int(digits, 16),)) if digits else b""), at + 1 + len(digits)
    if letter == "0":
        digits = _digits(text, at, 3, _OCTAL)
        return bytes((int(digits, 8),)), at + len(digits)
    if letter in _DECIMAL:
        digits = _digits(text, at, 3, _DECIMAL)
        return bytes((int(digits) & 255,)), at + len(digits)
    return _LETTERS.get(letter) or letter.encode("utf-8", "surrogateescape"), at + 1


def _digits(text: str, start: int, most: int, allowed: str) -> str:
    end = start
    while end < min(len(text), start + most) and text[end] in allowed:
        end += 1
    return text[start:end]
