"""The file of ``aliases``: local names and whom they stand for, as in aliases(5) and msmtp's.

    # a comment
    root: me@example.org, joe
    team: ann, bob@example.net,
        "carl r"@example.net
    default: postmaster@example.org

Names are the same in any letter case.  ``default`` is for the names that are
not here.  ``\\joe`` is joe and no alias.  Only what is looked up is read as
addresses, so that a file of 1 MB costs no mail more than finding its lines.
"""

import os
import stat

from esmtp_py.errors import MailError
from esmtp_py.message.mailbox import plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from esmtp_py.message.mailbox import Mailbox

# 100,000 aliases fit; a longer file is no alias file.
LONGEST = 4 << 20
# An alias in an alias in an alias: sendmail stops after 10, Postfix after 1000.
DEEPEST = 50
# Recipients that one of a mail may become.  Servers take a hundred to a thousand in a transaction.
MOST = 1000
DEFAULT = "default"

_CONTROLS = dict.fromkeys([*range(9), *range(11, 32), 127])


class Alias:
    """name: as written.  line: its number.  text: whom it stands for, as written."""

    __slots__ = ("line", "name", "text")

    def __init__(self, name: str, line: int, text: str) -> None:
        self.name = name
        self.line = line
        self.text = text


class Target:
    """address: canonical.  final: it is not looked up, for it has a domain or a backslash."""

    __slots__ = ("address", "final")

    def __init__(self, address: str, final: bool) -> None:
        self.address = address
        self.final = final


