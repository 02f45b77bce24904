"""``password_from netrc``: ~/.netrc, which ftp, curl and fetchmail read too (netrc(5)).

Read in our own way, because that of the standard library takes one login for
each machine, and none at all if another program has its own words in the file.
"""

from esmtp_py.config.rcfile import home_directory
from esmtp_py.secret.failure import not_now
from esmtp_py.secret.file import trusted
from esmtp_py.secret.service import host

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from esmtp_py.config.identity import Identity

# Thousands of machines fit.
LONGEST = 1 << 20


def fetch(identity: "Identity") -> str:
    """The password of the first entry for the server's host and the user name; not_now() if there is none."""
    path = f"{home_directory()}/.netrc"
    machine, login = host(identity), identity.username
    content = trusted(path, LONGEST + 1)
    if len(content) > LONGEST:  # the password could be the word that is cut in two
        raise not_now(f"no password: {path} is too long: more than {LONGEST} bytes")
    for entry in entries(content.decode("utf-8", "surrogateescape")):
        if entry.serves(machine, login) and entry.password:
            return entry.password
    raise not_now(
        f"no password: {path} has none for {login} at {machine}: "
        f"add a line with: machine {machine} login {login} password PASSWORD"
    )


class Entry:
    """machine: "" for the ``default`` one.  login: "" when it does not say."""

    __slots__ = ("login", "machine", "password")

    def __init__(self, machine: str) -> None:
        self.machine = machine
        self.login = ""
        self.password = ""

    def serves(self, machine: str, login: str) -> bool:
        return self.machine.lower() in ("", machine.lower()) and self.login in ("", login)


def entries(text: str) -> "Iterator[Entry]":
    """All entries, in the order of the file.  What no netrc(5) knows is passed over."""
    entry: Entry | None = None
    due, macro = "", False  # the word whose value comes; within a macro, which an empty line ends
    for line in text.split("\n"):
        macro = macro and bool(line.strip())
        for word in () if macro else _words(line):
            if due == "machine":
                entry, due = Entry(word), ""
            elif due:
                if entry:
                    _note(entry, due, word)
                due = ""
            elif word.startswith("#"):
                break
            elif word == "macdef":
                macro = True
                break
            elif word in ("machine", "default"):
                if entry:
                    yield entry
                entry, due = (Entry(""), "") if word == "default" else (None, word)
            elif word in ("login", "user", "password", "passwd", "account"):
                due = word
    if entry:
        yield entry


def _note(entry: Entry, what: str, value: str) -> None:
    if what in ("login", "user"):
        entry.login = value
    elif what in ("password", "passwd"):
        entry.password = value


def _words(line: str) -> "Iterator[str]":
    """Between white space; a word may stand in double quotes, and a backslash protects the next character."""
    word: list[str] = []
    quoted, begun, characters = False, False, iter(line)
    for char in characters:
        if char == "\\":
            word.append(next(characters, ""))
            begun = True
        elif char == '"' and (quoted or not word):
            quoted, begun = not quoted, True
        elif char in " \t\r" and not quoted:
            if begun:
                yield "".join(word)
            word, begun = [], False
        else:
            word.append(char)
            begun = True
    if begun:
        yield "".join(word)
