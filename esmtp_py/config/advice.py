"""What is allowed in an rc file and still most likely a mistake; for ``esmtp --check-rc``."""

import os

from esmtp_py.config.channel_advice import channel_advice
from esmtp_py.config.identity import PASSWORDS, STARTTLS_DISABLED, WITHOUT_USERNAME, Identity
from esmtp_py.config.login import KEYRING
from esmtp_py.config.model import REFUSE, Config
from esmtp_py.config.policy_advice import policy_advice
from esmtp_py.config.server import SUBMISSIONS_PORT
from esmtp_py.config.source import Source
from esmtp_py.config.values import AUTOMATIC

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from esmtp_py.grammar.esmtprc import Statement


# What means something with oauth2 only.
OAUTH2 = (
    *("client_id", "client_secret", "authorization_endpoint", "token_endpoint", "device_endpoint"),
    *("scope", "token_file"),
)

# A word of these means the same to every shell.
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-./_")
# Plain words that the shell knows without PATH: those of POSIX, and some of bash's.
_SHELL_WORDS = frozenset(
    (
        *("case", "do", "done", "elif", "else", "esac", "fi", "for", "if", "in", "then", "until", "while"),
        *(".", "break", "continue", "eval", "exec", "exit", "export", "readonly", "return", "set", "shift", "times"),
        *("trap", "unset", "alias", "bg", "cd", "command", "fc", "fg", "getopts", "hash", "jobs", "read", "type"),
        *("ulimit", "umask", "unalias", "wait", "function", "local", "select", "source", "time"),
    )
)


def advice(statements: "list[Statement]", config: Config, source: Source) -> list[str]:
    """Warnings, each ``file:line: text``."""
    found = [
        *_overridden(statements, source),
        *_shadowed(config),
        *_unreachable(config),
        *_without_server(config),
        *_matchless(config),
    ]
    for identity in config.identities:
        for statement, text in (
            *_login(identity),
            *_mechanism(identity),
            *_oauth2(identity),
            *channel_advice(identity),
            *_local(identity),
            *policy_advice(identity),
            *_files(identity),
        ):
            found.append(f"{identity.origin[statement]}: {text}")
    return found


def _overridden(statements: "list[Statement]", source: Source) -> "Iterator[str]":
    """Of two equal statements in a section, and of two ``default`` in the file, the later one wins."""
    seen: dict[str, int] = {}
    for statement in statements:
        if statement.name == "identity":
            seen = {name: offset for name, offset in seen.items() if name == "default"}
            continue
        if statement.name in seen:
            yield (
                f"{source.where(seen[statement.name])}: {statement.name} has no effect: "
                f"the one on line {source.position(statement.offset)[0]} wins"
            )
        seen[statement.name] = statement.offset


def _shadowed(config: Config) -> "Iterator[str]":
    served: dict[str, Identity] = {}
    for identity in reversed(config.identities):
        for address in identity.addresses:
            later = served.setdefault(address.lower(), identity)
            if later is not identity:
                yield f"{identity.where}: {address} is served by the later identity at {later.where}"


def _matchless(config: Config) -> "Iterator[str]":
    """What looks like a pattern and is compared as it is."""
    for identity in config.identities:
        for address in identity.addresses:
            tail = address.removeprefix("*@")
            if address.startswith("@"):
                yield f"{identity.where}: {address} is nobody's address; for a whole domain write *{address}"
            elif "*" in tail or address.endswith("@"):
                yield (
                    f"{identity.where}: {address} is nobody's address; the only pattern is *@DOMAIN, "
                    "and `default` serves all that no identity names"
                )


def _unreachable(config: Config) -> "Iterator[str]":
    first = config.identities[0]
    if not first.addresses and first is not config.default:
        yield (
            f"{first.where}: nothing uses the statements before the first identity: "
            f"the default is the one at {config.default.where}"
        )


def _without_server(config: Config) -> "Iterator[str]":
    """What is written before the first identity, to hold for all of them, is a section of its own."""
    first = config.identities[0]
    if len(config.identities) == 1 or first.addresses or first is not config.default:
        return
    if config.unmatched == REFUSE:
        yield (
            f"{first.where}: nothing uses the statements before the first identity: "
            "senders that no identity names are refused"
        )
    elif "hostname" not in first.origin and not first.mda:
        yield (
            f"{first.where}: what is written before the first identity holds for senders that no identity names, "
            "and for nobody else; their mail goes to localhost:25. Write it into each identity, or a hostname to it"
        )


