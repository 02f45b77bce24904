"""Certificates of every kind, right and wrong, for a real TLS server: what ``test_certificates`` shows the client."""

import datetime
import ipaddress
from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from esmtp_py.net.binding import _element

NOW = datetime.datetime.now(datetime.UTC)
DAY = datetime.timedelta(days=1)
PEM = serialization.Encoding.PEM
SERVER, CLIENT = ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
SHA256_RSA = "300d06092a864886f70d01010b0500"
WEAK = {"sha1": "300d06092a864886f70d0101050500", "md5": "300d06092a864886f70d0101040500"}


class Made:
    """A certificate and its key; ``issuer`` signed it, and is None when it signed itself."""

    def __init__(self, certificate: x509.Certificate, key: Key, issuer: "Made | None") -> None:
        self.certificate = certificate
        self.key = key
        self.issuer = issuer

    @property
    def fingerprint(self) -> str:
        return self.certificate.fingerprint(hashes.SHA256()).hex()

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(PEM)

    def key_pem(self, passphrase: bytes = b"") -> bytes:
        how: serialization.KeySerializationEncryption = serialization.NoEncryption()
        if passphrase:
            how = serialization.BestAvailableEncryption(passphrase)
        return self.key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, how)


def usage(*said: str) -> x509.KeyUsage:
    names = [
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "key_cert_sign",
        "crl_sign",
        "encipher_only",
        "decipher_only",
    ]
    return x509.KeyUsage(**{name: name in said for name in names})


CERTIFIES = usage("key_cert_sign", "crl_sign")


class Lab:
    """root: an authority that clients trust, in the file ``trusted``.  stranger: one that nobody knows."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._files = 0
        self._rsa = rsa.generate_private_key(65537, 2048)
        self.root = self.authority("Root")
        self.stranger = self.authority("Stranger")
        self.trusted = self.file(self.root.pem)

    def file(self, *parts: bytes) -> str:
        self._files += 1
        path = self.directory / f"{self._files}.pem"
        path.write_bytes(b"".join(parts))
        return str(path)

    def chain(self, made: Made, *more: Made) -> str:
        """What a server is told to show: key, certificate, and the intermediate ones."""
        return self.file(made.key_pem(), made.pem, *(each.pem for each in more))

    # -- making them ------------------------------------------------------------

    def authority(self, name: str, issuer: Made | None = None, **more: object) -> Made:
        return self._make(name, issuer, ca=more.pop("ca", True), key_usage=more.pop("key_usage", CERTIFIES), **more)

    def leaf(self, *names: str, issuer: Made | None = None, **more: object) -> Made:
        """For these names, IP addresses among them; signed by root unless told."""
        return self._make(more.pop("cn", "leaf"), issuer or self.root, names=names, ca=False, **more)

    def self_signed(self, *names: str) -> Made:
        return self._make("leaf", None, names=names, ca=False)

    def weakly_signed(self, name: str, hash_name: str) -> Made:
        """By an RSA authority with SHA-1 or MD5, which no library does any more: the bytes are put together here."""
        authority = self.authority("Old", key=self._rsa)
        made = self.leaf(name, issuer=authority)
        der = made.certificate.public_bytes(serialization.Encoding.DER)
        _, body, _ = _element(der)
        _, _, rest = _element(body)
        signed = body[: len(body) - len(rest)].replace(bytes.fromhex(SHA256_RSA), bytes.fromhex(WEAK[hash_name]))
        digest = {"sha1": hashes.SHA1(), "md5": hashes.MD5()}[hash_name]
        signature = self._rsa.sign(signed, padding.PKCS1v15(), digest)
        content = signed + bytes.fromhex(WEAK[hash_name]) + b"\x03\x82\x01\x01\x00" + signature
        forged = b"\x30\x82" + len(content).to_bytes(2, "big") + content
        return Made(x509.load_der_x509_certificate(forged), made.key, authority)

    def _make(
        self,
        cn: object,
        issuer: Made | None,
        *,
        ca: object,
        names: Sequence[str] = (),
        key: object = None,
        since: object = NOW - 30 * DAY,
        until: object = NOW + DAY,
        key_usage: object = None,
        purposes: Sequence[ObjectIdentifier] = (),
        length: int | None = None,
        constraints: x509.NameConstraints | None = None,
        odd: bool = False,
    ) -> Made:
        key = key or ec.generate_private_key(ec.SECP256R1())
        assert isinstance(key, Key)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, str(cn))])
        signer = issuer or Made(None, key, None)  # type: ignore[arg-type]
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer.certificate.subject if issuer else subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(since)  # type: ignore[arg-type]
            .not_valid_after(until)  # type: ignore[arg-type]
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.key.public_key()),
                critical=False,
            )
        )
        if ca is not None:
            builder = builder.add_extension(
                x509.BasicConstraints(ca=bool(ca), path_length=length if ca else None), critical=True
            )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName([_general(n) for n in names]), critical=False)
        if key_usage:
            builder = builder.add_extension(key_usage, critical=True)  # type: ignore[arg-type]
        if purposes:
            builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
        if constraints:
            builder = builder.add_extension(constraints, critical=True)
        if odd:
            unknown = x509.UnrecognizedExtension(ObjectIdentifier("1.3.6.1.4.1.55555.1"), b"\x05\x00")
            builder = builder.add_extension(unknown, critical=True)
        return Made(builder.sign(signer.key, hashes.SHA256()), key, issuer)

    # -- lists of what is revoked -------------------------------------------------

    def revoked(
        self, issuer: Made, *which: Made, since: datetime.datetime = NOW - DAY, until: datetime.datetime = NOW + DAY,
        key: Key | None = None,
    ) -> bytes:  # fmt: skip
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(issuer.certificate.subject)
            .last_update(since)
            .next_update(until)
        )
        for each in which:
            entry = x509.RevokedCertificateBuilder().serial_number(each.certificate.serial_number)
            builder = builder.add_revoked_certificate(entry.revocation_date(since).build())
        return builder.sign(key or issuer.key, hashes.SHA256()).public_bytes(PEM)


def _general(name: str) -> x509.GeneralName:
    if name.startswith("mailto:"):
        return x509.RFC822Name(name.removeprefix("mailto:"))
    if "//" in name:
        return x509.UniformResourceIdentifier(name)
    if name.startswith("ip:"):
        return x509.IPAddress(ipaddress.ip_address(name.removeprefix("ip:")))
    return x509.DNSName(name)
