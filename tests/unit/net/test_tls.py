"""TLS on a stream: what is verified, what is said when it is not, and that then nothing else is.

The peer is OpenSSL's server side on memory, in this thread: what comes in which packet is ours to say.
"""

import os
import pty
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from esmtp_py.errors import MailError
from esmtp_py.net import tls as module
from esmtp_py.net.stream import MAX_UNREAD, Stream
from esmtp_py.net.tls import TlsStream, Trust, client_context
from esmtp_py.outcome import TABLE
from tests.unit.net.certificates import DAY, NOW, Authority
from tests.unit.net.test_stream import raw

HOST = "mx.example.org"


def later() -> float:
    return time.monotonic() + 20


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def certificate(authority: Authority) -> str:
    return authority.issue(HOST)


def server_context(certificate: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, password=lambda: "secret")
    return context


class Peer(Stream):
    """Instead of a Stream to a server: the server.

    writes: what the client wrote, write by write.  heard: what of it was data.
    error: how the handshake failed for the server.  cut: bytes of one read.
    """

    def __init__(self, context: ssl.SSLContext, *, cut: int = 1 << 30) -> None:
        self.peer = "mx.example.org[192.0.2.1]:587"
        self.writes: list[bytes] = []
        self.heard = b""
        self.error: Exception | None = None
        self.closed = False
        self.ended = False
        self.shaken = False
        self.packets: list[bytes] = []
        self._cut = cut
        self._from, self._to = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self._from, self._to, server_side=True)

    # -- the server -------------------------------------------------------------

    def say(self, *records: bytes) -> None:
        """In one packet."""
        for record in records:
            self.tls.write(record)
        self._pack()

    def _pack(self) -> None:
        if self._to.pending:
            self.packets.append(self._to.read())

    def _progress(self) -> None:
        try:
            if not self.shaken:
                self.tls.do_handshake()
                self.shaken = True
            while data := self.tls.read(65536):
                self.heard += data
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            self.error = self.error or error
        self._pack()

    # -- the methods of Stream ---------------------------------------------------

    def send(self, data: bytes | bytearray | memoryview, deadline: float) -> None:
        self.writes.append(bytes(data))
        self._from.write(data)
        self._progress()

    def receive(self, deadline: float) -> bytes:
        if self.packets:
            packet = self.packets[0]
            self.packets[:1] = [packet[self._cut :]] if len(packet) > self._cut else []
            return packet[: self._cut]
        if self.ended:
            return b""
        raise MailError("connection_lost", f"lost the connection to {self.peer}: it did not answer in time")

    def waiting(self) -> bool:
        return bool(self.packets) or self.ended

    def local_address(self) -> str:
        return "192.0.2.2"

    def close(self) -> None:
        self.closed = True


def shaken(peer: Peer, authority: Authority) -> TlsStream:
    return TlsStream(peer, client_context(Trust(authority.file)), HOST, later())


def refused(peer: Peer, trust: Trust, host: str = HOST) -> MailError:
    """A handshake that must fail, and after which nothing of ours may be readable."""
    with pytest.raises(MailError) as raised:
        TlsStream(peer, client_context(trust), host, later())
    error = raised.value
    assert error.kind == "tls"
    assert TABLE[error.kind][2] == 77
    assert error.remote == peer.peer
    assert error.text.startswith(f"no secure connection to {peer.peer}: ")
    assert error.text.isprintable()
    assert peer.heard == b""
    return error


# -- the ordinary way -------------------------------------------------------------

VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


def only(version: ssl.TLSVersion, certificate: str) -> ssl.SSLContext:
    context = server_context(certificate)
    context.minimum_version = context.maximum_version = version
    return context


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("cut", [1, 7, 1 << 30])
def test_both_versions_however_the_packets_are_cut(
    version: ssl.TLSVersion, cut: int, authority: Authority, certificate: str
) -> None:
    peer = Peer(only(version, certificate), cut=cut)
    tls = shaken(peer, authority)
    assert tls.description.startswith(version.name.replace("_", ".") + " ")
    assert tls.peer == peer.peer
    assert tls.local_address() == "192.0.2.2"
    tls.send(b"EHLO me\r\n", later())
    assert peer.heard == b"EHLO me\r\n"
    peer.say(b"250 hello\r\n")
    assert tls.receive(later()) == b"250 hello\r\n"


