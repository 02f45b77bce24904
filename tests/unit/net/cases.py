"""What a server may show, and what the client must say to it: the rows of ``test_certificates``."""

import ssl
from collections.abc import Callable

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from tests.unit.net.lab import CERTIFIES, CLIENT, DAY, NOW, SERVER, Lab, Made, usage

HOST = "mx.example.org"
TLS_1_0, TLS_1_1, TLS_1_2, TLS_1_3 = (
    ssl.TLSVersion.TLSv1,
    ssl.TLSVersion.TLSv1_1,
    ssl.TLSVersion.TLSv1_2,
    ssl.TLSVersion.TLSv1_3,
)


class Shown:
    """What a server shows: a certificate, intermediate ones, and how its context differs from the usual."""

    def __init__(self, made: Made, *more: Made, adjust: Callable[[ssl.SSLContext], None] | None = None) -> None:
        self.made = made
        self.more = more
        self.adjust = adjust

    def context(self, lab: Lab) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
        context.load_cert_chain(lab.chain(self.made, *self.more))
        if self.adjust:
            self.adjust(context)
        return context


class Case:
    """says: words of the error, "" when all is well.  pinned: the same with the right fingerprint.

    rc: statements of the identity, those that are files as what the lab makes of them.
    """

    def __init__(
        self,
        name: str,
        show: Callable[[Lab], Shown],
        says: str = "",
        host: str = HOST,
        pinned: str = "",
        rc: Callable[[Lab, Shown], dict[str, str]] = lambda lab, shown: {},
    ) -> None:
        self.name = name
        self.show = show
        self.says = says
        self.host = host
        self.pinned = pinned
        self.rc = rc

    def __repr__(self) -> str:
        return self.name


def named(*names: str, **more: object) -> Callable[[Lab], Shown]:
    return lambda lab: Shown(lab.leaf(*names, **more))


def with_intermediate(
    names: tuple[str, ...] = (HOST,), leaf: dict[str, object] | None = None, send: bool = True, **more: object
) -> Callable[[Lab], Shown]:
    def show(lab: Lab) -> Shown:
        between = lab.authority("Between", lab.root, **more)
        made = lab.leaf(*names, issuer=between, **(leaf or {}))
        return Shown(made, *([between] if send else []))

    return show


def two_between(lab: Lab) -> Shown:
    """The first may have no other authority below it."""
    first = lab.authority("First", lab.root, length=0)
    second = lab.authority("Second", first)
    return Shown(lab.leaf(HOST, issuer=second), second, first)


def from_old_root(lab: Lab) -> Shown:
    return Shown(lab.leaf(HOST, issuer=lab.authority("Expired", until=NOW - DAY)))


def limited(permitted: str = "", excluded: str = "") -> x509.NameConstraints:
    return x509.NameConstraints(
        [x509.DNSName(permitted)] if permitted else None, [x509.DNSName(excluded)] if excluded else None
    )


def old(version: ssl.TLSVersion) -> Callable[[ssl.SSLContext], None]:
    def adjust(context: ssl.SSLContext) -> None:
        context.minimum_version = TLS_1_0
        context.maximum_version = version
        context.set_ciphers("ALL:@SECLEVEL=0")

    return adjust


def only(version: ssl.TLSVersion, ciphers: str = "") -> Callable[[ssl.SSLContext], None]:
    def adjust(context: ssl.SSLContext) -> None:
        context.minimum_version = context.maximum_version = version
        if ciphers:
            context.set_ciphers(ciphers)

    return adjust


def adjusted(adjust: Callable[[ssl.SSLContext], None]) -> Callable[[Lab], Shown]:
    return lambda lab: Shown(lab.leaf(HOST), adjust=adjust)


def asking(version: ssl.TLSVersion) -> Callable[[Lab], Shown]:
    """For a certificate of root, which is the client's to show."""

    def show(lab: Lab) -> Shown:
        def adjust(context: ssl.SSLContext) -> None:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(lab.trusted)
            only(version)(context)

        return Shown(lab.leaf(HOST), adjust=adjust)

    return show


def mine(issuer: str, **more: object) -> Callable[[Lab, Shown], dict[str, str]]:
    """The client has a certificate of this authority."""

    def rc(lab: Lab, shown: Shown) -> dict[str, str]:
        made = lab.leaf("me.example.org", issuer=getattr(lab, issuer), **more)
        return {"certificate": lab.file(made.pem), "certificate_key": lab.file(made.key_pem())}

    return rc


