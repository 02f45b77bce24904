"""Dovecot's own submission server: it lets in by certificate, by ticket, and anybody, which Postfix does not pass on.

What it takes it hands to a server behind it.
"""

import os
import pathlib
import pwd
import shutil
import subprocess
import tempfile
from typing import Self

from tests.interop.postfix import wait_until
from tests.ports import free_port
from tests.server.authority import Authority

NEEDED = ("/usr/sbin/dovecot", "/usr/lib/dovecot/submission")
GSSAPI = "/usr/lib/dovecot/modules/auth/libmech_gssapi.so"

CONF = """
base_dir = {dir}/run
state_dir = {dir}/state
log_path = {dir}/dovecot.log
protocols = submission
listen = 127.0.0.1
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
auth_failure_delay = 0
auth_krb5_keytab = {keytab}
auth_gssapi_hostname = "$ALL"
import_environment = KRB5_CONFIG={krb5}
first_valid_uid = {uid}
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
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
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
        mail = pwd.getpwnam("mail")
        self._words = {
            "dir": self.directory,
            "server": f"{self.directory}/server.pem",
            "clients": self.authority.file,
            "gssapi": "gssapi" if keytab else "",
            "keytab": keytab,
            "krb5": krb5,
            "uid": mail.pw_uid,
            "gid": mail.pw_gid,
            "behind": behind,
            "port": self.ports["starttls"],
            "tls_port": self.ports["implicit"],
        }

    def __enter__(self) -> Self:
        os.chmod(self.directory, 0o755)
        home = pathlib.Path(self.directory, "home")
        home.mkdir()
        os.chown(home, int(self._words["uid"]), int(self._words["gid"]))
        os.rename(self.authority.issue().pem, f"{self.directory}/server.pem")
        pathlib.Path(self.directory, "dovecot.conf").write_text(CONF.format(**self._words))
        self._run("dovecot", "-c", f"{self.directory}/dovecot.conf")
        wait_until(lambda: os.path.exists(f"{self.directory}/run/login/login"), "Dovecot's login socket")
        return self

    def __exit__(self, *_: object) -> None:
        self._run("doveadm", "-c", f"{self.directory}/dovecot.conf", "stop")
        shutil.rmtree(self.directory, ignore_errors=True)

    def rc(self, tls: str, statements: str) -> str:
        policy = "required" if tls == "starttls" else tls
        head = f'hostname localhost:{self.ports[tls]}\nstarttls {policy}\nca_file "{self.authority.file}"\n'
        return head + statements

    def log(self) -> str:
        return pathlib.Path(self.directory, "dovecot.log").read_text()

    def _run(self, *argv: str) -> None:
        with open(f"{self.directory}/{argv[0]}.out", "ab") as out:
            done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        assert done.returncode == 0, pathlib.Path(out.name).read_text()