def test_finished_and_the_first_command_are_one_write(authority: Authority, certificate: str) -> None:
    """A round trip saved on every mail: ClientHello, then all the rest."""
    peer = Peer(server_context(certificate))
    tls = shaken(peer, authority)
    assert len(peer.writes) == 1
    assert not peer.shaken, "our Finished waits for company"
    tls.send(b"EHLO me\r\n", later())
    assert len(peer.writes) == 2
    assert peer.heard == b"EHLO me\r\n"


def test_a_server_that_speaks_first_gets_finished_first(authority: Authority, certificate: str) -> None:
    peer = Peer(server_context(certificate))
    tls = shaken(peer, authority)
    with pytest.raises(MailError, match="in time"):
        tls.receive(later())
    assert peer.shaken
    peer.say(b"220 hello\r\n")
    assert tls.receive(later()) == b"220 hello\r\n"


def test_session_tickets_are_no_data(authority: Authority, certificate: str) -> None:
    peer = Peer(only(ssl.TLSVersion.TLSv1_3, certificate))
    tls = shaken(peer, authority)
    tls.send(b"EHLO\r\n", later())
    assert peer.packets, "the tickets"
    assert not tls.waiting()
    assert not peer.packets
    peer.say(b"250 ok\r\n")
    assert tls.waiting()
    assert tls.receive(0) == b"250 ok\r\n"


def test_every_record_of_a_packet_is_seen(authority: Authority, certificate: str) -> None:
    """After the first has been taken, the second is not on the socket any more."""
    peer = Peer(server_context(certificate))
    tls = shaken(peer, authority)
    tls.send(b"EHLO\r\n", later())
    peer.say(b"one", b"two", b"three")
    assert tls.receive(later()) == b"one"
    assert tls.waiting()
    assert tls.receive(0) == b"twothree"
    assert not tls.waiting()


def test_a_large_write_goes_out_in_pieces(authority: Authority, certificate: str) -> None:
    peer = Peer(server_context(certificate))
    tls = shaken(peer, authority)
    data = os.urandom(1 << 20)
    tls.send(memoryview(data), later())
    assert peer.heard == data
    assert max(map(len, peer.writes)) < 100_000


def test_a_lot_in_both_directions_over_a_socket(authority: Authority, certificate: str) -> None:
    size = 4 << 20
    ours, theirs = socket.socketpair()
    got: list[int] = []

    def serve() -> None:
        with server_context(certificate).wrap_socket(theirs, server_side=True) as connection:
            connection.sendall(b"y" * (1 << 20))  # before a byte of ours is read
            heard = 0
            while heard < size:
                heard += len(connection.recv(65536))
            got.append(heard)

    thread = threading.Thread(target=serve)
    thread.start()
    stream = Stream(raw(ours), "mx")
    tls = TlsStream(stream, client_context(Trust(authority.file)), HOST, later())
    tls.send(b"x" * size, later())
    thread.join(20)
    assert got == [size]
    heard = 0
    while heard < 1 << 20:
        heard += len(tls.receive(later()))
    tls.close()


# -- the end --------------------------------------------------------------------------


@pytest.mark.parametrize("goodbye", [True, False])
def test_the_end_with_and_without_close_notify(goodbye: bool, authority: Authority, certificate: str) -> None:
    """A reply cut short is no reply anyway: SMTP has its own line ends."""
    peer = Peer(server_context(certificate))
    tls = shaken(peer, authority)
    tls.send(b"QUIT\r\n", later())
    peer.tls.write(b"221 bye\r\n")
    if goodbye:
        with pytest.raises(ssl.SSLWantReadError):
            peer.tls.unwrap()
    peer._pack()
    peer.ended = True
    assert tls.receive(later()) == b"221 bye\r\n"
    assert tls.waiting()
    assert tls.receive(later()) == b""
    assert tls.receive(0) == b""
    assert tls.waiting()


def test_cut_off_in_the_middle_of_a_record(authority: Authority, certificate: str) -> None:
    peer = Peer(server_context(certificate))
    tls = shaken(peer, authority)
    tls.send(b"QUIT\r\n", later())
    peer.say(b"250 delivered\r\n")
    peer.packets[-1] = peer.packets[-1][:-1]
    peer.ended = True
    assert tls.receive(later()) == b""


