"""Mutt: ``set`` commands; those about its own way to send, smtp_url above all."""

from esmtp_py.config.foreign.found import Found, authority
from esmtp_py.config.writing import Section

_AUTOMATIC_PORT = {"smtp": "25", "smtps": "465"}  # as Mutt has it
# Mutt's own buffer for a line; shlex takes a time that grows with its square.
_LONGEST_LINE = 8192
_OURS = (
    "smtp_url",
    "smtp_pass",
    "smtp_authenticators",
    "from",
    "realname",
    "hostname",
    "ssl_starttls",
    "ssl_force_tls",
    "certificate_file",
)


def read(text: str) -> Found:
    found = Found()
    variables = _variables(text, found)
    url = variables.get("smtp_url", "")
    if not url or "from" not in variables:
        for path in variables.get("source", "").split("\n")[1:]:
            found.lose(f"source {path}", "another file is not read; import it too, by its path, if it says how to send")
    if not url:
        found.lose("smtp_url", "it is not set, so Mutt does not send by itself; there is nothing to import")
        return found
    scheme, _, rest = url.partition("://")
    login, at, place = rest.rstrip("/").rpartition("@")
    user, colon, password = login.partition(":")
    section = Section(*([variables["from"]] if variables.get("from") else []))
    section.remarks.append("from smtp_url of Mutt")
    host, _, port = place.rpartition(":") if place.rpartition(":")[2].isdigit() else (place, "", "")
    authority(section, host.strip("[]"), port or _AUTOMATIC_PORT.get(scheme, "587"))
    _tls(section, scheme, variables)
    if at:
        from urllib.parse import unquote

        section.say("username", unquote(user))
        _password(section, unquote(password) if colon else variables.get("smtp_pass", ""), found)
    _rest(section, variables, found)
    found.sections.append(section)
    return found


def _tls(section: Section, scheme: str, variables: dict[str, str]) -> None:
    if scheme == "smtps":
        section.say("starttls", "implicit")
    elif variables.get("ssl_force_tls") == "yes" or variables.get("ssl_starttls") == "yes":
        section.say("starttls", "required")


def _password(section: Section, password: str, found: Found) -> None:
    if password.startswith("`") and password.endswith("`"):
        section.say("password_command", password[1:-1])
    elif password:
        section.say("password", password)
    else:
        section.say("password_from", "keyring")
        found.lose("smtp_pass", "it is not set; run `esmtp --set-password ADDRESS`")


def _rest(section: Section, variables: dict[str, str], found: Found) -> None:
    if variables.get("realname"):
        section.say("full_name", variables["realname"])
    if variables.get("dsn_notify"):
        section.say("dsn_notify", variables["dsn_notify"])
    if variables.get("hostname"):
        section.say("helo", variables["hostname"])
    first, _, more = variables.get("smtp_authenticators", "").partition(":")
    if first and not more:
        section.say("auth", first)
    elif more:
        found.lose("smtp_authenticators", "the strongest mechanism is chosen; name one with auth")
    if variables.get("certificate_file"):
        found.lose("certificate_file", "name the certificate's authority with ca_file, or pin it with fingerprint")


def _variables(text: str, found: Found) -> dict[str, str]:
    """What ``set`` says, ``yes`` and ``no`` for switches; ``unset`` takes it back."""
    variables: dict[str, str] = {}
    for line in text.replace("\\\n", " ").splitlines():
        if len(line) > _LONGEST_LINE:
            found.lose(line[:20] + "…", f"a line of more than {_LONGEST_LINE} characters is not read")
            continue
        words = _words(line)
        command = words.pop(0) if words else ""
        if command == "source" and words:
            variables["source"] = variables.get("source", "") + "\n" + words[0]
        while command in ("set", "unset") and words:
            name, _, value = words.pop(0).partition("=")
            if command == "unset":
                variables.pop(name, None)
            elif name.startswith("no") and name not in _OURS:
                variables[name[2:]] = "no"
            else:
                variables[name] = value or "yes"
    return variables


def _words(line: str) -> list[str]:
    """As Mutt splits a line: quotes, backslashes, comments; blanks may stand around an equals sign."""
    import shlex

    try:
        parts = shlex.split(line, comments=True)
    except ValueError:  # a quote that is never closed
        return []
    words: list[str] = []
    for part in parts:
        if words and (part.startswith("=") or words[-1] == "=" or (words[-1].endswith("=") and "=" not in part)):
            words[-1] += part
        else:
            words.append(part)
    return words
