"""The submission server: what it takes and refuses, and that it sees what a careful client would not do."""

import base64
import hmac
import os
import smtplib
import socket
import ssl
import tempfile

import pytest

from tests.server import SubmissionServer, shared_authority


class Client:
    """Says exactly what it is told, and reads whole replies."""

    def __init__(self, server: SubmissionServer) -> None:
        if server.path:
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.connect(server.path)
        else:
            self.socket = socket.create_connection(("127.0.0.1", server.port))
        self.socket.settimeout(20)
        self._buffer = b""
        self.greeting = self.reply()

    def send(self, *lines: str | bytes) -> None:
        self.socket.sendall(b"".join(x if isinstance(x, bytes) else x.encode() + b"\r\n" for x in lines))

    def reply(self) -> str:
        reply = ""
        while not reply or reply.split("\n")[-1][3:4] == "-":
            while b"\r\n" not in self._buffer:
                data = self.socket.recv(4096)
                if not data:
                    return reply
                self._buffer += data
            line, _, self._buffer = self._buffer.partition(b"\r\n")
            reply += ("\n" if reply else "") + line.decode()
        return reply

    def say(self, line: str) -> str:
        self.send(line)
        return self.reply()

    def start_tls(self) -> None:
        assert self.say("EHLO client.test").startswith("250")
        assert self.say("STARTTLS").startswith("220")
        context = ssl.create_default_context(cafile=shared_authority().file)
        self.socket = context.wrap_socket(self.socket, server_hostname="localhost")
        assert self.say("EHLO client.test").startswith("250")


def open_server(**options: object) -> SubmissionServer:
    """One that needs neither TLS nor AUTH."""
    return SubmissionServer(**{"tls": "none", "mechanisms": (), **options})  # type: ignore[arg-type]


def transaction(client: Client, sender: str = "a@x.test", *recipients: str) -> None:
    assert client.say("EHLO client.test").startswith("250")
    assert client.say(f"MAIL FROM:<{sender}>").startswith("250")
    for recipient in recipients or ("b@x.test",):
        assert client.say(f"RCPT TO:<{recipient}>").startswith("250")


def test_smtplib_sends_a_mail_over_starttls_and_auth() -> None:
    with SubmissionServer() as server, smtplib.SMTP("localhost", server.port) as client:
        client.starttls(context=ssl.create_default_context(cafile=server.authority.file))
        client.login("alice", "secret")
        client.sendmail("a@x.test", ["b@x.test", "c@x.test"], b"Subject: s\r\n\r\n.dot\r\n..two\r\n")
        client.quit()
        server.settle()
        [mail] = server.mails
        assert (mail.sender, mail.recipients) == ("a@x.test", ["b@x.test", "c@x.test"])
        assert mail.data == b"Subject: s\r\n\r\n.dot\r\n..two\r\n"
        assert (mail.session.user, mail.session.mechanism, mail.session.server_name) == (
            "alice",
            "CRAM-MD5",
            "localhost",
        )
        assert mail.session.tls.startswith("TLSv1.")
        assert mail.session.ended == "QUIT"
        assert server.violations == []


def test_implicit_tls() -> None:
    with SubmissionServer(tls="implicit") as server:
        context = ssl.create_default_context(cafile=server.authority.file)
        with smtplib.SMTP_SSL("localhost", server.port, context=context) as client:
            client.login("alice", "secret")
            client.sendmail("a@x.test", "b@x.test", b"Subject: s\r\n\r\n")
        assert len(server.mails) == 1


