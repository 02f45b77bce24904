"""What ties a log-in to the TLS channel it is made in (RFC 5929): for SASL, when a mechanism asks.

``tls-unique`` comes from OpenSSL; ``tls-server-end-point`` is the hash of the
server's certificate, made with the hash of the certificate's own signature,
which has to be read from its DER form.
"""

TLS_UNIQUE = "tls-unique"
TLS_SERVER_END_POINT = "tls-server-end-point"

_RSA = "2a864886f70d0101"  # 1.2.840.113549.1.1
_ECDSA = "2a8648ce3d04"  # 1.2.840.10045.4
_NIST_HASH = "6086480165030402"  # 2.16.840.1.101.3.4.2
_NIST_SIGNATURE = "6086480165030403"  # 2.16.840.1.101.3.4.3
_PSS = bytes.fromhex(_RSA + "0a")
# Signature algorithm, or hash algorithm of RSASSA-PSS: its hash as hashlib calls it.  RFC 5929
# section 4.1: SHA-256 in the place of MD5 and SHA-1.  Ed25519 and Ed448 have no hash of their own: no binding.
_HASHES = {
    bytes.fromhex(oid): name
    for oid, name in (
        (_RSA + "04", "sha256"),  # MD5
        (_RSA + "05", "sha256"),  # SHA-1
        (_RSA + "0e", "sha224"),
        (_RSA + "0b", "sha256"),
        (_RSA + "0c", "sha384"),
        (_RSA + "0d", "sha512"),
        (_ECDSA + "01", "sha256"),  # SHA-1
        (_ECDSA + "0301", "sha224"),
        (_ECDSA + "0302", "sha256"),
        (_ECDSA + "0303", "sha384"),
        (_ECDSA + "0304", "sha512"),
        (_NIST_SIGNATURE + "0a", "sha3_256"),  # ECDSA with SHA-3
        (_NIST_SIGNATURE + "0b", "sha3_384"),
        (_NIST_SIGNATURE + "0c", "sha3_512"),
        (_NIST_SIGNATURE + "0e", "sha3_256"),  # RSA with SHA-3
        (_NIST_SIGNATURE + "0f", "sha3_384"),
        (_NIST_SIGNATURE + "10", "sha3_512"),
        ("2b0e03021a", "sha256"),  # SHA-1
        (_NIST_HASH + "04", "sha224"),
        (_NIST_HASH + "01", "sha256"),
        (_NIST_HASH + "02", "sha384"),
        (_NIST_HASH + "03", "sha512"),
    )
}
_SEQUENCE, _OID, _FIRST = 0x30, 0x06, 0xA0


def server_end_point(certificate: bytes) -> bytes | None:
    """The binding for a certificate in DER form; None where its signature has no hash that the RFC defines."""
    import hashlib

    try:
        name = _hash_of(certificate)
    except (ValueError, IndexError):  # OpenSSL has read it, so it is only odd to us
        return None
    return hashlib.new(name, certificate).digest() if name else None


def _hash_of(certificate: bytes) -> str:
    """RFC 5280 section 4.1: Certificate ::= SEQUENCE { tbsCertificate, signatureAlgorithm, signatureValue }."""
    _, body, _ = _element(certificate)
    _, _, rest = _element(body)
    _, algorithm, _ = _element(rest)
    tag, oid, parameters = _element(algorithm)
    if tag != _OID:
        return ""
    return _HASHES.get(oid, "") if oid != _PSS else _hash_of_pss(parameters)


def _hash_of_pss(parameters: bytes) -> str:
    """RFC 4055 section 3.1: RSASSA-PSS-params; the hash is the first, [0], and left out it is SHA-1."""
    tag, body, _ = _element(parameters)
    if tag != _SEQUENCE:
        return ""
    tag, hashed, _ = _element(body) if body else (0, b"", b"")
    if tag != _FIRST:
        return "sha256"
    _, algorithm, _ = _element(hashed)
    _, oid, _ = _element(algorithm)
    return _HASHES.get(oid, "")


def _element(data: bytes) -> tuple[int, bytes, bytes]:
    """Tag, content and what follows, of the DER element that ``data`` begins with."""
    length, at = data[1], 2
    if length > 0x7F:
        at = 2 + (length & 0x7F)
        length = int.from_bytes(data[2:at], "big")
    if at + length > len(data):
        raise ValueError("cut short")
    return data[0], data[at : at + length], data[at + length :]
