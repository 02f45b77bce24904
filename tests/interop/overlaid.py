"""Mail servers whose packages cannot be installed beside Postfix.

.ci/fetch-servers unpacks each into a directory of its own; a server
is started in a mount namespace in which that directory lies over /usr, and its
own users and files over /etc.  Nobody else sees any of it.
"""

import abc
import contextlib
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from typing import Self

from tests.interop.maildir import Mail, Maildir
from tests.interop.postfix import wait_until
from tests.ports import free_port
from tests.server.authority import Authority

SERVERS = pathlib.Path(sys.prefix, "servers")
PASSWORD = "alice's $ecret"
# Of the users that the packages would have made; nothing of them outlives the namespace.
FIRST_ID = 64990
OVERLAY = "mount -t overlay overlay -o lowerdir={above}:{below} {below}"


def missing(name: str) -> str:
    """Why this machine cannot run that server yet; "" when all it takes is there."""
    if os.geteuid() != 0:
        return "other mail servers need root to start"
    if not (SERVERS / name).is_dir():
        return f"not unpacked: {SERVERS / name} (.ci/fetch-servers does that)"
    return ""


def impossible(name: str) -> str:
    """Why this machine could not run it whatever were installed; "" when it can: not every container may mount."""
    tried = subprocess.run(
        ["unshare", "--mount", "/bin/sh", "-ec", OVERLAY.format(above=SERVERS / name / "usr", below="/usr")],
        capture_output=True,
        text=True,
    )
    return "" if tried.returncode == 0 else f"no overlay in a mount namespace here: {tried.stderr.strip()}"


class Overlaid(abc.ABC):
    """Between ``with`` and its end: on ``ports`` {listener: TCP port on 127.0.0.1}.

    directory: its own, mode 755, with etc, what lies over /etc, and mail, a maildir of the user mail.
    """

    name = ""  # of its directory among SERVERS
    listeners: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    login = "alice"

    def __init__(self) -> None:
        self.directory = tempfile.mkdtemp(prefix=f"esmtp-{self.name}-")
        self.authority = Authority()
        self.ports = {listener: free_port() for listener in self.listeners}
        self._maildir = Maildir(f"{self.directory}/mail")
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        os.chmod(self.directory, 0o755)
        for name in ("etc", "mail/new"):
            os.makedirs(f"{self.directory}/{name}")
        for name in ("mail", "mail/new"):
            shutil.chown(f"{self.directory}/{name}", "mail", "mail")
        numbered = list(enumerate(self.users, FIRST_ID))
        self.file("etc/passwd", _old("passwd") + "".join(f"{u}:x:{n}:{n}::/:/bin/false\n" for n, u in numbered))
        self.file("etc/group", _old("group") + "".join(f"{user}:x:{n}:\n" for n, user in numbered))
        with contextlib.ExitStack() as undo:
            undo.callback(shutil.rmtree, self.directory, ignore_errors=True)
            self.prepare()
            self._process = self._start()
            undo.callback(self._stop)
            for port in self.ports.values():
                wait_until(lambda port=port: self._listens(port), f"{self.name} on port {port}")
            self._undo = undo.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._undo.close()

    # -- what each server says for itself ------------------------------------------

    @abc.abstractmethod
    def prepare(self) -> None:
        """Writes its files."""

    @abc.abstractmethod
    def command(self) -> str:
        """What starts it, in the foreground."""

    def mounts(self) -> list[str]:
        """Further commands before that."""
        return []

    @abc.abstractmethod
    def queued(self) -> bool:
        """Whether it still has something to deliver."""

    @abc.abstractmethod
    def recipient(self, mail: Mail) -> str:
        """Whom it was delivered for."""

    # -- what they share ------------------------------------------------------------------

    def file(self, name: str, text: str, mode: int = 0o644) -> str:
        """Writes a file in its directory; returns the path."""
        path = pathlib.Path(self.directory, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        path.chmod(mode)
        return str(path)

    def certificate(self, name: str) -> None:
        """Certificate and key in one file."""
        self.file(name, pathlib.Path(self.authority.issue().pem).read_text(), 0o600)

    def run(self, command: str, stdin: str = "") -> str:
        """What a program of the package prints."""
        argv = self._argv(command)
        return subprocess.run(argv, input=stdin, text=True, stdout=subprocess.PIPE, check=True, cwd="/").stdout

    def rc(self, listener: str, password: str = PASSWORD, **more: str) -> str:
        """The statements of esmtprc(5) that send through that listener; with a login where that is in TLS."""
        policy = {"starttls": "required", "implicit": "implicit"}.get(listener, "disabled")
        lines = [f"hostname localhost:{self.ports[listener]}", f"starttls {policy}", f'ca_file "{self.authority.file}"']
        if policy != "disabled":
            lines += [f"username {self.login}", f'password "{password}"']
        return "\n".join([*lines, *(f"{name} {value}" for name, value in more.items()), ""])

    def mails(self) -> "list[tuple[str, Mail]]":
        """Each that has come, with its recipient, once nothing is under way any more."""
        wait_until(lambda: not self.queued(), f"{self.name} to deliver")
        return [(self.recipient(mail), mail) for mail in self._maildir.mails()]

    def complaints(self) -> list[str]:
        """What its log says of commands that came too early."""
        return re.findall(r"(?i)^.*(?:synchroni[sz]ation|improper|command pipelining).*$", self.log(), re.MULTILINE)

    def log(self) -> str:
        return self._log.read_text(errors="replace")

    @property
    def _log(self) -> pathlib.Path:
        return pathlib.Path(self.directory, "log")

    def _argv(self, command: str) -> list[str]:
        usr = OVERLAY.format(above=SERVERS / self.name / "usr", below="/usr")
        etc = OVERLAY.format(above=f"{self.directory}/etc", below="/etc")
        return ["unshare", "--mount", "/bin/sh", "-ec", "\n".join([usr, etc, *self.mounts(), f"exec {command}"])]

    def _start(self) -> "subprocess.Popen[bytes]":
        with self._log.open("ab") as log:
            argv = self._argv(self.command())
            return subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)

    def _listens(self, port: int) -> bool:
        assert self._process
        assert self._process.poll() is None, self.log()
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            return False
        return True

    def _stop(self) -> None:
        assert self._process
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGTERM)
        self._process.wait(30)


def files_in(directory: str) -> list[str]:
    """Names of all files below it."""
    return [name for _, _, names in os.walk(directory) for name in names]


def _old(name: str) -> str:
    return pathlib.Path("/etc", name).read_text()
