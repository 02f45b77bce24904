"""Questions on the terminal: a line with a default, a yes or no, a secret that is not shown.

The assistants ask with it; whoever gives no terminal is told that one is needed.
"""

import os

from esmtp_py.cli.assistant.colour import painted
from esmtp_py.cli.terminal import OUT
from esmtp_py.errors import MailError
from esmtp_py.printable import printable

# More than anybody types in answer to a question.
_LONGEST = 4096


class Questions:
    """On standard input and output, both of which must be a terminal."""

    def __init__(self, why: str) -> None:
        """why: who asks, for the error when there is nobody."""
        if not (os.isatty(0) and os.isatty(1)):
            raise MailError("usage", f"{why} asks questions: run it on a terminal")

    def tell(self, text: str) -> None:
        """Something to read between the questions."""
        OUT.write(printable(text) + "\n")

    def ask(self, question: str, default: str = "") -> str:
        """The answer, without blanks around it; ``default`` for an empty one."""
        shown = f" [{printable(default)}]" if default else ""
        OUT.write(f"{painted(question, 'bold')}{shown}: ")
        return self._line().strip() or default

    def confirm(self, question: str, *, default: bool) -> bool:
        """y or n, in either case; asked again until it is one of them."""
        while True:
            OUT.write(f"{painted(question, 'bold')} [{'Y/n' if default else 'y/N'}] ")
            answer = self._line().strip().lower()
            if answer in ("", "y", "yes", "n", "no"):
                return answer.startswith("y") if answer else default

    def _line(self) -> str:
        """MailError when the terminal is closed: nothing has been written then."""
        line = b""
        while not line.endswith(b"\n") and len(line) < _LONGEST:
            try:
                data = os.read(0, 1024)
            except OSError:
                data = b""
            if not data:
                OUT.write("\n")
                raise MailError("usage", "no more answers; nothing was written")
            line += data
        return line.decode("utf-8", "surrogateescape")
