"""A certification authority made for the run, and the certificates it issues."""

import atexit
import datetime
import functools
import os
import shutil
import ssl
import tempfile

import trustme


class Certificate:
    """A server's or client's certificate with its key.  pem: path of one file that holds both."""

    def __init__(self, leaf: trustme.LeafCert, pem: str) -> None:
        self.leaf = leaf
        self.pem = pem

    def server_context(self) -> ssl.SSLContext:
        """A context for a server that shows this certificate; change it as the test needs."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.pem)
        return context


class Authority:
    """A CA nobody else trusts.

    file: path of its certificate in PEM form, for the rc's ``ca_file``.
    The files are removed when the interpreter ends.
    """

    def __init__(self) -> None:
        self._ca = trustme.CA()
        self._directory = tempfile.mkdtemp(prefix="esmtp-authority-")
        atexit.register(shutil.rmtree, self._directory, ignore_errors=True)
        self.file = os.path.join(self._directory, "ca.pem")
        self._ca.cert_pem.write_to_path(self.file)
        self._issued = 0

    def issue(self, *names: str, expired: bool = False, common_name: str | None = None) -> Certificate:
        """A certificate for host names and addresses, "localhost" and 127.0.0.1 when none are given."""
        now = datetime.datetime.now(datetime.UTC)
        day = datetime.timedelta(days=1)
        leaf = self._ca.issue_cert(
            *(names or ("localhost", "127.0.0.1", "::1")),
            not_before=now - 30 * day,
            not_after=now - day if expired else now + day,
            common_name=common_name,
        )
        self._issued += 1
        pem = os.path.join(self._directory, f"leaf{self._issued}.pem")
        leaf.private_key_and_cert_chain_pem.write_to_path(pem)
        os.chmod(pem, 0o600)
        return Certificate(leaf, pem)


@functools.cache
def shared_authority() -> Authority:
    """The authority of this process: making one takes a tenth of a second, so tests share it."""
    return Authority()


@functools.cache
def shared_certificate() -> Certificate:
    """The one of that authority for localhost and the loopback addresses."""
    return shared_authority().issue()
