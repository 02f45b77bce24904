"""What Dovecot does behind a Postfix: passwords for AUTH, LMTP, and the mailboxes over POP3 and IMAP."""

import base64
import os
import pathlib

from tests.interop.dovecot import Dovecot
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
protocols = {protocols}
ssl = no
disable_plaintext_auth = no
auth_mechanisms = {mechanisms}
auth_username_format = %Ln
auth_anonymous_username = nobody
mail_location = maildir:{dir}/mail/%n
mail_access_groups = mail
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


class Mailboxes:
    """Runs between ``start`` and ``stop``, in the directory of a Postfix that has been written.

    pop3, imap, lmtp: TCP ports on 127.0.0.1, lmtp 0 when Debian's dovecot-lmtpd is not there.
    lmtp_socket:      path of the unix socket.
    """

    def __init__(self, directory: str, passwords: dict[str, str]) -> None:
        self.passwords = passwords
        self.pop3, self.imap = free_port(), free_port()
        self.lmtp = free_port() if os.path.exists("/usr/lib/dovecot/lmtp") else 0
        self.lmtp_socket = os.path.join(directory, "run/lmtp")
        self._dovecot = Dovecot(directory)

    def start(self) -> None:
        """Returns when Postfix can ask it for passwords and the listeners are there."""
        directory = self._dovecot.directory
        pathlib.Path(directory, "oauth2.conf").write_text(OAUTH2.format(dir=directory))
        key = pathlib.Path(directory, "keys/default/HS256/default")
        key.parent.mkdir(parents=True)
        key.write_bytes(base64.b64encode(TOKEN_KEY))
        self._dovecot.passwords(self.passwords | ODD)
        self._dovecot.start(
            CONF + (LMTP if self.lmtp else ""),
            "q/private/auth",
            mechanisms=MECHANISMS,
            protocols="pop3 imap lmtp" if self.lmtp else "pop3 imap",
            pop3=self.pop3,
            imap=self.imap,
            lmtp=self.lmtp,
        )

    def stop(self) -> None:
        self._dovecot.stop()
