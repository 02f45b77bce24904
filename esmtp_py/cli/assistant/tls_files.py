"""What the rc says of TLS, given to OpenSSL without a connection; for --check-rc and --doctor.

It is read anew for each mail, and one that cannot be used is the end of each.
"""

import os

from esmtp_py.config.identity import STARTTLS_DISABLED
from esmtp_py.config.policy import IMAP
from esmtp_py.errors import MailError
from esmtp_py.net.tls import Trust, client_context

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from esmtp_py.config.identity import Identity

# A key of 16,384 bits has 13 kB, and there may be a chain of certificates before it.
_LONGEST = 1 << 20


def unusable(identity: "Identity") -> "Iterator[tuple[str, str]]":
    """Pairs of a statement that no mail can leave with, and the reason."""
    if identity.starttls == STARTTLS_DISABLED and identity.record != IMAP:  # none is used
        return
    for statements, trust in _parts(identity):
        written = [name for name in statements if getattr(identity, name)]
        if not written:
            continue
        try:
            client_context(trust)
        except MailError as error:
            blamed = (name for name in written if f"{name} {getattr(identity, name)}" in error.text)
            yield next(blamed, written[-1]), error.text


def _parts(identity: "Identity") -> "Iterator[tuple[tuple[str, ...], Trust]]":
    """One after the other, so that the first that cannot be used does not hide the next."""
    whole = Trust.of(identity)
    if not whole.pin or identity.record == IMAP:  # else whoever issued it is not looked at
        yield ("ca_file", "ca_dir"), Trust(whole.ca_file, whole.ca_dir)
        yield ("crl_file",), Trust(crl_file=whole.crl_file)
    alone = "any"  # with a pin no authorities are loaded
    yield ("ciphers",), Trust(ciphers=whole.ciphers, pin=alone)
    own = Trust(certificate=whole.certificate, passphrase=whole.passphrase, key=whole.key, pin=alone)
    yield ("certificate_key", "certificate"), own


def open_keys(identity: "Identity") -> "Iterator[tuple[str, str]]":
    """Pairs of a statement and what is wrong with the key that it names: everybody may read it."""
    name = "certificate_key" if identity.certificate_key else "certificate"
    path = getattr(identity, name)
    if path and _is_open(path):
        from shlex import quote

        yield name, f"everybody on this machine may read the key in {path}; run: chmod 600 {quote(path)}"


def _is_open(path: str) -> bool:
    """Group members may read it: so it is where keys are kept for a group of daemons."""
    try:
        if not (os.path.isfile(path) and os.stat(path).st_mode & 0o004):
            return False
        with open(path, "rb") as file:
            content = file.read(_LONGEST)
    except OSError:
        return False
    # RFC 7468 sections 10 and 11; the last is what OpenSSL wrote before them
    return b"PRIVATE KEY-----" in content and b"ENCRYPTED" not in content
