"""TLS on a Stream, always verified.  The only module that imports OpenSSL, when TLS is really used.

It takes ``_ssl``, the half of ``ssl`` that is written in C: the other half
costs more to import than a whole mail costs to send, for a server side, enums
and PEM conversions that are not needed here.  Where ``_ssl`` has not got these
names (another Python), ``ssl`` itself serves as well.

OpenSSL works on memory here and never on the socket, so that our Finished and
the first command after it leave in one write: a round trip saved on every mail.
"""

import os

from esmtp_py.errors import MailError
from esmtp_py.net.stream import MAX_UNREAD, Stream

TYPE_CHECKING = False
if TYPE_CHECKING:
    # the public names, for the type checker knows no others
    import ssl as openssl
    from ssl import SSLContext as Context
    from typing import Any

    from esmtp_py.config.identity import Identity
else:
    try:
        import _ssl as openssl
        from _ssl import _SSLContext as Context
    except ImportError:
        import ssl as openssl
        from ssl import SSLContext as Context

_TLS_1_2, _TLS_1_3 = 0x0303, 0x0304  # RFC 5246 section A.1, RFC 8446 section 4.2.1
TlsError = openssl.SSLError
# X509_CHECK_FLAG_NEVER_CHECK_SUBJECT of OpenSSL: what ``hostname_checks_common_name = False`` sets
_NEVER_CHECK_SUBJECT = 0x20

# Where distributions keep a directory of certificates hashed by subject: read
# one file at a time, when needed, instead of a bundle of 140 at every start.
HASHED_DIRECTORIES = ("/etc/ssl/certs", "/etc/pki/tls/certs", "/etc/openssl/certs")


class Trust:
    """Whom to believe and who we are: the statements of the rc of these names.

    pin: fingerprint, the one certificate to believe, whoever issued it and whatever name is in it.
    passphrase: opens the key; "" for none.
    """

    __slots__ = ("ca_dir", "ca_file", "certificate", "ciphers", "crl_file", "key", "min_tls", "passphrase", "pin")

    def __init__(
        self,
        ca_file: str = "",
        ca_dir: str = "",
        certificate: str = "",
        passphrase: str | None = None,
        *,
        key: str = "",
        crl_file: str = "",
        min_tls: str = "",
        ciphers: str = "",
        pin: str = "",
    ) -> None:
        self.ca_file = ca_file
        self.ca_dir = ca_dir
        self.certificate = certificate
        self.passphrase = passphrase or ""
        self.key = key
        self.crl_file = crl_file
        self.min_tls = min_tls
        self.ciphers = ciphers
        self.pin = pin

    @classmethod
    def of(cls, identity: "Identity") -> "Trust":
        passphrase = identity.certificate_passphrase.reveal() if identity.certificate_passphrase else ""
        return cls(
            identity.ca_file,
            identity.ca_dir,
            identity.certificate,
            passphrase,
            key=identity.certificate_key,
            crl_file=identity.crl_file,
            min_tls=identity.min_tls,
            ciphers=identity.ciphers,
            pin=identity.fingerprint,
        )


def client_context(trust: Trust) -> Context:
    """TLS 1.2 or newer, certificate and host name checked, no common name.

    With a pin nothing is checked here: TlsStream compares it.
    Raises MailError("config") for files that cannot be used.
    """
    _refuse_odd_files(trust)
    context = Context(openssl.PROTOCOL_TLS_CLIENT)  # verifies certificate and host name
    private: "Any" = context
    private.minimum_version = _TLS_1_3 if trust.min_tls == "1.3" else _TLS_1_2
    private._host_flags |= _NEVER_CHECK_SUBJECT  # RFC 6125 section 6.4.4: names are in subjectAltName
    private.options |= openssl.OP_NO_RENEGOTIATION  # with it, a write would have to wait for a read
    if trust.pin:
        private.check_hostname = False
        private.verify_mode = openssl.CERT_NONE
    else:
        _load_trust(context, trust)
    if trust.ciphers:
        _limit_ciphers(context, trust.ciphers)
    if trust.certificate:
        from esmtp_py.net.client_certificate import load

        load(context, trust)
    return context


