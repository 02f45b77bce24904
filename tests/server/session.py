"""One SMTP or LMTP session of the submission server: what it offers, takes, records and objects to.

It obeys RFC 5321 and its extensions, and is strict where real servers are
lenient: whatever a careful client would not do is a line in ``violations``.
"""

import base64
import re
import socket
import ssl
from typing import TYPE_CHECKING

from tests.server import sasl
from tests.server.auth import MECHANISMS, Cancelled, decode
from tests.server.transaction import MAIL_PARAMETERS, PATH, RCPT_PARAMETERS, XTEXT, Mail, subject
from tests.server.wire import Gone, Wire

if TYPE_CHECKING:
    from tests.server.submission import SubmissionServer

EXTENSIONS = ("PIPELINING", "SIZE", "8BITMIME", "SMTPUTF8", "DSN", "ENHANCEDSTATUSCODES", "CHUNKING", "BINARYMIME")

# RFC 2920 section 3.1: these may only be the last of a group; RFC 3207 and RFC 4954 add theirs.
LAST_IN_GROUP = ("EHLO", "HELO", "LHLO", "DATA", "NOOP", "QUIT", "STARTTLS", "AUTH")

ENHANCED = re.compile(r"^(\d{3}[- ])\d\.\d+\.\d+ ", re.MULTILINE)


