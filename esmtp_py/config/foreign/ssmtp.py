"""ssmtp: ``Key=value`` lines, one server for the whole machine."""

from esmtp_py.config.foreign.found import Found, authority
from esmtp_py.config.writing import Section

_SAME = {
    "authuser": "username",
    "authpass": "password",
    "hostname": "helo",
    "tls_ca_file": "ca_file",
    "tls_ca_dir": "ca_dir",
    "tlscert": "certificate",
    "tlskey": "certificate_key",
}
_ELSEWHERE = (
    "mailhub",
    "rewritedomain",
    "fromlineoverride",
    "usetls",
    "usestarttls",
    "usetlscert",
    "authmethod",
    "root",
    "debug",
)


def read(text: str) -> Found:
    found, section = Found(), Section()
    settings = _settings(text)
    section.remarks.append("for every user and sender, as ssmtp did it")
    _server(section, settings)
    for key, statement in _SAME.items():
        if settings.get(key):
            section.say(statement, settings[key])
    method = settings.get("authmethod", "").lower()
    if method:
        section.say("auth", method)
    domain = settings.get("rewritedomain", "")
    if domain:
        section.say("sender", f"%u@{domain}")
        section.say("qualifydomain", domain)
    if settings.get("fromlineoverride", "no").lower() != "yes":
        section.say("from_header", "force")
    if settings.get("root"):
        found.lose(f"root={settings['root']}", f"put `root: {settings['root']}` into a file and name it with `aliases`")
    for key, value in settings.items():
        if key not in _SAME and key not in _ELSEWHERE:
            found.lose(f"{key}={value}")
    found.sections.append(section)
    return found


def _settings(text: str) -> dict[str, str]:
    """Keys in lower case; ``#`` begins a comment at the beginning of a line only, for a password may hold one."""
    settings = {}
    for line in text.splitlines():
        key, equals, value = line.partition("=")
        if equals and not line.lstrip().startswith("#"):
            settings[key.strip().lower()] = value.strip()
    return settings


def _server(section: Section, settings: dict[str, str]) -> None:
    yes = {key for key in ("usetls", "usestarttls") if settings.get(key, "no").lower() == "yes"}
    host, _, port = (settings.get("mailhub") or "mail").partition(":")
    authority(section, host, port or ("465" if yes == {"usetls"} else "25"))
    if "usestarttls" in yes:
        section.say("starttls", "required")
    elif "usetls" in yes:
        section.say("starttls", "implicit")
