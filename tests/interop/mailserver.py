"""Postfix with Dovecot behind it: the submission server, and the mailboxes, of the interop tests and of bench/."""

import contextlib
import os
import shutil
import tempfile
from typing import Self

from tests.interop.mailboxes import Mailboxes
from tests.interop.maildir import Mail, Maildir
from tests.interop.postfix import Postfix
from tests.server.authority import Authority

PASSWORDS = {"alice": "alice's $ecret", "bob": 'bob"s; secret'}

NEEDED = ("postfix", "dovecot", "doveadm")


def missing() -> str:
    """Why this machine cannot run it; "" when it can."""
    if os.geteuid() != 0:
        return "Postfix and Dovecot need root to start"
    absent = [name for name in NEEDED if not shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin")]
    return f"not installed: {', '.join(absent)}" if absent else ""


class MailServer:
    """A whole mail server on free ports of loopback, between ``with`` and its end (start: about 3 s).

    ports:     those of postfix.LISTENERS.      pop3, imap: Dovecot's.
    authority: its CA; ``ca`` is the path of that certificate in PEM form.
    stranger:  path of the certificate of a CA that issued nothing here.
    """

    def __init__(self) -> None:
        self.directory = tempfile.mkdtemp(prefix="esmtp-interop-")
        self.authority, other = Authority(), Authority()
        self.ca, self.stranger = self.authority.file, other.file
        self.postfix = Postfix(self.directory)
        self.dovecot = Mailboxes(self.directory, PASSWORDS)
        self.ports = self.postfix.ports
        self._maildirs: dict[str, Maildir] = {}

    def __enter__(self) -> Self:
        os.chmod(self.directory, 0o755)
        for name, leaf in (
            ("server", self.authority.issue()),
            ("expired", self.authority.issue(expired=True)),
            ("elsewhere", self.authority.issue("mail.elsewhere.test")),
        ):
            os.rename(leaf.pem, f"{self.directory}/{name}.pem")
        with contextlib.ExitStack() as undo:
            undo.callback(shutil.rmtree, self.directory, ignore_errors=True)
            self.postfix.prepare()
            self.dovecot.start()
            undo.callback(self.dovecot.stop)
            self.postfix.start()
            undo.callback(self.postfix.stop)
            self._undo = undo.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._undo.close()

    def rc(self, user: str = "alice", listener: str = "submission", *, host: str = "localhost", **more: str) -> str:
        """The statements of esmtprc(5) that send as that user: server, login, trust, and ``more``; "" leaves one out.

        ``user=""`` sends without a login.
        """
        statements = {"hostname": f"{host}:{self.ports[listener]}"}
        if user:
            statements |= {"username": user, "password": PASSWORDS[user]}
        statements |= {"starttls": "required", "ca_file": self.ca}
        if listener in ("clear", "open"):
            statements["starttls"] = "disabled"
        elif listener == "submissions":
            statements["starttls"] = "implicit"
        statements |= more
        return "".join(f"{name} {quote(value)}\n" for name, value in statements.items() if value)

    def maildir(self, name: str) -> Maildir:
        """alice, bob, or inbox for everybody else."""
        return self._maildirs.setdefault(name, Maildir(f"{self.directory}/mail/{name}"))

    def mails(self, address: str) -> list[Mail]:
        """All mail that has come for that address, once nothing is under way any more."""
        self.postfix.settle()
        user = address.partition("@")[0]
        return [m for m in self.maildir(user if user in PASSWORDS else "inbox").mails() if m.to == address]


def quote(value: str) -> str:
    """A value as esmtprc(5) has it: keywords bare, anything else between quotes."""
    if value.isalnum() and value.islower():
        return value
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
