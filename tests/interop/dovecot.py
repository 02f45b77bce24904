"""A Dovecot of its own: passwords for Postfix's AUTH, LMTP, and the mailboxes over POP3 and IMAP."""

import base64
import grp
import os
import pathlib
import pwd
import subprocess

from tests.interop.postfix import wait_until
from tests.ports import free_port

MECHANISMS = "plain login cram-md5 digest-md5 scram-sha-1 scram-sha-256 xoauth2 oauthbearer anonymous"

# Signs the access tokens that Dovecot believes, as base64 in a file; a JWT says with "azp" and "alg" in which one.
TOKEN_KEY = b"known to the provider and Dovecot"
OAUTH2 = """
introspection_mode = local
local_validation_key_dict = fs:posix:prefix={dir}/keys/
username_attribute = sub
"""

# Who logs in and has no mailbox: passwords that are hard to carry, and one ("secret") that is kept as a hash.
ODD = {
    "spaced": "a b",
    "umlaut": "ü,=",
    "escaped": "=2C",
    "long": "x" * 300,
    "hashed": "{SHA256.b64}K7gNU3sdo+OL0wNhqoVWhr3g6s1xYv72ol/pe/Unols=",
}

CONF = """
base_dir = {dir}/run
state_dir = {dir}/state
log_path = {dir}/dovecot.log
protocols = {protocols}
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
auth_mechanisms = {mechanisms}
auth_username_format = %Ln
auth_anonymous_username = nobody
auth_failure_delay = 0
mail_location = maildir:{dir}/mail/%n
mail_access_groups = mail
first_valid_uid = {uid}
passdb {{
  driver = passwd-file
  mechanisms = plain login cram-md5 digest-md5 scram-sha-1 scram-sha-256 none
  args = scheme=PLAIN username_format=%n {dir}/passwd
}}
passdb {{
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {dir}/oauth2.conf
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={dir}/mail/%n allow_all_users=no
}}
service auth {{
  unix_listener {dir}/q/private/auth {{
    mode = 0600
    user = postfix
  }}
}}
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service pop3-login {{
  inet_listener pop3 {{
    port = {pop3}
  }}
  inet_listener pop3s {{
    port = 0
  }}
}}
service imap-login {{
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
"""

LMTP = """
service lmtp {{
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {lmtp}
  }}
}}
"""


class Dovecot:
    """Runs between ``start`` and ``stop``, in the directory of a Postfix that has been written.

    pop3, imap, lmtp: TCP ports on 127.0.0.1, lmtp 0 when Debian's dovecot-lmtpd is not there.
    lmtp_socket:      path of the unix socket.
    """

    def __init__(self, directory: str, passwords: dict[str, str]) -> None:
        self.directory = directory
        self.passwords = passwords
        self.pop3, self.imap = free_port(), free_port()
        self.lmtp = free_port() if os.path.exists("/usr/lib/dovecot/lmtp") else 0
        self.lmtp_socket = os.path.join(directory, "run/lmtp")

    def start(self) -> None:
        """Returns when Postfix can ask it for passwords and the listeners are there."""
        self._write()
        self._run(["dovecot", "-c", f"{self.directory}/dovecot.conf"])
        wait_until(lambda: os.path.exists(f"{self.directory}/q/private/auth"), "Dovecot's auth socket")

    def stop(self) -> None:
        self._run(["doveadm", "-c", f"{self.directory}/dovecot.conf", "stop"])

    def _write(self) -> None:
        mail = pwd.getpwnam("mail")
        words = {
            "dir": self.directory,
            "uid": mail.pw_uid,
            "gid": mail.pw_gid,
            "mechanisms": MECHANISMS,
            "protocols": "pop3 imap lmtp" if self.lmtp else "pop3 imap",
            "pop3": self.pop3,
            "imap": self.imap,
            "lmtp": self.lmtp,
        }
        with open(f"{self.directory}/dovecot.conf", "w", encoding="utf-8") as file:
            file.write((CONF + (LMTP if self.lmtp else "")).format(**words))
        with open(f"{self.directory}/oauth2.conf", "w", encoding="utf-8") as file:
            file.write(OAUTH2.format(dir=self.directory))
        key = pathlib.Path(self.directory, "keys/default/HS256/default")
        key.parent.mkdir(parents=True)
        key.write_bytes(base64.b64encode(TOKEN_KEY))
        path = f"{self.directory}/passwd"
        with open(path, "w", encoding="utf-8") as file:
            file.writelines(f"{user}:{password}\n" for user, password in (self.passwords | ODD).items())
        os.chown(path, 0, grp.getgrnam("dovecot").gr_gid)
        os.chmod(path, 0o640)

    def _run(self, argv: list[str]) -> None:
        with open(f"{self.directory}/{argv[0]}.out", "ab") as out:
            done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        assert done.returncode == 0, pathlib.Path(out.name).read_text()
