"""The statements about TLS, with the command as it is installed: what each does, and what is said when it forbids."""

import pathlib
import ssl
import stat
from collections.abc import Callable

import pytest

from tests.conftest import Command, Done
from tests.server import SubmissionServer
from tests.unit.net.lab import Lab, Made

WriteRc = Callable[[str], pathlib.Path]
MAIL = b"Subject: for your eyes\n\nonly\n"
LOGIN = "username alice password secret\n"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    return Lab(tmp_path_factory.mktemp("lab"))


@pytest.fixture(scope="module")
def made(lab: Lab) -> Made:
    """What the server shows: its own work, for no name that anybody asks for."""
    return lab.self_signed("mail.example.org")


def showing(lab: Lab, made: Made) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(lab.chain(made))
    return context


def send(esmtp: Command) -> Done:
    return esmtp("-f", "me@example.test", "you@example.test", stdin=MAIL)


def nothing_came(server: SubmissionServer) -> None:
    server.settle()
    assert server.mails == []
    assert not [line for who, line in server.dialogue if who == "C" and line[:4] in (b"AUTH", b"MAIL")]


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_fingerprint(tls: str, esmtp: Command, rc: WriteRc, lab: Lab, made: Made) -> None:
    """No ca_file, no name that is right: the certificate is the one that the rc wants."""
    colons = ":".join(made.fingerprint[n : n + 2] for n in range(0, 64, 2)).upper()
    policy = "starttls implicit\n" if tls == "implicit" else ""
    with SubmissionServer(tls=tls, context=showing(lab, made)) as server:
        rc(f"hostname localhost:{server.port}\nfingerprint SHA256:{colons}\n{policy}{LOGIN}")
        done = send(esmtp)
        assert (done.code, done.err) == (0, "")
        assert len(server.mails) == 1
    assert server.violations == []


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_another_fingerprint(tls: str, esmtp: Command, rc: WriteRc, lab: Lab, made: Made) -> None:
    policy = "starttls implicit\n" if tls == "implicit" else ""
    with SubmissionServer(tls=tls, context=showing(lab, made)) as server:
        rc(f"hostname localhost:{server.port}\nfingerprint SHA256:{'0' * 64}\n{policy}{LOGIN}")
        done = send(esmtp)
        nothing_came(server)
    assert done.code == 77
    assert f"not the one of fingerprint in the rc but SHA256:{made.fingerprint}" in done.err


def test_fingerprint_and_no_starttls(esmtp: Command, rc: WriteRc) -> None:
    """Without a login, too: who says whom to trust does not want the mail in anybody's hands."""
    with SubmissionServer(tls="none", mechanisms=()) as server:
        rc(f"hostname localhost:{server.port}\nfingerprint SHA256:{'0' * 64}\n")
        done = send(esmtp)
        nothing_came(server)
    assert done.code == 77
    assert "does not offer STARTTLS, so it cannot show the certificate of fingerprint in the rc" in done.err


def test_tls_hostname(esmtp: Command, rc: WriteRc, lab: Lab) -> None:
    with SubmissionServer(context=showing(lab, lab.leaf("mail.example.org"))) as server:
        rc(f"hostname localhost:{server.port}\nca_file {lab.trusted}\n{LOGIN}")
        wrong = send(esmtp)
        nothing_came(server)
        rc(f"hostname localhost:{server.port}\nca_file {lab.trusted}\ntls_hostname mail.example.org\n{LOGIN}")
        right = send(esmtp)
        assert len(server.mails) == 1
    assert wrong.code == 77
    assert "is not for localhost: check hostname in the rc, or say with tls_hostname whose it is" in wrong.err
    assert (right.code, right.err) == (0, "")


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("min_tls 1.3", "no version of TLS that is new enough"),
        ("ciphers ECDHE-RSA-AES256-GCM-SHA384", "no cipher or certificate that both ends accept"),
    ],
)
def test_what_the_server_has_not(statement: str, says: str, esmtp: Command, rc: WriteRc, lab: Lab) -> None:
    context = showing(lab, lab.leaf("localhost"))
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with SubmissionServer(context=context) as server:
        rc(f"hostname localhost:{server.port}\nca_file {lab.trusted}\n{statement}\n{LOGIN}")
        done = send(esmtp)
        nothing_came(server)
    assert done.code == 77
    assert says in done.err


@pytest.mark.parametrize("with_pin", [False, True])
def test_a_certificate_of_our_own(with_pin: bool, esmtp: Command, rc: WriteRc, lab: Lab) -> None:
    shown, mine = lab.leaf("localhost"), lab.leaf("me.example.org")
    context = showing(lab, shown)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(lab.trusted)
    (esmtp.home / "me.crt").write_bytes(mine.pem)
    (esmtp.home / "me.key").write_bytes(mine.key_pem(b"open sesame"))
    trust = f"fingerprint SHA256:{shown.fingerprint}" if with_pin else f"ca_file {lab.trusted}"
    with SubmissionServer(context=context, mechanisms=()) as server:
        rest = f"{trust}\ncertificate me.crt\ncertificate_key ~/me.key\n"
        rc(f'hostname localhost:{server.port}\n{rest}certificate_passphrase "open sesame"\n')
        done = send(esmtp)
        assert (done.code, done.err) == (0, "")
        rc(f'hostname localhost:{server.port}\n{rest}certificate_passphrase "guess"\n')
        locked = send(esmtp)
        assert len(server.mails) == 1
    assert locked.code == 78
    assert f"certificate_passphrase does not open certificate_key {esmtp.home}/me.key" in locked.err
    assert "guess" not in locked.err


def test_revoked(esmtp: Command, rc: WriteRc, lab: Lab) -> None:
    shown = lab.leaf("localhost")
    with SubmissionServer(context=showing(lab, shown)) as server:
        rc(f"hostname localhost:{server.port}\nca_file {lab.trusted}\ncrl_file revoked.pem\n{LOGIN}")
        (esmtp.home / "revoked.pem").write_bytes(lab.revoked(lab.root, shown))
        revoked = send(esmtp)
        nothing_came(server)
        (esmtp.home / "revoked.pem").write_bytes(lab.revoked(lab.root))
        done = send(esmtp)
        assert len(server.mails) == 1
    assert revoked.code == 77
    assert "its certificate is not valid: it is revoked, says crl_file" in revoked.err
    assert (done.code, done.err) == (0, "")


def test_the_way_there(esmtp: Command, rc: WriteRc) -> None:
    """source_address chooses the family: localhost may be ::1 first."""
    with SubmissionServer(tls="none", mechanisms=()) as server:
        rc(f"hostname localhost:{server.port}\nsource_address 127.0.0.4\nconnect_timeout 5\n")
        done = send(esmtp)
        assert (done.code, done.err) == (0, "")
        rc(f"hostname localhost:{server.port}\nsource_address 192.0.2.1\n")
        lost = send(esmtp)
    assert lost.code == 75
    assert "cannot connect from source_address 192.0.2.1" in lost.err


def test_check_rc_shows_what_the_pin_replaces(esmtp: Command, rc: WriteRc, lab: Lab) -> None:
    path = rc(
        f"hostname mx.example.org\nfingerprint SHA256:{'0' * 64}\nca_file {lab.trusted}\ncrl_file {lab.trusted}\n"
    )
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    shown = esmtp("--check-rc").out
    assert f"warning: {path}:3: has no effect with fingerprint" in shown
    assert f"warning: {path}:4: has no effect with fingerprint" in shown
