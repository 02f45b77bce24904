"""ssmtp: ``Key=value`` lines, one server for the whole machine."""

from esmtp_py.config.foreign.found import Found, authority
from esmtp_py.config.foreign.here import Here
from esmtp_py.config.writing import Section

_SAME = {
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
    "authuser",
    "authpass",
    "authmethod",
    "root",
    "debug",
)


def read(text: str, here: Here, revaliases: str = "") -> Found:
    """revaliases: the text of the file of that name beside it."""
    found, section = Found(), Section()
    settings = _settings(text)
    section.remarks.append("for every user and sender, as ssmtp did it")
    _server(section, settings)
    for key, statement in _SAME.items():
        if settings.get(key):
            section.say(statement, settings[key])
    domain = settings.get("rewritedomain") or settings.get("hostname")
    section.say("sender", f"%u@{domain or '%h'}")
    section.say("qualifydomain", domain or here.host)
    _login(section, settings, found, f"{here.login}@{domain or here.host}")
    if settings.get("fromlineoverride", "no").lower() != "yes":
        section.say("from_header", "force")
    if settings.get("root"):
        found.lose(f"root={settings['root']}", f"put `root: {settings['root']}` into a file and name it with `aliases`")
    for key, value in settings.items():
        if key not in _SAME and key not in _ELSEWHERE:
            found.lose(f"{key}={value}")
    _lose_aliases(revaliases, found)
    found.sections.append(section)
    return found


def _login(section: Section, settings: dict[str, str], found: Found, address: str) -> None:
    user, password = settings.get("authuser"), settings.get("authpass")
    if user:
        section.say("username", user)
        if password:
            section.say("password", password)
        else:
            section.say("password_from", "keyring")
            found.lose("AuthPass", f"it is not there; run `esmtp --set-password {address}`")
        if settings.get("authmethod"):
            section.say("auth", settings["authmethod"].lower())
    elif password:
        found.lose("AuthPass", "there is no AuthUser, so nobody logs in")


def _lose_aliases(revaliases: str, found: Found) -> None:
    """``USER:ADDRESS:MAILHUB``: who runs the program decides, and here it is the sender."""
    for line in revaliases.splitlines():
        user, _, rest = line.strip().partition(":")
        address, _, hub = rest.partition(":")
        if rest and not user.startswith("#"):
            there = f" and `hostname {hub if ':' in hub else hub + ':25'}`" if hub else ""
            found.lose(
                f"revaliases: {user}",
                f"the local user chooses no identity here; in the rc file of {user} write `sender {address}`{there}",
            )


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
