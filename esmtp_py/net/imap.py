"""IMAP (RFC 3501) for one purpose: putting a mail into a folder.  ``imaplib`` on our own streams.

So certificates, addresses and deadlines are judged as for SMTP, and a mail of
any size is streamed.  Imported only when there is a copy to put away.
"""

import imaplib
import time

from esmtp_py.errors import MailError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any

    from esmtp_py.net.stream import Stream
    from esmtp_py.net.tls import TlsStream

# What a server may say in one session.  A list of 10,000 folders has room in it.
SAID = 4 << 20
_LINE = 64 * 1024
_BLOCK = 180.0  # seconds between two pieces of a mail


class Literal:
    """A mail for APPEND.  chunks: all of its ``size`` bytes, at each call."""

    def __init__(self, size: int, chunks: "Callable[[], Iterable[bytes]]") -> None:
        self._size = size
        self.chunks = chunks

    def __len__(self) -> int:
        return self._size


class Imap(imaplib.IMAP4):
    """A connection that has been greeted.

    remote: the server's name, for people.  Each command is over after
    ``seconds``.  Whatever goes wrong is a MailError.
    """

    def __init__(self, stream: "Stream | TlsStream", remote: str, seconds: float) -> None:
        self.stream = stream
        self.remote = remote
        self._patience = seconds
        self._until = time.monotonic() + seconds
        self._unread = bytearray()
        self._heard = 0
        self._given = False  # the mail has been asked for, and sent
        self._guarded(lambda: imaplib.IMAP4.__init__(self))

    # -- what imaplib reads from and writes to -----------------------------------------------------------------

    def open(self, *_: object, **__: object) -> None:
        """The stream is open."""

    def read(self, size: int) -> bytes:
        while len(self._unread) < size:
            self._more(size)
        data = bytes(self._unread[:size])
        del self._unread[:size]
        return data

    def readline(self) -> bytes:
        at = 0
        while (end := self._unread.find(b"\n", at)) < 0:
            at = len(self._unread)
            self._more(_LINE)
        return self.read(end + 1)

    def send(self, data: "Any") -> None:
        if isinstance(data, Literal):
            for chunk in data.chunks():
                self._until = time.monotonic() + max(self._patience, _BLOCK)
                self.stream.send(chunk, self._until)
            self._given = True
        else:
            self.stream.send(data, self._until)

    def shutdown(self) -> None:
        self.stream.close()

    def _more(self, limit: int) -> None:
        """Receives something; ``limit``: of what may be unread for one line or literal."""
        if limit > SAID or len(self._unread) > limit or self._heard > SAID:
            raise MailError("protocol", f"{self.remote} says more than anybody wants to hear", remote=self.remote)
        data = self.stream.receive(self._until)
        if not data:
            raise MailError("connection_lost", f"{self.remote} closed the connection", remote=self.remote)
        self._heard += len(data)
        self._unread += data

    # -- what a session consists of -----------------------------------------------------------------------------

    def start_tls(self, secured: "Callable[[Stream | TlsStream], TlsStream]") -> None:
        """STARTTLS; what the server has said before does not count any more."""
        self._ask("STARTTLS")
        if self._unread or self.stream.waiting():
            # command injection (CVE-2011-0411): it would be read as if TLS had protected it
            raise MailError("protocol", f"{self.remote} sent more than its reply to STARTTLS", remote=self.remote)
        self.stream = secured(self.stream)
        self.offers_again()

    def offers_again(self) -> None:
        """Asks for the capabilities that hold now."""
        self._guarded(self._get_capabilities)

    @property
    def mechanisms(self) -> tuple[str, ...]:
        return tuple(word[5:] for word in self.capabilities if word.startswith("AUTH="))

    def log_in_by(self, mechanism: str, answer: "Callable[[bytes], bytes | None]") -> None:
        """AUTHENTICATE; MailError("auth") when the server does not want us.  answer: the response to a challenge."""
        try:
            self._guarded(lambda: self.authenticate(mechanism, answer), "auth")
        finally:
            self.literal = None

    def folders(self) -> "Iterator[tuple[frozenset[str], bytes]]":
        """Attributes, in lower case, and name of each folder; only those for a special use where the server can say."""
        words: tuple[str, ...] = ('""', "*")
        if "SPECIAL-USE" in self.capabilities:
            words = ("(SPECIAL-USE)", *words)  # RFC 6154
        self.untagged_responses.pop("LIST", None)
        self._ask("LIST", *words)
        for item in self.untagged_responses.pop("LIST", []):
            found = _folder(item)
            if found:
                yield found

    def append_to(self, folder: bytes, mail: Literal, seconds: float) -> None:
        """Adds the mail, as seen; makes the folder if it is not there.  seconds: since 1970, when it was sent."""
        words = (quoted(folder), r"(\Seen)", imaplib.Time2Internaldate(seconds))
        try:
            self._append(words, mail)
        except MailError as error:
            if "[TRYCREATE]" not in error.text.upper():
                raise
            self._ask("CREATE", quoted(folder))
            self._ask("SUBSCRIBE", quoted(folder))
            self._append(words, mail)

    def look_at(self, folder: bytes) -> str:
        """What the server has against mail in it, "" if nothing; nothing is changed there."""
        try:
            self._ask("STATUS", quoted(folder), "(MESSAGES)")
            if "ACL" in self.capabilities:
                self.untagged_responses.pop("MYRIGHTS", None)
                self._ask("MYRIGHTS", quoted(folder))
        except MailError as error:
            if not error.reply:
                raise
            return error.reply
        said = self.untagged_responses.pop("MYRIGHTS", [])
        # the name of the folder may be a literal, and then it is no part of the line
        rights = [line.rpartition(b" ")[2] for line in said if isinstance(line, bytes)]
        # RFC 4314 section 2.1: insert
        return "" if all(b"i" in each for each in rights) else "[NOPERM] you have no right to put mail there"

    def _append(self, words: tuple[str, ...], mail: Literal) -> None:
        self.literal: "Any" = mail
        self._given = False
        try:
            self._ask("APPEND", *words)
        finally:
            self.literal = None
        if not self._given:
            raise MailError("protocol", f"{self.remote} has taken a mail that it never asked for", remote=self.remote)

    def close_it(self) -> None:
        """Says LOGOUT if that is possible, and closes.  Never raises."""
        try:
            self._until = time.monotonic() + 5
            imaplib.IMAP4.logout(self)
        except (MailError, imaplib.IMAP4.error, OSError):
            pass
        self.stream.close()

    def _ask(self, verb: str, *words: str) -> None:
        def command() -> None:
            kind, said = self._simple_command(verb, *words)
            if kind != "OK":
                raise imaplib.IMAP4.error(b" ".join(part for part in said if isinstance(part, bytes)))

        self._guarded(command, "try_again", verb)

    def _guarded(self, step: "Callable[[], Any]", kind: str = "protocol", verb: str = "") -> None:
        """imaplib's exceptions as MailErrors; ``kind`` for a refusal."""
        self._until = time.monotonic() + self._patience
        try:
            step()
        except imaplib.IMAP4.abort as error:
            raise MailError("connection_lost", f"{self.remote}: {_words(error)}", remote=self.remote) from error
        except imaplib.IMAP4.error as error:
            text = f"{self.remote} refuses {verb or 'the login'}: {_words(error)}"
            raise MailError(kind, text, remote=self.remote, reply=_words(error)) from error
        except (ValueError, KeyError, IndexError) as error:  # it takes a server's words for granted
            raise MailError("protocol", f"{self.remote} speaks no IMAP that we know", remote=self.remote) from error


