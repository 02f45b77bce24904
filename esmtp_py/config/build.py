"""From the statements of an rc file to a Config."""

from esmtp_py.config import values
from esmtp_py.config.identity import PASSWORDS, Identity
from esmtp_py.config.model import Config
from esmtp_py.config.source import Problem, Source

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from esmtp_py.grammar.esmtprc import Statement

    Check = Callable[[str, Source], Any]


def _late(module: str, name: str) -> "Callable[..., Any]":
    """A check of its module here, which an rc without such a statement does not load: each mail would pay for it."""

    def check(*given: object) -> object:
        return getattr(__import__(f"esmtp_py.config.{module}", fromlist=[name]), name)(*given)

    return check


# statement: (attribute of Identity, what checks its value), in the order of esmtprc(5)
SETTINGS: "dict[str, tuple[str, Check]]" = {
    "hostname": ("server", values.server),
    "helo": ("helo", values.own_name),
    "timeout": ("timeout", values.seconds),
    "connect_timeout": ("connect_timeout", values.seconds),
    "proxy": ("proxy", _late("channel", "proxy")),
    "source_address": ("source_address", _late("channel", "ip_address")),
    "preconnect": ("preconnect", values.command),
    "postconnect": ("postconnect", values.command),
    "username": ("username", values.one_line),
    "password": ("password", values.secret),
    "password_command": ("password_command", _late("login", "password_command")),
    "password_file": ("password_file", values.path),
    "password_from": ("password_from", _late("login", "password_source")),
    "credential": ("credential", _late("login", "credential")),
    "keyring_backend": ("keyring_backend", _late("login", "keyring_backend")),
    "auth": ("auth", values.mechanism),
    "oauth2": ("oauth2", _late("login", "provider")),
    "client_id": ("client_id", values.one_line),
    "client_secret": ("client_secret", values.secret),
    "authorization_endpoint": ("authorization_endpoint", _late("login", "endpoint")),
    "token_endpoint": ("token_endpoint", _late("login", "endpoint")),
    "device_endpoint": ("device_endpoint", _late("login", "endpoint")),
    "scope": ("scope", values.one_line),
    "token_file": ("token_file", values.path),
    "starttls": ("starttls", values.tls_policy),
    "ca_file": ("ca_file", values.path),
    "ca_dir": ("ca_dir", values.path),
    "certificate": ("certificate", values.path),
    "certificate_passphrase": ("certificate_passphrase", values.secret),
    "certificate_key": ("certificate_key", values.path),
    "fingerprint": ("fingerprint", _late("channel", "fingerprint")),
    "tls_hostname": ("tls_hostname", _late("channel", "tls_name")),
    "min_tls": ("min_tls", _late("channel", "tls_version")),
    "ciphers": ("ciphers", _late("channel", "ciphers")),
    "crl_file": ("crl_file", values.path),
    "tls_required_ext": ("tls_required_ext", values.switch),
    "sender": ("sender", values.percent_address),
    "force_reverse_path": ("force_reverse_path", values.percent_reverse_path),
    "force_sender": ("force_sender", values.percent_address),
    "message_id": ("message_id", values.switch),
    "from_header": ("from_header", _late("policy", "from_policy")),
    "full_name": ("full_name", values.one_line),
    "date": ("date", values.switch),
    "undisclosed_recipients": ("undisclosed_recipients", values.switch),
    "domain": ("domain", _late("policy", "domain")),
    "dsn_notify": ("dsn_notify", _late("policy", "notify")),
    "qualifydomain": ("qualifydomain", values.domain),
    "mda": ("mda", values.command),
    "force_mda": ("force_mda", values.one_line),
    "aliases": ("aliases", values.path),
    "delivery": ("delivery", values.delivery),
    "undo": ("undo", values.undo),
    "queue_lifetime": ("queue_lifetime", values.lifetime),
    "connections": ("connections", values.connections),
    "record": ("record", _late("policy", "record")),
    "imap_server": ("imap_server", _late("policy", "imap_server")),
    "sent_folder": ("sent_folder", _late("policy", "folder")),
    "log": ("log", values.path),
    "syslog": ("syslog", _late("policy", "facility")),
}

# Statements whose value is a list, and what puts its checked items together.
LISTS = {"dsn_notify": _late("policy", "notify_list")}

# Statements that are not written as they are called.
SPELLING = {
    "force_reverse_path": "force reverse_path",
    "force_sender": "force sender",
    "credential": "password_from credential",
}

# Said once for the whole file, before the first identity.
FILE_WIDE: "dict[str, Check]" = {"select_by": values.selector, "unmatched": values.fallback}


