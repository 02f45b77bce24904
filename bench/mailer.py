"""Who empties a queue into the same server: esmtp, msmtp, Postfix, nullmailer, dma, each as its manual says."""

import os
import pathlib
import pwd
import shutil
import smtplib
import subprocess
import time

from bench import mail
from bench.backlog import RECIPIENT, SENDER, Backlog
from bench.contestant import Contestant, Msmtp
from bench.gauge import run
from bench.unpacked import Unpacked
from tests.interop.mailserver import PASSWORDS, MailServer
from tests.interop.postfix import MASTER, wait_until
from tests.ports import free_port

# Longer than any of them takes; who is not done by then is left out.
PATIENCE = 120


class Mailer:
    """One program with mails that wait.

    name, version, settings: for the report.      sample: how many mails it is measured with, 0 for all there are.
    fill(count): so many mails wait from now on.      drain(): sends them all; the seconds that took.
    left(): how many still wait.
    """

    name = version = settings = ""
    sample = 0

    def fill(self, count: int) -> None:
        raise NotImplementedError

    def drain(self) -> float:
        raise NotImplementedError

    def left(self) -> int:
        raise NotImplementedError

    def _spawn(self, argv: list[str], environ: dict[str, str], output: pathlib.Path, stdin: str = os.devnull) -> float:
        with open(stdin, "rb") as source, open(output, "wb") as target:
            made = run(argv, environ, stdin=source.fileno(), output=target.fileno())
        if made.code:
            raise RuntimeError(f"{self.name} ended with {made.code}: {output.read_text(errors='replace')[-500:]}")
        return made.wall


class EsmtpQueue(Mailer):
    name = "esmtp -q"
    settings = "the whole process; starttls required, auth plain, ca_file with one certificate, 1 connection"

    def __init__(self, directory: pathlib.Path, server: MailServer, program: str, port: int) -> None:
        self.program = program
        self.home = directory / "esmtp"
        self.home.mkdir()
        rc = self.home / ".esmtprc"
        rc.touch(0o600)
        rc.write_text(server.rc(auth="plain", hostname=f"localhost:{port}"))
        self.environ = {"HOME": str(self.home), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}
        self.backlog = Backlog(self.home)
        self.version = subprocess.run([program, "--version"], capture_output=True, text=True).stdout.partition("\n")[0]

    def fill(self, count: int) -> None:
        self.backlog.fill(count)

    def drain(self) -> float:
        return self._spawn([self.program, "-q"], self.environ, self.home / "output")

    def left(self) -> int:
        return self.backlog.waiting()


class OneByOne(Mailer):
    """msmtp has no queue of its own: a loop, as its own queue script has it."""

    name = "msmtp"
    sample = 5

    def __init__(self, contestant: Contestant, port: int) -> None:
        self.contestant, self.port = contestant, port
        self.version, self.settings = contestant.version, contestant.settings
        self._mail = mail.as_file(str(contestant.home), mail.of_two_kilobytes())
        self._count = 0

    def fill(self, count: int) -> None:
        self._count = count

    def drain(self) -> float:
        argv = self.contestant.argv(self.port, RECIPIENT)
        output = self.contestant.home / "output"
        seconds = 0.0
        for _ in range(self._count):
            seconds += self._spawn(argv, self.contestant.environ, output, self._mail)
        self._count = 0
        return seconds

    def left(self) -> int:
        return self._count


POSTFIX_MAIN = """
compatibility_level = 3.6
queue_directory = {dir}/q
data_directory = {dir}/data
maillog_file = {dir}/maillog
maillog_file_prefixes = {dir}
myhostname = client.test
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
alias_database =
smtp_host_lookup = native
relayhost = [localhost]:{port}
smtp_tls_security_level = verify
smtp_tls_CAfile = {ca}
smtp_sasl_auth_enable = yes
smtp_sasl_password_maps = texthash:{dir}/passwords
smtp_sasl_security_options = noanonymous
smtp_sasl_mechanism_filter = plain
"""


