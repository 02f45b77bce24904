"""Which identity a mail belongs to, and which envelope sender it leaves with.

-f decides, or the From: field when there is no -f or the rc says
``select_by header``; an identity's own statements come last and win.
Addresses are canonical strings; "" is the null sender.
"""

from esmtp_py.config.choose import choose
from esmtp_py.config.expand import expand
from esmtp_py.errors import MailError
from esmtp_py.message.address import AddressError, parse_reverse_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmtp_py.config.identity import Identity
    from esmtp_py.config.model import Config
    from esmtp_py.deliver.caller import Caller


class Choice:
    """identity: whose server and policy apply.  sender: the envelope's.  author: address for a missing From:."""

    __slots__ = ("author", "identity", "sender")

    def __init__(self, identity: "Identity", sender: str, author: str) -> None:
        self.identity = identity
        self.sender = sender
        self.author = author


def select(config: "Config", caller: "Caller", given: "str | None", header: str) -> Choice:
    """Chooses from -f (None: not given, "": null) and the address in From: ("": none).

    MailError("config") when the rc refuses senders it does not name, or has an
    address statement that is no address.
    """
    identity, matched = _identity(config, caller, _asked(config, given, header))
    own = _own_address(identity, caller)
    if not (given or header or own):
        _refuse_unmatched(config, caller.address)
    sender = _sender(identity, caller, given, header, own, matched)
    if sender.startswith("-"):
        raise MailError("bad_address", f"{sender}: a sender cannot begin with a dash")
    return Choice(identity, sender, qualified(given or own or caller.address, identity, caller))


def qualified(address: str, identity: "Identity", caller: "Caller") -> str:
    """The address with a domain, as SMTP needs it: the rc's domain or qualifydomain, else the name of this host."""
    if not address or "@" in address:
        return address
    return f"{address}@{identity.domain or identity.qualifydomain or caller.host}"


def _asked(config: "Config", given: "str | None", header: str) -> list[str]:
    """The addresses to look up, in this order; the null sender too, which an identity may serve."""
    by_envelope = [] if given is None else [given]
    by_header = [header] if header else []
    if config.select_by == "header":
        return by_header + by_envelope
    return by_envelope if given else by_envelope + by_header


def _identity(config: "Config", caller: "Caller", asked: list[str]) -> "tuple[Identity, bool]":
    """The identity of the first address that has one, and True; else the default one."""
    for address in asked:
        names = [address, f"{address}@{caller.host}"] if address and "@" not in address else [address]
        for name in names:
            identity = choose(config, name)
            if identity is not None and _names(identity, name):
                return identity, True
    for address in filter(None, asked):
        _refuse_unmatched(config, address)
    return config.default, False


def _names(identity: "Identity", address: str) -> bool:
    """Whether the identity has it written, so that it is not just the default for strangers."""
    wanted = address.lower()
    forms = (wanted, "*@" + wanted.rpartition("@")[2]) if "@" in wanted else (wanted,)
    return any(written.lower() in forms for written in identity.addresses)


def _refuse_unmatched(config: "Config", address: str) -> None:
    if config.unmatched == "refuse":
        raise MailError(
            "config",
            f"{config.path}: no identity serves {address}, and the rc says `unmatched refuse`: "
            f"write `identity {address}`, or send with -f and an address that is there",
        )


def _own_address(identity: "Identity", caller: "Caller") -> str:
    """The address an identity names as its own, "" if none."""
    if identity.sender is not None:
        return _expanded(identity, "sender", identity.sender, caller)
    return next((address for address in identity.addresses if address and "*" not in address), "")


def _sender(identity: "Identity", caller: "Caller", given: "str | None", header: str, own: str, matched: bool) -> str:
    if identity.force_reverse_path is not None:
        return _expanded(identity, "force reverse_path", identity.force_reverse_path, caller)
    if given is not None:
        return given
    if matched and identity.sender is None:
        return header
    return own or header or caller.address


def forced_author(choice: Choice, caller: "Caller") -> str:
    """The address for every From: that the rc wants replaced: the identity's own, else the sender, if there is one."""
    own = _own_address(choice.identity, caller) or choice.sender
    return qualified(own, choice.identity, caller) or choice.author


def is_own(identity: "Identity", address: str, caller: "Caller") -> bool:
    """Whether the identity names it, as ``sender`` or among its addresses; beside a sender no pattern does."""
    if address.lower() in (name.lower() for name in (_own_address(identity, caller), *identity.addresses) if name):
        return True
    return identity.sender is None and _names(identity, address)


def forced_sender(identity: "Identity", caller: "Caller") -> "str | None":
    """The address that the rc wants in Sender:, None if it does not say."""
    if identity.force_sender is None:
        return None
    return _expanded(identity, "force sender", identity.force_sender, caller)


def _expanded(identity: "Identity", statement: str, text: str, caller: "Caller") -> str:
    where = identity.origin.get(statement.replace(" ", "_"), identity.where)
    expanded = expand(text, login=caller.login, host=caller.host, domain=caller.domain) if "%" in text else text
    try:
        mailbox = parse_reverse_path(expanded.encode("utf-8", "surrogateescape"))
    except AddressError as error:
        raise MailError("config", f"{where}: {statement} {text!r}: {error.text}") from error
    return mailbox.address if mailbox else ""
