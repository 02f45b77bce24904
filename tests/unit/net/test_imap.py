"""IMAP servers that are odd, slow or hostile, and the names of folders."""

import socket
import threading
import time
from binascii import a2b_base64
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esmtp_py.concealed import Secret
from esmtp_py.config.identity import Identity
from esmtp_py.config.server import Server
from esmtp_py.deliver.sent_folder import SECONDS, SentFolder, server_of
from esmtp_py.errors import MailError
from esmtp_py.net import imap as module
from esmtp_py.net.imap import Literal, encoded

CAPABILITY = b"* CAPABILITY IMAP4rev1 AUTH=PLAIN AUTH=LOGIN SPECIAL-USE\r\n"


STARTTLS = b"* CAPABILITY IMAP4rev1 AUTH=PLAIN STARTTLS\r\n%b OK done\r\n"


class Script:
    """A server that says what a function makes of each line, and closes after BYE; it keeps all that it hears."""

    def __init__(self, answer: "Callable[[bytes, bytes], bytes | None]", greeting: bytes = b"* OK hi\r\n") -> None:
        """answer: of tag and the rest of the line; None ends the connection."""
        self.heard = b""
        self._answer, self._greeting = answer, greeting
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        try:
            connection, _ = self._listener.accept()
            with connection, connection.makefile("rb") as lines:
                connection.sendall(self._greeting)
                for line in lines:
                    self.heard += line
                    tag, _, rest = line.strip().partition(b" ")
                    said = self._answer(tag, rest)
                    if said is None:
                        return
                    connection.sendall(said)
                    if said.startswith(b"* BYE"):
                        return
        except OSError:
            pass

    def close(self) -> None:
        self._listener.close()
        self._thread.join(30)

    def identity(self, **more: object) -> Identity:
        server = Server("127.0.0.1", str(self.port), protocol="imap")
        return Identity(
            username="me", password=Secret("s3cr3t word"), record="imap", imap_server=server, timeout=30, **more
        )


@pytest.fixture
def script() -> "Iterator[Callable[..., Script]]":
    running: list[Script] = []

    def start(answer: "Callable[[bytes, bytes], bytes | None]", **more: bytes) -> Script:
        running.append(Script(answer, **more))
        return running[-1]

    yield start
    for server in running:
        server.close()


def honest(tag: bytes, rest: bytes) -> "bytes | None":
    """Answers for a session that ends well; the mail is taken line by line without a reply."""
    verb = rest.split(b" ")[0].upper()
    if verb == b"CAPABILITY":
        return CAPABILITY + tag + b" OK done\r\n"
    if verb == b"AUTHENTICATE":
        return b"+ \r\n"
    if verb in (b"LIST", b"CREATE", b"SUBSCRIBE", b"LOGOUT"):
        return tag + b" OK done\r\n"
    if verb == b"APPEND":
        return b"+ go on\r\n"
    return b""


class Honest:
    """As ``honest``, with replies to what follows an AUTHENTICATE and an APPEND.  said: other answers, by verb."""

    def __init__(self, **said: bytes) -> None:
        self.said = {verb.upper().encode(): answer for verb, answer in said.items()}
        self._tag = b""
        self._left = 0

    def __call__(self, tag: bytes, rest: bytes) -> "bytes | None":
        if self._left:
            self._left -= len(tag + b" " + rest if rest else tag) + 2
            return b"" if self._left > 0 else self._tag + b" OK done\r\n"
        if self._tag and not rest:
            ours, self._tag = self._tag, b""
            return self.said.get(b"LOGIN", b"%b OK in\r\n").replace(b"%b", ours)
        verb = rest.split(b" ")[0].upper()
        if verb in self.said:
            return self.said[verb].replace(b"%b", tag)
        if verb == b"AUTHENTICATE":
            self._tag = tag
        if verb == b"APPEND":
            self._tag, self._left = tag, int(rest.rpartition(b"{")[2][:-1])
        return honest(tag, rest)