def lists(*kinds: str) -> Callable[[Lab, Shown], dict[str, str]]:
    """A crl_file; kinds: lists of the root and of the intermediate authority, in one of their forms."""

    def made(lab: Lab, shown: Shown, kind: str) -> bytes:
        whose, _, form = kind.partition(" ")
        issuer, below = (lab.root, shown.more[0]) if whose == "root" else (shown.more[0], shown.made)
        match form:
            case "revoking":
                return lab.revoked(issuer, below)
            case "expired":
                return lab.revoked(issuer, since=NOW - 2 * DAY, until=NOW - DAY)
            case "early":
                return lab.revoked(issuer, since=NOW + DAY, until=NOW + 2 * DAY)
            case "forged":
                return lab.revoked(issuer, key=ec.generate_private_key(ec.SECP256R1()))
        return lab.revoked(issuer, lab.leaf("other.example.org", issuer=issuer))

    def rc(lab: Lab, shown: Shown) -> dict[str, str]:
        return {"crl_file": lab.file(*(made(lab, shown, kind) for kind in kinds))}

    return rc


def said(**statements: str) -> Callable[[Lab, Shown], dict[str, str]]:
    return lambda lab, shown: statements


def issuer_trusted(lab: Lab, shown: Shown) -> dict[str, str]:
    assert shown.made.issuer
    return {"ca_file": lab.file(shown.made.issuer.pem)}


NOT_FOR = "its certificate is not for {name}: check hostname"
UNTRUSTED = "its certificate is not trusted ({why}): name its authority with ca_file"
INVALID = "its certificate is not valid: "
WEAK_HASH = INVALID + "CA signature digest algorithm too weak"
TOO_OLD = "the server has no version of TLS that is new enough"
NO_CIPHER = "it finds no cipher or certificate that both ends accept"
IDN, UNICODE = "xn--bcher-kva.example.org", "bücher.example.org"

