"""Certificates, versions and ciphers against a real TLS server: who is believed, and what is said when nobody is.

Each row of CASES is tried three times: as it stands, with the right
``fingerprint``, which makes issuer, name and dates of no account, and with a
wrong one, which nothing makes good.  In all failures the server must not have
heard a byte.
"""

import re
import socket
import ssl
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from esmtp_py.config.identity import Identity
from esmtp_py.config.server import Server
from esmtp_py.deliver.session import certificate_name
from esmtp_py.errors import MailError
from esmtp_py.net.connect import connect
from esmtp_py.net.tls import TlsStream, Trust, client_context
from tests.server.listener import Listener
from tests.unit.net.cases import CASES, HOST, Case, Shown
from tests.unit.net.lab import Lab


def later() -> float:
    return time.monotonic() + 20


class TlsServer(Listener):
    """heard: what it could read.  failure: how the handshake ended, if it did not."""

    def __init__(self, context: ssl.SSLContext) -> None:
        super().__init__()
        self.context = context
        self.heard = b""
        self.failure = ""

    def serve(self, connection: socket.socket) -> None:
        try:
            tls = self.start_tls(connection, self.context)
            while data := tls.recv(1000):
                self.heard += data
                tls.sendall(b"250 ok\r\n")
        except OSError as error:
            self.failure = str(error)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    return Lab(tmp_path_factory.mktemp("lab"))


def tried(lab: Lab, case: Case, pin: Callable[[Shown], str]) -> str:
    """What the client says, "" when the server has heard it."""
    shown = case.show(lab)
    statements = {"ca_file": lab.trusted} | case.rc(lab, shown)
    identity = Identity(server=Server(case.host, "587"), fingerprint=pin(shown), **statements)
    with TlsServer(shown.context(lab)) as server:
        stream = connect(Server("127.0.0.1", str(server.port)), later())
        try:
            context = client_context(Trust.of(identity))
            tls = TlsStream(stream, context, certificate_name(identity), later(), identity.fingerprint)
            tls.send(b"EHLO me\r\n", later())
            assert tls.receive(later()) == b"250 ok\r\n"
        except MailError as error:
            said = f"{error.kind}: {error.text}"
        else:
            said = ""
        finally:
            stream.close()
    assert said.isprintable()
    assert not said or said.startswith("tls: ")
    assert server.heard == (b"" if said else b"EHLO me\r\n")
    return said


def expected(words: str, text: str) -> None:
    """All of ``words`` must be there; a word in braces stands for anything."""
    for part in re.split(r"\{\w+\}", words):
        assert part in text
    assert bool(words) is bool(text), text


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1")
@pytest.mark.parametrize("case", CASES, ids=repr)
def test_without_a_pin(case: Case, lab: Lab) -> None:
    expected(case.says, tried(lab, case, lambda shown: ""))


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1")
@pytest.mark.parametrize("case", CASES, ids=repr)
def test_with_the_right_pin(case: Case, lab: Lab) -> None:
    expected(case.pinned, tried(lab, case, lambda shown: shown.made.fingerprint))


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1")
@pytest.mark.parametrize("case", CASES, ids=repr)
def test_with_a_wrong_pin(case: Case, lab: Lab) -> None:
    """That of the issuer, which would verify, is as wrong as any."""
    said = tried(lab, case, lambda shown: lab.root.fingerprint)
    assert said
    assert case.pinned or "its certificate is not the one of fingerprint in the rc but SHA256:" in said


def test_the_message_says_what_was_seen(lab: Lab) -> None:
    shown = Shown(lab.leaf(HOST))
    case = Case("", lambda lab: shown)
    assert f"but SHA256:{shown.made.fingerprint}: " in tried(lab, case, lambda shown: "0" * 64)


def test_there_are_enough_of_them() -> None:
    assert len(CASES) >= 40
    assert len({case.name for case in CASES}) == len(CASES)


# -- files that cannot be used ------------------------------------------------------------------


def refused(**statements: str) -> str:
    with pytest.raises(MailError) as raised:
        client_context(Trust(**statements))  # type: ignore[arg-type]
    assert raised.value.kind == "config"
    return raised.value.text


def test_a_list_with_certificates_would_make_them_trusted(lab: Lab) -> None:
    path = lab.file(lab.revoked(lab.root), lab.stranger.pem)
    said = refused(ca_file=lab.trusted, crl_file=path)
    assert said == f"crl_file {path} has certificates in it: move them to ca_file"


@pytest.mark.parametrize("what", ["missing", "empty", "garbage", "certificates"])
def test_a_crl_file_that_is_none(what: str, lab: Lab, tmp_path: Path) -> None:
    path = tmp_path / "crl.pem"
    if what != "missing":
        path.write_bytes({"empty": b"", "garbage": b"hello", "certificates": lab.stranger.pem}[what])
    assert f"crl_file {path}" in refused(ca_file=lab.trusted, crl_file=str(path))


def test_a_key_of_its_own(lab: Lab) -> None:
    made, other = lab.leaf("me"), lab.leaf("me")
    certificate, key = lab.file(made.pem), lab.file(made.key_pem(b"secret"))
    client_context(Trust(lab.trusted, certificate=certificate, key=key, passphrase="secret"))
    wrong = refused(ca_file=lab.trusted, certificate=certificate, key=key, passphrase="a guess")
    assert wrong == f"cannot use certificate {certificate}: certificate_passphrase does not open certificate_key {key}"
    other_key = lab.file(other.key_pem())
    wrong = refused(ca_file=lab.trusted, certificate=certificate, key=other_key)
    assert wrong == f"cannot use certificate {certificate}: certificate_key {other_key} belongs to another certificate"
    missing = refused(ca_file=lab.trusted, certificate=certificate, key="/nowhere/key")
    assert missing == "cannot read certificate_key /nowhere/key: No such file or directory"
    assert "certificate_key" in refused(ca_file=lab.trusted, certificate=certificate)


@pytest.mark.parametrize("ciphers", ["nonsense", "aNULL", "eNULL", "TLS_AES_128_GCM_SHA256"])
def test_a_list_that_leaves_no_cipher(ciphers: str, lab: Lab) -> None:
    assert "no cipher is left by ciphers in the rc" in refused(ca_file=lab.trusted, ciphers=ciphers)