def _refuse_odd_files(trust: Trust) -> None:
    """OpenSSL would wait for whoever writes into a FIFO, and read a device for ever."""
    for name, path in (
        ("ca_file", trust.ca_file),
        ("crl_file", trust.crl_file),
        ("certificate", trust.certificate),
        ("certificate_key", trust.key),
    ):
        if path and os.path.exists(path) and not os.path.isfile(path):
            raise MailError("config", f"{name} {path} is no regular file: correct it in the rc")


def _load_trust(context: Context, trust: Trust) -> None:
    try:
        _load_authorities(context, trust)
    except (OSError, openssl.SSLError) as error:
        raise MailError("config", f"cannot use ca_file {trust.ca_file or trust.ca_dir}: {_reason(error)}") from error
    if trust.crl_file:
        from esmtp_py.net.revocation import load

        load(context, trust.crl_file)


def _limit_ciphers(context: Context, ciphers: str) -> None:
    """For TLS 1.2; those without certificate or encryption are out whatever the list says."""
    try:
        context.set_ciphers(ciphers + ":!aNULL:!eNULL")
    except openssl.SSLError as error:
        raise MailError("config", "no cipher is left by ciphers in the rc: `openssl ciphers -v` lists them") from error


def _load_authorities(context: Context, trust: Trust) -> None:
    """The rc's own, else the system's hashed directory, else certifi's bundle."""
    if trust.ca_dir and not os.path.isdir(trust.ca_dir):
        raise MailError("config", f"ca_dir {trust.ca_dir} is no directory")
    if trust.ca_file or trust.ca_dir:
        context.load_verify_locations(cafile=trust.ca_file or None, capath=trust.ca_dir or None)
        return
    for directory in HASHED_DIRECTORIES:
        if _is_hashed(directory):
            context.load_verify_locations(capath=directory)
            return
    import certifi

    context.load_verify_locations(cafile=certifi.where())


def _is_hashed(directory: str) -> bool:
    """Does it hold at least one name like ``5ed36f99.0``?  An empty one would trust nobody."""
    try:
        with os.scandir(directory) as entries:
            return any(len(e.name) == 10 and e.name[8] == "." and e.name[9].isdigit() for e in entries)
    except OSError:
        return False


