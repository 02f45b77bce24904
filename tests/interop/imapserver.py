"""A Dovecot of its own for the folder of sent mail: IMAP with TLS, special-use folders, one user."""

import mailbox
import os
import pathlib
import shutil
import tempfile
from typing import Self

from tests.interop.dovecot import Dovecot
from tests.ports import free_port
from tests.server.authority import Authority

CONF = """
protocols = imap
ssl = yes
ssl_cert = <{dir}/server.pem
ssl_key = <{dir}/server.pem
disable_plaintext_auth = yes
auth_mechanisms = plain login cram-md5 scram-sha-1 scram-sha-256
mail_location = maildir:{dir}/mail/%n
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


class ImapServer:
    """imap: with STARTTLS, imaps: with TLS from the first byte, both on localhost.  authority: its CA."""

    def __init__(self) -> None:
        self.directory = tempfile.mkdtemp(prefix="esmtp-imap-")
        self.imap, self.imaps = free_port(), free_port()
        self.authority = Authority()
        self._dovecot = Dovecot(self.directory)

    def __enter__(self) -> Self:
        os.chmod(self.directory, 0o755)
        shutil.copy(self.authority.issue().pem, f"{self.directory}/server.pem")
        self._dovecot.passwords({USER: PASSWORD})
        self._dovecot.room("mail")
        self._dovecot.start(CONF, "run/login/login", imap=self.imap, imaps=self.imaps)
        return self

    def __exit__(self, *_: object) -> None:
        self._dovecot.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def folder(self, name: str) -> list[mailbox.MaildirMessage]:
        """The mails in a folder, [] if there is none of the name (in modified UTF-7)."""
        path = pathlib.Path(self.directory, "mail", USER, f".{name}")
        return list(mailbox.Maildir(path, create=False)) if path.is_dir() else []

    def log(self) -> str:
        return self._dovecot.log()
