"""Commands of the rc run by ``/bin/sh``: the MDA, preconnect and postconnect.

Values from a mail never become shell text that could be anything but one word
(CVE-2020-7247): see ``expand``.
"""

import os

from esmtp_py.child import Child, Finished, spawn
from esmtp_py.errors import MailError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from esmtp_py.smtp.reply import Trace

# Postfix's command_time_limit.
SECONDS = 1000

_SAFE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%+=:,./-_")
_BEFORE_COMMENT = ("", *" \t\n;&|()")
_OPENINGS = ("$(", "${", "$[", "$'", '$"', "<<")


def quote(word: str) -> str:
    """``word`` as one word of a shell command; as it is when no character is special."""
    if word and not set(word) - _SAFE:
        return word
    return "'" + word.replace("'", "'\\''") + "'"


def expand(template: str, values: dict[str, list[str]]) -> str:
    """Replaces ``%X`` by its words, quoted, and ``%%`` by ``%``; any other ``%c`` stays.

    Our quotes do not work inside quotes of the template's own, so there only
    harmless words are let in.  Raises MailError("config") otherwise.
    """
    pieces = template.split("%")
    result = own = pieces.pop(0)  # own: what of it is the template's
    while pieces:
        piece = pieces.pop(0)
        words = ""
        if not piece and pieces:
            piece = "%" + pieces.pop(0)
        elif piece[:1] in values:
            words = _words(values[piece[0]], piece[0], own)
            piece = piece[1:]
        else:
            piece = "%" + piece
        result += words + piece
        own += piece
    return result


def _words(words: list[str], name: str, before: str) -> str:
    """What stands for ``%name`` behind the text ``before`` of the template."""
    if not _inside_quotes(before):
        return " ".join(map(quote, words))
    if any(set(word) - _SAFE for word in words):
        raise MailError("config", f"take the quotes off %{name} in the rc: esmtp quotes what it puts there")
    return " ".join(words)


def _inside_quotes(text: str) -> bool:
    """Would quotes of ours at the end of ``text`` be anything but quotes to the shell?

    Within quotes, backquotes, an expansion, a here-document, a comment, or
    behind a backslash.  True where shells differ ($'…' is quoting in some).
    """
    quoted = ""
    at = 0
    while at < len(text):
        char = text[at]
        if char == "\\" and quoted != "'":
            at += 1
            if at == len(text):
                return True
        elif quoted:
            quoted = "" if char == quoted else quoted
        elif char in "'\"`":
            quoted = char
        elif char == "#" and text[at - 1 : at] in _BEFORE_COMMENT:
            return True
        at += 1
    return bool(quoted) or any(opening in text for opening in _OPENINGS)


def hook(command: str, name: str, trace: "Trace | None") -> None:
    """Runs preconnect or postconnect; its output goes to our stderr.

    Raises MailError("try_again") when it fails: there may be no way to the server.
    """
    if trace:
        trace("*", f"{name}: {command}".encode("utf-8", "replace"))
    devnull = os.open(os.devnull, os.O_RDONLY)
    try:
        pid = spawn(command, [(os.POSIX_SPAWN_DUP2, devnull, 0), (os.POSIX_SPAWN_DUP2, 2, 1)])
    finally:
        os.close(devnull)
    finished = Child(pid, pid, -1, SECONDS).run()
    if finished.status != 0:
        raise MailError("try_again", f"{name} ({command}) {finished.how}", status="4.3.0")


def pipe(command: str, chunks: "Iterable[bytes]", seconds: float) -> Finished:
    """Runs ``command`` with ``chunks`` on its standard input.

    All of them are there before it begins, so it never sees the end of half a
    message, also when we are killed.  A command that does not read all of it is
    not at fault.  Killed, with its children, after ``seconds``.
    Raises MailError("system") when it cannot be started, MailError("io") when
    there is no room for a long message.
    """
    ends: list[int] = []
    try:
        stdin = _whole(chunks)
        ends.append(stdin)
        output, stdout = os.pipe()
        ends += output, stdout
        actions = [(os.POSIX_SPAWN_DUP2, stdin, 0), (os.POSIX_SPAWN_DUP2, stdout, 1), (os.POSIX_SPAWN_DUP2, stdout, 2)]
        pid = spawn(command, actions, setpgroup=0)
        ends.remove(output)
    except OSError as error:
        raise MailError("system", f"cannot start {command}: {error.strerror}") from error
    finally:
        for end in ends:
            os.close(end)
    return Child(pid, -pid, output, seconds).run()


def _whole(chunks: "Iterable[bytes]") -> int:
    """A descriptor all of it can be read from: a pipe, or a file when it has no room for so much."""
    source = iter(chunks)
    reading, writing = os.pipe()
    try:
        try:
            rest = _fill(writing, source)
        finally:
            os.close(writing)
        if rest:
            return _filed(reading, rest, source)
    except BaseException:
        os.close(reading)
        raise
    return reading


def _fill(feed: int, source: "Iterator[bytes]") -> bytes:
    """Writes what the pipe has room for; returns what it has not of the last chunk, empty if it took all."""
    os.set_blocking(feed, False)
    for chunk in source:
        view = memoryview(chunk)
        try:
            while view:
                view = view[os.write(feed, view) :]
        except BlockingIOError:
            return bytes(view)
    return b""


def _filed(reading: int, rest: bytes, source: "Iterator[bytes]") -> int:
    """What is in the pipe, whose other end is closed, and what comes after it."""
    from itertools import chain

    from esmtp_py.spool import filed

    file = filed(chain(iter(lambda: os.read(reading, 65536), b""), (rest,), source))
    os.close(reading)
    return file
