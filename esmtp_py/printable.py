"""Words that came from elsewhere, made safe to show: on a terminal, in a log."""

# A reply may be 200 lines of 8 KiB; nobody reads more than this of it.
LIMIT = 1000


def printable(text: str, limit: int = LIMIT) -> str:
    """Text from argv, a header or a peer as one line that cannot play tricks on a terminal.

    Control and format characters are escaped, bytes that are not UTF-8 shown as
    ``\\xNN``; what is longer than ``limit`` ends in an ellipsis.
    """
    if len(text) > limit:
        text = text[:limit] + "…"
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _escaped(char) for char in text)


def _escaped(char: str) -> str:
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:  # a byte of argv that was not UTF-8 (PEP 383)
        code -= 0xDC00
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