def _login(identity: Identity) -> "Iterator[tuple[str, str]]":
    written = identity.origin
    source = next((name for name in PASSWORDS if name in written), "")
    if source and not identity.username:
        yield source, "a password, but no username: no mail can leave"
    needless = identity.auth in WITHOUT_USERNAME or (identity.certificate and identity.auth == AUTOMATIC)
    if identity.username and not (source or identity.oauth2 or needless):
        yield "username", "a username, but no password"
    if "keyring_backend" in written and identity.password_from != KEYRING and not identity.oauth2:
        yield "keyring_backend", "has no effect: nothing comes from the keyring; write: password_from keyring"
    if identity.nameless_login == "auth":
        yield "auth", "no username: no mail can leave"
    if identity.username and identity.starttls == STARTTLS_DISABLED and not identity.loopback:
        yield "starttls", f"the password goes over the network in clear text; write: {_remedy(identity)}"


def _mechanism(identity: Identity) -> "Iterator[tuple[str, str]]":
    """What ``auth`` names, beside what there is for it."""
    name, written = identity.auth, identity.origin
    if "auth" not in written or name == AUTOMATIC:
        return
    if identity.oauth2 and name not in ("OAUTHBEARER", "XOAUTH2"):
        yield "auth", f"{name.lower()} takes no token; with oauth2 write: auth automatic"
    if name == "EXTERNAL" and not identity.certificate:
        yield "auth", "external, but no certificate to show"
    if identity.starttls == STARTTLS_DISABLED and (name == "EXTERNAL" or name.endswith("-PLUS")):
        yield "auth", f"{name.lower()} needs TLS, and starttls is disabled"
    for source in PASSWORDS if name in WITHOUT_USERNAME else ():
        if source in written:
            yield source, f"has no effect with auth {name.lower()}"


def _oauth2(identity: Identity) -> "Iterator[tuple[str, str]]":
    written = identity.origin
    if not identity.oauth2:
        for name in OAUTH2:
            if name in written:
                yield name, "has no effect without oauth2"
        return
    if not identity.username:
        yield "oauth2", "oauth2, but no username: no mail can leave"
    if not identity.client_id:
        yield "oauth2", "oauth2, but no client_id: no token can be had"
    if identity.oauth2 == "custom" and not identity.token_endpoint:
        yield "oauth2", "oauth2 custom, but no token_endpoint: no token can be had"
    if identity.oauth2 == "custom" and not (identity.authorization_endpoint or identity.device_endpoint):
        yield "oauth2", "neither authorization_endpoint nor device_endpoint: esmtp --authorize cannot work"
    for name in PASSWORDS:
        if name in written:
            yield name, "has no effect with oauth2"
    if identity.token_file and "keyring_backend" in written:
        yield "keyring_backend", "has no effect with token_file"


def _remedy(identity: Identity) -> str:
    return "starttls implicit" if identity.server.service == SUBMISSIONS_PORT else "starttls required"


def _local(identity: Identity) -> "Iterator[tuple[str, str]]":
    if identity.force_mda and not identity.mda:
        yield "force_mda", "force_mda, but no mda to deliver with"
    if identity.mda and identity.qualifydomain and not identity.force_mda:
        yield "mda", "has no effect: with qualifydomain no recipient is local"
    program = _missing_program(identity.mda)
    if program:
        yield "mda", f"{program} {'is not there or cannot be run' if '/' in program else 'is not found on PATH'}"


def _missing_program(command: str) -> str:
    """The first word of a command for the shell, if that is plainly a program and there is none; else ""."""
    import shutil

    word = next(iter(command.split()), "")
    if not word or set(word) - _PLAIN or word in _SHELL_WORDS:
        return ""
    if "/" in word and word[0] != "/":  # it depends on the directory
        return ""
    return "" if shutil.which(word) else word


def _files(identity: Identity) -> "Iterator[tuple[str, str]]":
    """Those of TLS are for OpenSSL to judge (cli/assistant/tls_files.py)."""
    path = identity.password_file
    if path and not (os.path.isfile(path) and os.access(path, os.R_OK)):
        yield "password_file", f"{path} is not there or cannot be read"