@pytest.mark.parametrize(
    ("says", "reply"),
    [
        (["AUTH PLAIN " + base64.b64encode(b"\0alice\0secret").decode()], "235"),
        (["AUTH PLAIN", base64.b64encode(b"\0alice\0secret").decode()], "235"),
        (["AUTH PLAIN " + base64.b64encode(b"\0alice\0wrong").decode()], "535"),
        (["AUTH PLAIN " + base64.b64encode(b"\0mallory\0").decode()], "535"),
        (["AUTH LOGIN", "YWxpY2U=", "c2VjcmV0"], "235"),
        (["AUTH LOGIN YWxpY2U=", "c2VjcmV0"], "235"),
        (["AUTH LOGIN", "*"], "501"),
        (["AUTH PLAIN !"], "501"),
        (["AUTH EXTERNAL ="], "504"),
    ],
)
def test_auth(says: list[str], reply: str) -> None:
    with SubmissionServer(tls="none") as server:
        client = Client(server)
        client.say("EHLO client.test")
        answers = [client.say(line) for line in says]
        assert answers[-1].startswith(reply)
        assert all(answer.startswith("334") for answer in answers[:-1])
        assert client.say("MAIL FROM:<a@x.test>")[:3] == ("250" if reply == "235" else "530")


def test_cram_md5_wants_the_digest_of_this_challenge() -> None:
    with SubmissionServer(tls="none") as server:
        for password, reply in (("wrong", "535"), ("secret", "235")):
            client = Client(server)
            client.say("EHLO client.test")
            challenge = base64.b64decode(client.say("AUTH CRAM-MD5")[4:])
            digest = hmac.new(password.encode(), challenge, "md5").hexdigest()
            assert client.say(base64.b64encode(f"alice {digest}".encode()).decode()).startswith(reply)


def test_without_tls_there_is_neither_auth_nor_mail() -> None:
    with SubmissionServer() as server:
        client = Client(server)
        assert "AUTH" not in client.say("EHLO client.test")
        assert client.say("MAIL FROM:<a@x.test>").startswith("530")
        assert client.say("AUTH PLAIN AGFsaWNlAHNlY3JldA==").startswith("503")
        server.close()
        assert server.violations == ["AUTH was not offered"]


def test_bytes_behind_starttls_are_seen_and_dropped() -> None:
    with SubmissionServer() as server:
        client = Client(server)
        client.say("EHLO client.test")
        client.send("STARTTLS", "NOOP")
        assert client.reply().startswith("220")
        context = ssl.create_default_context(cafile=server.authority.file)
        client.socket = context.wrap_socket(client.socket, server_hostname="localhost")
        assert client.say("EHLO client.test").startswith("250-mx.example.test")
        server.close()
        assert server.violations == ["bytes after STARTTLS"]


def test_starttls_forgets_the_hello() -> None:
    with SubmissionServer(mechanisms=()) as server:
        client = Client(server)
        client.start_tls()
        assert client.say("MAIL FROM:<a@x.test>").startswith("250")
        fresh = Client(server)
        fresh.say("EHLO client.test")
        fresh.say("STARTTLS")
        context = ssl.create_default_context(cafile=server.authority.file)
        fresh.socket = context.wrap_socket(fresh.socket, server_hostname="localhost")
        assert fresh.say("MAIL FROM:<a@x.test>").startswith("503")


def test_a_failed_handshake_is_remembered() -> None:
    with SubmissionServer() as server:
        client = Client(server)
        client.say("EHLO client.test")
        client.say("STARTTLS")
        with pytest.raises(ssl.SSLCertVerificationError):
            ssl.create_default_context().wrap_socket(client.socket, server_hostname="localhost")
        server.settle()
        assert server.sessions[0].tls_error
        assert server.sessions[0].tls == ""


def test_bdat_in_chunks_and_one_flight() -> None:
    with open_server() as server:
        client = Client(server)
        client.say("EHLO client.test")
        client.send(
            "MAIL FROM:<a@x.test> SIZE=9 BODY=8BITMIME",
            "RCPT TO:<b@x.test>",
            "BDAT 4",
            b"A: b",
            "BDAT 5 LAST",
            b"\r\n\xe9\r\n",
            "QUIT",
        )
        assert [client.reply()[:3] for _ in range(5)] == ["250", "250", "250", "250", "221"]
        server.settle()
        assert server.mails[0].data == b"A: b\r\n\xe9\r\n"
        assert server.mails[0].command == "BDAT"
        assert server.mails[0].parameters == {"SIZE": "9", "BODY": "8BITMIME"}
        assert server.violations == []
        assert server.sessions[0].turns == 3


