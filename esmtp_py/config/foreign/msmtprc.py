"""msmtp: accounts that may begin as copies of others, ``defaults`` before them; one command a line."""

from esmtp_py.config.foreign import msmtp_from
from esmtp_py.config.foreign.found import Found, authority, is_number, place
from esmtp_py.config.foreign.here import Here
from esmtp_py.config.writing import Section

# Names of the mechanisms that are written the same.
_MECHANISMS = (
    "plain",
    "login",
    "cram-md5",
    "scram-sha-1",
    "scram-sha-256",
    "external",
    "xoauth2",
    "oauthbearer",
    "gssapi",
    "ntlm",
)
_SAME = {
    "maildomain": "domain",
    "tls_crl_file": "crl_file",
    "tls_cert_file": "certificate",
    "tls_host_override": "tls_hostname",
    "aliases": "aliases",
}
# What is settled together with others, or is as here by default.
_ELSEWHERE = (
    "host",
    "port",
    "protocol",
    "socket",
    "from",
    "auto_from",
    "auth",
    "user",
    "password",
    "passwordeval",
    "tls",
    "tls_starttls",
    "proxy_host",
    "proxy_port",
    "source_ip",
)
# What is settled with a word of its own, by _server, _tls, _policy or _author.
_OWN = (
    "timeout",
    "domain",
    "allow_from_override",
    "from_full_name",
    "remove_bcc_headers",
    "tls_key_file",
    "tls_trust_file",
    "tls_fingerprint",
    "tls_certcheck",
    "tls_nocertcheck",
    "set_from_header",
    "set_date_header",
    "set_msgid_header",
    "dsn_notify",
    "logfile",
    "syslog",
)
_KNOWN = {*_SAME, *_ELSEWHERE, *_OWN}
_SWITCHES = {"on": True, "off": False, "": True}

# Older words, of which `on` is what holds if nothing is said.
_OLDER = {"add_missing_from_header": "set_from_header", "add_missing_date_header": "set_date_header"}
# What logs in without a password.
_WITHOUT_PASSWORD = ("external", "gssapi")

Settings = dict[str, str]


def read(text: str, here: Here) -> Found:
    """Every account that has a server and is chosen by a sender becomes an identity, and so does the default one."""
    found = Found()
    accounts, default = _accounts(text, found)
    taken: dict[str, str] = {}
    for name, settings in accounts.items():
        if not (settings.get("host") or settings.get("socket")):
            found.lose(f"account {name}", "names no host")
            continue
        opened = _default if name == default else _identity
        section = opened(name, msmtp_from.author(settings), taken, found, here)
        if section:
            section.remarks.append(f"account {name} of msmtp")
            _fill(section, name, settings, found, here)
            found.sections.append(section)
    return found


def _accounts(text: str, found: Found) -> "tuple[dict[str, Settings], str]":
    """The settings of each account, in order, and the name of the default one."""
    accounts: dict[str, Settings] = {}
    defaults: Settings = {}
    current, original, whose = defaults, "", "defaults"
    for line in text.splitlines():
        command, value = [*line.split(None, 1), "", ""][:2]
        value = _unquoted(value.strip())
        if not command or command.startswith("#"):
            continue
        if command == "defaults":
            current, whose = defaults, command
        elif command == "account":
            name, bases = _account(value)
            whose = f"account {name}"
            current = accounts.setdefault(name, dict(defaults))
            for base in bases:
                if base not in accounts:
                    found.lose(f"account {name}", f"begins as {base}, which is not there")
                current.update(accounts.get(base, {}))
            if name == "default":
                original = bases[0] if len(bases) == 1 else ""
        elif command in _OLDER:
            current[_OLDER[command]] = "off" if value == "off" else "auto"
        elif command in _KNOWN:
            current[command] = value
        else:  # said once, here: other accounts may begin as copies of this one
            found.lose(f"{whose}: {command} {value}".rstrip())
    if original and original != "default" and accounts["default"] == accounts.get(original):
        del accounts["default"]  # another name for that one
        return accounts, original
    return accounts, "default" if "default" in accounts else next(iter(accounts), "")


def _account(value: str) -> "tuple[str, list[str]]":
    """``NAME : BASE, BASE``."""
    name, _, bases = value.partition(":")
    return name.strip(), [base.strip() for base in bases.split(",") if base.strip()]


def _unquoted(value: str) -> str:
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] == '"' else value


def _identity(name: str, author: str, taken: dict[str, str], found: Found, here: Here) -> "Section | None":
    """For the senders that make msmtp choose the account; None if only -a does.

    taken: {address: the account that has it}, completed here.
    """
    address = msmtp_from.address(author, here)
    if msmtp_from.is_pattern(author) and address != author:
        more = f"; {address} is written, which serves more senders" if address else ""
        found.lose(f"account {name}: from {author}", f"the only pattern here is *@DOMAIN{more}")
    elif address != author:
        found.lose(f"account {name}: from {author}", f"an identity has fixed addresses; {address} is written")
    first = taken.setdefault(address.lower(), name) if address else ""
    if first == name:
        return Section(address)
    why = f"its sender is that of account {first}" if first else "it has no `from` to be chosen by"
    found.lose(f"account {name}", f"{why}; only -a chooses it, which has no counterpart here")
    return None


def _default(name: str, author: str, taken: dict[str, str], found: Found, here: Here) -> Section:
    """Also for the senders that no account is for; its own address may be another account's, or that of each user."""
    address = msmtp_from.address(author, here)
    same = address == msmtp_from.expanded(author, here) and not msmtp_from.varies(author)
    if address and same and taken.setdefault(address.lower(), name) == name:
        section = Section(address)
        section.say("default")
        return section
    section = Section()
    if not author or msmtp_from.is_pattern(author):
        why = f"`from {author}` is no pattern here" if author else "has no `from`"
        found.lose(f"account {name}", f"{why}: it serves the senders that no identity names")
    else:
        section.say("sender", msmtp_from.template(author, here))
    return section


