"""``password_from keyring``: the keyring of the desktop, by the package of that name.

A keyring may be locked, or wait for a dialog that nobody sees; every call has a
deadline, and whatever goes wrong is told in one line that says what to do.
"""

import os
import stat

from esmtp_py.concealed import Secret
from esmtp_py.errors import MailError
from esmtp_py.secret.deadline import Late, within
from esmtp_py.secret.failure import not_now
from esmtp_py.secret.service import service
from esmtp_py.smtp.veil import Veil

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from esmtp_py.config.identity import Identity

# Time enough to type the passphrase into the dialog that unlocks it.
SECONDS = 60.0

_INSTEAD = "or use password_command or password_file in the rc"


def fetch(identity: "Identity") -> str:
    """The password stored for the server and the user name; not_now() if it cannot be had."""
    found = look_up(identity, service(identity))
    if found is None:
        raise not_now(
            f"no password: the keyring has none for {identity.username} at {service(identity)}: "
            f"run esmtp --set-password {identity.name}"
        )
    return found.reveal()


def look_up(identity: "Identity", of: str) -> "Secret | None":
    """The secret of the user name for the service ``of``, None if there is none; not_now() when none can be read."""
    text = _call(identity, lambda keyring: keyring.get_password(of, identity.username))
    if text is not None and not isinstance(text, str):
        raise not_now(f"the keyring gives no text, but something else: check keyring_backend in the rc, {_INSTEAD}")
    return None if text is None else Secret(text)


def store(identity: "Identity", of: str, secret: Secret) -> str:
    """Stores the secret, and looks whether it is there; returns what the keyring is called.  MailError otherwise."""

    def stored(keyring: "Any") -> str:
        keyring.set_password(of, identity.username, secret.reveal())
        if keyring.get_password(of, identity.username) != secret.reveal():
            raise MailError("cannot_create", f"{_name(keyring)} has not kept it: choose another with keyring_backend")
        return _name(keyring)

    try:
        return str(_call(identity, stored))
    except MailError as error:
        # what a backend says may be what it was given
        raise MailError(error.kind, Veil(secret).over_text(error.text), status=error.status) from None


def remove(identity: "Identity", of: str) -> bool:
    """Removes the secret; False if there was none."""

    def removed(keyring: "Any") -> bool:
        if keyring.get_password(of, identity.username) is None:
            return False
        keyring.delete_password(of, identity.username)
        return True

    return bool(_call(identity, removed))


def _call(identity: "Identity", work: "Callable[[Any], Any]") -> "Any":
    """What ``work`` makes of the keyring, in its time.  MailError("try_again") for whatever goes wrong."""
    try:
        return within(SECONDS, lambda: work(_keyring(identity.keyring_backend)))
    except MailError:
        raise
    except Late:
        raise not_now(f"the keyring did not answer in {SECONDS:.0f} s: is it locked? unlock it, {_INSTEAD}") from None
    except Exception as error:
        raise _translated(error) from error


def _keyring(backend: str) -> "Any":
    """The one that the rc names, without looking at the others; else the best that is found."""
    _find_session_bus()
    from keyring import core

    return core.load_keyring(backend) if backend else core.get_keyring()


def _find_session_bus() -> None:
    """Where cron or a system service runs us, the desktop's keyring is behind the bus of the user's session."""
    if os.environ.get("DBUS_SESSION_BUS_ADDRESS"):
        return
    path = f"/run/user/{os.geteuid()}/bus"
    try:
        status = os.stat(path)
    except OSError:
        return
    if stat.S_ISSOCK(status.st_mode) and status.st_uid == os.geteuid():
        os.environ["DBUS_SESSION_BUS_ADDRESS"] = f"unix:path={path}"


def _name(keyring: "Any") -> str:
    """As keyring_backend has it."""
    return f"{type(keyring).__module__}.{type(keyring).__qualname__}"


def _translated(error: Exception) -> MailError:
    """By the names of the classes, for some backends have errors of their own."""
    names = [each.__name__ for each in type(error).__mro__]
    said = next(iter(str(error).splitlines()), "")
    if isinstance(error, ImportError) and getattr(error, "name", "") == "keyring":
        return not_now(f"the Python package keyring is not installed: install it (pip install keyring), {_INSTEAD}")
    if "NoKeyringError" in names:
        return not_now(f"there is no keyring that could be used here: start one (a desktop has it), {_INSTEAD}")
    if "KeyringLocked" in names or "LockedException" in names:
        return not_now(f"the keyring is locked: unlock it, {_INSTEAD}")
    if isinstance(error, FileNotFoundError | ConnectionError):
        return not_now(f"the keyring cannot be reached ({said}): is the session of the desktop running? {_INSTEAD}")
    if isinstance(error, ImportError | AttributeError | ValueError | RuntimeError) and "InitError" not in names:
        return not_now(f"the keyring cannot be used: {said}: check keyring_backend in the rc, {_INSTEAD}")
    return not_now(f"the keyring failed: {type(error).__name__}: {said}: is it running and unlocked? {_INSTEAD}")