def test_the_chunk_of_a_refused_bdat_is_not_taken_for_commands() -> None:
    with open_server(replies={"RCPT": "550 5.1.1 nobody"}) as server:
        client = Client(server)
        client.say("EHLO client.test")
        client.send("MAIL FROM:<a@x.test>", "RCPT TO:<b@x.test>", "BDAT 6", b"QUIT\r\n", "BDAT 0 LAST", "NOOP")
        assert [client.reply()[:3] for _ in range(5)] == ["250", "550", "554", "503", "250"]


@pytest.mark.parametrize(
    ("sent", "violation"),
    [
        (b"A: b\n\r\n.\r\n", "bare CR or LF in the message"),
        (b"A: b\r\rc\r\n.\r\n", "bare CR or LF in the message"),
        (b"A: \0\r\n.\r\n", "NUL in the message"),
        (b"A: b\r\n\r\n.x\r\n.\r\n", "a dot is not stuffed"),
        (b"A: \xe9\r\n.\r\n", "8-bit message without BODY=8BITMIME"),
    ],
)
def test_a_careless_message(sent: bytes, violation: str) -> None:
    with open_server() as server:
        client = Client(server)
        transaction(client)
        assert client.say("DATA").startswith("354")
        client.send(sent)
        assert client.reply().startswith("250")
        server.close()
        assert server.violations == [violation]


@pytest.mark.parametrize(
    ("line", "code", "violation"),
    [
        (b"EHLO two words\r\n", "250", "EHLO needs a domain or an address literal"),
        (b"NOOP\n", "250", "bare LF ends a command"),
        (b"NOOP \rx\r\n", "250", "CR or NUL in a command"),
        (b"XYZZY\r\n", "500", "unknown command 'XYZZY'"),
        (b"MAIL FROM: <a@x.test>\r\n", "250", "space after the colon"),
        (b"MAIL FROM:a@x.test\r\n", "501", "bad path in b'FROM:a@x.test'"),
        (b"MAIL FROM:<a b@x.test>\r\n", "501", "bad path in b'FROM:<a b@x.test>'"),
        (b"MAIL FROM:<a@x.test> SIZE=1 SIZE=1\r\n", "555", "parameter SIZE=1 was not offered, or came twice"),
        (b"MAIL FROM:<a@x.test> RET=SOME\r\n", "501", "bad RET or ENVID"),
        (b"MAIL FROM:<a@x.test> ENVID=a+b\r\n", "501", "bad RET or ENVID"),
        ("MAIL FROM:<é@x.test>\r\n".encode(), "553", "non-ASCII sender without SMTPUTF8"),
        (b"STARTTLS\r\n", "503", "STARTTLS was not offered"),
        (b"BDAT x\r\n", "501", "bad BDAT, or not offered"),
    ],
)
def test_a_careless_command(line: bytes, code: str, violation: str) -> None:
    with open_server() as server:
        client = Client(server)
        client.say("EHLO client.test")
        client.send(line)
        assert client.reply()[:3] == code
        server.close()
        assert server.violations == [violation]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("RCPT TO:<b@x.test> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;b@x.test", "250"),
        ("RCPT TO:<b@x.test> NOTIFY=NEVER,DELAY", "501"),
        ("RCPT TO:<>", "501"),
        ('RCPT TO:<"a b"@x.test>', "250"),
        ("RCPT TO:<é@x.test>", "553"),
    ],
)
def test_recipients(line: str, code: str) -> None:
    with open_server() as server:
        client = Client(server)
        client.say("EHLO client.test")
        client.say("MAIL FROM:<>")
        assert client.say(line)[:3] == code


@pytest.mark.parametrize("command", ["DATA", "QUIT", "EHLO client.test", "NOOP"])
def test_some_commands_must_end_a_group(command: str) -> None:
    with open_server() as server:
        client = Client(server)
        transaction(client)
        client.send(command, "NOOP")
        client.reply()
        server.close()
        assert f"bytes after {command.split()[0]}" in server.violations


def test_groups_need_pipelining() -> None:
    with open_server(without=("PIPELINING",)) as server:
        client = Client(server)
        client.say("EHLO client.test")
        client.send("MAIL FROM:<a@x.test>", "RCPT TO:<b@x.test>")
        assert [client.reply()[:3], client.reply()[:3]] == ["250", "250"]
        server.close()
        assert server.violations == ["bytes after MAIL without PIPELINING"]


