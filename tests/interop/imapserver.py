"""A Dovecot of its own for the folder of sent mail: IMAP with TLS, special-use folders, one user."""

import contextlib
import grp
import mailbox
import os
import pathlib
import pwd
import shutil
import tempfile
from typing import Self

from tests.interop.dovecot import Dovecot
from tests.interop.postfix import wait_until
from tests.ports import free_port
from tests.server.authority import Authority

CONF = """
base_dir = {dir}/run
state_dir = {dir}/state
log_path = {dir}/dovecot.log
protocols = imap
listen = 127.0.0.1
ssl = yes
ssl_cert = <{dir}/server.pem
ssl_key = <{dir}/server.pem
disable_plaintext_auth = yes
auth_mechanisms = plain login cram-md5 scram-sha-1 scram-sha-256
auth_failure_delay = 0
mail_location = maildir:{dir}/mail/%n
first_valid_uid = {uid}
passdb {{
  driver = passwd-file
  args = scheme=PLAIN {dir}/passwd
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={dir}/mail/%n
}}
namespace inbox {{
  inbox = yes
  mailbox "Gesendete Objekte" {{
    special_use = \\Sent
    auto = create
  }}
  mailbox Sent {{
    auto = create
  }}
}}
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service imap-login {{
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
    ssl = yes
  }}
}}
"""

USER, PASSWORD = "alice", "alice's $ecret"


class ImapServer(Dovecot):
    """imap: with STARTTLS, imaps: with TLS from the first byte, both on localhost.  authority: its CA."""

    def __init__(self) -> None:
        super().__init__(tempfile.mkdtemp(prefix="esmtp-imap-"), {USER: PASSWORD})
        self.imaps = free_port()
        self.authority = Authority()

    def __enter__(self) -> Self:
        os.chmod(self.directory, 0o755)
        shutil.copy(self.authority.issue().pem, f"{self.directory}/server.pem")
        self._write()
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(AssertionError):
            self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def start(self) -> None:
        self._run(["dovecot", "-c", f"{self.directory}/dovecot.conf"])
        wait_until(lambda: os.path.exists(f"{self.directory}/run/login"), "Dovecot")

    def folder(self, name: str) -> list[mailbox.MaildirMessage]:
        """The mails in a folder, [] if there is none of the name (in modified UTF-7)."""
        path = pathlib.Path(self.directory, "mail", USER, f".{name}")
        return list(mailbox.Maildir(path, create=False)) if path.is_dir() else []

    def _write(self) -> None:
        mail = pwd.getpwnam("mail")
        words = {
            "dir": self.directory,
            "uid": mail.pw_uid,
            "gid": mail.pw_gid,
            "imap": self.imap,
            "imaps": self.imaps,
        }
        pathlib.Path(self.directory, "dovecot.conf").write_text(CONF.format(**words), encoding="utf-8")
        passwd = pathlib.Path(self.directory, "passwd")
        passwd.write_text("".join(f"{user}:{{PLAIN}}{word}\n" for user, word in self.passwords.items()))
        os.chown(passwd, 0, grp.getgrnam("dovecot").gr_gid)
        passwd.chmod(0o640)
        (pathlib.Path(self.directory) / "mail").mkdir()
        os.chown(f"{self.directory}/mail", mail.pw_uid, mail.pw_gid)
