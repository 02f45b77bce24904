"""nullmailer: a directory of small files, of which ``remotes`` has a line for each server."""

import os

from esmtp_py.config.foreign.found import Found, authority
from esmtp_py.config.foreign.here import Here
from esmtp_py.config.foreign.text import content
from esmtp_py.config.writing import Section

_FILES = {"allmailfrom": "force reverse_path", "sendtimeout": "timeout"}
_OPTIONS = {
    "source": "source_address",
    "x509cafile": "ca_file",
    "x509certfile": "certificate",
    "x509keyfile": "certificate_key",
    "x509crlfile": "crl_file",
}
_SETTLED = ("ssl", "tls", "starttls", "user", "pass", "auth-login", "insecure")  # by words of their own
LONGEST_LINE = 8192
_LOST = ("adminaddr", "pausetime", "maxpause", "doublebounceto", "idhost")


def read(directory: str, here: Here) -> Found:
    """directory: such as /etc/nullmailer."""
    found = Found()
    remotes = [words for words in map(_words, _content(directory, "remotes").splitlines()) if words]
    for number, words in enumerate(remotes):
        section = _section(words, found)
        if number:
            found.lose(
                f"remotes, line {number + 1}", f"{words[0]}: there is one server for an identity, no second choice"
            )
            continue
        _complete(section, directory)
        _names(section, directory, here, found)
        found.sections.append(section)
    for name in _LOST:
        value = _content(directory, name).strip()
        if value:
            found.lose(f"{name}: {value}")
    return found


def _content(directory: str, name: str) -> str:
    path = os.path.join(directory, name)
    return content(path) if os.path.exists(path) else ""


def _words(line: str) -> list[str]:
    import shlex

    if line.lstrip().startswith("#"):
        return []
    if len(line) > LONGEST_LINE:  # shlex takes a time that grows with its square
        return line.split()
    try:
        return shlex.split(line)
    except ValueError:
        return line.split()


def _section(words: list[str], found: Found) -> Section:
    section, given = Section(), {}
    section.remarks.append("for every sender, as nullmailer did it")
    for option in words[2:]:
        name, _, value = option.lstrip("-").partition("=")
        given[name] = value
    implicit = "ssl" in given or "tls" in given
    protocol = "smtp" if len(words) < 2 or words[1] != "lmtp" else "lmtp"
    authority(section, words[0], given.pop("port", "") or ("465" if implicit else "25"), protocol=protocol)
    if len(words) > 1 and words[1] not in ("smtp", "lmtp"):
        found.lose(f"remotes: protocol {words[1]}")
    if implicit or "starttls" in given:
        section.say("starttls", "implicit" if implicit else "required")
    for name, statement in _OPTIONS.items():
        if given.get(name):
            section.say(statement, given[name])
    _login(section, given, found)
    if "insecure" in given:
        found.lose(
            "remotes: insecure",
            "the certificate is always checked; pin it with fingerprint, which `esmtp --serverinfo` shows",
        )
    for name in given:
        if name not in (*_OPTIONS, *_SETTLED):
            found.lose(f"remotes: {name}")
    return section


def _login(section: Section, given: dict[str, str], found: Found) -> None:
    """Of a user and a password nullmailer uses both, or neither."""
    if given.get("user") and given.get("pass"):
        section.say("username", given["user"])
        section.say("password", given["pass"])
        if "auth-login" in given:
            section.say("auth", "login")
    elif given.get("user") or given.get("pass"):
        found.lose("remotes: user and pass", "one of them is missing, so nobody logs in")


def _complete(section: Section, directory: str) -> None:
    for name, statement in _FILES.items():
        value = _content(directory, name).strip()
        if value:
            section.say(statement, value)
    lifetime = _content(directory, "queuelifetime").strip()
    if lifetime.isdecimal():
        section.say("queue_lifetime", f"{lifetime}s")


def _names(section: Section, directory: str, here: Here, found: Found) -> None:
    """What this host is called, to the server and behind the ``@`` of bare names."""
    own = _content(directory, "me").strip()
    helo = _content(directory, "helohost").strip() or own
    if helo:
        section.say("helo", helo)
    own = own or here.mailname  # Debian's has it there
    domain = _content(directory, "defaultdomain").strip() or own
    host = _content(directory, "defaulthost").strip() or own or domain
    if host and "." not in host and host != "localhost":
        if not domain or domain == host:
            found.lose(f"defaulthost: {host}", "there is no defaultdomain to append; give qualifydomain and sender one")
        else:
            host = f"{host}.{domain}"
    if host:
        section.say("qualifydomain", host)
        section.say("sender", f"%u@{host}")
    else:
        found.lose(
            "defaulthost", "it is not there: write qualifydomain, or mail to root and other bare names is refused"
        )