@pytest.mark.parametrize(
    ("extension", "line"),
    [
        ("SIZE", "MAIL FROM:<a@x.test> SIZE=1"),
        ("8BITMIME", "MAIL FROM:<a@x.test> BODY=8BITMIME"),
        ("SMTPUTF8", "MAIL FROM:<a@x.test> SMTPUTF8"),
        ("DSN", "MAIL FROM:<a@x.test> RET=HDRS ENVID=x"),
        ("CHUNKING", "BDAT 0 LAST"),
    ],
)
def test_what_is_switched_off_is_neither_offered_nor_taken(extension: str, line: str) -> None:
    with open_server(without=(extension,)) as server:
        client = Client(server)
        assert extension not in client.say("EHLO client.test")
        assert client.say(line)[:1] == "5"
        server.close()
        assert len(server.violations) == 1


def test_without_enhanced_status_codes() -> None:
    with open_server(without=("ENHANCEDSTATUSCODES",)) as server:
        client = Client(server)
        client.say("EHLO client.test")
        assert client.say("MAIL FROM:<a@x.test>") == "250 sender ok"


def test_helo_offers_nothing() -> None:
    with open_server() as server:
        client = Client(server)
        assert client.say("HELO client.test") == "250 mx.example.test"
        assert client.say("MAIL FROM:<a@x.test> SIZE=1").startswith("555")


def test_limits() -> None:
    with open_server(size_limit=20, recipient_limit=1) as server:
        client = Client(server)
        client.say("EHLO client.test")
        assert client.say("MAIL FROM:<a@x.test> SIZE=21").startswith("552")
        client.say("MAIL FROM:<a@x.test>")
        client.say("RCPT TO:<b@x.test>")
        assert client.say("RCPT TO:<c@x.test>").startswith("452")
        client.say("DATA")
        client.send("x" * 30, ".")
        assert client.reply().startswith("552")
        assert server.mails == []


def test_planned_replies() -> None:
    replies = {"RCPT nobody@x.test": "550 5.1.1 no such user", "END": "451 4.3.0 later", "NOOP": "421 4.3.2 bye"}
    with open_server(replies=replies) as server:
        client = Client(server)
        transaction(client)
        assert client.say("RCPT TO:<nobody@x.test>") == "550 5.1.1 no such user"
        client.say("DATA")
        client.send("x", ".")
        assert client.reply() == "451 4.3.0 later"
        assert client.say("NOOP") == "421 4.3.2 bye"
        assert client.reply() == ""
        assert server.mails == []


def test_a_planned_silence_closes_the_connection_after_the_data() -> None:
    with open_server(replies={"END": ""}) as server:
        client = Client(server)
        transaction(client)
        client.say("DATA")
        client.send("x", ".")
        assert client.reply() == ""
        assert server.mails == []


def test_lmtp_on_a_unix_socket_answers_for_each_recipient() -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "lmtp")
        with open_server(protocol="lmtp", path=path, replies={"END c@x.test": "450 4.2.2 full"}) as server:
            client = Client(server)
            assert client.say("EHLO client.test").startswith("500")
            assert client.say("LHLO client.test").startswith("250")
            client.send("MAIL FROM:<>", "RCPT TO:<b@x.test>", "RCPT TO:<c@x.test>", "DATA")
            assert [client.reply()[:3] for _ in range(4)] == ["250", "250", "250", "354"]
            client.send("x", ".")
            assert [client.reply(), client.reply()] == ["250 2.0.0 taken", "450 4.2.2 full"]
            assert server.mails[0].recipients == ["b@x.test", "c@x.test"]
        assert not os.path.exists(path)


def test_an_error_of_the_server_itself_fails_the_test() -> None:
    class Broken(SubmissionServer):
        def planned(self, what: str, subject: str) -> str | None:
            raise ZeroDivisionError

    server = Broken()
    with pytest.raises(ZeroDivisionError), server:
        socket.create_connection(("127.0.0.1", server.port)).recv(100)