def test_a_forged_record(authority: Authority, certificate: str) -> None:
    peer = Peer(server_context(certificate))
    tls = shaken(peer, authority)
    tls.send(b"QUIT\r\n", later())
    peer.say(b"250 delivered\r\n")
    peer.packets[-1] = peer.packets[-1][:-1] + bytes([peer.packets[-1][-1] ^ 1])
    with pytest.raises(MailError) as raised:
        tls.receive(later())
    assert raised.value.kind == "connection_lost"


def test_clear_text_in_the_middle(authority: Authority, certificate: str) -> None:
    """Exim says so that there were too many commands: nothing is wrong with the rc."""
    peer = Peer(server_context(certificate))
    tls = shaken(peer, authority)
    tls.send(b"RSET\r\n", later())
    peer.packets.append(b"554 Too many nonmail commands\r\n")
    with pytest.raises(MailError, match="the server went on in clear text") as raised:
        tls.receive(later())
    assert raised.value.kind == "connection_lost"


def test_writing_after_a_fatal_alert(authority: Authority, certificate: str) -> None:
    """OpenSSL refuses with an error of its own, which must not get out."""
    peer = Peer(server_context(certificate))
    tls = shaken(peer, authority)
    tls.send(b"x", later())
    peer._from.write(b"\x17\x03\x03\x00\x20" + b"z" * 32)  # a record the server cannot read: it says so and is dead
    peer._progress()
    with pytest.raises(MailError) as reading:
        tls.receive(later())
    with pytest.raises(MailError) as writing:
        tls.send(b"MAIL FROM:<>\r\n", later())
    assert reading.value.kind == "tls"
    assert writing.value.kind in ("tls", "connection_lost")
    tls.close()
    assert peer.closed


def test_a_flood_is_not_kept(authority: Authority, certificate: str) -> None:
    """While we send, a server may talk, but not for ever."""
    peer = Peer(server_context(certificate))
    tls = shaken(peer, authority)
    tls.send(b"x", later())

    def endless() -> bool:
        if len(peer.packets) < 2:
            peer.say(b"z" * 16384)
        return True

    peer.waiting = endless  # type: ignore[method-assign]
    assert tls.waiting()
    assert len(tls.receive(0)) <= MAX_UNREAD + 65536


def test_close_before_anything_was_said(authority: Authority, certificate: str) -> None:
    peer = Peer(server_context(certificate))
    shaken(peer, authority).close()
    assert peer.closed


def test_no_renegotiation(authority: Authority) -> None:
    """A server that asks for one in TLS 1.2 would make a write wait for a read."""
    assert client_context(Trust(authority.file)).options & ssl.OP_NO_RENEGOTIATION


# -- certificates ------------------------------------------------------------------------


def test_an_authority_nobody_knows(authority: Authority, certificate: str, tmp_path: Path) -> None:
    error = refused(Peer(server_context(certificate)), Trust(Authority(tmp_path, "Another CA").file))
    assert "not trusted" in error.text
    assert "ca_file" in error.text


def test_self_signed(authority: Authority) -> None:
    error = refused(Peer(server_context(authority.issue(HOST, self_signed=True))), Trust(authority.file))
    assert "not trusted" in error.text


def test_expired(authority: Authority) -> None:
    expired = authority.issue(HOST, until=NOW - DAY)
    assert "expired" in refused(Peer(server_context(expired)), Trust(authority.file)).text


def issued(name: str) -> Callable[[Authority], str]:
    return lambda authority: authority.issue(name)


MATCHING = [
    ("mx.example.org", issued("mx.example.org")),
    ("MX.Example.ORG", issued("mx.example.org")),
    ("mx.example.org", issued("MX.EXAMPLE.ORG")),
    ("mx.example.org", issued("*.example.org")),
    ("mx.example.org", lambda a: a.issue("other.example.org", "mx.example.org")),
    ("xn--bcher-kva.example", issued("xn--bcher-kva.example")),
    ("127.0.0.1", lambda a: a.issue(addresses=("127.0.0.1",))),
    ("::1", lambda a: a.issue(addresses=("::1",))),
]
OTHERS = [
    ("mx.example.org", issued("mx.example.net")),
    ("mx.example.org", issued("example.org")),
    ("example.org", issued("*.example.org")),
    ("a.mx.example.org", issued("*.example.org")),
    ("mx.example.org", issued("m*.example.org")),
    ("mx.example.org", issued("*x.example.org")),
    ("mx.example.org", issued("mx.*.org")),
    ("mx.example.org", issued("*.org")),
    ("mx.example.org", issued("*")),
    ("mx.example.org", issued("*.*.org")),
    ("mx.example.org", issued("mx.example.org\0.evil.example")),
    ("mx.example.org", issued("mx.example.org.evil.example")),
    ("mx.example.org", lambda a: a.issue(common_name="mx.example.org")),
    ("mx.example.org", lambda a: a.issue("other.example.org", common_name="mx.example.org")),
    ("xn--bcher-kva.example", issued("*.example")),
    ("127.0.0.1", issued("127.0.0.1")),
    ("127.0.0.1", lambda a: a.issue(common_name="127.0.0.1")),
    ("127.0.0.1", lambda a: a.issue(addresses=("127.0.0.2",))),
    ("127.0.0.1", issued("*.0.0.1")),
    ("::1", lambda a: a.issue(addresses=("::2",))),
    ("192.0.2.1", issued(HOST)),
]


