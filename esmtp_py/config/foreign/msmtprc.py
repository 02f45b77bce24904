"""msmtp: accounts that may begin as copies of others, ``defaults`` before them; one command a line."""

from esmtp_py.config.foreign.found import Found, authority, is_number, place
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
    "user": "username",
    "password": "password",
    "passwordeval": "password_command",
    "source_ip": "source_address",
    "domain": "helo",
    "maildomain": "domain",
    "tls_crl_file": "crl_file",
    "tls_cert_file": "certificate",
    "tls_key_file": "certificate_key",
    "tls_host_override": "tls_hostname",
    "aliases": "aliases",
    "from_full_name": "full_name",
}
# What is settled together with others, or is as here by default.
_ELSEWHERE = (
    "host",
    "port",
    "protocol",
    "socket",
    "from",
    "auth",
    "tls",
    "tls_starttls",
    "proxy_host",
    "proxy_port",
    "allow_from_override",
    "remove_bcc_headers",
)
# What is settled with a word of its own, by _server, _tls or _policy.
_OWN = (
    "timeout",
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

Settings = dict[str, str]


def read(text: str) -> Found:
    """Every account that has a server becomes an identity."""
    found = Found()
    accounts, default = _accounts(text, found)
    for name, settings in accounts.items():
        if settings.get("host") or settings.get("socket"):
            found.sections.append(_section(name, settings, found, is_default=name == default))
        else:
            found.lose(f"account {name}", "names no host")
    return found


def _accounts(text: str, found: Found) -> "tuple[dict[str, Settings], str]":
    """The settings of each account, in order, and the name of the default one."""
    accounts: dict[str, Settings] = {}
    defaults: Settings = {}
    current, default, whose = defaults, "", "defaults"
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
            if name == "default":
                default = bases[0] if bases else name
            current = {} if name == "default" and bases else accounts.setdefault(name, dict(defaults))
            for base in bases:
                if base not in accounts:
                    found.lose(f"account {name}", f"begins as {base}, which is not there")
                current.update(accounts.get(base, {}))
        elif command in _KNOWN:
            current[command] = value
        else:  # said once, here: other accounts may begin as copies of this one
            found.lose(f"{whose}: {command} {value}".rstrip())
    return accounts, default or next(iter(accounts), "")


def _account(value: str) -> "tuple[str, list[str]]":
    """``NAME : BASE, BASE``."""
    name, _, bases = value.partition(":")
    return name.strip(), [base.strip() for base in bases.split(",") if base.strip()]


def _unquoted(value: str) -> str:
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] == '"' else value


def _section(name: str, settings: Settings, found: Found, *, is_default: bool) -> Section:
    section = Section(*_addresses(name, settings, found))
    section.remarks.append(f"account {name} of msmtp")
    if is_default and section.addresses:
        section.say("default")
    _server(section, settings)
    for command, statement in _SAME.items():
        if settings.get(command):
            section.say(statement, settings[command])
    _login(section, name, settings, found)
    _tls(section, name, settings, found)
    _policy(section, settings)
    return section


def _addresses(name: str, settings: Settings, found: Found) -> list[str]:
    address = settings.get("from", "")
    if not address:
        found.lose(f"account {name}", "has no `from`: it serves the senders that no identity names")
        return []
    tail = address.removeprefix("*@")
    if "*" in tail or "?" in tail:
        found.lose(f"account {name}: from {address}", "the only pattern here is *@DOMAIN; write the addresses out")
        return [address.replace("*", "").replace("?", "")]
    return [address]


def _server(section: Section, settings: Settings) -> None:
    protocol = settings.get("protocol", "smtp")
    if settings.get("socket"):
        section.say("hostname", f"{'lmtp:' if protocol == 'lmtp' else 'unix:'}{settings['socket']}")
    else:
        implicit = _on(settings, "tls") and not _on(settings, "tls_starttls", True)
        usual = "465" if implicit else "24" if protocol == "lmtp" else "25"
        authority(section, settings["host"], settings.get("port") or usual, protocol=protocol)
    if settings.get("proxy_host"):
        section.say("proxy", f"socks5://{place(settings['proxy_host'], settings.get('proxy_port') or '1080')}")
    if is_number(settings.get("timeout", "")):
        section.say("timeout", settings["timeout"])


def _on(settings: Settings, name: str, unsaid: bool = False) -> bool:
    return _SWITCHES.get(settings[name], unsaid) if name in settings else unsaid


def _login(section: Section, name: str, settings: Settings, found: Found) -> None:
    auth = settings.get("auth", "off")
    if auth == "off":
        section.statements = [s for s in section.statements if s[0] not in ("username", "password", "password_command")]
        return
    if auth in _MECHANISMS:
        section.say("auth", auth)
    elif auth not in ("on", ""):
        found.lose(f"account {name}: auth {auth}")
    if settings.get("user") and not (settings.get("password") or settings.get("passwordeval")):
        section.say("password_from", "keyring")
        found.lose(
            f"account {name}",
            "msmtp looks in several places for the password; "
            f"run `esmtp --set-password {settings.get('from', settings['user'])}`, or write `password_from netrc`",
        )


def _tls(section: Section, name: str, settings: Settings, found: Found) -> None:
    if _on(settings, "tls"):
        section.say("starttls", "required" if _on(settings, "tls_starttls", True) else "implicit")
    elif settings.get("auth", "off") != "off":
        found.lose(
            f"account {name}: tls off",
            "here a password does not leave without TLS; if it must, write `starttls disabled`",
        )
    trust = settings.get("tls_trust_file", "system")
    if trust not in ("system", ""):
        section.say("ca_file", trust)
    # It would demand TLS here; without `tls` msmtp does not look at it.
    fingerprint = settings.get("tls_fingerprint", "") if _on(settings, "tls") else ""
    if len(fingerprint.replace(":", "")) == 64:
        section.say("fingerprint", f"SHA256:{fingerprint}")
    elif fingerprint:
        found.lose(f"account {name}: tls_fingerprint", "only SHA-256 is strong enough; `esmtp --serverinfo` shows it")
    if "tls_nocertcheck" in settings or not _on(settings, "tls_certcheck", True):
        found.lose(
            f"account {name}: tls_certcheck off",
            "the certificate is always checked; pin it with fingerprint, which `esmtp --serverinfo` shows",
        )


def _policy(section: Section, settings: Settings) -> None:
    for command, statement, words in (
        ("set_from_header", "from_header", {"on": "force", "off": "keep"}),
        ("set_date_header", "date", {"off": "disabled"}),
        ("set_msgid_header", "message_id", {"off": "disabled"}),
    ):
        if settings.get(command) in words:
            section.say(statement, words[settings[command]])
    if settings.get("dsn_notify", "off") != "off":
        section.say("dsn_notify", settings["dsn_notify"])
    if (settings.get("logfile") or "-") != "-":
        section.say("log", settings["logfile"])
    if settings.get("syslog", "off") != "off":
        facility = settings["syslog"].removeprefix("LOG_").lower()
        section.say("syslog", "user" if facility in ("on", "") else facility)
