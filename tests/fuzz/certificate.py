"""Invariant: whatever stands in the place of a certificate, a log-in is bound to it or not, and it can be shown."""

import ssl

from esmtp_py.net.binding import server_end_point
from esmtp_py.net.certificate import Certificate
from esmtp_py.net.pin import mismatch
from tests.fuzz.driver import main
from tests.server.authority import shared_certificate

SEEDS = [
    ssl.PEM_cert_to_DER_cert(shared_certificate().leaf.cert_chain_pems[0].bytes().decode()),
    b"0\x84\xff\xff\xff\xff\x00",
    b"0\x800\x80\x00\x00",
    bytes.fromhex("30173003020100301006092a864886f70d01010a3003a0013000"),
]


def target(data: bytes) -> None:
    found = server_end_point(data)
    assert found is None or len(found) in (28, 32, 48, 64)
    assert mismatch(data, "0" * 64)
    certificate = Certificate(data)
    assert all(isinstance(text, str) for fact in certificate.facts() for text in fact)
    assert certificate.end is None or isinstance(certificate.end, float)


if __name__ == "__main__":
    main(target, SEEDS)
