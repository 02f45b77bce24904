"""Whoever stands between us and the server at the moment of STARTTLS: the password and the mail stay here.

With a ca_file and with a fingerprint, which must not make a difference.
"""

import base64
import hashlib
import pathlib
import ssl
from collections.abc import Callable

import pytest

from tests.conftest import Command
from tests.server import ScriptedServer, script, shared_authority
from tests.server.authority import shared_certificate

WriteRc = Callable[[str], pathlib.Path]
HELLO = ("S: 220 mx.example.test", "C: EHLO *", "S: 250-mx.example.test", "S: 250-AUTH PLAIN", "S: 250 STARTTLS")
ASKED = (*HELLO, "C: STARTTLS")
INSIDE = (*ASKED, "S: 220 go", "= tls")
BYE = ("C: QUIT", "S: 221 bye")
ALERT = r"s: \x15\x03\x03\x00\x02\x02\x28"

# How many seconds the client waits for a reply: one that never comes, and one that a busy machine delays.
SHORT, LONG = 5, 60

# name: the script ("= stall" at its end: the client has to give up), the exit status, words of the message
CASES: dict[str, tuple[tuple[str, ...], int, str]] = {
    "a reply injected": ((*ASKED, r"s: 220 go\r\n250-mx\r\n250 AUTH PLAIN\r\n"), 76, "more than its reply to STARTTLS"),
    "a part of one injected": ((*ASKED, r"s: 220 go\r\n2"), 76, "more than its reply to STARTTLS"),
    "a line end injected": ((*ASKED, r"s: 220 go\r\n\r\n"), 76, "more than its reply to STARTTLS"),
    "a TLS record injected": ((*ASKED, r"s: 220 go\r\n\x16\x03\x03\x00\x02"), 76, "more than its reply to STARTTLS"),
    "stripped": (("S: 220 x", "C: EHLO *", "S: 250-x", "S: 250 AUTH PLAIN", *BYE), 77, "does not offer STARTTLS"),
    "misspelled": (("S: 220 x", "C: EHLO *", "S: 250-x", "S: 250 STARTTLX", *BYE), 77, "does not offer STARTTLS"),
    "no EHLO": (("S: 220 x", "C: EHLO *", "S: 502 no", "C: HELO *", "S: 250 x", *BYE), 77,
                "does not offer STARTTLS"),
    "refused for now": ((*ASKED, "S: 454 4.7.0 TLS not available", *BYE), 75, "454 4.7.0"),
    "refused for good": ((*ASKED, "S: 501 5.5.4 no", *BYE), 77, "501 5.5.4"),
    "220, and then a clear text": ((*ASKED, "S: 220 go", "= take 5", r"s: 250-mx\r\n250 AUTH PLAIN\r\n"), 77,
                                   "speaks no TLS here"),
    "an alert": ((*ASKED, "S: 220 go", "= take 5", ALERT), 77, "handshake failure"),
    "garbage": ((*ASKED, "S: 220 go", "= take 5", r"s: \x16\x03\x03\xff\xff\x00\x00"), 77,
                "no secure connection"),
    "a stall": ((*ASKED, "S: 220 go", "= stall"), 77, "during the handshake: "),
    "an end": ((*ASKED, "S: 220 go", "= take 5", "= close"), 77, "closed the connection during the handshake"),
    "a reset": ((*ASKED, "S: 220 go", "= take 5", "= reset"), 77, "during the handshake: "),
    "nothing after TLS": ((*INSIDE, "C: EHLO *", "= stall"), 75, "did not answer in time"),
    "no login after TLS": ((*INSIDE, "C: EHLO *", "S: 250 x", *BYE), 77, "offers no authentication"),
}  # fmt: skip


@pytest.mark.parametrize("trust", ["ca_file", "fingerprint"])
@pytest.mark.parametrize("name", CASES)
def test_nothing_leaks(name: str, trust: str, esmtp: Command, rc: WriteRc) -> None:
    lines, code, says = CASES[name]
    shown = ssl.PEM_cert_to_DER_cert(shared_certificate().leaf.cert_chain_pems[0].bytes().decode())
    trusted = {
        "ca_file": f"ca_file {shared_authority().file}",
        "fingerprint": f"fingerprint SHA256:{hashlib.sha256(shown).hexdigest()}",
    }
    with ScriptedServer(script(*lines)) as server:
        seconds = SHORT if lines[-1] == "= stall" else LONG
        login = f"username alice\npassword secret\nstarttls required\ntimeout {seconds}\n"
        rc(f"hostname localhost:{server.port}\n{login}{trusted[trust]}\n")
        done = esmtp("-f", "me@example.test", "you@example.test", stdin=b"Subject: eyes only\n\nyours\n")
        server.settle()
        heard = b"\n".join([*server.heard, *server.data, server.tail])
    assert done.code == code, done.err
    assert says in done.err
    assert "Traceback" not in done.err
    for secret in (b"AUTH", b"MAIL", b"RCPT", b"eyes", b"secret", base64.b64encode(b"\0alice\0secret")):
        assert secret not in heard
