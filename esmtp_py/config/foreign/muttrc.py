"""Mutt: its variables about its own way to send, smtp_url above all."""

from esmtp_py.config.foreign.found import Found, authority
from esmtp_py.config.foreign.here import Here
from esmtp_py.config.foreign.mutt_commands import Commands
from esmtp_py.config.foreign.mutt_words import Value
from esmtp_py.config.writing import Section

_SCHEMES = {"smtp": "25", "smtps": "465"}  # the port that Mutt takes
_OF_TOKENS = ("oauthbearer", "xoauth2")
_WITHOUT_PASSWORD = ("external", "gssapi")
_SAME = {"realname": "full_name", "dsn_notify": "dsn_notify", "hostname": "helo", "ssl_client_cert": "certificate"}


def read(text: str, path: str, here: Here) -> Found:
    """path: of the file, for those that it sources."""
    found = Found()
    commands = Commands(here, found)
    commands.run(path, text)
    variables = commands.variables
    url = _told("smtp_url", variables, found)
    scheme, mark, rest = url.partition("://")
    login, at, place = rest.rstrip("/").rpartition("@")
    host, _, port = place.rpartition(":") if place.rpartition(":")[2].isdigit() else (place, "", "")
    if not url:
        found.lose("smtp_url", "it is not set, so Mutt does not send by itself; there is nothing to import")
        return found
    if not (mark and scheme in _SCHEMES and host):
        found.lose("smtp_url", "it names no server: smtp://HOST or smtps://HOST is expected")
        return found
    section = _whose(variables, found)
    section.remarks.append("from smtp_url of Mutt")
    authority(section, host.strip("[]"), port or _SCHEMES[scheme])
    _tls(section, scheme, variables)
    if at:
        _login(section, login, variables, found)
    _rest(section, variables, found)
    found.sections.append(section)
    return found


def _told(name: str, variables: dict[str, Value], found: Found) -> str:
    """What is known of a variable; what is not is said."""
    value = variables.get(name, Value(""))
    for note in value.notes:
        found.lose(name, note)
    if value.command:
        found.lose(name, f"`{value.command}` is not run, and nothing stands for what it prints")
    return value.text


def _whose(variables: dict[str, Value], found: Found) -> Section:
    address = _told("from", variables, found)
    if address.endswith(">"):  # with a name before it
        address = address[:-1].rpartition("<")[2]
    return Section(address) if address else Section()


def _tls(section: Section, scheme: str, variables: dict[str, Value]) -> None:
    if scheme == "smtps":
        section.say("starttls", "implicit")
    elif any(name in variables and variables[name].text == "yes" for name in ("ssl_force_tls", "ssl_starttls")):
        section.say("starttls", "required")


def _login(section: Section, login: str, variables: dict[str, Value], found: Found) -> None:
    from urllib.parse import unquote

    user, _, password = login.partition(":")
    if not user:
        found.lose("smtp_url", "it has an @, and no user before it: nobody logs in")
        return
    section.say("username", unquote(user))
    mechanisms = _told("smtp_authenticators", variables, found).lower().split(":")
    of_tokens = [mechanism for mechanism in mechanisms if mechanism in _OF_TOKENS]
    known = unquote(password) or "smtp_pass" in variables
    token_command = _told("smtp_oauth_refresh_command", variables, found)
    if token_command and (of_tokens or not known):
        section.say("password_command", token_command)
        section.say("auth", of_tokens[0] if of_tokens else "xoauth2")
        return
    if token_command:
        found.lose("smtp_oauth_refresh_command", "smtp_authenticators names neither oauthbearer nor xoauth2")
    if len(mechanisms) > 1:
        found.lose("smtp_authenticators", "the strongest mechanism is chosen; name one with auth")
    elif mechanisms[0]:
        section.say("auth", mechanisms[0])
    if mechanisms[0] not in _WITHOUT_PASSWORD:
        _password(section, Value(unquote(password)) if password else variables.get("smtp_pass"), found)


def _password(section: Section, value: "Value | None", found: Found) -> None:
    for note in value.notes if value else ():
        found.lose("smtp_pass", note)
    if value and value.command:
        section.say("password_command", value.command)
    elif value and value.text:
        section.say("password", value.text)
    else:
        section.say("password_from", "keyring")
        address = section.addresses[0] if section.addresses else "ADDRESS"
        found.lose("smtp_pass", f"it is not set; run `esmtp --set-password {address}`")


def _rest(section: Section, variables: dict[str, Value], found: Found) -> None:
    for name, statement in _SAME.items():
        value = _told(name, variables, found)
        if value:
            section.say(statement, value)
    if "certificate_file" in variables:
        found.lose("certificate_file", "name the certificate's authority with ca_file, or pin it with fingerprint")
