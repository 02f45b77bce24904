"""The password of an identity, from wherever its section of the rc says.

A password that cannot be had is a temporary failure, for the mail is good: a
MailError("try_again") that says what to do about it.  Nobody is asked twice:
what was found is kept until the server refuses it, and for a moment also that
nothing could be found, since the mails and connections of a queue run would all
run the command, or show the prompt, one after the other.
"""

import _thread
import time

from esmtp_py.concealed import Secret
from esmtp_py.config.login import ASK, KEYRING, NETRC
from esmtp_py.errors import MailError
from esmtp_py.secret.failure import not_now

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmtp_py.config.identity import Identity

# Seconds for which nobody is asked again in vain: longer than the connections of one run take to begin,
# shorter than a person takes to mend it.
VAIN = 30.0

_SOURCES = ("password_command", "password_file", "password_from", "credential")
_asking: "dict[tuple[str, ...], _thread.LockType]" = {}
_found: "dict[tuple[str, ...], Secret]" = {}
_failed: "dict[tuple[str, ...], tuple[float, MailError]]" = {}


def password(identity: "Identity") -> Secret:
    """Its password.  MailError("try_again") if it cannot be had now, MailError("config") if no statement gives one."""
    if identity.password is not None:
        return identity.password
    if not has_source(identity):
        raise MailError(
            "config",
            f"no password for {identity.username}: write `password`, or where it comes from "
            "(password_command, password_file, password_from), in the rc",
        )
    key = _key(identity)
    with _asking.setdefault(key, _thread.allocate_lock()):
        return _asked_once(identity, key)


def has_source(identity: "Identity") -> bool:
    """Whether a statement gives a password, or says where it comes from."""
    return identity.password is not None or any(getattr(identity, source) for source in _SOURCES)


def forget(identity: "Identity") -> None:
    """The server has refused it: the next mail gets a fresh one."""
    _found.pop(_key(identity), None)


def remedy(identity: "Identity") -> str:
    """Where to look when the server refuses it."""
    if identity.password_from == KEYRING:
        return f"check username in the rc, and store the password anew with esmtp --set-password {identity.name}"
    where = {
        "password_command": "what password_command writes",
        "password_file": f"the first line of {identity.password_file}",
        "credential": f"the credential {identity.credential}",
        "password_from": "~/.netrc" if identity.password_from == NETRC else "what was typed",
    }
    said = next((source for source in _SOURCES if getattr(identity, source)), "")
    return f"check username in the rc and {where[said]}" if said else "check username and password in the rc"


def _key(identity: "Identity") -> "tuple[str, ...]":
    said = [str(getattr(identity, name)) for name in (*_SOURCES, "keyring_backend", "username")]
    return (*said, str(identity.server))


def _asked_once(identity: "Identity", key: "tuple[str, ...]") -> Secret:
    if key in _found:
        return _found[key]
    since, failure = _failed.get(key, (0.0, None))
    if failure and time.monotonic() < since + VAIN:
        raise MailError(failure.kind, failure.text, status=failure.status)
    try:
        _found[key] = Secret(_usable(_fetched(identity)))
    except MailError as error:
        _failed[key] = time.monotonic(), error
        raise
    return _found[key]


def _fetched(identity: "Identity") -> str:
    if identity.password_command:
        from esmtp_py.secret import command

        return command.fetch(identity.password_command)
    if identity.password_file:
        from esmtp_py.secret import file

        return file.fetch(identity.password_file)
    if identity.credential:
        from esmtp_py.secret import credential

        return credential.fetch(identity.credential)
    return _from_elsewhere(identity)


def _from_elsewhere(identity: "Identity") -> str:
    if identity.password_from == NETRC:
        from esmtp_py.secret import netrc

        return netrc.fetch(identity)
    if identity.password_from == ASK:
        from esmtp_py.secret import ask

        return ask.fetch(identity)
    from esmtp_py.secret import keyring

    return keyring.fetch(identity)


def _usable(text: str) -> str:
    """What no mechanism could say is found here, where the message can say where it came from."""
    if "\0" in text:
        raise not_now("the password that was found has a NUL in it: no server can take that")
    return text