@pytest.mark.parametrize(("host", "make"), MATCHING)
def test_whose_certificate_it_is(host: str, make: Callable[[Authority], str], authority: Authority) -> None:
    peer = Peer(server_context(make(authority)))
    tls = TlsStream(peer, client_context(Trust(authority.file)), host, later())
    tls.send(b"EHLO\r\n", later())
    assert peer.heard == b"EHLO\r\n"


@pytest.mark.parametrize(("host", "make"), OTHERS)
def test_whose_certificate_it_is_not(host: str, make: Callable[[Authority], str], authority: Authority) -> None:
    error = refused(Peer(server_context(make(authority))), Trust(authority.file), host)
    assert error.text.endswith(
        f"its certificate is not for {host}: check hostname in the rc, or say with tls_hostname whose it is"
    )


@pytest.mark.parametrize(("host", "asked"), [(HOST, HOST), ("127.0.0.1", None)])
def test_server_name_indication(host: str, asked: str | None, authority: Authority) -> None:
    """RFC 6066 section 3: a name, never an address."""
    names: list[str | None] = []
    context = server_context(authority.issue(HOST, addresses=("127.0.0.1",)))
    context.sni_callback = lambda connection, name, context: names.append(name)
    TlsStream(Peer(context), client_context(Trust(authority.file)), host, later())
    assert names == [asked]


def test_a_host_that_no_certificate_can_be_for(authority: Authority, certificate: str) -> None:
    for host in (".example.org", "", "a\0b"):
        with pytest.raises(MailError) as raised:
            TlsStream(Peer(server_context(certificate)), client_context(Trust(authority.file)), host, later())
        assert raised.value.kind == "config"


# -- handshakes that go wrong ---------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1")
def test_an_old_version(authority: Authority, certificate: str) -> None:
    context = server_context(certificate)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    assert "version" in refused(Peer(context), Trust(authority.file)).text


def test_no_cipher_in_common(authority: Authority, certificate: str) -> None:
    context = only(ssl.TLSVersion.TLSv1_2, certificate)
    context.set_ciphers("NULL:@SECLEVEL=0")
    assert "handshake failure" in refused(Peer(context), Trust(authority.file)).text