class Aliases:
    """An alias file that was read.  Whatever is wrong with it is MailError("config"), with file and line.

    broken: why it is no alias file, or the lines of it that cannot be read.  With one of them no name is sure:
            it may be the one that the line was about.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.broken: list[MailError] = []
        self._aliases: dict[str, Alias] = {}
        try:
            text = self._decoded(_content(path))
        except MailError as error:
            self.broken.append(error)
            return
        for number, line in _logical(text.removeprefix("\ufeff")):
            try:
                self._take(number, line)
            except MailError as error:
                self.broken.append(error)

    def expand(self, name: str) -> "list[str] | None":
        """The addresses and local names that a local name comes to, each once; None if it is no alias.

        Raises MailError for a name that nobody could be sent to, and for each as long as something is ``broken``.
        """
        if self.broken:
            raise self.broken[0]
        first = self._aliases.get(name.lower()) or self._aliases.get(DEFAULT)
        if first is None:
            return None
        found: dict[str, str] = {}
        for fault in self._walk(first, [], set(), found):
            raise fault
        return list(found.values())

    def problems(self) -> "Iterator[MailError]":
        """All that is wrong with it, whoever will be looked up; for --check-rc."""
        yield from self.broken
        done: set[Alias] = set()
        for alias in self._aliases.values():
            if alias not in done:
                yield from self._walk(alias, [], done, {})

    # -- reading -----------------------------------------------------------------------------------------------

    def _decoded(self, content: bytes) -> str:
        try:
            return content.decode("utf-8")
        except UnicodeDecodeError as error:
            bad = content.count(b"\n", 0, error.start) + 1
            raise self._fault(bad, "this is not UTF-8; save the file as UTF-8") from error

    def _take(self, number: int, line: str) -> None:
        if line.translate(_CONTROLS) != line:
            raise self._fault(number, "a control character: remove it")
        alias = self._alias(number, line)
        there = self._aliases.setdefault(alias.name.lower(), alias)
        if there is not alias:
            raise self._fault(number, f"{alias.name} is an alias already, on line {there.line}: put them together")

    def _alias(self, number: int, line: str) -> Alias:
        end = line.find('"', 1) + 1 if line.startswith('"') else line.find(":")
        name, rest = line[:end].strip(), line[end:].lstrip()
        if end <= 0 or not rest.startswith(":"):
            raise self._fault(number, "expected `name: address, address`, or white space before a line that goes on")
        mailbox = self._mailbox(number, name)
        if mailbox is None or mailbox.domain:
            raise self._fault(number, f"{name}: an alias is a name without a domain")
        return Alias(mailbox.address, number, rest[1:].strip())

    # -- looking up --------------------------------------------------------------------------------------------

    def _walk(self, alias: Alias, path: list[Alias], done: set[Alias], found: dict[str, str]) -> "Iterator[MailError]":
        """Adds to ``found`` what ``alias`` comes to, each alias walked once; yields what is wrong on the way."""
        path.append(alias)
        done.add(alias)
        if len(path) > DEEPEST:
            yield self._fault(alias.line, f"aliases of aliases, more than {DEEPEST} deep: name the addresses here")
        elif not alias.text.replace(",", "").strip():
            yield self._fault(alias.line, f"{alias.name} stands for nobody: correct it")
        else:
            for word in filter(None, _words(alias.text)):
                try:
                    target = self._target(alias, word)
                except MailError as error:
                    yield error
                else:
                    yield from self._follow(target, path, done, found)
        path.pop()

    def _follow(
        self, target: Target, path: list[Alias], done: set[Alias], found: dict[str, str]
    ) -> "Iterator[MailError]":
        """One of those that the last of ``path`` stands for."""
        alias = path[-1]
        inner = self._inner(alias, target)
        if inner is None:
            yield from self._add(alias, target.address, found)
        elif inner in path:
            names = ", ".join(each.name for each in [*path[path.index(inner) :], inner])
            yield self._fault(alias.line, f"an alias loop: {names}: break it")
        elif inner not in done:
            yield from self._walk(inner, path, done, found)

    def _inner(self, alias: Alias, target: Target) -> Alias | None:
        """The alias that somebody in ``alias`` is; None for an address or a user."""
        if target.final:
            return None
        inner = self._aliases.get(target.address.lower())
        if inner is None and alias.name.lower() != DEFAULT:
            inner = self._aliases.get(DEFAULT)
        return None if inner is alias else inner  # ``joe: joe, joe@example.org`` is no loop

    def _add(self, alias: Alias, address: str, found: dict[str, str]) -> "Iterator[MailError]":
        local, at, domain = address.rpartition("@")
        key = f"{local}{at}{domain.lower()}"
        if len(found) == MOST and key not in found:
            yield self._fault(alias.line, f"more than {MOST} recipients; use a mailing list")
        found.setdefault(key, address)

    def _target(self, alias: Alias, word: str) -> Target:
        bare = word.lstrip('"')
        if bare.startswith(("|", "/")) or bare.lower().startswith(":include:"):
            what = "a command" if bare[0] == "|" else "a file"
            raise self._fault(alias.line, f"{alias.name}: {word[:60]}: mail goes to addresses here, not to {what}")
        final = word.startswith("\\")
        mailbox = self._mailbox(alias.line, word[final:])
        if mailbox is None:
            raise self._fault(alias.line, f"{alias.name}: an empty address")
        return Target(mailbox.address, final or bool(mailbox.domain))

    def _mailbox(self, number: int, text: str) -> "Mailbox | None":
        if mailbox := plain(text) if text else None:
            return mailbox
        from esmtp_py.message.address import AddressError, parse_reverse_path

        try:
            return parse_reverse_path(text.encode())
        except AddressError as error:
            raise self._fault(number, error.text) from error

    def _fault(self, line: int, text: str) -> MailError:
        return MailError("config", f"{self.path}:{line}: {text}")


def _content(path: str) -> bytes:
    """The file's bytes.  It says where mail goes, so not everybody may have written it."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise MailError("config", f"{path}: the alias file cannot be read: {reason}") from error
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise MailError("config", f"{path}: an alias file must be a regular file")
        if status.st_uid not in (os.geteuid(), 0):
            raise MailError("config", f"{path}: the alias file belongs to somebody else; copy it")
        if status.st_mode & stat.S_IWOTH:
            raise MailError("config", f"{path}: anyone may write to the alias file; run: chmod o-w {path}")
        content = b""
        while len(content) <= LONGEST and (more := os.read(descriptor, LONGEST + 1)):
            content += more
    except OSError as error:
        raise MailError("config", f"{path}: the alias file cannot be read: {error.strerror}") from error
    finally:
        os.close(descriptor)
    if len(content) > LONGEST:
        raise MailError("config", f"{path}: is longer than {LONGEST >> 20} MiB and no alias file")
    return content


def _logical(text: str) -> "Iterator[tuple[int, str]]":
    """The lines that say something, with the number of the first: comments gone, continued ones joined."""
    first, parts = 0, [""]
    for number, line in enumerate(text.split("\n"), 1):
        line = line.removesuffix("\r")
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        line = _without_comment(line)
        if line[0] in " \t" and first:
            parts.append(line.strip())
            continue
        if first:
            yield first, " ".join(parts)
        first, parts = number, [line.strip()]
    if first:
        yield first, " ".join(parts)


def _without_comment(line: str) -> str:
    """A ``#`` after white space begins a comment; where quotes are, it may be part of a name."""
    if '"' in line or "#" not in line:
        return line
    ends = [end for end in (line.find(" #"), line.find("\t#")) if end > 0]
    return line[: min(ends)] if ends else line


def _words(text: str) -> "Iterator[str]":
    """The items of a list, at commas outside of quotes and comments; empty ones mean nothing."""
    start, quoted, depth, at = 0, False, 0, 0
    while at < len(text):
        ch = text[at]
        if ch == "\\" and (quoted or depth):
            at += 1
        elif ch == '"' and not depth:
            quoted = not quoted
        elif not quoted and ch in "()":
            depth = max(0, depth + (1 if ch == "(" else -1))
        elif ch == "," and not (quoted or depth):
            yield text[start:at].strip()
            start = at + 1
        at += 1
    yield text[start:].strip()