def _fill(section: Section, name: str, settings: Settings, found: Found, here: Here) -> None:
    _server(section, settings, here)
    for command, statement in _SAME.items():
        if settings.get(command):
            section.say(statement, settings[command])
    _login(section, name, settings, found, here)
    _tls(section, name, settings, found)
    _policy(section, name, settings, found)
    _author(section, name, settings, found, here)


def _server(section: Section, settings: Settings, here: Here) -> None:
    protocol = settings.get("protocol", "smtp")
    if settings.get("socket"):
        section.say("hostname", f"{'lmtp:' if protocol == 'lmtp' else 'unix:'}{settings['socket']}")
    else:
        implicit = _on(settings, "tls") and not _on(settings, "tls_starttls", True)
        usual = "465" if implicit else "24" if protocol == "lmtp" else "25"
        authority(section, settings["host"], settings.get("port") or usual, protocol=protocol)
        if settings.get("proxy_host"):
            section.say("proxy", f"socks5://{place(settings['proxy_host'], settings.get('proxy_port') or '1080')}")
        if settings.get("source_ip"):
            section.say("source_address", settings["source_ip"])
    if settings.get("domain", "") not in ("", "%H", "%C"):  # these are as here if nothing is said
        section.say("helo", msmtp_from.expanded(settings["domain"], here))
    if is_number(settings.get("timeout", "")):
        section.say("timeout", settings["timeout"])


def _on(settings: Settings, name: str, unsaid: bool = False) -> bool:
    return _SWITCHES.get(settings[name], unsaid) if name in settings else unsaid


def _login(section: Section, name: str, settings: Settings, found: Found, here: Here) -> None:
    auth, user = settings.get("auth", "off"), settings.get("user")
    if auth == "off":
        return
    if not user and auth not in _WITHOUT_PASSWORD:
        found.lose(f"account {name}: auth {auth}", "there is no `user`, so nobody logs in")
        return
    if auth in _MECHANISMS:
        section.say("auth", auth)
    elif auth not in ("on", ""):
        found.lose(f"account {name}: auth {auth}")
    if user:
        section.say("username", user)
    if auth in _WITHOUT_PASSWORD:
        return
    if settings.get("password"):
        section.say("password", settings["password"])
    elif settings.get("passwordeval"):
        section.say("password_command", settings["passwordeval"])
    else:
        section.say("password_from", "keyring")
        address = msmtp_from.expanded(msmtp_from.author(settings), here) or user
        found.lose(
            f"account {name}",
            "msmtp looks in several places for the password; "
            f"run `esmtp --set-password {address}`, or write `password_from netrc`",
        )


def _tls(section: Section, name: str, settings: Settings, found: Found) -> None:
    if _on(settings, "tls"):
        section.say("starttls", "required" if _on(settings, "tls_starttls", True) else "implicit")
    elif settings.get("auth", "off") != "off" and settings.get("user"):
        found.lose(
            f"account {name}: tls off",
            "here a password does not leave without TLS; if it must, write `starttls disabled`",
        )
    # It would demand TLS here; without `tls` msmtp does not look at it.
    fingerprint = settings.get("tls_fingerprint", "") if _on(settings, "tls") else ""
    trust = settings.get("tls_trust_file", "system")
    if len(fingerprint.replace(":", "")) == 64:
        section.say("fingerprint", f"SHA256:{fingerprint}")
    elif fingerprint:
        found.lose(f"account {name}: tls_fingerprint", "only SHA-256 is strong enough; `esmtp --serverinfo` shows it")
    elif trust not in ("system", ""):
        section.say("ca_file", trust)
    if settings.get("tls_cert_file") and settings.get("tls_key_file"):
        section.say("certificate_key", settings["tls_key_file"])
    if "tls_nocertcheck" in settings or not _on(settings, "tls_certcheck", True):
        found.lose(
            f"account {name}: tls_certcheck off",
            "the certificate is always checked; pin it with fingerprint, which `esmtp --serverinfo` shows",
        )


def _policy(section: Section, name: str, settings: Settings, found: Found) -> None:
    for command, statement, words in (
        ("set_from_header", "from_header", {"on": "force", "off": "keep"}),
        ("set_date_header", "date", {"off": "disabled"}),
        ("set_msgid_header", "message_id", {"off": "disabled"}),
    ):
        if settings.get(command) in words:
            section.say(statement, words[settings[command]])
    if not _on(settings, "remove_bcc_headers", True):
        found.lose(f"account {name}: remove_bcc_headers off", "Bcc is always removed")
    if settings.get("dsn_notify", "off") != "off":
        section.say("dsn_notify", settings["dsn_notify"])
    if settings.get("logfile") == "-":
        found.lose(f"account {name}: logfile -", "the line goes to a file, with log, or to syslog")
    elif settings.get("logfile"):
        section.say("log", settings["logfile"])
    if settings.get("syslog", "off") != "off":
        facility = settings["syslog"].removeprefix("LOG_").lower()
        section.say("syslog", "user" if facility in ("on", "") else facility)


def _author(section: Section, name: str, settings: Settings, found: Found, here: Here) -> None:
    author = msmtp_from.author(settings)
    if settings.get("from_full_name") and settings.get("set_from_header") != "off":
        section.say("full_name", settings["from_full_name"])
    if _on(settings, "allow_from_override", True):
        return
    if author and not msmtp_from.is_pattern(author):
        section.say("force reverse_path", msmtp_from.template(author, here))
    else:
        found.lose(f"account {name}: allow_from_override off", "there is no address in `from` to force")
