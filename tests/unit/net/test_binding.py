"""Channel binding (RFC 5929): both ends see the same bytes; the hash is that of the certificate's signature."""

import datetime
import hashlib
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.x509.oid import NameOID

from esmtp_py.net.binding import server_end_point
from esmtp_py.net.tls import TlsStream, Trust, client_context
from tests.unit.net.certificates import NOW, Authority
from tests.unit.net.test_tls import HOST, Peer, later, only

TLS_1_2, TLS_1_3 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
RSA, EC = rsa.generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP256R1())


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


def connected(version: ssl.TLSVersion, authority: Authority) -> tuple[TlsStream, Peer]:
    peer = Peer(only(version, authority.issue(HOST)))
    tls = TlsStream(peer, client_context(Trust(authority.file)), HOST, later())
    tls.send(b"EHLO me\r\n", later())
    return tls, peer


def test_tls_unique_is_what_the_server_sees(authority: Authority) -> None:
    tls, peer = connected(TLS_1_2, authority)
    ours = tls.binding("tls-unique")
    assert ours
    assert ours == peer.tls.get_channel_binding("tls-unique")


def test_there_is_no_tls_unique_in_1_3(authority: Authority) -> None:
    """RFC 9266 section 1: OpenSSL would give some bytes all the same."""
    tls, peer = connected(TLS_1_3, authority)
    assert peer.tls.get_channel_binding("tls-unique")
    assert tls.binding("tls-unique") is None


@pytest.mark.parametrize("version", [TLS_1_2, TLS_1_3])
def test_server_end_point(version: ssl.TLSVersion, authority: Authority) -> None:
    tls, _ = connected(version, authority)
    assert tls.binding("tls-server-end-point") == hashlib.sha256(tls.certificate).digest()
    assert x509.load_der_x509_certificate(tls.certificate).issuer == authority.subject


def test_no_other_kind(authority: Authority) -> None:
    tls, _ = connected(TLS_1_3, authority)
    assert tls.binding("tls-exporter") is None
    assert tls.binding("") is None


def test_what_serverinfo_shows(authority: Authority) -> None:
    tls, _ = connected(TLS_1_3, authority)
    assert tls.version == "TLSv1.3"
    assert tls.cipher.startswith("TLS_")
    assert tls.description == f"{tls.version} {tls.cipher}"


def signed(key: "rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey", how, **more) -> bytes:  # type: ignore[no-untyped-def]
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "x" * 60)])
    builder = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(NOW).not_valid_after(NOW + datetime.timedelta(days=1))
    )  # fmt: skip
    return builder.sign(key, how, **more).public_bytes(serialization.Encoding.DER)


def pss(hash_: hashes.HashAlgorithm) -> padding.PSS:
    return padding.PSS(padding.MGF1(hash_), padding.PSS.DIGEST_LENGTH)


SHA1, SHA224, SHA256, SHA384, SHA512 = hashes.SHA1, hashes.SHA224, hashes.SHA256, hashes.SHA384, hashes.SHA512


@pytest.mark.parametrize("key", [RSA, EC], ids=["rsa", "ecdsa"])
@pytest.mark.parametrize(
    ("how", "name"),
    [
        (SHA224, "sha224"),
        (SHA256, "sha256"),
        (SHA384, "sha384"),
        (SHA512, "sha512"),
        (hashes.SHA3_256, "sha3_256"),
        (hashes.SHA3_384, "sha3_384"),
        (hashes.SHA3_512, "sha3_512"),
    ],
)
def test_the_hash_of_the_signature(key, how, name: str) -> None:  # type: ignore[no-untyped-def]
    made = signed(key, how())
    assert server_end_point(made) == hashlib.new(name, made).digest()


@pytest.mark.parametrize(
    ("how", "name"), [(SHA256, "sha256"), (SHA384, "sha384"), (SHA512, "sha512"), (SHA224, "sha224")]
)
def test_the_hash_of_pss(how, name: str) -> None:  # type: ignore[no-untyped-def]
    made = signed(RSA, how(), rsa_padding=pss(how()))
    assert server_end_point(made) == hashlib.new(name, made).digest()


SHA256_RSA = bytes.fromhex("06092a864886f70d01010b")


@pytest.mark.parametrize("oid", ["06092a864886f70d010104", "06092a864886f70d010105"], ids=["md5", "sha1"])
def test_a_weak_hash_is_replaced(oid: str) -> None:
    """Such certificates cannot be made any more: the algorithm is all that is read."""
    made = signed(RSA, SHA256()).replace(SHA256_RSA, bytes.fromhex(oid))
    assert server_end_point(made) == hashlib.sha256(made).digest()


def test_no_hash_of_its_own() -> None:
    assert server_end_point(signed(ed25519.Ed25519PrivateKey.generate(), None)) is None


def test_an_algorithm_nobody_knows() -> None:
    made = signed(RSA, SHA256())
    assert server_end_point(made.replace(SHA256_RSA, bytes.fromhex("06092a864886f70d010163"))) is None


def test_what_is_no_certificate() -> None:
    made = signed(EC, SHA256())
    for wrong in (b"", b"\x30", made[:100], b"\x30\x80\x00\x00", b"\x30\x00", b"\xff" * 20):
        assert server_end_point(wrong) is None


def test_it_is_what_openssl_reads(tmp_path: Path) -> None:
    """Against the tool: -fingerprint is made of the same bytes."""
    import subprocess

    made = signed(EC, SHA384())
    file = tmp_path / "it.der"
    file.write_bytes(made)
    said = subprocess.run(
        ["openssl", "x509", "-inform", "der", "-in", file, "-noout", "-fingerprint", "-sha384"],
        capture_output=True, check=True, text=True,
    ).stdout  # fmt: skip
    assert server_end_point(made) == bytes.fromhex(said.partition("=")[2].strip().replace(":", ""))
