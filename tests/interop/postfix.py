"""A Postfix of its own in a fresh directory: one listener for each thing a client may meet."""

import os
import pathlib
import pwd
import re
import socket
import subprocess
import time
from collections.abc import Callable

from tests.ports import free_port

# What each listener changes; "submission" is the server as a provider would run it (RFC 6409, RFC 4954).
LISTENERS: dict[str, dict[str, str]] = {
    "submission": {},
    "submissions": {"smtpd_tls_wrappermode": "yes"},
    "clear": {"smtpd_tls_security_level": "none", "smtpd_tls_auth_only": "no"},
    "open": {
        "smtpd_tls_security_level": "none",
        "mynetworks": "127.0.0.0/8",
        "smtpd_relay_restrictions": "permit_mynetworks, reject",
    },
    "anybody": {"smtpd_sasl_security_options": "", "smtpd_relay_restrictions": "permit_auth_destination, reject"},
    "login": {"smtpd_sasl_mechanism_filter": "login"},
    "data": {"smtpd_discard_ehlo_keywords": "chunking"},
    "lockstep": {"smtpd_discard_ehlo_keywords": "chunking,pipelining"},
    "seven": {"smtpd_discard_ehlo_keywords": "chunking,8bitmime,smtputf8,dsn,enhancedstatuscodes"},
    "few": {"smtpd_recipient_limit": "30"},
    "small": {"message_size_limit": "20000"},
    "expired": {"smtpd_tls_chain_files": "{dir}/expired.pem"},
    "elsewhere": {"smtpd_tls_chain_files": "{dir}/elsewhere.pem"},
}

# What Postfix would mend in a header stays as the client sent it.
MAIN = """
compatibility_level = 3.6
queue_directory = {dir}/q
data_directory = {dir}/data
maillog_file = {dir}/maillog
maillog_file_prefixes = {dir}
myhostname = localhost
mydestination =
mynetworks =
inet_interfaces = {interfaces}
inet_protocols = {protocols}
alias_maps =
alias_database =
default_transport = discard
local_header_rewrite_clients =
message_drop_headers =
message_size_limit = 0
virtual_mailbox_limit = 0
virtual_mailbox_domains = example.test
virtual_mailbox_maps = regexp:{dir}/mailboxes
virtual_mailbox_base = {dir}/mail
virtual_minimum_uid = 1
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
smtpd_relay_restrictions = permit_sasl_authenticated, reject
smtpd_client_restrictions =
smtpd_recipient_restrictions = check_recipient_access regexp:{dir}/access
header_checks = regexp:{dir}/headers
smtpd_tls_security_level = may
smtpd_tls_auth_only = yes
smtpd_tls_chain_files = {dir}/server.pem
smtpd_tls_received_header = yes
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = private/auth
smtpd_sasl_authenticated_header = yes
smtpd_error_sleep_time = 0
smtpd_junk_command_limit = 1000
smtpd_hard_error_limit = 1000
smtpd_client_connection_count_limit = 0
"""

# The stock services, none in a chroot.
MASTER = """
pickup    unix  n  -  n  60   1    pickup
cleanup   unix  n  -  n  -    0    cleanup
qmgr      unix  n  -  n  300  1    qmgr
tlsmgr    unix  -  -  n  1000? 1   tlsmgr
rewrite   unix  -  -  n  -    -    trivial-rewrite
bounce    unix  -  -  n  -    0    bounce
defer     unix  -  -  n  -    0    bounce
trace     unix  -  -  n  -    0    bounce
verify    unix  -  -  n  -    1    verify
flush     unix  n  -  n  1000? 0   flush
proxymap  unix  -  -  n  -    -    proxymap
smtp      unix  -  -  n  -    -    smtp
showq     unix  n  -  n  -    -    showq
error     unix  -  -  n  -    -    error
retry     unix  -  -  n  -    -    error
discard   unix  -  -  n  -    -    discard
virtual   unix  -  n  n  -    -    virtual
anvil     unix  -  -  n  -    1    anvil
scache    unix  -  -  n  -    1    scache
postlog   unix-dgram n - n -  1    postlogd
"""

# ghost… is unknown; alice and bob have mailboxes of their own (Dovecot's too); everybody else shares one.
MAILBOXES = """
if !/^ghost/
/^alice@/  alice/
/^bob@/    bob/
/@/        inbox/
endif
"""

ACCESS = "/^later/  450 4.2.0 greylisted, come back in five minutes\n"
HEADERS = "/^X-Unwanted:/  REJECT we do not want this\n"

QUEUES = ("incoming", "active", "deferred", "maildrop", "hold")


def ipv6() -> bool:
    """Whether this machine has ::1."""
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


def wait_until(done: "Callable[[], bool]", what: str, seconds: float = 30.0) -> None:
    """Return once ``done()`` is true, looking every 10 ms; AssertionError naming ``what`` after so many seconds."""
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, f"waited {seconds:.0f} s in vain for {what}"
        time.sleep(0.01)


