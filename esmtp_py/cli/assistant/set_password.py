"""``esmtp --set-password ADDRESS`` and ``--forget-password ADDRESS``: the keyring's entry for one identity.

The password is typed at the terminal, or is the first line of standard input;
it is never a word of the command line, which everybody on the machine can read.
"""

import os

from esmtp_py.cli.terminal import say
from esmtp_py.concealed import Secret
from esmtp_py.config.login import KEYRING
from esmtp_py.errors import MailError
from esmtp_py.outcome import EX_OK
from esmtp_py.queue.respite import forgive
from esmtp_py.secret.line import LONGEST
from esmtp_py.secret.service import service

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmtp_py.cli.options import Options
    from esmtp_py.config.identity import Identity

# For a person to type it; nobody else waits meanwhile.
_SECONDS = 600.0


def set_password(options: "Options") -> int:
    """Returns 0 when the keyring has it; MailError says why it has not."""
    from esmtp_py.secret import keyring

    identity = _identity(options)
    if os.isatty(0):
        keyring.look_up(identity, service(identity))  # there is one, or nobody need type anything
    secret = _typed(identity) if os.isatty(0) else _piped()
    name = keyring.store(identity, service(identity), secret)
    forgive(identity)
    say(f"Stored the password of {_entry(identity)} in the keyring ({name}).")
    if identity.password_from != KEYRING:
        say(f"Mail of {identity.name} does not use it yet: write `password_from keyring` into its section of the rc.")
    return EX_OK


def forget_password(options: "Options") -> int:
    """Returns 0 when the keyring has none; MailError when that is not known."""
    from esmtp_py.secret import keyring

    identity = _identity(options)
    removed = keyring.remove(identity, service(identity))
    say(f"{'Removed the' if removed else 'There was no'} password of {_entry(identity)} in the keyring.")
    return EX_OK


def _entry(identity: "Identity") -> str:
    return f"{identity.username} for {service(identity)}"


def _identity(options: "Options") -> "Identity":
    from esmtp_py.config import load
    from esmtp_py.config.choose import choose

    if len(options.recipients) != 1:
        raise MailError(
            "usage",
            f"{options.asked} needs one address, that of the identity, and no more: "
            "a password is typed when it is asked for, or comes on standard input",
        )
    [address] = options.recipients
    identity = choose(load(options.rc), address)
    if identity is None:
        raise MailError("config", f"no identity of the rc serves {address}")
    if not identity.username:
        raise MailError("config", f"the identity {identity.name} has no username: write one, as the server knows you")
    return identity


def _typed(identity: "Identity") -> Secret:
    from esmtp_py.secret.terminal import Terminal

    terminal = Terminal.open()
    if terminal is None:
        raise MailError("usage", "this run is in the background of its terminal: start it in the foreground")
    try:
        first = terminal.ask(f"Password of {_entry(identity)}: ", _SECONDS)
        second = terminal.ask("The same again: ", _SECONDS) if first else b""
    finally:
        terminal.close()
    if first != second:
        raise MailError("usage", "the two are not the same: nothing is stored, try again")
    return _checked(first)


def _piped() -> Secret:
    line = b""
    while b"\n" not in line and len(line) <= LONGEST:
        more = os.read(0, LONGEST + 2)
        if not more:
            break
        line += more
    return _checked(line.partition(b"\n")[0].removesuffix(b"\r"))


def _checked(line: bytes) -> Secret:
    if not line:
        raise MailError("usage", "no password was typed: nothing is stored")
    if len(line) > LONGEST or b"\0" in line:
        raise MailError("usage", f"a password has no NUL and at most {LONGEST} bytes: nothing is stored")
    try:
        return Secret(line.decode())
    except UnicodeDecodeError:
        raise MailError("usage", "a password in a keyring must be UTF-8: nothing is stored") from None