class Session:
    """A connection, while it lasts and as a record.

    commands:   every line of the client, credentials included.
    dialogue:   the same and the replies: ("C", line), ("S", line), ("*", remark).
    violations: what no careful client does.
    turns:      how often the server answered and waited (greeting included).
    tls:        "TLSv1.3" or the like, "" in the clear.   tls_error: why the handshake failed.
    server_name: SNI, "" if none.   peer_certificate: as SSLSocket.getpeercert().
    user, mechanism: who authenticated and how, "" if nobody.   hello: the name in EHLO.
    ended:      "QUIT", or why there was none.
    """

    def __init__(self, server: "SubmissionServer", connection: socket.socket) -> None:
        self.server = server
        self.wire = Wire(connection)
        self.commands: list[bytes] = []
        self.dialogue: list[tuple[str, bytes]] = []
        self.violations: list[str] = []
        self.turns = 0
        self.tls = self.tls_error = self.server_name = self.user = self.mechanism = self.hello = self.ended = ""
        self.peer_certificate: object = None
        self._mail: Mail | None = None
        self._extended = False
        self._broken_bdat = False

    def run(self) -> None:
        try:
            if self.server.tls == "implicit":
                self._handshake()
            self._say(self._reply_to("GREETING", "", f"220 {self.server.name} ESMTP at your service"))
            while not self.ended:
                self._one_command()
        except (Gone, OSError) as error:
            self.ended = self.ended or str(error) or type(error).__name__
        finally:
            self.turns = self.wire.turns

    # one command

    def _one_command(self) -> None:
        line = self._line()
        verb, _, rest = line.partition(b" ")
        name = verb.decode("latin-1").upper()
        if name == "BDAT":
            self._say_if(self._bdat(rest))
            return
        self._check_group(name)
        handler = self.HANDLERS.get(name)
        if handler is None:
            self._object(f"unknown command {name[:20]!r}")
            self._say("500 5.5.2 what?")
            return
        planned = self.server.planned(name, subject(rest))
        if planned is not None and planned[:1] not in ("2", "3"):
            self._say(planned)
            return
        reply = handler(self, rest)
        if planned is not None and reply and reply[0] == planned[0]:
            reply = planned
        self._say_if(reply)

    def _line(self) -> bytes:
        line = self.wire.line()
        if line.endswith(b"\r\n"):
            line = line[:-2]
        else:
            self._object("bare LF ends a command")
            line = line[:-1]
        if b"\r" in line or b"\0" in line:
            self._object("CR or NUL in a command")
        self.commands.append(line)
        self.dialogue.append(("C", line))
        return line

    def _check_group(self, name: str) -> None:
        if not self.wire.pending:
            return
        if not self._offers("PIPELINING"):
            self._object(f"bytes after {name} without PIPELINING")
        elif name in LAST_IN_GROUP:
            self._object(f"bytes after {name}")

    def _object(self, text: str) -> None:
        self.violations.append(text)
        self.dialogue.append(("*", text.encode()))

    # replies

    def _say_if(self, reply: str | None) -> None:
        if reply is not None:
            self._say(reply)

    def _say(self, reply: str) -> None:
        """Send a reply of one or more lines; "" closes the connection instead, and so does a 421 afterwards."""
        if not reply:
            self.wire.flush()
            raise Gone("closed by the server, as planned")
        if self.hello and not self._offers("ENHANCEDSTATUSCODES"):
            reply = ENHANCED.sub(r"\1", reply)
        for line in reply.encode().split(b"\n"):
            self.dialogue.append(("S", line))
            self.wire.reply(line + b"\r\n")
        if reply.startswith("421"):
            self.wire.flush()
            raise Gone("421")

    def _reply_to(self, what: str, subject: str, otherwise: str) -> str:
        planned = self.server.planned(what, subject)
        return otherwise if planned is None else planned

    def _offers(self, extension: str) -> bool:
        return self._extended and extension in self.server.extensions

    # the session

    def _ehlo(self, rest: bytes) -> str:
        lmtp = self.commands[-1][:4].upper() == b"LHLO"
        if lmtp != (self.server.protocol == "lmtp"):
            return "500 5.5.1 wrong protocol"
        self._hello(rest)
        self._extended = True
        lines = [f"{self.server.name} greets {self.hello or 'you'}"]
        for extension in self.server.extensions:
            lines.append(f"SIZE {self.server.size_limit}" if extension == "SIZE" else extension)
        if self.server.tls == "starttls" and not self.tls:
            lines.append("STARTTLS")
        if self._auth_possible():
            lines.append("AUTH " + " ".join(self.server.mechanisms))
        return "\n".join([f"250-{line}" for line in lines[:-1]] + [f"250 {lines[-1]}"])

    def _helo(self, rest: bytes) -> str:
        if self.server.protocol == "lmtp":
            return "500 5.5.1 wrong protocol"
        self._hello(rest)
        self._extended = False
        return f"250 {self.server.name}"

    def _hello(self, rest: bytes) -> None:
        self.hello = rest.decode("utf-8", "backslashreplace")
        self._mail = None
        if not re.fullmatch(rb"\[[^\]\s]+\]|[A-Za-z0-9.-]+", rest):
            self._object("EHLO needs a domain or an address literal")

    def _starttls(self, rest: bytes) -> str | None:
        if self.server.tls != "starttls" or self.tls or not self._extended:
            self._object("STARTTLS was not offered")
            return "503 5.5.1 not offered"
        self.wire.pending.clear()  # CVE-2011-0411; _check_group has objected
        self._say(self._reply_to("STARTTLS", "", "220 2.0.0 go ahead"))
        self._handshake()
        self.hello = ""
        self._extended = False
        self._mail = None
        return None

    def _handshake(self) -> None:
        self.wire.flush()
        try:
            tls = self.server.handshake(self, self.wire.connection)
        except OSError as error:
            self.tls_error = str(error)
            raise
        self.wire.connection = tls
        self.tls = tls.version() or ""
        self.peer_certificate = tls.getpeercert()
        self.dialogue.append(("*", self.tls.encode()))

    def _auth_possible(self) -> bool:
        clear = self.server.tls == "none" or self.server.auth_in_clear
        return bool(self.server.mechanisms) and bool(self.tls or clear)

    def _auth(self, rest: bytes) -> str:
        mechanism, _, initial = rest.decode("latin-1").partition(" ")
        if not self._extended or not self._auth_possible():
            self._object("AUTH was not offered")
            return "503 5.5.1 not offered"
        if mechanism.upper() not in self.server.mechanisms:
            self._object(f"AUTH {mechanism} was not offered")
            return "504 5.5.4 mechanism not offered"
        if self.user or self._mail:
            return "503 5.5.1 not now"
        try:
            first = decode(initial.encode("latin-1")) if initial else None
            user = self._user(mechanism.upper(), first)
        except Cancelled:
            return "501 5.7.0 cancelled"
        except ValueError as error:
            self._object(f"AUTH {mechanism}: {error}")
            return "501 5.5.2 cannot decode"
        if user is None:
            return "535 5.7.8 authentication failed"
        self.user, self.mechanism = user, mechanism.upper()
        return "235 2.7.0 welcome"

    def _user(self, mechanism: str, first: bytes | None) -> str | None:
        if mechanism in MECHANISMS:
            return MECHANISMS[mechanism](self.server.users, first, self._ask)
        certificate = self.peer_certificate
        names = [name for _, name in certificate.get("subjectAltName", ())] if isinstance(certificate, dict) else []
        connection = self.wire.connection if isinstance(self.wire.connection, ssl.SSLSocket) else None
        peer = sasl.Peer(self.server.users, self._ask, connection, names, self.server.binds)
        return sasl.MECHANISMS[mechanism](mechanism, peer, first)

    def _ask(self, challenge: bytes) -> bytes:
        self._say("334 " + base64.b64encode(challenge).decode())
        return decode(self._line())

    # the transaction

    def _mail_from(self, rest: bytes) -> str:
        if not self.hello:
            return "503 5.5.1 say hello first"
        if self.server.tls == "starttls" and self.server.require_tls and not self.tls:
            return "530 5.7.0 must issue a STARTTLS command first"
        if self.server.require_auth and not self.user:
            return "530 5.7.0 authentication required"
        if self._mail:
            return "503 5.5.1 one at a time"
        path, parameters, error = self._path(rest, MAIL_PARAMETERS)
        if error:
            return error
        size = parameters.get("SIZE", "0")
        if not size.isdigit():
            return "501 5.5.4 bad SIZE"
        if int(size) > self.server.size_limit:
            return "552 5.3.4 message too big"
        if parameters.get("BODY", "7BIT").upper() not in ("7BIT", "8BITMIME", "BINARYMIME"):
            return "501 5.5.4 bad BODY"
        ret = parameters.get("RET", "FULL").upper()
        if ret not in ("FULL", "HDRS") or not XTEXT.match(parameters.get("ENVID", "")):
            self._object("bad RET or ENVID")
            return "501 5.5.4 bad RET or ENVID"
        if not path.isascii() and "SMTPUTF8" not in parameters:
            self._object("non-ASCII sender without SMTPUTF8")
            return "553 5.6.7 SMTPUTF8 required"
        self._mail = Mail(self, path, parameters)
        self._broken_bdat = False
        return "250 2.1.0 sender ok"

    def _rcpt_to(self, rest: bytes) -> str:
        if not self._mail:
            return "503 5.5.1 MAIL first"
        path, wishes, error = self._path(rest, RCPT_PARAMETERS)
        if error or not path:
            return error or "501 5.1.3 no null recipient"
        if not path.isascii() and "SMTPUTF8" not in self._mail.parameters:
            self._object("non-ASCII recipient without SMTPUTF8")
            return "553 5.6.7 SMTPUTF8 required"
        words = wishes.get("NOTIFY", "NEVER").upper().split(",")
        if words != ["NEVER"] and not set(words) <= {"SUCCESS", "FAILURE", "DELAY"}:
            self._object("bad NOTIFY")
            return "501 5.5.4 bad NOTIFY"
        if len(self._mail.recipients) >= self.server.recipient_limit:
            return "452 4.5.3 too many recipients"
        self._mail.recipients.append(path)
        self._mail.wishes.append(wishes)
        return "250 2.1.5 recipient ok"

    def _path(self, rest: bytes, known: dict[str, str]) -> tuple[str, dict[str, str], str]:
        """The path, its parameters, and the reply when they are not acceptable."""
        match = PATH.match(rest)
        if not match:
            self._object(f"bad path in {rest[:80]!r}")
            return "", {}, "501 5.1.7 bad path"
        if match[1]:
            self._object("space after the colon")
        parameters: dict[str, str] = {}
        for word in match[3].decode("utf-8", "backslashreplace").split():
            key, _, value = word.partition("=")
            extension = known.get(key.upper(), "")
            offered = self._auth_possible() if extension == "AUTH" else self._offers(extension)
            if not offered or key.upper() in parameters:
                self._object(f"parameter {word} was not offered, or came twice")
                return "", {}, "555 5.5.4 unknown parameter"
            parameters[key.upper()] = value
        return subject(rest), parameters, ""

    def _data(self, rest: bytes) -> str | None:
        mail = self._mail
        if not mail or not mail.recipients:
            return "503 5.5.1 no valid recipients"
        if mail.command:
            self._object("DATA after BDAT")
            return "503 5.5.1 BDAT has begun"
        if mail.parameters.get("BODY", "").upper() == "BINARYMIME":
            self._object("DATA with BINARYMIME")
            return "503 5.6.1 BINARYMIME needs BDAT"
        self._say("354 go ahead")
        sent = b"\r\n" + self.wire.until_dot()
        if re.search(rb"\n\.[^.]", sent):
            self._object("a dot is not stuffed")
        mail.command = "DATA"
        mail.data = sent.replace(b"\r\n.", b"\r\n")[2:]
        return self._end()

    def _bdat(self, rest: bytes) -> str | None:
        words = rest.upper().split()
        if not words or not words[0].isdigit() or words[1:] not in ([], [b"LAST"]) or not self._offers("CHUNKING"):
            self._object("bad BDAT, or not offered")
            return "501 5.5.4 bad BDAT"
        chunk = self.wire.count(int(words[0]))
        self.dialogue.append(("*", b"%d bytes" % len(chunk)))
        self._check_group("BDAT")
        planned = self.server.planned("BDAT", "")
        mail = self._mail
        if planned is not None:
            self._broken_bdat = True
            return planned
        if not mail or self._broken_bdat:
            return "503 5.5.1 no transaction"
        if not mail.recipients:
            self._broken_bdat = True
            return "554 5.5.1 no valid recipients"
        mail.command = "BDAT"
        mail.data += chunk
        return self._end() if words[1:] else f"250 2.0.0 {len(chunk)} bytes"

    def _end(self) -> str | None:
        """The message is complete: judge it and answer, once, or in LMTP once for each recipient."""
        mail, self._mail = self._mail, None
        assert mail is not None
        self.dialogue.append(("*", b"message of %d bytes" % len(mail.data)))
        self._check_bytes(mail)
        taken = "250 2.0.0 taken"
        if len(mail.data) > self.server.size_limit:
            taken = "552 5.3.4 message too big"
        subjects = mail.recipients if self.server.protocol == "lmtp" else [""]
        replies = [self._reply_to("END", subject, taken) for subject in subjects]
        if any(reply.startswith("2") for reply in replies):
            self.server.take(mail)
        for reply in replies:
            self._say(reply)
        return None

    def _check_bytes(self, mail: Mail) -> None:
        data = mail.data
        if mail.parameters.get("BODY", "").upper() == "BINARYMIME":
            return
        if re.search(rb"\r(?!\n)|(?<!\r)\n", data):
            self._object("bare CR or LF in the message")
        if not data.endswith(b"\r\n"):
            self._object("the message does not end with CRLF")
        if b"\0" in data:
            self._object("NUL in the message")
        if not data.isascii() and self._offers("8BITMIME") and "BODY" not in mail.parameters:
            self._object("8-bit message without BODY=8BITMIME")

    # the rest

    def _rset(self, rest: bytes) -> str:
        self._mail = None
        self._broken_bdat = False
        return "250 2.0.0 forgotten"

    def _noop(self, rest: bytes) -> str:
        return "250 2.0.0 still here"

    def _quit(self, rest: bytes) -> str | None:
        if self.wire.pending:
            self._object("bytes after QUIT")
        self._say("221 2.0.0 bye")
        self.wire.flush()
        self.ended = "QUIT"
        return None

    HANDLERS = {
        "EHLO": _ehlo,
        "LHLO": _ehlo,
        "HELO": _helo,
        "STARTTLS": _starttls,
        "AUTH": _auth,
        "MAIL": _mail_from,
        "RCPT": _rcpt_to,
        "DATA": _data,
        "RSET": _rset,
        "NOOP": _noop,
        "QUIT": _quit,
    }