def test_a_session_that_ends_well(script: Callable[..., Script]) -> None:
    server = script(
        Honest(list=b'* LIST (\\HasNoChildren) "/" INBOX\r\n* LIST (\\sent) "/" "My \\"Sent\\""\r\n%b OK done\r\n')
    )
    folder = SentFolder(server.identity())
    folder.append(6, lambda: [b"a: b", b"\r\n"], 86400.0)
    folder.close()
    assert b'LIST (SPECIAL-USE) "" *\r\n' in server.heard
    assert b'APPEND "My \\"Sent\\"" (\\Seen) "0' in server.heard
    assert b"{6}\r\na: b\r\n" in server.heard
    assert b"s3cr3t" not in server.heard


@pytest.mark.parametrize(
    ("said", "folder"),
    [
        (b"%b OK done\r\n", b'"Sent"'),
        (b'* LIST (\\Sent) "." {4}\r\nS nt\r\n%b OK done\r\n', b'"S nt"'),
        (b"* LIST (\\Drafts \\SENT) NIL Gesendet\r\n%b OK done\r\n", b'"Gesendet"'),
        (b"* LIST nonsense\r\n* LIST\r\n* LIST (\\Sent)\r\n%b OK done\r\n", b'"Sent"'),
    ],
)
def test_the_folder_that_the_server_names(script: Callable[..., Script], said: bytes, folder: bytes) -> None:
    server = script(Honest(list=said))
    made = SentFolder(server.identity())
    made.append(2, lambda: [b"\r\n"], 1.0)
    made.close()
    assert b"APPEND " + folder in server.heard


@pytest.mark.parametrize(
    ("said", "kind", "words"),
    [
        ({"login": b"%b NO [AUTHENTICATIONFAILED] no\r\n"}, "auth", "refuses the login"),
        ({"login": b"%b NO is it s3cr3t word or czNjcjN0IHdvcmQ= ?\r\n"}, "auth", "is it * or *"),
        ({"login": b"* BYE go away\r\n"}, "connection_lost", ""),
        ({"authenticate": b"%b BAD what?\r\n"}, "auth", "refuses the login"),
        ({"list": b"%b NO no\r\n"}, "try_again", "refuses LIST"),
        ({"capability": b"* CAPABILITY IMAP4rev1 LOGINDISABLED\r\n%b OK done\r\n"}, "auth", "offers no login"),
        ({"capability": STARTTLS, "starttls": b"%b OK done\r\nx\r\n"}, "protocol", "more than its reply"),
        ({"list": b"* " + b"x" * 100_000}, "protocol", "more than anybody"),
        ({"list": b"* LIST (\\Sent) NIL {99999999}\r\n"}, "protocol", "more than anybody"),
        ({"list": b"* LIST (\\x) NIL y\r\n" * 300_000}, "protocol", "more than anybody"),
        ({"list": b"* LIST (\\Sent) NIL {-1}\r\n%b OK done\r\n"}, None, ""),
        ({"list": b"\0\xff\r\n"}, "connection_lost", ""),
    ],
)  # fmt: skip
def test_what_goes_wrong_is_an_error_with_a_reason(
    script: Callable[..., Script], said: dict[str, bytes], kind: "str | None", words: str
) -> None:
    server = script(Honest(**said))
    if kind is None:
        SentFolder(server.identity()).close()
        return
    with pytest.raises(MailError) as raised:
        SentFolder(server.identity())
    assert raised.value.kind == kind
    assert words in raised.value.text
    assert "s3cr3t" not in raised.value.text
    assert raised.value.text.isprintable()


def test_a_server_that_needs_no_login(script: Callable[..., Script]) -> None:
    server = script(Honest(capability=b"* CAPABILITY IMAP4rev1\r\n%b OK done\r\n"), greeting=b"* PREAUTH hi\r\n")
    SentFolder(server.identity()).close()
    assert b"AUTHENTICATE" not in server.heard


