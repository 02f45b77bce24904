"""What is in the mail arrives as it was: 8-bit, dots, 50 MB; and what must not arrive, does not."""

import hashlib
import pathlib
import re
from collections.abc import Callable

import pytest

from bench.relay import Relay
from tests.conftest import Command
from tests.interop.mailserver import MailServer

WriteRc = Callable[[str], pathlib.Path]
EIGHT_BIT = "From: alice@example.test\nSubject: 8\nContent-Type: text/plain; charset=utf-8\n\nGrüße, 今日は\n".encode()


def open_rc(relay: Relay) -> str:
    """Send without login and without TLS, so that a test can read what was said."""
    return f"hostname localhost:{relay.port} starttls disabled\n"


@pytest.mark.parametrize("listener", ["submission", "data", "seven"])
def test_eight_bit_text(listener: str, server: MailServer, esmtp: Command, rc: WriteRc, address: str) -> None:
    rc(server.rc(listener=listener))
    done = esmtp("-f", "alice@example.test", address, stdin=EIGHT_BIT)
    assert done.code == 0
    # Where 8BITMIME is not offered it is sent all the same, as everybody does, but not in silence.
    assert bool(done.err) == (listener == "seven")
    [mail] = server.mails(address)
    assert mail.body.decode() == "Grüße, 今日は\n"


def test_eight_bit_is_declared(server: MailServer, esmtp: Command, rc: WriteRc, address: str) -> None:
    with Relay(server.ports["open"], keep=True) as relay:
        rc(open_rc(relay))
        assert esmtp("-f", "alice@example.test", address, stdin=EIGHT_BIT).code == 0
        [eight] = relay.trips()  # the server may be slow to hang up, and trips are in order of their ends
        assert esmtp("-f", "alice@example.test", address, stdin=b"Subject: 7\n\nplain\n").code == 0
        _, seven = relay.trips(2)
    assert re.search(rb"MAIL FROM:<alice@example.test>[^\r]* BODY=8BITMIME", eight.sent)
    assert b"8BITMIME" not in seven.sent


@pytest.mark.parametrize("recipient", ["jörg.{}", "jörg.{}@exämple.test"])
def test_smtputf8(recipient: str, server: MailServer, esmtp: Command, rc: WriteRc, address: str) -> None:
    local = address.partition("@")[0]
    to = recipient.format(local) if "@" in recipient else f"{recipient.format(local)}@example.test"
    with Relay(server.ports["open"], keep=True) as relay:
        rc(open_rc(relay))
        done = esmtp("-f", "alice@example.test", to, stdin=b"Subject: utf8\n\nx\n")
        assert (done.code, done.err) == (0, "")
        [trip] = relay.trips()
    assert re.search(rb"MAIL FROM:<alice@example.test>[^\r]* SMTPUTF8", trip.sent)
    server.postfix.settle()
    if to.endswith("@example.test"):
        assert len(server.mails(to)) == 1


def test_a_foreign_domain_alone_needs_no_smtputf8(
    server: MailServer, esmtp: Command, rc: WriteRc, address: str
) -> None:
    with Relay(server.ports["seven"], keep=True) as relay:
        rc(server.rc(hostname=f"localhost:{relay.port}"))
        done = esmtp("-f", "alice@example.test", "someone@exämple.test", stdin=b"Subject: idn\n\nx\n")
        assert (done.code, done.err) == (0, "")
    server.postfix.wait_log("to=<someone@xn--exmple-cua.test>.*status=sent")


def test_smtputf8_not_offered(server: MailServer, esmtp: Command, rc: WriteRc, address: str) -> None:
    rc(server.rc(listener="seven"))
    done = esmtp("-f", "alice@example.test", f"jörg{address}", address, stdin=b"Subject: utf8\n\nx\n")
    assert done.code == 69  # partly refused
    [line] = done.err.splitlines()
    assert f"jörg{address}" in line
    assert "SMTPUTF8" in line
    assert len(server.mails(address)) == 1


def test_dsn_parameters_on_the_wire(server: MailServer, esmtp: Command, rc: WriteRc, address: str) -> None:
    with Relay(server.ports["open"], keep=True) as relay:
        rc(open_rc(relay))
        wishes = ("-N", "success,delay", "-R", "hdrs", "-V", "id+1=2")
        assert esmtp(*wishes, "-f", "alice@example.test", address, stdin=b"Subject: dsn\n\nx\n").code == 0
        [trip] = relay.trips()
    assert re.search(rb"MAIL FROM:<alice@example.test>[^\r]* RET=HDRS", trip.sent)
    assert re.search(rb"MAIL FROM:<alice@example.test>[^\r]* ENVID=id\+2B1\+3D2", trip.sent)
    assert re.search(rb"RCPT TO:<%s>[^\r]* NOTIFY=SUCCESS,DELAY" % address.encode(), trip.sent)


