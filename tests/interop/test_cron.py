"""cron and at: their calls as a shell makes them, and the daemons themselves with our sendmail in its place."""

import os
import pathlib
import subprocess
from collections.abc import Callable

import pytest

from tests.conftest import Command
from tests.interop.mailserver import MailServer
from tests.interop.postfix import wait_until
from tests.interop.programs import needs

WriteRc = Callable[[str], pathlib.Path]
CRON_MAIL = """From: root (Cron Daemon)
To: {to}
Subject: Cron <root@vm> {subject}
MIME-Version: 1.0
Content-Type: text/plain; charset=UTF-8
Content-Transfer-Encoding: 8bit
X-Cron-Env: <SHELL=/bin/sh>

a job's output
"""


def named(server: MailServer, subject: str) -> list[str]:
    """Recipients of the mails with that word in their subject."""
    server.postfix.settle()
    return [mail.to for mail in server.maildir("inbox").mails() if subject in mail.get("Subject")]


@pytest.fixture
def for_root(server: MailServer, rc: WriteRc) -> MailServer:
    """Mail to plain "root" is for root@example.test, from alice."""
    rc(server.rc(qualifydomain="example.test", sender="alice@example.test"))
    return server


@pytest.mark.parametrize(
    "call",
    [
        "-i -FCronDaemon -B8BITMIME -oem root",
        "-FCronDaemon -i -B8BITMIME -oem  root",  # Debian's order
        "-FCronDaemon -odi -oem -oi -t",
        "-FCronDaemon -odi -oem -oi root",
        "-i root",  # at
        "-t -i",  # PHP
    ],
)
def test_call(call: str, for_root: MailServer, esmtp: Command, address: str) -> None:
    mail = CRON_MAIL.format(to="root", subject=address).encode()
    done = esmtp.run("/bin/sh", "-c", f"{esmtp.named('sendmail')} {call}", stdin=mail)
    assert (done.code, done.out, done.err) == (0, "", "")
    assert named(for_root, address) == ["root@example.test"]
    [arrived] = [m for m in for_root.maildir("inbox").mails() if address in m.get("Subject")]
    assert arrived.body == b"a job's output\n"
    assert arrived.get("From") == "root (Cron Daemon)"
    assert arrived.login == "alice"


def test_call_without_home(server: MailServer, esmtp: Command, address: str, tmp_path: pathlib.Path) -> None:
    """A daemon's environment may be empty."""
    config = tmp_path / "rc"
    config.touch(0o600)
    config.write_text(server.rc())
    done = esmtp.run(
        "/usr/bin/env", "-i", str(esmtp.program), "-C", str(config), "-i", address, stdin=b"Subject: x\n\n"
    )
    assert (done.code, done.err) == (0, "")
    assert len(server.mails(address)) == 1


def may_mount() -> bool:
    return subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode == 0


class Replaced:
    """A mount namespace in which /usr/sbin/sendmail is our command, and cron's and at's directories are fresh."""

    def __init__(self, esmtp: Command, directory: pathlib.Path) -> None:
        self.esmtp = esmtp
        self.spool, self.run_directory, empty = (directory / name for name in ("spool", "run", "empty"))
        self.run_directory.mkdir()
        empty.mkdir()
        subprocess.run(["cp", "-a", "/var/spool/cron", self.spool], check=True)  # for its owners and modes
        for job in (*self.spool.glob("atjobs/[!.]*"), *self.spool.glob("crontabs/*")):
            job.unlink()
        self.mounts = {
            os.path.realpath(esmtp.program): os.path.realpath("/usr/sbin/sendmail"),
            str(self.spool): "/var/spool/cron",
            str(self.run_directory): "/run",
            str(empty): "/etc/cron.d",
            "/dev/null": "/etc/crontab",
        }

    def argv(self, command: str) -> list[str]:
        binds = [f"mount --bind '{source}' '{target}'" for source, target in self.mounts.items()]
        return ["unshare", "--mount", "/bin/sh", "-ec", "\n".join([*binds, f"exec {command}"])]


@pytest.fixture
def replaced(esmtp: Command, tmp_path: pathlib.Path) -> Replaced:
    if not may_mount():
        pytest.skip("may not make a mount namespace here")
    return Replaced(esmtp, tmp_path)


@needs("cron")
def test_real_cron(for_root: MailServer, replaced: Replaced, esmtp: Command, address: str) -> None:
    table = replaced.spool / "crontabs" / "root"
    table.write_text(f"@reboot echo {address}\n@reboot true\n")
    table.chmod(0o600)
    daemon = subprocess.Popen(replaced.argv("cron -f"), env=esmtp.environ, cwd=esmtp.home, stderr=subprocess.PIPE)
    try:
        wait_until(lambda: named(for_root, address) == ["root@example.test"], "cron's mail")
    finally:
        daemon.terminate()
        daemon.communicate()
    [mail] = [m for m in for_root.maildir("inbox").mails() if address in m.get("Subject")]
    assert mail.body == f"{address}\n".encode()
    assert mail.get("From") == "root (Cron Daemon)"


@needs("at", "atd")
def test_real_at(for_root: MailServer, replaced: Replaced, esmtp: Command, address: str) -> None:
    job = esmtp.home / "job"
    job.write_text(f"echo {address}\n")
    done = esmtp.run(*replaced.argv(f"sh -c 'at -f {job} now; atd -s'"))
    assert done.code == 0, done

    def came() -> bool:
        for_root.postfix.settle()
        return any(address.encode() in mail.body for mail in for_root.maildir("inbox").mails())

    wait_until(came, "at's mail")
    [mail] = [m for m in for_root.maildir("inbox").mails() if address.encode() in m.body]
    assert mail.to == "root@example.test"
    assert mail.get("Subject").startswith("Output from your job")
