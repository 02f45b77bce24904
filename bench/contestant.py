"""Who is measured: the command line and settings with which each sends the same mail by the same server."""

import os
import pathlib
import shutil
import subprocess

from tests.interop.mailserver import PASSWORDS, MailServer

SENDER = "alice@example.test"


class Contestant:
    """One program.

    name; version: its own words.      settings: what was chosen for it, for the report.
    argv(port, recipient): the command that sends standard input through the server at localhost:port.
    """

    name = settings = ""

    def __init__(self, directory: pathlib.Path, server: MailServer, program: str) -> None:
        self.server = server
        self.program = program
        self.home = directory / self.name
        self.home.mkdir()
        self.environ = {"HOME": str(self.home), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}

    @property
    def version(self) -> str:
        done = subprocess.run([self.program, "--version"], capture_output=True, text=True, env=self.environ)
        return done.stdout.partition("\n")[0]

    def argv(self, port: int, recipient: str) -> list[str]:
        path = self.home / f"rc{port}"
        if not path.exists():
            path.touch(0o600)
            path.write_text(self.rc(port))
        return [self.program, "-C", str(path), "-f", SENDER, recipient]

    def rc(self, port: int) -> str:
        """Its rc file: STARTTLS, verified against the one CA, AUTH PLAIN as alice."""
        raise NotImplementedError


class Esmtp(Contestant):
    name = "esmtp"
    settings = "wheel in a clean venv, compiled; starttls required, auth plain, ca_file with one certificate"

    def rc(self, port: int) -> str:
        return self.server.rc(auth="plain", hostname=f"localhost:{port}")


class Msmtp(Contestant):
    name = "msmtp"
    settings = "auth plain (no list to go through), tls_trust_file with one certificate, no log, no syslog"

    def rc(self, port: int) -> str:
        return (
            f"account default\nhost localhost\nport {port}\nfrom {SENDER}\n"
            f'auth plain\nuser alice\npassword "{PASSWORDS["alice"]}"\n'
            f"tls on\ntls_starttls on\ntls_trust_file {self.server.ca}\nsyslog off\n"
        )


def contestants(directory: pathlib.Path, server: MailServer, esmtp: str) -> tuple[Esmtp, Msmtp]:
    """The two; RuntimeError when msmtp is not there."""
    msmtp = shutil.which("msmtp", path=os.defpath + ":/usr/bin")
    if not msmtp:
        raise RuntimeError("not installed: msmtp")
    return Esmtp(directory, server, esmtp), Msmtp(directory, server, msmtp)
