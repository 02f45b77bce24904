"""A Kerberos realm of its own on loopback: a KDC, one user, one service."""

import os
import pathlib
import shutil
import subprocess
import tempfile
from typing import Self

from tests.interop.postfix import wait_until
from tests.ports import free_port

REALM = "EXAMPLE.TEST"
NEEDED = ("krb5kdc", "kdb5_util", "kadmin.local", "kinit")

CLIENT = """
[libdefaults]
default_realm = {realm}
dns_lookup_kdc = false
dns_lookup_realm = false
dns_canonicalize_hostname = false
rdns = false
udp_preference_limit = 1
[realms]
{realm} = {{
  kdc = 127.0.0.1:{port}
}}
"""

KDC = """
[kdcdefaults]
kdc_listen = 127.0.0.1:{port}
kdc_tcp_listen = 127.0.0.1:{port}
[realms]
{realm} = {{
  database_name = {dir}/principal
  key_stash_file = {dir}/stash
}}
[logging]
kdc = FILE:{dir}/kdc.log
"""


def missing() -> str:
    """Why this machine cannot run it; "" when it can."""
    try:
        import gssapi  # noqa: F401
        import krb5  # noqa: F401
    except ImportError:
        return "pyspnego has no Kerberos: pip install 'esmtp-py[gssapi]'"
    absent = [name for name in NEEDED if not shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin")]
    return f"not installed: {', '.join(absent)}" if absent else ""


class Kerberos:
    """Between ``with`` and its end.

    keytab:  of the service smtp/localhost.   config: for KRB5_CONFIG.
    """

    def __init__(self) -> None:
        self.directory = tempfile.mkdtemp(prefix="esmtp-kerberos-")
        self.config = f"{self.directory}/krb5.conf"
        self.keytab = f"{self.directory}/keytab"
        self._environ = os.environ | {"KRB5_CONFIG": self.config, "KRB5_KDC_PROFILE": f"{self.directory}/kdc.conf"}
        self._kdc: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        os.chmod(self.directory, 0o755)
        words = {"dir": self.directory, "realm": REALM, "port": free_port()}
        pathlib.Path(self.config).write_text(CLIENT.format(**words))
        pathlib.Path(self.directory, "kdc.conf").write_text(KDC.format(**words))
        self._run("kdb5_util", "create", "-s", "-r", REALM, "-P", "master")
        self._run("kadmin.local", "addprinc", "-pw", "secret", "alice")
        self._run("kadmin.local", "addprinc", "-randkey", "smtp/localhost")
        self._run("kadmin.local", "ktadd", "-k", self.keytab, "smtp/localhost")
        os.chmod(self.keytab, 0o644)
        self._kdc = subprocess.Popen(["/usr/sbin/krb5kdc", "-n"], env=self._environ, stdin=subprocess.DEVNULL)
        log = pathlib.Path(self.directory, "kdc.log")
        wait_until(lambda: log.exists() and "commencing operation" in log.read_text(), "the KDC")
        return self

    def __exit__(self, *_: object) -> None:
        if self._kdc:
            self._kdc.terminate()
            self._kdc.wait()
        shutil.rmtree(self.directory, ignore_errors=True)

    def ticket(self, path: str) -> dict[str, str]:
        """Alice's, in a file; what her environment has to say of it."""
        mine = {"KRB5_CONFIG": self.config, "KRB5CCNAME": f"FILE:{path}"}
        self._run("kinit", "alice", answer=b"secret\n", **mine)
        return mine

    def _run(self, *argv: str, answer: bytes = b"", **more: str) -> None:
        path = shutil.which(argv[0], path="/usr/sbin:/usr/bin:/sbin:/bin") or argv[0]
        done = subprocess.run([path, *argv[1:]], env=self._environ | more, input=answer, capture_output=True)
        assert done.returncode == 0, done.stderr