@pytest.mark.parametrize("offer", [b"", b" STARTTLS"])
def test_no_login_by_the_greeting_gets_around_tls(
    script: Callable[..., Script], monkeypatch: pytest.MonkeyPatch, offer: bytes
) -> None:
    server = script(
        Honest(capability=b"* CAPABILITY IMAP4rev1%b\r\n".replace(b"%b", offer) + b"%b OK done\r\n"),
        greeting=b"* PREAUTH hi\r\n",
    )
    monkeypatch.setattr(Server, "loopback", False)
    with pytest.raises(MailError):
        SentFolder(server.identity())
    assert b"APPEND" not in server.heard


@pytest.mark.parametrize("greeting", [b"* BYE no\r\n", b"220 smtp.x.org ESMTP\r\n", b"\r\n", b"x" * 200_000])
def test_what_is_no_imap_server(script: Callable[..., Script], greeting: bytes) -> None:
    with pytest.raises(MailError):
        SentFolder(script(lambda tag, rest: None, greeting=greeting).identity())


def test_a_server_that_says_nothing_is_not_waited_for(script: Callable[..., Script]) -> None:
    server = script(lambda tag, rest: b"")
    start = time.monotonic()
    with pytest.raises(MailError):
        SentFolder(Identity(username="me", password=Secret("x"), imap_server=server.identity().imap_server, timeout=1))
    assert time.monotonic() - start < SECONDS / 3