class Section:
    """The statements under one ``identity`` line, or before the first one."""

    __slots__ = ("addresses", "origin", "settings", "where")

    def __init__(self, where: str, addresses: "tuple[str, ...]") -> None:
        self.where = where
        self.addresses = addresses
        self.settings: "dict[str, Any]" = {}
        self.origin: dict[str, str] = {}

    def identity(self, is_default: bool, served: "set[str]") -> Identity:
        """served: in lower case, addresses of later sections, which are theirs."""
        own = next((address for address in self.addresses if address.lower() not in served), "")
        return Identity(
            addresses=self.addresses,
            is_default=is_default,
            called=own or ("default" if is_default else ""),
            where=self.where,
            origin=self.origin,
            **self.settings,
        )


class Builder:
    """Takes statement after statement; problems collects what is wrong."""

    __slots__ = ("_default", "_file_wide", "_origin", "_sections", "_source", "problems")

    def __init__(self, source: Source) -> None:
        self._source = source
        self._sections = [Section("", ())]
        self._default: Section | None = None
        self._file_wide: dict[str, str] = {}
        self._origin: dict[str, str] = {}
        self.problems: list[Problem] = []

    def take(self, statement: "Statement") -> None:
        name = statement.name
        where = self._source.where(statement.offset)
        if name == "identity":
            self._open(statement, where)
        elif name in FILE_WIDE:
            self._set_file_wide(statement, where)
        else:
            section = self._sections[-1]
            section.where = section.where or where
            if name in PASSWORDS:
                self._refuse_second_password(section, statement)
            section.origin[name] = where
            if name == "default":
                self._default = section
            elif name in SETTINGS:
                self._set(section, statement)

    def _refuse_second_password(self, section: Section, statement: "Statement") -> None:
        said = next((name for name in PASSWORDS if name in section.origin and name != statement.name), "")
        if said:
            where = section.origin[said].rpartition(":")[2]
            first, second = (SPELLING.get(name, name) for name in (said, statement.name))
            self._complain(
                statement.offset, f"{second}: line {where} says {first}: say once where the password comes from"
            )

    def _set(self, section: Section, statement: "Statement") -> None:
        attribute, check = SETTINGS[statement.name]
        made = self._checked(statement, check)
        join = LISTS.get(statement.name)
        if join and made:
            try:
                made = [join(made)]
            except ValueError as error:
                self._complain(statement.offset, f"{statement.name}: {error}")
        for value in made:
            section.settings[attribute] = value

    def _open(self, statement: "Statement", where: str) -> None:
        addresses = self._checked(statement, values.sender_pattern)
        self._sections.append(Section(where, tuple(dict.fromkeys(addresses))))

    def _set_file_wide(self, statement: "Statement", where: str) -> None:
        name = statement.name
        if len(self._sections) > 1:
            self._complain(statement.offset, f"{name} holds for the whole file: write it before the first identity")
        for made in self._checked(statement, FILE_WIDE[name]):
            self._file_wide[name] = made
            self._origin[name] = where

    def _checked(self, statement: "Statement", check: "Check") -> "list[Any]":
        """The values of a statement, those left out that are wrong."""
        made = []
        for value in statement.values:
            if value is None:
                continue
            if value.fault:
                self._complain(*value.fault)
                continue
            try:
                made.append(check(value.text, self._source))
            except ValueError as error:
                self._complain(value.offset, f"{SPELLING.get(statement.name, statement.name)}: {error}")
        return made

    def _complain(self, offset: int, text: str) -> None:
        self.problems.append(Problem(offset, text))

    def config(self) -> Config:
        """What was taken so far.  Of no use if there are problems."""
        first, *named = self._sections
        # Anything said before the first identity makes a section of its own (and without a file there is only that).
        sections = self._sections if first.where or not named else named
        default = self._default or sections[0]
        identities: list[Identity] = []  # the last first
        served: set[str] = set()
        for section in reversed(sections):
            identities.append(section.identity(section is default, served))
            served.update(address.lower() for address in section.addresses)
        return Config(
            tuple(reversed(identities)),
            next(identity for identity in identities if identity.is_default),
            path=self._source.path,
            origin=self._origin,
            **self._file_wide,
        )


def build(statements: "list[Statement]", source: Source) -> "tuple[Config, list[Problem]]":
    """The Config the statements come to, and what is wrong with them; with problems the Config is of no use."""
    builder = Builder(source)
    for statement in statements:
        builder.take(statement)
    return builder.config(), builder.problems