class Mute(Peer):
    """A server that says what it is told, whatever the client wants."""

    def __init__(self, *packets: bytes, ended: bool = False) -> None:
        super().__init__(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
        self.packets = list(packets)
        self.ended = ended

    def _progress(self) -> None:
        pass


def test_a_server_that_speaks_smtp_in_place_of_tls(authority: Authority) -> None:
    error = refused(Mute(b"220 mx.example.org ESMTP\r\n"), Trust(authority.file))
    assert "speaks no TLS" in error.text
    assert "starttls" in error.text


def test_an_alert(authority: Authority) -> None:
    assert "internal error" in refused(Mute(b"\x15\x03\x03\x00\x02\x02\x50"), Trust(authority.file)).text


def test_a_stall(authority: Authority) -> None:
    assert "did not answer in time" in refused(Mute(), Trust(authority.file)).text


def test_a_stall_in_the_middle(authority: Authority, certificate: str) -> None:
    peer = Peer(server_context(certificate))
    pack = peer._pack
    peer._pack = lambda: (pack(), peer.packets.__setitem__(slice(None), [p[:50] for p in peer.packets]))[0]  # type: ignore
    assert "did not answer in time" in refused(peer, Trust(authority.file)).text


def test_the_end_in_the_handshake(authority: Authority) -> None:
    error = refused(Mute(ended=True), Trust(authority.file))
    assert "closed the connection during the handshake" in error.text


def test_one_deadline_for_the_whole_handshake(authority: Authority, certificate: str) -> None:
    """A byte at a time does not make it longer."""
    deadlines: set[float] = set()

    class Dripping(Peer):
        def receive(self, deadline: float) -> bytes:
            deadlines.add(deadline)
            return super().receive(deadline)

    TlsStream(Dripping(server_context(certificate), cut=1), client_context(Trust(authority.file)), HOST, 4711.0)
    assert deadlines == {4711.0}


# -- client certificates -----------------------------------------------------------------------


def asking(certificate: str, authority: Authority, version: ssl.TLSVersion) -> ssl.SSLContext:
    context = only(version, certificate)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(authority.file)
    return context


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("passphrase", ["", "secret"])
def test_a_client_certificate(version: ssl.TLSVersion, passphrase: str, authority: Authority, certificate: str) -> None:
    peer = Peer(asking(certificate, authority, version))
    mine = authority.issue("me.example.org", common_name="me", passphrase=passphrase.encode())
    trust = Trust(authority.file, certificate=mine, passphrase=passphrase or None)
    tls = TlsStream(peer, client_context(trust), HOST, later())
    tls.send(b"EHLO\r\n", later())
    assert peer.heard == b"EHLO\r\n"
    seen = peer.tls.getpeercert()
    assert seen
    assert seen["subject"] == ((("commonName", "me"),),)


@pytest.mark.parametrize("with_certificate", [True, False])
def test_a_client_certificate_refused_in_tls_1_2(
    with_certificate: bool, authority: Authority, certificate: str, tmp_path: Path
) -> None:
    """In TLS 1.2 that ends the handshake."""
    mine = Authority(tmp_path, "Another CA").issue("me") if with_certificate else ""
    peer = Peer(asking(certificate, authority, ssl.TLSVersion.TLSv1_2))
    refused(peer, Trust(authority.file, certificate=mine))


@pytest.mark.parametrize("with_certificate", [True, False])
def test_a_client_certificate_refused_in_tls_1_3(
    with_certificate: bool, authority: Authority, certificate: str, tmp_path: Path
) -> None:
    """There our side of the handshake is over before the server has looked at it."""
    mine = Authority(tmp_path, "Another CA").issue("me") if with_certificate else ""
    peer = Peer(asking(certificate, authority, ssl.TLSVersion.TLSv1_3))
    tls = TlsStream(peer, client_context(Trust(authority.file, certificate=mine)), HOST, later())
    tls.send(b"EHLO me\r\n", later())
    with pytest.raises(MailError) as raised:
        tls.receive(later())
    assert raised.value.kind == "tls"
    assert peer.heard == b""
    assert ("wants a certificate" in raised.value.text) is not with_certificate
    assert "certificate in the rc" in raised.value.text


@pytest.mark.parametrize("passphrase", [None, "", "wrong", "x" * 2000])
def test_a_wrong_passphrase(passphrase: str | None, authority: Authority) -> None:
    mine = authority.issue("me", passphrase=b"secret")
    with pytest.raises(MailError) as raised:
        client_context(Trust(authority.file, certificate=mine, passphrase=passphrase))
    assert raised.value.kind == "config"
    assert mine in raised.value.text
    assert "certificate_passphrase" in raised.value.text
    assert not passphrase or passphrase not in repr(raised.value)


ASK = """
import sys
from esmtp_py.errors import MailError
from esmtp_py.net.tls import Trust, client_context
try:
    client_context(Trust(sys.argv[1], certificate=sys.argv[2]))
except MailError as error:
    print(error.kind)
"""


def test_nobody_is_asked_at_the_terminal(authority: Authority) -> None:
    """OpenSSL itself would prompt for the passphrase on /dev/tty, and wait there."""
    mine = authority.issue("me", passphrase=b"secret")
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(sys.executable, [sys.executable, "-c", ASK, authority.file, mine])
    seen = b""
    try:
        while data := os.read(terminal, 1000):
            seen += data
    except OSError:
        pass  # how a terminal ends on Linux
    os.waitpid(pid, 0)
    os.close(terminal)
    assert seen == b"config\r\n"


@pytest.mark.parametrize("what", ["missing", "garbage", "no key", "directory"])
def test_a_certificate_that_cannot_be_used(what: str, authority: Authority, tmp_path: Path) -> None:
    path = tmp_path / "mine.pem"
    if what == "garbage":
        path.write_text("hello")
    elif what == "no key":
        path.write_bytes(authority.pem)
    elif what == "directory":
        path.mkdir()
    with pytest.raises(MailError) as raised:
        client_context(Trust(authority.file, certificate=str(path)))
    assert raised.value.kind == "config"
    assert str(path) in raised.value.text


# -- whom to trust ----------------------------------------------------------------------------


def trusted_through(trust: Trust, certificate: str) -> bool:
    try:
        TlsStream(Peer(server_context(certificate)), client_context(trust), HOST, later())
    except MailError as error:
        if "not trusted" not in error.text:
            raise
        return False
    return True


class Places:
    """The three places to look in, each with an authority of its own: the rc's, the system's, certifi's."""

    def __init__(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.authorities: dict[str, Authority] = {}
        for place in ("rc", "system", "certifi"):
            (tmp_path / place).mkdir()
            self.authorities[place] = Authority(tmp_path / place, f"CA of {place}")
        self.hashed = tmp_path / "system"
        self.imports = 0
        self._monkeypatch = monkeypatch
        self.authorities["system"].hashed_directory(self.hashed)
        self.look_in(str(tmp_path / "nowhere"), str(self.hashed))
        monkeypatch.setitem(sys.modules, "certifi", self)

    def look_in(self, *directories: str) -> None:
        self._monkeypatch.setattr(module, "HASHED_DIRECTORIES", directories)

    def where(self) -> str:
        self.imports += 1
        return self.authorities["certifi"].file

    def trusted(self, trust: Trust) -> list[str]:
        return [name for name, a in self.authorities.items() if trusted_through(trust, a.issue(HOST))]


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Places:
    return Places(tmp_path, monkeypatch)


def test_the_rcs_own_file_alone(places: Places) -> None:
    assert places.trusted(Trust(ca_file=places.authorities["rc"].file)) == ["rc"]
    assert not places.imports


def test_the_rcs_own_directory_alone(places: Places, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    mine = places.authorities["rc"].hashed_directory(tmp_path / "mine")
    assert places.trusted(Trust(ca_dir=mine)) == ["rc"]


def test_both_of_the_rc(places: Places, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    mine = places.authorities["certifi"].hashed_directory(tmp_path / "mine")
    assert places.trusted(Trust(places.authorities["rc"].file, mine)) == ["rc", "certifi"]


def test_the_systems_directory(places: Places) -> None:
    assert places.trusted(Trust()) == ["system"]
    assert not places.imports


def test_certifi_as_the_last_resort(places: Places, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle" / "ca-certificates.crt").write_bytes(b"")
    places.look_in(str(tmp_path / "nowhere"), str(tmp_path / "empty"), str(tmp_path / "bundle"))
    assert places.trusted(Trust()) == ["certifi"]
    assert places.imports


@pytest.mark.parametrize("what", ["missing", "garbage", "empty", "directory"])
def test_a_ca_file_that_cannot_be_used(what: str, tmp_path: Path) -> None:
    path = tmp_path / "ca.pem"
    if what in ("garbage", "empty"):
        path.write_text("hello" if what == "garbage" else "")
    elif what == "directory":
        path.mkdir()
    with pytest.raises(MailError) as raised:
        client_context(Trust(ca_file=str(path)))
    assert raised.value.kind == "config"
    assert f"ca_file {path}" in raised.value.text


@pytest.mark.parametrize("statement", ["ca_file", "crl_file", "certificate", "key"])
def test_what_is_no_file_is_not_waited_for(statement: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for path in (str(tmp_path / "fifo"), "/dev/zero", str(tmp_path)):
        with pytest.raises(MailError, match=f"{path} is no regular file") as raised:
            client_context(Trust(**{statement: path}))
        assert raised.value.kind == "config"


def test_a_ca_dir_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(MailError, match="is no directory") as raised:
        client_context(Trust(ca_dir=str(tmp_path / "nowhere")))
    assert raised.value.kind == "config"


IMPORTS = """
import sys
from esmtp_py.net.tls import Trust, client_context
client_context(Trust(sys.argv[1]))
print(*sorted({"ssl", "certifi", "socket", "enum", "re", "encodings.idna"} & set(sys.modules)))
"""


def test_the_python_half_of_ssl_is_not_imported(authority: Authority) -> None:
    command = [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {os.getcwd()!r})\n{IMPORTS}"]
    done = subprocess.run([*command, authority.file], capture_output=True, text=True, check=True)
    assert done.stdout == "\n"