class PostfixRelay(Mailer):
    """A second Postfix, with the first one as its relayhost.  From ``postqueue -f`` until its queue is empty."""

    name = "Postfix"
    settings = "from postqueue -f to the empty queue; relayhost, TLS verified, SASL plain; all else its defaults"

    def __init__(self, directory: pathlib.Path, server: MailServer, port: int) -> None:
        self.directory = directory / "postfix"
        self.etc = self.directory / "etc"
        self.port = free_port()
        done = subprocess.run(["postconf", "-d", "-h", "mail_version"], capture_output=True, text=True)
        self.version = done.stdout.strip()
        self.etc.mkdir(parents=True)
        (self.directory / "q").mkdir(0o755)
        (self.directory / "data").mkdir(0o755)
        os.chown(self.directory / "data", pwd.getpwnam("postfix").pw_uid, -1)
        self._main = POSTFIX_MAIN.format(dir=self.directory, port=port, ca=server.ca)
        passwords = self.directory / "passwords"
        passwords.touch(0o600)
        passwords.write_text(f"[localhost]:{port} alice:{PASSWORDS['alice']}\n")
        (self.etc / "master.cf").write_text(f"{MASTER}127.0.0.1:{self.port} inet n - n - - smtpd\n")

    def fill(self, count: int) -> None:
        self._start("defer_transports = smtp\n")
        with smtplib.SMTP("127.0.0.1", self.port) as client:
            for _ in range(count):
                client.sendmail(SENDER, [RECIPIENT], mail.of_two_kilobytes())
        wait_until(lambda: self._files("deferred") == count, "Postfix to defer them", PATIENCE)
        self._command("postfix", "stop")
        self._start("")

    def drain(self) -> float:
        began = time.perf_counter()
        self._command("postqueue", "-f")
        try:
            wait_until(lambda: not self.left(), "Postfix to send them", PATIENCE)
        finally:
            seconds = time.perf_counter() - began
            self._command("postfix", "stop")
        return seconds

    def left(self) -> int:
        return sum(self._files(queue) for queue in ("deferred", "active", "incoming"))

    def _files(self, queue: str) -> int:
        return sum(len(files) for _, _, files in os.walk(self.directory / "q" / queue))

    def _start(self, more: str) -> None:
        (self.etc / "main.cf").write_text(self._main + more)
        self._command("postfix", "start")

    def _command(self, program: str, word: str) -> None:
        with open(self.directory / "output", "wb") as output:  # a pipe the daemons would keep open
            argv = [program, "-c", str(self.etc), word]
            done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        if done.returncode:
            raise RuntimeError(f"{program} {word}: {(self.directory / 'output').read_text(errors='replace')[-500:]}")


class FromDebian(Mailer):
    """One of those that want to be the machine's only sendmail."""

    def __init__(self, directory: pathlib.Path, server: MailServer, port: int) -> None:
        self.directory = directory / self.name
        self.package = Unpacked(self.directory, self.name)
        self.version = self.package.version
        self.mail = self.directory / "mail"
        (self.package.etc / "mailname").write_text("client.test\n")
        self.prepare(server, port)

    def prepare(self, server: MailServer, port: int) -> None:
        """Its configuration and an empty queue."""
        raise NotImplementedError

    def run(self, script: str) -> float:
        argv = ["/usr/bin/timeout", str(PATIENCE), *self.package.argv(script)]
        return self._spawn(argv, {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}, self.directory / "out")


class Nullmailer(FromDebian):
    name = "nullmailer"
    settings = "nullmailer-send with pausetime 0; starttls, x509cafile, auth by itself"
    sample = 10

    def prepare(self, server: MailServer, port: int) -> None:
        etc, spool = self.package.etc / "nullmailer", self.package.spool / "nullmailer"
        etc.mkdir()
        for path in (spool, spool / "queue", spool / "tmp", spool / "failed"):
            path.mkdir()
            shutil.chown(path, "mail")
        os.mkfifo(spool / "trigger")
        shutil.chown(spool / "trigger", "mail")
        password = PASSWORDS["alice"].replace(" ", "\\ ").replace("'", "\\'")
        (etc / "remotes").write_text(
            f"localhost smtp port={port} starttls x509cafile={server.ca} user=alice pass={password}\n"
        )
        (etc / "pausetime").write_text("0\n")
        self.queue = spool / "queue"
        self.mail.write_bytes(f"{SENDER}\n{RECIPIENT}\n\n".encode() + mail.of_two_kilobytes())

    def fill(self, count: int) -> None:
        self.run(f"for number in $(seq {count}); do nullmailer-queue <{self.mail}; done")

    def drain(self) -> float:
        return self.run("exec nullmailer-send")

    def left(self) -> int:
        return len(list(self.queue.iterdir()))


DMA_CONF = """
SMARTHOST localhost
PORT {port}
SPOOLDIR /var/spool/dma
AUTHPATH /etc/dma/auth.conf
SECURETRANSFER
STARTTLS
DEFER
MAILNAME client.test
NULLCLIENT
"""


class Dma(FromDebian):
    name = "dma"
    settings = "dma -q until its spool is empty, a process and a connection for each mail; does not verify certificates"

    def prepare(self, server: MailServer, port: int) -> None:
        etc, self.spool = self.package.etc / "dma", self.package.spool / "dma"
        etc.mkdir()
        self.spool.mkdir()
        group = pwd.getpwnam("mail").pw_gid
        (etc / "dma.conf").write_text(DMA_CONF.format(port=port))
        (etc / "auth.conf").write_text(f"alice|localhost:{PASSWORDS['alice']}\n")
        for path, mode in ((etc / "auth.conf", 0o640), (etc / "dma.conf", 0o640), (self.spool, 0o2775)):
            os.chown(path, 0, group)
            path.chmod(mode)
        self.mail.write_bytes(mail.of_two_kilobytes())

    def fill(self, count: int) -> None:
        self.run(f"for number in $(seq {count}); do dma -f {SENDER} {RECIPIENT} <{self.mail}; done")

    def drain(self) -> float:
        return self.run('dma -q; while set -- /var/spool/dma/Q* && [ -e "$1" ]; do sleep 0.02; done')

    def left(self) -> int:
        return len(list(self.spool.glob("Q*")))


def one_by_one(directory: pathlib.Path, server: MailServer, port: int) -> OneByOne:
    """RuntimeError when msmtp is not there."""
    program = shutil.which("msmtp", path="/usr/bin")
    if not program:
        raise RuntimeError("not installed: msmtp")
    return OneByOne(Msmtp(directory, server, program), port)
