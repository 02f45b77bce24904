"""OpenSMTPD: neither PIPELINING nor CHUNKING, and a hundred mails in a session.

Without TLS, and so without a login: that of Debian 12 finds its key no more since OpenSSL 3.
"""

import os

from tests.interop.maildir import Mail
from tests.interop.overlaid import OVERLAY, Overlaid, files_in

CONF = """
table people file:/etc/people
smtp max-message-size "1M"
filter later phase rcpt-to match rcpt-to regex {{ "later" }} reject "451 4.2.0 come back in five minutes"
listen on 127.0.0.1 port {lockstep} filter later
action "keep" maildir "{dir}/mail" virtual <people>
match from any for any rcpt-to regex "^ghost" reject
match from any for any action "keep"
"""


class OpenSmtpd(Overlaid):
    name = "opensmtpd"
    listeners = ("lockstep",)
    users = ("opensmtpd", "opensmtpq")

    def prepare(self) -> None:
        self.file("etc/smtpd.conf", CONF.format(dir=self.directory, **self.ports))
        self.file("etc/people", "@ mail\n")
        self.file("etc/mailname", "localhost\n")
        for name in ("run", "lib/opensmtpd/empty"):
            os.makedirs(f"{self.directory}/{name}")
        os.makedirs(f"{self.directory}/spool/smtpd", 0o711)

    def mounts(self) -> list[str]:
        binds = {"spool": "/var/spool", "run": "/run"}
        lib = OVERLAY.format(above=f"{self.directory}/lib", below="/var/lib")
        return [lib, *(f"mount --bind {self.directory}/{source} {target}" for source, target in binds.items())]

    def command(self) -> str:
        return "/usr/sbin/smtpd -d"

    def queued(self) -> bool:
        return any(files_in(f"{self.directory}/spool/smtpd/{queue}") for queue in ("incoming", "queue"))

    def recipient(self, mail: Mail) -> str:
        return mail.get("Delivered-To")
