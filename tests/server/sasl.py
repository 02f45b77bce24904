"""The server's half of SCRAM (scramp's), of tokens, certificates, nobody at all, and NTLM (pyspnego's).

Written apart from esmtp_py.sasl, so that a mistake there is not repeated here.
"""

import hashlib
import ssl
from collections.abc import Callable, Mapping

from tests.server.auth import Ask
from tests.server.authority import shared_certificate

SCRAM_PLUS = ("SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS")
SCRAM = (*SCRAM_PLUS, "SCRAM-SHA-256", "SCRAM-SHA-1")
# What the server says when it does not like a token (RFC 7628 section 3.2.2).
BAD_TOKEN = b'{"status":"invalid_token","scope":"mail"}'


class Peer:
    """Who logs in: users {name: password or token}, ask, the TLS connection or None, and its certificate's names."""

    def __init__(
        self, users: Mapping[str, str], ask: Ask, tls: ssl.SSLSocket | None, certified: list[str], binds: bool
    ) -> None:
        """binds: SCRAM knows channel binding, offered or not; the certificate is then the shared one."""
        self.users = users
        self.ask = ask
        self.tls = tls
        self.certified = certified
        self.binds = binds


def scram(name: str, peer: Peer, initial: bytes | None) -> str | None:
    """RFC 5802, RFC 7677."""
    from scramp import ScramException, ScramMechanism  # type: ignore[import-untyped]

    mechanism = ScramMechanism(name)
    known = {user: mechanism.make_auth_info(password) for user, password in peer.users.items()}
    first = (peer.ask(b"") if initial is None else initial).decode()
    try:
        server = mechanism.make_server(known.__getitem__, channel_binding=_binding(first, peer))
        server.set_client_first(first)
        server.set_client_final(peer.ask(server.get_server_first().encode()).decode())
    except (ScramException, KeyError):
        return None
    if peer.ask(server.get_server_final().encode()) != b"":
        raise ValueError("the last answer of SCRAM is empty")
    return first.partition(",n=")[2].partition(",")[0].replace("=2C", ",").replace("=3D", "=")


def _binding(first: str, peer: Peer) -> tuple[str, ssl.SSLSocket | bytes] | None:
    """RFC 5802 section 6: of the type that the client says."""
    if not peer.tls or not peer.binds:
        return None
    if first.startswith("p=tls-unique,"):
        return "tls-unique", peer.tls
    pem = shared_certificate().leaf.cert_chain_pems[0].bytes().decode()
    return "tls-server-end-point", hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).digest()


def xoauth2(name: str, peer: Peer, initial: bytes | None) -> str | None:
    """As Google describes it."""
    fields = (peer.ask(b"") if initial is None else initial).split(b"\1")
    if len(fields) != 4 or fields[2:] != [b"", b""] or not fields[0].startswith(b"user="):
        raise ValueError("XOAUTH2 wants user=…^Aauth=Bearer …^A^A")
    user = fields[0].removeprefix(b"user=").decode()
    if fields[1] == b"auth=Bearer " + peer.users.get(user, "\0").encode():
        return user
    if peer.ask(BAD_TOKEN) != b"":
        raise ValueError("XOAUTH2 answers the error with nothing")
    return None


def oauthbearer(name: str, peer: Peer, initial: bytes | None) -> str | None:
    """RFC 7628."""
    header, *fields = (peer.ask(b"") if initial is None else initial).split(b"\1")
    flag, authzid, rest = header.split(b",")
    values = dict(field.partition(b"=")[::2] for field in fields if field)
    if flag != b"n" or rest or fields[-2:] != [b"", b""] or not set(values) <= {b"host", b"port", b"auth"}:
        raise ValueError("OAUTHBEARER wants n,a=…,^Ahost=…^Aport=…^Aauth=Bearer …^A^A")
    user = authzid.removeprefix(b"a=").replace(b"=2C", b",").replace(b"=3D", b"=").decode()
    if values[b"auth"] == b"Bearer " + peer.users.get(user, "\0").encode():
        return user
    if peer.ask(BAD_TOKEN) != b"\1":
        raise ValueError("OAUTHBEARER answers the error with ^A")
    return None


def external(name: str, peer: Peer, initial: bytes | None) -> str | None:
    """RFC 4422 appendix A: one of the certificate's names, and the wished one if there is a wish."""
    wish = (peer.ask(b"") if initial is None else initial).decode()
    names = [name for name in peer.certified if wish in ("", name)]
    return names[0] if names else None


def anonymous(name: str, peer: Peer, initial: bytes | None) -> str | None:
    """RFC 4505."""
    trace = (peer.ask(b"") if initial is None else initial).decode()
    return "anonymous " + trace


def ntlm(name: str, peer: Peer, initial: bytes | None) -> str | None:
    """[MS-SMTPNTLM]; the users are in the file that NTLM_USER_FILE names."""
    import spnego
    from spnego.exceptions import SpnegoError

    if initial is not None:
        raise ValueError("NTLM has no initial response here")
    context = spnego.server(protocol="ntlm", options=spnego.NegotiateOptions.use_ntlm)
    token = peer.ask(b"")
    try:
        while not context.complete:
            answer = context.step(token)
            if answer is not None:
                token = peer.ask(answer)
    except SpnegoError:
        return None
    return str(context.client_principal)


MECHANISMS: dict[str, Callable[[str, Peer, bytes | None], str | None]] = {
    **dict.fromkeys(SCRAM, scram),
    "XOAUTH2": xoauth2,
    "OAUTHBEARER": oauthbearer,
    "EXTERNAL": external,
    "ANONYMOUS": anonymous,
    "NTLM": ntlm,
}
