"""``fingerprint`` of the rc: one certificate is believed, whoever issued it and whatever name is in it."""

import hashlib
import hmac


def mismatch(certificate: bytes, pin: str) -> str:
    """Why ``certificate`` (DER) is not the one with this fingerprint (64 hex digits); "" when it is."""
    if not certificate:
        return "the server has shown no certificate"
    seen = hashlib.sha256(certificate).hexdigest()
    if hmac.compare_digest(seen, pin):
        return ""
    return (
        f"its certificate is not the one of fingerprint in the rc but SHA256:{seen}: "
        "somebody is in between, or the server has a new one; ask who runs it before you write that"
    )
