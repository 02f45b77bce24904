"""A Dovecot of its own: what each has, whatever it serves."""

import grp
import os
import pathlib
import pwd
import subprocess

from tests.interop.postfix import wait_until

CONF = """
base_dir = {dir}/run
state_dir = {dir}/state
log_path = {dir}/dovecot.log
listen = 127.0.0.1
auth_failure_delay = 0
first_valid_uid = {uid}
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
"""


class Dovecot:
    """Runs between ``start`` and ``stop``.  directory: its own, mode 755; mail in it is the user mail's."""

    def __init__(self, directory: str) -> None:
        self.directory = directory
        self._mail = pwd.getpwnam("mail")
        self._conf = f"{directory}/dovecot.conf"

    def start(self, conf: str, ready: str, **words: object) -> None:
        """With ``conf`` beside CONF, and ``words`` in their places; returns when there is a file ``ready``."""
        words |= {"dir": self.directory, "uid": self._mail.pw_uid, "gid": self._mail.pw_gid}
        pathlib.Path(self._conf).write_text((CONF + conf).format(**words), encoding="utf-8")
        self._run("dovecot", "-c", self._conf)
        wait_until(lambda: os.path.exists(f"{self.directory}/{ready}"), f"Dovecot's {ready}")

    def stop(self) -> None:
        self._run("doveadm", "-c", self._conf, "stop")

    def log(self) -> str:
        return pathlib.Path(self.directory, "dovecot.log").read_text()

    def passwords(self, known: dict[str, str]) -> None:
        """Writes the file ``passwd``: {user: password}."""
        path = pathlib.Path(self.directory, "passwd")
        path.write_text("".join(f"{user}:{password}\n" for user, password in known.items()), encoding="utf-8")
        os.chown(path, 0, grp.getgrnam("dovecot").gr_gid)
        path.chmod(0o640)

    def room(self, name: str) -> None:
        """A directory for mail."""
        path = pathlib.Path(self.directory, name)
        path.mkdir()
        os.chown(path, self._mail.pw_uid, self._mail.pw_gid)

    def _run(self, *argv: str) -> None:
        # Its processes inherit our descriptors: with a pipe, whoever reads it would wait for them for ever.
        with open(f"{self.directory}/{argv[0]}.out", "ab") as out:
            done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        assert done.returncode == 0, pathlib.Path(out.name).read_text()