def quoted(folder: bytes) -> str:
    """A folder's name as a quoted string."""
    return '"' + folder.decode("ascii", "replace").replace("\\", "\\\\").replace('"', '\\"') + '"'


def encoded(name: str) -> bytes:
    """A folder's name as IMAP has it: modified UTF-7 (RFC 3501 section 5.1.3)."""
    parts, run = [], ""
    for character in name:
        if " " <= character <= "~":
            parts += [_run(run), b"&-" if character == "&" else character.encode()]
            run = ""
        else:
            run += character
    return b"".join([*parts, _run(run)])


def _run(text: str) -> bytes:
    from binascii import b2a_base64

    if not text:
        return b""
    return b"&" + b2a_base64(text.encode("utf-16-be"), newline=False).rstrip(b"=").replace(b"/", b",") + b"-"


def _folder(item: "Any") -> "tuple[frozenset[str], bytes] | None":
    """``(\\Sent) "/" "Sent Items"``, or, as a pair, with the name as a literal; None for what is no such thing."""
    line, literal = (item[0], item[1]) if isinstance(item, tuple) else (item, None)
    if not isinstance(line, bytes) or not line.startswith(b"("):
        return None
    attributes, bracket, rest = line[1:].partition(b")")
    # the hierarchy's sign: "/" or NIL
    sign, _, name = rest.strip().partition(b" ")
    if sign == b'"' or not bracket:  # a blank for a sign
        return None
    name = _unquoted(name.strip()) if literal is None else literal
    words = frozenset(attributes.decode("ascii", "replace").lower().split())
    return (words, name) if name and not set(name) & set(b"\r\n\0") and name.isascii() else None


def _unquoted(name: bytes) -> bytes:
    if not (name.startswith(b'"') and name.endswith(b'"') and len(name) > 1):
        return name
    return name[1:-1].replace(b'\\"', b'"').replace(b"\\\\", b"\\")


def _words(error: Exception) -> str:
    """What the server, or imaplib, has said."""
    said = error.args[0] if error.args else ""
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
    return "".join(c if c.isprintable() else "?" for c in text)[:300]
