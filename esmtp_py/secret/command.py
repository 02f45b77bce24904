"""``password_command``: a command of the rc writes the password."""

import os

from esmtp_py.child import Child, Finished, spawn
from esmtp_py.errors import MailError
from esmtp_py.secret.failure import not_now
from esmtp_py.secret.line import first_line

# Long enough to type a passphrase to the agent that the command calls; and no mail waits for ever.
SECONDS = 120.0


def fetch(command: str) -> str:
    """The first line that the command writes; not_now() with its own words when it fails.

    Its standard output is never shown.  Its standard input is empty, for ours is the mail.
    """
    finished, answer = _run(command)
    if finished.status != 0:
        raise not_now(_without(answer, f"no password: password_command ({command}) {finished.how}"))
    return first_line(answer, f"the output of password_command ({command})")


def _without(answer: bytes, words: str) -> str:
    """A command that wrote a password before it failed may have it in its complaint too, or in itself."""
    for line in answer.decode("utf-8", "surrogateescape").splitlines():
        if line.strip():
            words = words.replace(line.strip(), "*")
    return words


def _run(command: str) -> tuple[Finished, bytes]:
    ends: list[int] = []
    try:
        ends.append(os.open(os.devnull, os.O_RDONLY))
        ends += os.pipe()
        ends += os.pipe()
        null, output, stderr, answer, stdout = ends
        actions = [(os.POSIX_SPAWN_DUP2, null, 0), (os.POSIX_SPAWN_DUP2, stdout, 1), (os.POSIX_SPAWN_DUP2, stderr, 2)]
        # A passphrase is asked for at the terminal, which only the group in the foreground may use.
        alone = not _in_foreground()
        pid = spawn(command, actions, **({"setpgroup": 0} if alone else {}))
        ends = [null, stderr, stdout]
    except OSError as error:
        raise MailError("system", f"cannot start {command}: {error.strerror}") from error
    finally:
        for end in ends:
            os.close(end)
    child = Child(pid, -pid if alone else pid, output, SECONDS, answer)
    return child.run(), child.answer


def _in_foreground() -> bool:
    from esmtp_py.secret.terminal import Terminal

    terminal = Terminal.open()
    if terminal is None:
        return False
    terminal.close()
    return True
