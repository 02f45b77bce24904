"""The commands of a muttrc, and of those that it sources, as far as they set variables.

Nothing is run: what a program would print, and what depends on a folder or on
recipients, is said to be lost.
"""

import os

from esmtp_py.config.foreign.found import Found
from esmtp_py.config.foreign.here import Here
from esmtp_py.config.foreign.mutt_words import LONGEST, Value, Words
from esmtp_py.config.foreign.text import content
from esmtp_py.errors import MailError

# Those that say how to send, and who.
OURS = (
    "smtp_url",
    "smtp_pass",
    "smtp_authenticators",
    "smtp_oauth_refresh_command",
    "from",
    "realname",
    "hostname",
    "ssl_starttls",
    "ssl_force_tls",
    "certificate_file",
    "ssl_client_cert",
    "dsn_notify",
)
# More are not the configuration of a person; a file may be sourced more than once.
_MOST_FILES = 100


class Commands:
    """What the files have said so far.

    variables: by name, ``yes`` and ``no`` for switches.  found: is told what has no counterpart.
    """

    __slots__ = ("_files", "_here", "_open", "found", "variables")

    def __init__(self, here: Here, found: Found) -> None:
        self.variables: dict[str, Value] = {}
        self.found = found
        self._here = here
        self._open: list[str] = []  # the files that are being read, each by the one before it
        self._files = 0

    def run(self, path: str, text: str) -> None:
        """All of a file."""
        self._open.append(os.path.normpath(path))
        for line in text.replace("\\\n", "").splitlines():
            if len(line) > LONGEST:
                self.found.lose(line[:20] + "…", f"a line of more than {LONGEST} characters is not read")
                continue
            words = Words(line, self._value)
            for name in words.commands():
                self._command(name, words)
        self._open.pop()

    def _command(self, name: str, words: Words) -> None:
        if name == "set":
            while words.more():
                self._set(words)
        elif name in ("unset", "reset"):
            while words.more():
                self.variables.pop(words.word().text, None)
        elif name == "source" and words.more():
            self._source(words.word())
        elif (name.endswith("-hook") or name in ("ifdef", "ifndef")) and words.more():
            self._lose_hook(f"{name} {words.word().text}", words)

    def _set(self, words: Words) -> None:
        name = words.word("=").text
        if words.equals():
            words.skip(" \t")
            self.variables[name] = words.word()
        elif name.startswith("no"):
            self.variables[name[2:]] = Value("no")
        elif name[:1] in ("&", "?") or name.endswith("?"):
            if name[0] == "&":
                self.variables.pop(name[1:], None)
        else:
            self.variables[name] = Value("yes")

    def _value(self, name: str) -> Value:
        """Of a variable in a word; Mutt lets the environment go first."""
        if name == "HOME":
            return Value(self._here.home)
        if name in self._here.environment:
            note = f"${name} is of the environment, and stands for what it is now"
            return Value(self._here.environment[name], notes=(note,))
        return self.variables.get(name) or Value("", notes=(f"${name} is not known, and is left out",))

    def _source(self, value: Value) -> None:
        name = value.text.strip()
        for note in value.notes:
            self.found.lose(f"source {name}", note)
        if value.command or name.endswith("|"):
            self.found.lose(f"source {value.command or name}", "a program, which is not run")
            return
        path = self._path(name)
        if os.path.normpath(path) in self._open:
            self.found.lose(f"source {name}", "the file is being read already")
            return
        self._files += 1
        if self._files > _MOST_FILES:
            if self._files == _MOST_FILES + 1:
                self.found.lose(
                    f"source {name}", f"no more than {_MOST_FILES} files are read, neither this nor later ones"
                )
            return
        try:
            self.run(path, content(path))
        except MailError as error:
            self.found.lose(f"source {name}", error.text)

    def _path(self, name: str) -> str:
        """Beside the file that names it, or else in the home directory, where Mutt would mostly be started."""
        if name == "~" or name.startswith("~/"):
            return self._here.home + name[1:]
        beside = os.path.join(os.path.dirname(self._open[-1]), name)
        return beside if os.path.exists(beside) else os.path.join(self._here.home, name)

    def _lose_hook(self, hook: str, words: Words) -> None:
        """What a hook would set is told; who sends decides here, and not the folder or the recipient."""
        body: list[str] = []
        while words.more():
            body.append(words.word().text)
        command = Words(" ".join(body), lambda name: Value(""))
        for name in command.commands():
            if name == "source" and command.more():
                file = command.word().text
                self.found.lose(
                    hook, f"it reads {file}; `esmtp --import` takes that by its path, and -C another rc file"
                )
            while name in ("set", "unset") and command.more():
                variable = command.word("=").text
                if command.equals():
                    command.skip(" \t")
                    command.word()
                if variable in OURS:
                    self.found.lose(
                        hook, f"it sets {variable}; here the sender alone chooses: write an identity for it"
                    )
