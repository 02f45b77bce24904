"""``esmtp --check-rc [FILE]``: every problem of an rc file, or what it comes to."""

from esmtp_py.concealed import Secret
from esmtp_py.config import rcfile
from esmtp_py.config.build import SETTINGS, SPELLING
from esmtp_py.config.identity import Identity
from esmtp_py.config.model import Config, without_file
from esmtp_py.config.reader import holds_password, interpret
from esmtp_py.config.server import Server
from esmtp_py.config.source import Source
from esmtp_py.config.writing import word
from esmtp_py.errors import MailError
from esmtp_py.outcome import EX_OK, TABLE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Protocol

    from esmtp_py.grammar.esmtprc import Statement

    class Writer(Protocol):
        def write(self, text: str, /) -> object: ...


# What holds when a statement is not written.
DEFAULTS = {
    "username": "none: no login",
    "starttls": "if offered; if there is a login, it must",
    "ca_file": "the system's, unless ca_dir is written",
    "ca_dir": "the system's, unless ca_file is written",
    "helo": "the name of this machine",
    "timeout": "as RFC 5321 says",
    "delivery": "interactive",
    "undo": "none: mail leaves at once",
    "queue_lifetime": "5d",
    "authorization_endpoint": "the provider's",
    "token_endpoint": "the provider's",
    "device_endpoint": "the provider's",
    "scope": "the provider's",
    "token_file": "the keyring",
    "min_tls": "1.2",
    "tls_hostname": "that of hostname",
    "certificate_key": "in certificate",
    "connect_timeout": "30",
    "full_name": "that of the password database",
    "dsn_notify": "the server decides",
    "imap_server": "the host of hostname, port 993",
    "sent_folder": "as the server says",
    "sender": "as given, or the first of the identity",
}


def check_rc(path: "str | None", out: "Writer") -> int:
    """Prints to ``out``; returns 0, or 78 if there is a problem.  Secrets are not shown.

    path: the file given with -C; None for the one that would be used.
    """
    try:
        found = rcfile.find(path)
    except MailError as error:
        out.write(error.text + "\n")
        return TABLE[error.kind][2]
    if found is None:
        out.write("There is no rc file: this holds for every sender.\n")
        _print_config(without_file(), out)
        return EX_OK
    return _check(found, out)


def _check(found: rcfile.RcFile, out: "Writer") -> int:
    statements, config, problems = interpret(found.source)
    faults = list(found.faults)
    if found.open_to_others and not faults and holds_password(statements):
        faults.append(found.open_to_others)
    for fault in faults:
        out.write(fault + "\n")
    if problems:
        from esmtp_py.config.complaint import report

        out.write(report(found.source, problems) + "\n")
    if problems or faults:
        return TABLE["config"][2]
    _print_config(config, out)
    for warning in warnings(statements, config, found.source):
        out.write(f"warning: {warning}\n")
    return EX_OK


def warnings(statements: "list[Statement]", config: Config, source: Source) -> list[str]:
    """What is allowed in the file and still most likely a mistake, each ``file:line: text``."""
    from esmtp_py.config.advice import advice

    return [*advice(statements, config, source), *_of_tls(config)]


def _of_tls(config: Config) -> "Iterator[str]":
    from esmtp_py.cli.assistant.tls_files import open_keys, unusable

    for identity in config.identities:
        for statement, text in unusable(identity):
            yield f"{identity.origin[statement]}: no mail can leave: {text}"
        for statement, text in open_keys(identity):
            yield f"{identity.origin[statement]}: {text}"


def _print_config(config: Config, out: "Writer") -> None:
    for name in ("select_by", "unmatched"):
        out.write(_line(name, getattr(config, name), config.origin.get(name, "default"), indent=""))
    for identity in config.identities:
        out.write("\n" + _line("identity", _served(identity), identity.where or "default", indent=""))
        for name in SETTINGS:
            out.write(_line(SPELLING.get(name, name), _shown(identity, name), identity.origin.get(name, "default")))


def _line(name: str, value: str, origin: str, indent: str = "    ") -> str:
    return f"{indent}{name:{28 - len(indent)}} {value:40}  # {origin}\n"


def _served(identity: Identity) -> str:
    named = ", ".join(word(address) for address in identity.addresses)
    if not identity.is_default:
        return named or "(nobody)"
    return f"{named} (default)" if named else "(default)"


def _shown(identity: Identity, name: str) -> str:
    value = getattr(identity, SETTINGS[name][0])
    if name == "starttls" and identity.implicit_tls:
        return "implicit"
    if name not in identity.origin and name in DEFAULTS:
        return DEFAULTS[name]
    if value is None or (value == "" and name != "force_reverse_path"):
        return "none"
    if isinstance(value, Secret):
        return "(hidden)"
    if isinstance(value, bool):
        return "enabled" if value else "disabled"
    if isinstance(value, Server):
        return word(value.written) if value.path else value.written
    if isinstance(value, tuple):
        return ", ".join(value).lower() or "none"
    return word(str(value))