class TlsStream:
    """The same methods as Stream, encrypted."""

    def __init__(
        self, stream: "Stream | TlsStream", context: Context, host: str, deadline: float, pin: str = ""
    ) -> None:
        """Shakes hands; ``host`` is the name that the certificate must be for, without a ``pin``.

        Raises MailError("tls") that says which check failed; "config" for a host that is no name.
        """
        self.peer: str = stream.peer
        self._stream = stream
        self._in = openssl.MemoryBIO()
        self._out = openssl.MemoryBIO()
        private: "Any" = context
        try:
            self._tls: "Any" = private._wrap_bio(self._in, self._out, False, host)
        except (TypeError, ValueError) as error:
            raise MailError("config", f"no certificate can be for {host!a}: correct hostname in the rc") from error
        self._unread = bytearray()
        self._ended = False
        self._handshake(host, deadline)
        if pin:
            self._compare(pin)

    @property
    def version(self) -> str:
        """Such as TLSv1.3."""
        return str(self._tls.version())

    @property
    def cipher(self) -> str:
        """As OpenSSL calls it."""
        cipher = self._tls.cipher()
        return str(cipher[0]) if cipher else ""

    @property
    def certificate(self) -> bytes:
        """What the server has shown, in DER form."""
        return self._tls.getpeercert(True) or b""

    @property
    def description(self) -> str:
        """Version and cipher, for people."""
        return f"{self.version} {self.cipher}"

    def binding(self, kind: str) -> bytes | None:
        """Channel binding data of RFC 5929, None where this connection has none of this kind.

        Not ``tls-exporter`` (RFC 9266): Python gives no access to it.
        """
        from esmtp_py.net.binding import TLS_SERVER_END_POINT, TLS_UNIQUE, server_end_point

        if kind == TLS_SERVER_END_POINT:
            return server_end_point(self.certificate)
        if kind == TLS_UNIQUE and self.version == "TLSv1.2":  # nothing in 1.3 is unique (RFC 9266 section 1)
            unique: bytes | None = self._tls.get_channel_binding(TLS_UNIQUE)
            return unique
        return None

    def send(self, data: bytes | bytearray | memoryview, deadline: float) -> None:
        view = memoryview(data)
        while view:
            view = view[self._encrypt(view[:16384]) :]
            if self._out.pending > 65536:
                self._flush(deadline)
        self._flush(deadline)

    def receive(self, deadline: float) -> bytes:
        self._flush(deadline)
        if self._unread:
            data, self._unread = bytes(self._unread), bytearray()
            return data
        while not self._ended:
            data = self._decrypt()
            if data:
                return data
            if not self._ended:
                self._feed(self._stream.receive(deadline))
                self._flush(deadline)
        return b""

    def waiting(self) -> bool:
        while not self._ended and len(self._unread) < MAX_UNREAD:
            data = self._decrypt()
            self._unread += data
            if not data and not self._ended:
                if not self._stream.waiting():
                    break
                self._feed(self._stream.receive(0))
        return bool(self._unread) or self._ended

    def local_address(self) -> str:
        return self._stream.local_address()

    def close(self) -> None:
        """Closes, without a close_notify: SMTP has a goodbye of its own, and this would be one more packet for it."""
        self._stream.close()

    def _handshake(self, host: str, deadline: float) -> None:
        while True:
            try:
                # what remains in _out, our Finished, goes with the first command
                self._tls.do_handshake()
                return
            except openssl.SSLWantReadError:
                self._in.write(self._next_of_handshake(deadline))
            except openssl.SSLError as error:
                self._alert()
                raise self._failed(_reason(error, host)) from error

    def _compare(self, pin: str) -> None:
        """Before our Finished leaves, and with it the first byte that only this server may read."""
        from esmtp_py.net.pin import mismatch

        if why := mismatch(self.certificate, pin):
            raise self._failed(why)

    def _next_of_handshake(self, deadline: float) -> bytes:
        try:
            self._flush(deadline)
            data = self._stream.receive(deadline)
        except MailError as error:
            raise self._failed(f"during the handshake: {error.text}") from error
        if not data:
            raise self._failed("the server closed the connection during the handshake")
        return data

    def _decrypt(self) -> bytes:
        """What can be read now; b"" when more has to come first, or at the end."""
        try:
            data: bytes = self._tls.read(65536)
            self._ended = not data
            return data
        except openssl.SSLWantReadError:
            return b""
        except (openssl.SSLZeroReturnError, openssl.SSLEOFError):
            self._ended = True
            return b""
        except openssl.SSLError as error:
            raise self._lost(error) from error

    def _encrypt(self, data: memoryview) -> int:
        """How much of it has been taken."""
        try:
            return int(self._tls.write(data))
        except openssl.SSLError as error:  # it is over since the last read
            raise self._lost(error) from error

    def _feed(self, data: bytes) -> None:
        if data:
            self._in.write(data)
        else:
            self._in.write_eof()

    def _flush(self, deadline: float) -> None:
        if self._out.pending:
            self._stream.send(self._out.read(), deadline)

    def _alert(self) -> None:
        """Lets the server's log say why."""
        try:
            self._stream.send(self._out.read(), 0)
        except MailError:
            pass

    def _lost(self, error: "openssl.SSLError") -> MailError:
        # in TLS 1.3 a server refuses our certificate only when the handshake is over for us
        kind = "tls" if "ALERT" in (error.reason or "") else "connection_lost"
        # Exim's last words to who says too many commands
        clear = error.reason == "WRONG_VERSION_NUMBER"
        why = "the server went on in clear text, which is not believed" if clear else _reason(error)
        return MailError(kind, f"lost the TLS connection to {self.peer}: {why}", remote=self.peer)

    def _failed(self, why: str) -> MailError:
        return MailError("tls", f"no secure connection to {self.peer}: {why}", remote=self.peer)


def _reason(error: Exception, host: str = "") -> str:
    """What OpenSSL or the system means, for a person.  Nothing of that is imported while all is well."""
    from esmtp_py.net.diagnosis import reason

    return reason(error, host)