def test_nothing_is_said_in_clear_over_a_network(
    script: Callable[..., Script], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = script(Honest())
    monkeypatch.setattr(Server, "loopback", False)
    with pytest.raises(MailError) as raised:
        SentFolder(server.identity())
    assert raised.value.kind == "tls"
    assert "does not offer STARTTLS" in raised.value.text
    assert b"AUTHENTICATE" not in server.heard


def test_the_folder_is_made_where_it_is_missing(script: Callable[..., Script]) -> None:
    class Missing(Honest):
        made = False

        def __call__(self, tag: bytes, rest: bytes) -> "bytes | None":
            if rest.startswith(b"APPEND") and not self.made:
                return tag + b" NO [TRYCREATE] no such folder\r\n"
            self.made = self.made or rest.startswith(b"CREATE")
            return super().__call__(tag, rest)

    server = script(Missing())
    folder = SentFolder(server.identity(sent_folder="\u00dcber & mehr"))
    folder.append(2, lambda: [b"\r\n"], 1.0)
    folder.close()
    assert b'CREATE "&ANw-ber &- mehr"\r\n' in server.heard
    assert b'SUBSCRIBE "&ANw-ber &- mehr"\r\n' in server.heard


WITH_ACL = CAPABILITY.replace(b"SPECIAL-USE", b"ACL") + b"%b OK done\r\n"


@pytest.mark.parametrize(
    ("said", "against"),
    [
        ({"status": b"* STATUS Sent (MESSAGES 0)\r\n%b OK done\r\n"}, ""),
        ({"status": b"%b NO [CANNOT] no such name, s3cr3t word\r\n"}, "[CANNOT] no such name, *"),
        ({"status": b"%b BAD what?\r\n"}, "STATUS command error: BAD [b'what?']"),
        (
            {
                "capability": WITH_ACL,
                "status": b"%b OK done\r\n",
                "myrights": b'* MYRIGHTS "Sent" lrsip\r\n%b OK done\r\n',
            },
            "",
        ),
        (
            {
                "capability": WITH_ACL,
                "status": b"%b OK done\r\n",
                "myrights": b"* MYRIGHTS {4}\r\nSent lrs\r\n%b OK done\r\n",
            },
            "[NOPERM] you have no right to put mail there",
        ),
    ],
)
def test_a_folder_is_looked_at_without_being_touched(
    script: Callable[..., Script], said: dict[str, bytes], against: str
) -> None:
    server = script(Honest(**said))
    folder = SentFolder(server.identity())
    assert folder.look() == against
    folder.close()
    assert b"APPEND" not in server.heard
    assert b"CREATE" not in server.heard


def test_a_server_that_goes_away_has_nothing_against_a_folder(script: Callable[..., Script]) -> None:
    folder = SentFolder(script(Honest(status=b"* BYE\r\n")).identity())
    with pytest.raises(MailError, match="127"):
        folder.look()
    folder.close()


TOKENS = b"* CAPABILITY IMAP4rev1 AUTH=PLAIN AUTH=XOAUTH2\r\n%b OK done\r\n"


def test_a_token_that_is_refused_is_renewed_once(
    script: Callable[..., Script], monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = [Secret("old.token"), Secret("new.token")]
    asked: list[object] = []

    def access_token(identity: Identity, *, refused: "Secret | None" = None) -> Secret:
        asked.append(refused)
        return tokens[refused is not None]

    monkeypatch.setattr("esmtp_py.secret.oauth2.access_token", access_token)

    class Picky(Honest):
        def __call__(self, tag: bytes, rest: bytes) -> "bytes | None":
            if self._tag and not rest and b"old.token" in a2b_base64(tag):
                return b"+ eyJzdGF0dXMiOiI0MDEifQ==\r\n"  # what is wrong, in JSON; an empty answer is due
            if self._tag and not rest and tag in (b"", b"AQ=="):
                ours, self._tag = self._tag, b""
                return ours + b" NO [AUTHENTICATIONFAILED] expired: old.token\r\n"
            return super().__call__(tag, rest)

    server = script(Picky(capability=TOKENS))
    identity = Identity(**{**_said(server.identity()), "oauth2": "google", "client_id": "c", "password": None})
    SentFolder(identity).close()
    assert asked == [None, tokens[0]]
    assert server.heard.count(b"AUTHENTICATE XOAUTH2") == 2


def _said(identity: Identity) -> dict[str, object]:
    return {name: getattr(identity, name) for name in ("username", "record", "imap_server", "timeout")}


def test_a_mail_is_streamed(script: Callable[..., Script]) -> None:
    server = script(Honest())
    asked = []

    def chunks() -> Iterator[bytes]:
        for number in range(1000):
            asked.append(number)
            yield b"x" * 998 + b"\r\n"

    folder = SentFolder(server.identity())
    folder.append(1_000_000, chunks, 1.0)
    folder.close()
    assert len(asked) == 1000


@pytest.mark.parametrize("verb", ["append", "create"])
def test_a_mail_that_was_never_asked_for_is_not_there(verb: str, script: Callable[..., Script]) -> None:
    """Else the only copy would be removed on the word of a server that has not got it."""
    missing = b"%b NO [TRYCREATE] no such folder\r\n"
    said = {"append": b"%b OK done\r\n"} if verb == "append" else {"append": missing, "create": missing}
    folder = SentFolder(script(Honest(**said)).identity())
    with pytest.raises(MailError) as caught:
        folder.append(6, lambda: [b"a: b\r\n"], 0.0)
    folder.close()
    assert caught.value.kind == ("protocol" if verb == "append" else "try_again")


def test_the_server_is_that_of_hostname_or_has_to_be_named() -> None:
    assert str(server_of(Identity(server=Server("mail.x.org", "587")))) == "mail.x.org:993"
    with pytest.raises(MailError, match="imap_server"):
        server_of(Identity(server=Server("", "", path="/run/smtp")))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Sent", b"Sent"),
        ("A&B", b"A&-B"),
        ("~peter/mail/\u53f0\u5317/\u65e5\u672c\u8a9e", b"~peter/mail/&U,BTFw-/&ZeVnLIqe-"),  # RFC 3501
        ("\u263a!", b"&Jjo-!"),
    ],
)
def test_names_of_folders(name: str, expected: bytes) -> None:
    assert encoded(name) == expected


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_names_of_folders_are_one_quoted_string(name: str) -> None:
    made = module.quoted(encoded(name))
    assert made.isascii()
    assert made.isprintable()
    assert "\r" not in made
    inside = made[1:-1].replace("\\\\", "").replace('\\"', "")
    assert '"' not in inside
    assert "\\" not in inside


def test_a_literal_has_a_length() -> None:
    assert len(Literal(1 << 33, list)) == 1 << 33