class Postfix:
    """Runs between ``start`` and ``stop``.

    directory: its own, mode 755, with server.pem, expired.pem and elsewhere.pem in it.
    ports:     {listener: TCP port on 127.0.0.1};  port6: the submission listener on ::1, 0 without IPv6.
    """

    def __init__(self, directory: str) -> None:
        self.directory = directory
        self.ports = {listener: free_port() for listener in LISTENERS}
        self.port6 = self.ports["submission"] if ipv6() else 0
        self._mark = self._flushes = 0

    def start(self) -> None:
        """Returns when every listener is there (the master says so).  ``prepare`` comes first."""
        code = self._run("start")
        assert code == 0, self.log() + pathlib.Path(self._output("start")).read_text()

    def stop(self) -> None:
        """Returns when the master has ended, for which ``postfix stop`` waits five seconds and then fails."""
        self._run("stop")
        wait_until(lambda: self._run("status") != 0, "the end of Postfix")

    def prepare(self) -> None:
        """Write its files; Dovecot puts its socket among them."""
        mail, postfix = pwd.getpwnam("mail"), pwd.getpwnam("postfix")
        words = {
            "dir": self.directory,
            "uid": mail.pw_uid,
            "gid": mail.pw_gid,
            "interfaces": "127.0.0.1, ::1" if self.port6 else "127.0.0.1",
            "protocols": "all" if self.port6 else "ipv4",
        }
        for name, owner in (("data", postfix), ("mail", mail), ("q", None), ("etc", None)):
            path = os.path.join(self.directory, name)
            os.mkdir(path, 0o755)
            if owner:
                os.chown(path, owner.pw_uid, owner.pw_gid)
        os.mkdir(f"{self.directory}/q/private", 0o700)
        os.chown(f"{self.directory}/q/private", postfix.pw_uid, -1)
        self._file("etc/main.cf", MAIN.format(**words))
        self._file("etc/master.cf", MASTER + "".join(self._services()))
        self._file("mailboxes", MAILBOXES)
        self._file("access", ACCESS)
        self._file("headers", HEADERS)

    def _services(self) -> list[str]:
        lines = []
        for name, changes in LISTENERS.items():
            options = "".join(f" -o {{ {k} = {v.format(dir=self.directory)} }}" for k, v in changes.items())
            options += f" -o syslog_name=postfix/{name}"
            lines.append(f"127.0.0.1:{self.ports[name]} inet n - n - - smtpd{options}\n")
        if self.port6:
            lines.append(f"[::1]:{self.port6} inet n - n - - smtpd\n")
        return lines

    def _file(self, name: str, text: str) -> None:
        with open(os.path.join(self.directory, name), "w", encoding="utf-8") as file:
            file.write(text)

    def _run(self, word: str) -> int:
        """The exit status of ``postfix`` with that word."""
        # The daemons inherit our descriptors: with a pipe, whoever reads it would wait for them for ever.
        with open(self._output(word), "wb") as out:
            argv = ["postfix", "-c", f"{self.directory}/etc", word]
            return subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out).returncode

    def _output(self, word: str) -> str:
        return f"{self.directory}/postfix-{word}.out"

    # -- what it did --------------------------------------------------------

    def log(self) -> str:
        """The log since ``mark``, without a last line that is not yet there as a whole."""
        try:
            with open(f"{self.directory}/maillog", encoding="utf-8", errors="replace") as file:
                file.seek(self._mark)
                lines, end, _ = file.read().rpartition("\n")
                return lines + end
        except FileNotFoundError:
            return ""

    def mark(self) -> None:
        """Forget the log so far, once every session in it is over; call it when ``settle`` has returned."""
        self._all_over()
        self._mark = os.path.getsize(f"{self.directory}/maillog")

    def wait_log(self, pattern: str) -> "re.Match[str]":
        """The first match in the log since the mark, waited for."""
        found: list[re.Match[str]] = []

        def look() -> bool:
            match = re.search(pattern, self.log(), re.MULTILINE)
            if match:
                found.append(match)
            return match is not None

        wait_until(look, f"{pattern!r} in Postfix's log")
        return found[0]

    def sessions(self, count: int = 1) -> list[dict[str, str]]:
        """What each client session since the mark did, e.g. {"ehlo": "2", "mail": "1", "rcpt": "2/3", …}.

        Waits until there have been so many, and all are over.  "2/3" is
        Postfix's way of saying two accepted of three tried.
        """
        pattern = re.compile(r"disconnect from \S+ (.*)$", re.MULTILINE)
        wait_until(lambda: len(pattern.findall(self.log())) >= count, f"the end of {count} sessions")
        self._all_over()
        return [dict(word.split("=", 1) for word in line.split()) for line in pattern.findall(self.log())]

    def _all_over(self) -> None:
        """Returns when every session that has begun since the mark is in the log from its beginning to its end.

        A client has its 221, and may be gone, before the server notes the end.
        """
        self._flush()

        def over() -> bool:
            log = self.log()
            return log.count("]: connect from ") == log.count("]: disconnect from ")

        wait_until(over, "the end of all sessions")

    def _flush(self) -> None:
        """Returns when all that has been said to the writer of the log is in it: it writes in the order of arrival."""
        self._flushes += 1
        line = f"this was line {self._flushes} of the tests\n"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as writer:
            writer.sendto(line.encode(), f"{self.directory}/q/public/postlog")
        wait_until(lambda: line in self.log(), "Postfix's log to be written")

    def settle(self) -> None:
        """Returns when the queue is empty: what was accepted has been delivered, discarded or bounced."""

        def empty() -> bool:  # the second look finds the report on a mail that was done with during the first
            return not any(self._queued(queue) for _ in range(2) for queue in QUEUES)

        wait_until(empty, "Postfix's queue to drain")

    def _queued(self, queue: str) -> bool:
        return any(files for _, _, files in os.walk(f"{self.directory}/q/{queue}"))
