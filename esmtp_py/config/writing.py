"""An rc file that is written by us: what the assistants found out, as statements a person can read and change."""

import os

from esmtp_py.errors import MailError
from esmtp_py.printable import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


# Statements whose value may be one of these words of the language.
_CHOICES = ("starttls", "message_id", "date", "undisclosed_recipients", "tls_required_ext")
_WORDS = ("disabled", "enabled", "required")
# Statements whose values are a list, with commas in between.
_LISTS = ("dsn_notify",)


class Section:
    """One identity to be: its addresses (none: the statements before the first identity), and what is said of it.

    statements: (name as it is written, value) in order; "" is the value of default, which stands alone.
    remarks:    lines for people, written above it as comments.
    """

    __slots__ = ("addresses", "remarks", "statements")

    def __init__(self, *addresses: str) -> None:
        self.addresses = list(addresses)
        self.statements: list[tuple[str, str]] = []
        self.remarks: list[str] = []

    def say(self, name: str, value: str = "") -> None:
        self.statements.append((name, value))

    def lines(self) -> "Iterator[str]":
        yield from (f"# {printable(remark)}" for remark in self.remarks)
        indent = ""
        if self.addresses:
            yield "identity " + ", ".join(_item(address) for address in self.addresses)
            indent = "    "
        for name, value in self.statements:
            yield f"{indent}{name} {_listed(name, value)}".rstrip()


def text(sections: "list[Section]", origin: str) -> str:
    """The whole file; those without addresses come first, for so the language has it."""
    ordered = sorted(sections, key=lambda section: bool(section.addresses))
    blocks = ["\n".join(section.lines()) for section in ordered]
    return (
        f"# {printable(origin)}; esmtprc(5) explains every word, `esmtp --check-rc` what it comes to.\n\n"
        + "\n\n".join(block for block in blocks if block)
        + "\n"
    )


def write(path: str, content: str) -> None:
    """Makes the file, for the user alone.  MailError("cannot_create") when there is one, or it cannot be made."""
    try:
        _put(path, content, os.link)  # unlike a rename, it never takes the place of a file
    except FileExistsError as error:
        text = f"{path} is there already; move it away, or name another file with -C"
        raise MailError("cannot_create", text) from error
    except OSError as error:
        raise MailError("cannot_create", f"cannot write {path}: {error.strerror}") from error


def replace(path: str, content: str) -> None:
    """The file has this content from now on, or is as before; MailError("cannot_create") then."""
    real = os.path.realpath(path)  # a link stays one
    try:
        _put(real, content, os.replace)
    except OSError as error:
        raise MailError("cannot_create", f"cannot write {path}: {error.strerror}") from error


def _put(path: str, content: str, name_it: "Callable[[str, str], None]") -> None:
    """Durable and whole, or not there: it holds what nobody has written down elsewhere."""
    part = f"{path}.{os.getpid()}"
    fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with open(fd, "wb") as file:
            file.write(content.encode("utf-8", "surrogateescape"))
            file.flush()
            os.fsync(fd)
        name_it(part, path)
    finally:
        if os.path.lexists(part):
            os.unlink(part)


def word(value: str, ends: str = " \t=;:,\\\"'#") -> str:
    """A value as it may be written in the rc file; in quotes if it holds one of ``ends``."""
    if value and value.isprintable() and not set(value) & set(ends):
        return value
    made = "".join(c if c.isprintable() and c not in '\\"' else _escaped(c) for c in value)
    return f'"{made}"'


def _listed(name: str, value: str) -> str:
    """As it stands behind this statement: a list is one, and a word of the language stays one where it is meant.

    Whatever the value, it is read as this one again and begins no statement of its own.
    """
    from esmtp_py.grammar.esmtprc import ALL_KEYWORDS, KEYWORDS, NO_VALUE_FOLLOWS, VALUE_FOLLOWS

    if not value:
        return "" if name == "default" else '""'
    if name in _LISTS and "," in value:
        return ", ".join(_item(each.strip()) for each in value.split(","))
    if ALL_KEYWORDS.get(name) in VALUE_FOLLOWS:
        return word(value, " \t=;,\\\"'#")
    keywords = ALL_KEYWORDS if ALL_KEYWORDS.get(name) in NO_VALUE_FOLLOWS else KEYWORDS
    reserved = value in keywords and not (name in _CHOICES and value in _WORDS)
    return f'"{value}"' if reserved else word(value)


def _item(value: str) -> str:
    """In a list, where each word of the language would end it."""
    from esmtp_py.grammar.esmtprc import ALL_KEYWORDS

    return f'"{value}"' if value in ALL_KEYWORDS else word(value)


def _escaped(character: str) -> str:
    if character in '\\"':
        return "\\" + character
    return "".join(f"\\x{byte:02x}" for byte in character.encode("utf-8", "surrogateescape"))
