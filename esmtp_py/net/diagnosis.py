"""What went wrong with TLS, in words that say what to do.  Imported when something did."""

import ssl

# OpenSSL's words for an alert of the server, or for what it sent: what they mean here.
_REASONS = {
    "WRONG_VERSION_NUMBER": "the server speaks no TLS here: check starttls and the port in the rc",
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": "the server wants a certificate of ours: name one with certificate in the rc",
    "TLSV1_ALERT_UNKNOWN_CA": "the server does not trust our certificate: check certificate in the rc",
    "TLSV1_ALERT_PROTOCOL_VERSION": "the server has no version of TLS that is new enough (1.2, or min_tls in the rc)",
    "UNSUPPORTED_PROTOCOL": "the server has no version of TLS that is new enough (1.2, or min_tls in the rc)",
    "SSLV3_ALERT_HANDSHAKE_FAILURE": "handshake failure: it finds no cipher or certificate that both ends accept",
}
# X509_V_ERR_ of OpenSSL, by number.
_UNTRUSTED = (
    2,  # the issuer of an intermediate certificate is not there
    18,  # self-signed
    19,  # self-signed, further up
    20,  # an issuer that nobody here knows
    21,  # the same, and one certificate only
)
_LISTS = {
    3: "crl_file has no list of one of its authorities: each up to the root needs one",
    8: "the list of revoked certificates in crl_file is not signed by that authority",
    11: "the list of revoked certificates in crl_file is not valid yet: check the clock",
    12: "the list of revoked certificates in crl_file has expired: fetch a new one",
    23: "it is revoked, says crl_file",
}


def reason(error: Exception, host: str = "") -> str:
    """OpenSSL's words, shortened to what a person can use; ``host``: the name that was checked."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _unverified(error, host)
    if isinstance(error, ssl.SSLError) and error.reason:
        return _REASONS.get(error.reason) or error.reason.replace("_", " ").lower()
    if isinstance(error, ssl.SSLError):
        # "[SSL] PEM lib (_ssl.c:3926)"
        return str(error).rpartition("] ")[2].partition(" (")[0]
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error)


def _unverified(error: ssl.SSLCertVerificationError, host: str) -> str:
    why = error.verify_message.rstrip(".")
    if "ostname mismatch" in why or "address mismatch" in why.lower():
        return f"its certificate is not for {host}: check hostname in the rc, or say with tls_hostname whose it is"
    if error.verify_code in _UNTRUSTED:
        return f"its certificate is not trusted ({why}): name its authority with ca_file in the rc"
    return f"its certificate is not valid: {_LISTS.get(error.verify_code) or why}"