@pytest.mark.parametrize(("wish", "reports"), [("success", 1), ("never", 0)])
def test_dsn_success_report(
    wish: str, reports: int, server: MailServer, esmtp: Command, rc: WriteRc, address: str
) -> None:
    rc(server.rc())
    done = esmtp("-N", wish, "-V", address, "-f", "alice@example.test", address, stdin=b"Subject: dsn\n\nx\n")
    assert (done.code, done.err) == (0, "")
    server.postfix.settle()
    asked = f"Original-Envelope-Id: {address}".encode()
    assert len([mail for mail in server.maildir("alice").mails() if asked in mail.body]) == reports


@pytest.mark.parametrize("spelling", ["Bcc: ", "bcc:", "BCC :", "Bcc:\n ", "Resent-Bcc: "])
@pytest.mark.parametrize("t", [True, False])
def test_bcc_stays_secret(
    t: bool, spelling: str, server: MailServer, esmtp: Command, rc: WriteRc, address: str
) -> None:
    rc(server.rc())
    hidden = f"hidden.{address}"
    resent = f"Resent-To: {address}\n" if spelling.startswith("Resent") else ""
    mail = f"{resent}To: {address}\n{spelling}{hidden},\n\tother.{hidden}\nSubject: psst\n\nx\n".encode()
    who = ("-t",) if t else (address, hidden)
    done = esmtp("-f", "alice@example.test", *who, stdin=mail)
    assert (done.code, done.err) == (0, "")
    for recipient in (address, hidden):
        [arrived] = server.mails(recipient)
        head = arrived.head.replace(b"X-Original-To: " + hidden.encode(), b"").replace(
            b"Delivered-To: " + hidden.encode(), b""
        )
        # Postfix's own Received field names a sole recipient.
        head = re.sub(rb"for <[^>]*>", b"", head)
        assert b"hidden" not in head
        assert not re.search(rb"(?im)^(resent-)?bcc\s*:", head)
    assert len(server.mails(f"other.{hidden}")) == t


def test_untouched_fields_arrive_byte_for_byte(server: MailServer, esmtp: Command, rc: WriteRc, address: str) -> None:
    rc(server.rc())
    head = (
        f"DKIM-Signature: v=1;\n\ta=rsa-sha256 ;  d=example.test\nto:{address}\nX-odd:  two  spaces \t\n"
        "Date: Sat, 21 Nov 2026 08:15:25 +0000\nFrom: alice@example.test\nMessage-ID: <1@example.test>"
    ).encode()
    done = esmtp("-f", "alice@example.test", "-t", stdin=head + b"\n\nx\n")
    assert (done.code, done.err) == (0, "")
    [mail] = server.mails(address)
    assert mail.head.endswith(head)


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_line_ends(ending: str, server: MailServer, esmtp: Command, rc: WriteRc, address: str) -> None:
    rc(server.rc())
    text = f"To: {address}\n\none\n\n.\n..\n.three\n".replace("\n", ending)
    done = esmtp("-i", "-f", "alice@example.test", "-t", stdin=text.encode())
    assert (done.code, done.err) == (0, "")
    [mail] = server.mails(address)
    assert mail.body == b"one\n\n.\n..\n.three\n"


def test_a_lone_dot_ends_the_mail(server: MailServer, esmtp: Command, rc: WriteRc, address: str) -> None:
    rc(server.rc())
    done = esmtp("-f", "alice@example.test", address, stdin=b"Subject: dot\n\nbefore\n.\nafter\n")
    assert (done.code, done.err) == (0, "")
    assert [mail.body for mail in server.mails(address)] == [b"before\n"]


def test_too_big_is_known_before_it_is_sent(server: MailServer, esmtp: Command, rc: WriteRc, address: str) -> None:
    rc(server.rc(listener="small"))
    done = esmtp("-f", "alice@example.test", address, stdin=b"Subject: big\n\n" + b"0123456789\n" * 3000)
    assert done.code == 65
    assert "20000" in done.err  # the server's limit
    [did] = server.postfix.sessions()
    assert "mail" not in did
    assert did["auth"] == "1"


def big_body(size: int) -> bytes:
    """Lines of every length up to 90, many with dots at their start."""
    block = b"".join(b"." * (n % 4) + b"%d " % n * (n % 30) + b"\n" for n in range(997))
    return block * (size // len(block))


@pytest.mark.parametrize(
    ("listener", "verb", "megabytes"), [("submission", "bdat", 50), ("data", "data", 50), ("lockstep", "data", 1)]
)
def test_big_mail(
    listener: str,
    verb: str,
    megabytes: int,
    server: MailServer,
    esmtp: Command,
    rc: WriteRc,
    address: str,
) -> None:
    rc(server.rc(listener=listener))
    body = big_body(megabytes * 1_000_000)
    done = esmtp("-i", "-f", "alice@example.test", address, stdin=b"Subject: big\n\n" + body)
    assert (done.code, done.err) == (0, "")
    assert verb in server.postfix.sessions()[0]
    [mail] = server.mails(address)
    assert len(mail.body) == len(body)
    assert hashlib.sha256(mail.body).digest() == hashlib.sha256(body).digest()
