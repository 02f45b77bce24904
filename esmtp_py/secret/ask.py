"""``password_from ask``: the person at the terminal types it.  Without one the mail waits until there is."""

import _thread

from esmtp_py.printable import printable
from esmtp_py.secret.failure import not_now
from esmtp_py.secret.terminal import Terminal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from esmtp_py.config.identity import Identity

# A server waits five minutes for us, at least (RFC 5321 section 4.5.3.2.7): two are left for the rest.
SECONDS = 180.0

# Called before a prompt: who draws on the terminal takes that away, and draws no more while ``busy()``.
clear: "list[Callable[[], None]]" = []

# Two prompts at once on one terminal would be one too many.
_terminal = _thread.allocate_lock()
_over = False


def fetch(identity: "Identity") -> str:
    """What is typed; not_now() without a terminal, and when nobody types."""
    whose = printable(f"{identity.username} at {identity.server.host or identity.server.path}")
    with _terminal:
        terminal = Terminal.open()
        if terminal is None:
            raise not_now(
                f"the password of {whose} is asked for at a terminal (password_from ask), and this run has none: "
                "run esmtp -q at a terminal to send what waits in the queue"
            )
        for clearing in clear:
            clearing()
        try:
            typed = terminal.ask(f"Password of {whose}: ", SECONDS, lambda: _over)
        finally:
            terminal.close()
    if not typed:
        raise not_now(f"nobody has typed the password of {whose}")
    return typed.decode("utf-8", "surrogateescape")


def busy() -> bool:
    """A prompt stands on the terminal."""
    return _terminal.locked()


def stop() -> None:
    """From another thread: the run is over, nobody is asked any more."""
    global _over
    _over = True