CASES = [
    # -- names, RFC 6125 -------------------------------------------------------
    Case("its name", named(HOST)),
    Case("in other letters", named("MX.Example.ORG")),
    Case("asked for in other letters", named(HOST), host="MX.EXAMPLE.ORG"),
    Case("one of several", named("a.example.org", HOST, "b.example.org")),
    Case("another name", named("mx.example.net"), NOT_FOR),
    Case("the domain above", named("example.org"), NOT_FOR),
    Case("a name that begins alike", named(HOST + ".example.net"), NOT_FOR),
    Case("a name that ends alike", named("a" + HOST), NOT_FOR),
    Case("*.x", named("*.example.org")),
    Case("*.x for x", named("*.example.org"), NOT_FOR, "example.org"),
    Case("*.x for two labels", named("*.example.org"), NOT_FOR, "a.mx.example.org"),
    Case("*.*.x", named("*.*.org"), NOT_FOR),
    Case("f*.x", named("m*.example.org"), NOT_FOR),
    Case("*f.x", named("*x.example.org"), NOT_FOR),
    Case("x.*.org", named("mx.*.org"), NOT_FOR),
    Case("bare *", named("*"), NOT_FOR),
    Case("*.org", named("*.org"), NOT_FOR, "example.org"),
    Case("NUL in the name", named(HOST + "\0.example.net"), NOT_FOR),
    Case("no name at all", named(), NOT_FOR),
    Case("in the common name only", named(cn=HOST), NOT_FOR),
    Case("in the common name, beside another one", named("other.example.org", cn=HOST), NOT_FOR),
    Case("as a mail address", named("mailto:me@" + HOST), NOT_FOR),
    Case("in a URL", named("smtp://" + HOST), NOT_FOR),
    Case("a trailing dot in hostname", named(HOST), host=HOST + "."),
    Case("a trailing dot in the certificate", named(HOST + "."), NOT_FOR),
    Case("an IDN", named(IDN), host=UNICODE),
    Case("an IDN as its A-label", named(IDN), host=IDN),
    Case("another IDN", named("xn--bchr-kva.example.org"), NOT_FOR, UNICODE),
    Case("an IDN under a wildcard", named("*.example.org"), host=UNICODE),
    Case("a wildcard within an IDN", named("xn--*-kva.example.org"), NOT_FOR, UNICODE),
    Case("an address", named("ip:127.0.0.1"), host="127.0.0.1"),
    Case("another address", named("ip:127.0.0.2"), NOT_FOR, "127.0.0.1"),
    Case("an address as a name", named("127.0.0.1"), NOT_FOR, "127.0.0.1"),
    Case("an address under a wildcard", named("*.0.0.1"), NOT_FOR, "127.0.0.1"),
    Case("an address in the common name only", named(cn="127.0.0.1"), NOT_FOR, "127.0.0.1"),
    Case("an IPv6 address", named("ip:::1"), host="::1"),
    Case("another IPv6 address", named("ip:::2"), NOT_FOR, "::1"),
    Case("a name where an address is asked for", named(HOST), NOT_FOR, "127.0.0.1"),
    Case("tls_hostname", named(HOST), host="other.example.net", rc=said(tls_hostname=HOST)),
    Case("tls_hostname, and not hostname", named("a.example.net"), NOT_FOR, "a.example.net",
         rc=said(tls_hostname=HOST)),
    Case("tls_hostname with a dot and an IDN", named(IDN), host="127.0.0.1", rc=said(tls_hostname=UNICODE + ".")),
    Case("tls_hostname for an address", named(HOST), host="127.0.0.1", rc=said(tls_hostname=HOST)),
    # -- dates -------------------------------------------------------------------
    Case("expired", named(HOST, until=NOW - DAY), INVALID + "certificate has expired"),
    Case("not yet valid", named(HOST, since=NOW + DAY, until=NOW + 2 * DAY), INVALID + "certificate is not yet valid"),
    # -- issuers -----------------------------------------------------------------
    Case("self-signed", lambda lab: Shown(lab.self_signed(HOST)), UNTRUSTED),
    Case("self-signed, and trusted", lambda lab: Shown(lab.self_signed(HOST)),
         rc=lambda lab, shown: {"ca_file": lab.file(shown.made.pem)}),
    Case("self-signed, trusted, for another name", lambda lab: Shown(lab.self_signed("a.example.net")), NOT_FOR,
         rc=lambda lab, shown: {"ca_file": lab.file(shown.made.pem)}),
    Case("an authority that nobody knows", lambda lab: Shown(lab.leaf(HOST, issuer=lab.stranger)), UNTRUSTED),
    Case("that authority in the chain", lambda lab: Shown(lab.leaf(HOST, issuer=lab.stranger), lab.stranger),
         UNTRUSTED),
    Case("an impostor of root", lambda lab: Shown(lab.leaf(HOST, issuer=lab.authority("Root"))), UNTRUSTED),
    Case("intermediate", with_intermediate()),
    Case("intermediate missing", with_intermediate(send=False), UNTRUSTED),
    Case("intermediate expired", with_intermediate(until=NOW - DAY), INVALID + "certificate has expired"),
    Case("intermediate not yet valid", with_intermediate(since=NOW + DAY, until=NOW + 2 * DAY), INVALID),
    Case("issuer is CA:FALSE", with_intermediate(ca=False), INVALID + "invalid CA certificate"),
    Case("issuer does not say that it is one", with_intermediate(ca=None, key_usage=usage("digital_signature")),
         INVALID),
    Case("issuer may not sign certificates", with_intermediate(key_usage=usage("digital_signature")), INVALID),
    Case("a leaf for an issuer", lambda lab: Shown(lab.leaf(HOST, issuer=lab.leaf("a.example.org"))), UNTRUSTED),
    Case("too many between", two_between, INVALID + "path length constraint exceeded"),
    Case("root expired", from_old_root, INVALID + "certificate has expired",
         rc=issuer_trusted),
    # -- what it is for -----------------------------------------------------------
    Case("for servers", named(HOST, purposes=(SERVER,))),
    Case("for servers and clients", named(HOST, purposes=(CLIENT, SERVER))),
    Case("for clients only", named(HOST, purposes=(CLIENT,)), INVALID + "unsuitable certificate purpose"),
    Case("key usage that suits no TLS", named(HOST, key_usage=CERTIFIES), INVALID + "unsuitable certificate purpose"),
    Case("an unknown critical extension", named(HOST, odd=True), INVALID + "unhandled critical extension"),
    Case("names within the constraints", with_intermediate(constraints=limited("example.org"))),
    Case("names outside of them", with_intermediate(constraints=limited("example.net")),
         INVALID + "permitted subtree violation"),
    Case("excluded names", with_intermediate(constraints=limited(excluded="example.org")),
         INVALID + "excluded subtree violation"),
    # -- weak ----------------------------------------------------------------------
    Case("RSA of 1024 bits", lambda lab: Shown(lab.leaf(HOST, key=rsa.generate_private_key(65537, 1024))),
         INVALID + "EE certificate key too weak"),
    Case("signed with SHA-1", lambda lab: Shown(lab.weakly_signed(HOST, "sha1")), WEAK_HASH,
         rc=issuer_trusted),
    Case("signed with MD5", lambda lab: Shown(lab.weakly_signed(HOST, "md5")), WEAK_HASH,
         rc=issuer_trusted),
    # -- revoked -------------------------------------------------------------------
    Case("not revoked", with_intermediate(), rc=lists("root", "between")),
    Case("revoked", with_intermediate(), INVALID + "it is revoked, says crl_file",
         rc=lists("root", "between revoking")),
    Case("its issuer revoked", with_intermediate(), INVALID + "it is revoked", rc=lists("root revoking", "between")),
    Case("no list of its issuer", with_intermediate(), INVALID + "crl_file has no list of one", rc=lists("root")),
    Case("no list of the root", with_intermediate(), INVALID + "crl_file has no list of one", rc=lists("between")),
    Case("an expired list", with_intermediate(), "crl_file has expired", rc=lists("root", "between expired")),
    Case("a list of tomorrow", with_intermediate(), "crl_file is not valid yet", rc=lists("root", "between early")),
    Case("a forged list", with_intermediate(), "is not signed by that authority", rc=lists("root", "between forged")),
    # -- versions and ciphers ------------------------------------------------------
    Case("TLS 1.0 only", adjusted(old(TLS_1_0)), TOO_OLD, pinned=TOO_OLD),
    Case("TLS 1.1 only", adjusted(old(TLS_1_1)), TOO_OLD, pinned=TOO_OLD),
    Case("TLS 1.2 only", adjusted(only(TLS_1_2))),
    Case("TLS 1.3 only", adjusted(only(TLS_1_3))),
    Case("min_tls 1.3, TLS 1.2 only", adjusted(only(TLS_1_2)), TOO_OLD, pinned=TOO_OLD, rc=said(min_tls="1.3")),
    Case("min_tls 1.3", adjusted(only(TLS_1_3)), rc=said(min_tls="1.3")),
    Case("min_tls 1.2", adjusted(only(TLS_1_2)), rc=said(min_tls="1.2")),
    Case("a cipher of the list", adjusted(only(TLS_1_2)), rc=said(ciphers="ECDHE-ECDSA-AES128-GCM-SHA256")),
    Case("no cipher in common", adjusted(only(TLS_1_2, "ECDHE-ECDSA-AES256-GCM-SHA384")), NO_CIPHER, pinned=NO_CIPHER,
         rc=said(ciphers="ECDHE-ECDSA-AES128-GCM-SHA256")),
    Case("a cipher without certificate", adjusted(only(TLS_1_2, "aNULL:@SECLEVEL=0")), NO_CIPHER, pinned=NO_CIPHER,
         rc=said(ciphers="ALL:aNULL:@SECLEVEL=0")),
    Case("a cipher without encryption", adjusted(only(TLS_1_2, "eNULL:@SECLEVEL=0")), NO_CIPHER, pinned=NO_CIPHER,
         rc=said(ciphers="ALL:eNULL:@SECLEVEL=0")),
    # -- our own certificate -------------------------------------------------------
    Case("ours is wanted, 1.2", asking(TLS_1_2), NO_CIPHER, pinned=NO_CIPHER),
    Case("ours is wanted, 1.3", asking(TLS_1_3), "wants a certificate of ours", pinned="wants a certificate of ours"),
    Case("ours is shown, 1.2", asking(TLS_1_2), rc=mine("root")),
    Case("ours is shown, 1.3", asking(TLS_1_3), rc=mine("root")),
    Case("ours is a stranger's, 1.2", asking(TLS_1_2), "does not trust our certificate", rc=mine("stranger"),
         pinned="does not trust our certificate"),
    Case("ours is a stranger's, 1.3", asking(TLS_1_3), "does not trust our certificate", rc=mine("stranger"),
         pinned="does not trust our certificate"),
    Case("ours has expired", asking(TLS_1_3), "certificate expired", rc=mine("root", until=NOW - DAY),
         pinned="certificate expired"),
]  # fmt: skip
