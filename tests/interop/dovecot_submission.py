"""Dovecot's own submission server: it lets in by certificate, by ticket, and anybody, which Postfix does not pass on.

What it takes it hands to a server behind it.
"""

import os
import shutil
import tempfile
from typing import Self

from tests.interop.dovecot import Dovecot
from tests.ports import free_port
from tests.server.authority import Authority

NEEDED = ("/usr/sbin/dovecot", "/usr/lib/dovecot/submission")
GSSAPI = "/usr/lib/dovecot/modules/auth/libmech_gssapi.so"

CONF = """
protocols = submission
hostname = localhost
ssl = yes
ssl_cert = <{server}
ssl_key = <{server}
ssl_ca = <{clients}
ssl_require_crl = no
ssl_verify_client_cert = yes
auth_ssl_username_from_cert = yes
auth_mechanisms = plain external anonymous {gssapi}
auth_anonymous_username = nobody
auth_username_format = %Ln
auth_krb5_keytab = {keytab}
auth_gssapi_hostname = "$ALL"
import_environment = KRB5_CONFIG={krb5}
mail_location = maildir:{dir}/home/mail
submission_relay_host = 127.0.0.1
submission_relay_port = {behind}
passdb {{
  driver = static
  mechanisms = external gssapi
  args = nopassword
}}
passdb {{
  driver = static
  mechanisms = plain
  args = password=secret
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={dir}/home
}}
service submission-login {{
  inet_listener submission {{
    port = {port}
  }}
  inet_listener submissions {{
    port = {tls_port}
    ssl = yes
  }}
}}
"""


def missing() -> str:
    """Why this machine cannot run it; "" when it can."""
    if os.geteuid() != 0:
        return "Dovecot needs root to start"
    absent = [name for name in NEEDED if not os.path.exists(name)]
    return f"not installed: {', '.join(absent)}" if absent else ""


class DovecotSubmission:
    """Between ``with`` and its end: on ``ports`` {"starttls": …, "implicit": …}, in front of the server on ``behind``.

    authority: its CA, and that of clients; a certificate's common name is the user.
    keytab, krb5:  of smtp/localhost, and the krb5.conf; "" for no GSSAPI.
    """

    def __init__(self, behind: int, keytab: str = "", krb5: str = "") -> None:
        self.directory = tempfile.mkdtemp(prefix="esmtp-dovecot-")
        self.authority = Authority()
        self.ports = {"starttls": free_port(), "implicit": free_port()}
        self._dovecot = Dovecot(self.directory)
        self._words = {
            "server": f"{self.directory}/server.pem",
            "clients": self.authority.file,
            "gssapi": "gssapi" if keytab else "",
            "keytab": keytab,
            "krb5": krb5,
            "behind": behind,
            "port": self.ports["starttls"],
            "tls_port": self.ports["implicit"],
        }

    def __enter__(self) -> Self:
        os.chmod(self.directory, 0o755)
        os.rename(self.authority.issue().pem, f"{self.directory}/server.pem")
        self._dovecot.room("home")
        self._dovecot.start(CONF, "run/login/login", **self._words)
        return self

    def __exit__(self, *_: object) -> None:
        self._dovecot.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def rc(self, tls: str, statements: str) -> str:
        policy = "required" if tls == "starttls" else tls
        head = f'hostname localhost:{self.ports[tls]}\nstarttls {policy}\nca_file "{self.authority.file}"\n'
        return head + statements

    def log(self) -> str:
        return self._dovecot.log()
