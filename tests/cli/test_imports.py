"""Starting is most of what one mail costs: what a plain send may not import, and what TLS may bring.

The modules are listed by the command itself, at its exit.
"""

import pathlib
import subprocess
from collections.abc import Callable

import pytest

from tests.conftest import SCRIPTS, Command
from tests.server import SubmissionServer

WriteRc = Callable[[str], pathlib.Path]
FORBIDDEN = {
    *("re", "enum", "dataclasses", "typing", "pathlib", "argparse", "getopt", "logging", "tempfile", "shlex", "json"),
    *("email", "subprocess", "importlib.metadata", "inspect", "contextlib", "asyncio", "keyring", "ply"),
}
# What must not come either where no TLS is spoken.
TLS_ONLY = {"ssl", "_ssl", "socket", "hashlib", "hmac", "certifi", "collections", "functools"}
# All that a mail on its way into the queue has to meet.
QUEUEING = {
    f"esmtp_py.{name}"
    for name in [
        "cli",
        "cli.main",
        "cli.options",
        "cli.flags",
        "cli.enqueue",
        "cli.mail",
        "cli.recipients",
        "cli.stdin",
        "message",
        "message.mailbox",
        "message.envelope",
        "message.header",
        "message.intake",
        "queue",
        "queue.entry",
        "queue.digest",
        "queue.writer",
        "queue.store",
        "errors",
    ]
}

LISTER = """
import atexit, os, sys
def write():
    with open(os.environ["MODULES"], "w") as file:
        file.write(" ".join(sys.modules))
atexit.register(write)
"""


class Lister:
    """Lists the modules a program has imported when it ends."""

    def __init__(self, esmtp: Command) -> None:
        self.esmtp = esmtp
        self.file = esmtp.home / "modules"
        directory = esmtp.home / "lister"
        directory.mkdir()
        (directory / "sitecustomize.py").write_text(LISTER)
        esmtp.environ |= {"PYTHONPATH": str(directory), "MODULES": str(self.file)}

    def modules(self, *args: str, stdin: bytes = b"Subject: x\n\nx\n") -> set[str]:
        """Of one run of esmtp that ended well."""
        done = self.esmtp(*args, stdin=stdin)
        assert (done.code, done.err) == (0, "")
        return self._written()

    def of_python(self, source: str) -> set[str]:
        """Of ``python -c source`` in the same environment."""
        python = SCRIPTS / "python"
        subprocess.run([python, "-c", source], env=self.esmtp.environ, check=True)
        return self._written()

    def _written(self) -> set[str]:
        names = set(self.file.read_text().split())
        self.file.unlink()
        return names


@pytest.fixture
def lister(esmtp: Command) -> Lister:
    return Lister(esmtp)


def test_plain_send(lister: Lister, rc: WriteRc) -> None:
    with SubmissionServer(tls="none", mechanisms=()) as server:
        rc(f"hostname 127.0.0.1:{server.port}\n")
        modules = lister.modules("-f", "me@example.test", "you@example.test")
        assert len(server.mails) == 1
    assert (modules - lister.of_python("pass")) & (FORBIDDEN | TLS_ONLY) == set()


def test_queueing(lister: Lister) -> None:
    """A mail into the queue needs no more of esmtp itself than these: each module more costs as much as a fsync."""
    modules = lister.modules("-odq", "-i", "-f", "me@example.test", "you@example.test")
    new = modules - lister.of_python("pass")
    assert new & (FORBIDDEN | TLS_ONLY) == set()
    assert {name for name in new if name.startswith("esmtp_py.")} <= QUEUEING


def test_delivery_to_the_mda(lister: Lister, rc: WriteRc) -> None:
    rc(f'mda "cat > {lister.esmtp.home}/box"\n')
    modules = lister.modules("-f", "me@example.test", "joe")
    assert (lister.esmtp.home / "box").exists()
    assert (modules - lister.of_python("pass")) & (FORBIDDEN | TLS_ONLY) == set()


# What only those pay for whose rc asks for it, and what only a failure needs.
OF_OTHERS = {
    *("net.pin", "net.revocation", "net.client_certificate", "net.binding", "net.diagnosis", "net.proxy", "net.socks"),
    *("net.http_proxy", "net.srv", "deliver.discovery", "config.proxy"),
    *("config.channel", "config.login", "config.policy"),
}


def test_a_run_of_the_queue(lister: Lister, rc: WriteRc) -> None:
    """What is loaded before the connection is there, each mail of the run waits for."""
    with SubmissionServer(tls="none", mechanisms=()) as server:
        rc(f"hostname 127.0.0.1:{server.port}\n")
        lister.modules("-odq", "-f", "me@example.test", "you@example.test")
        modules = lister.modules("-q", stdin=b"")
        assert len(server.mails) == 1
    new = modules - lister.of_python("import collections")
    assert new & (FORBIDDEN | TLS_ONLY) == set()
    assert not new & {f"esmtp_py.{name}" for name in OF_OTHERS}


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "CRAM-MD5"])
def test_send_with_tls_and_password(mechanism: str, lister: Lister, rc: WriteRc) -> None:
    with SubmissionServer(mechanisms=(mechanism,)) as server:
        rc(
            f"hostname localhost:{server.port} username alice password secret\n"
            f'starttls required ca_file "{server.authority.file}"\n'
        )
        modules = lister.modules("-f", "me@example.test", "you@example.test")
        assert len(server.mails) == 1
    assert "_ssl" in modules
    assert not modules & {f"esmtp_py.{name}" for name in OF_OTHERS}
    brought_by_ssl = lister.of_python("import ssl")
    assert modules & FORBIDDEN <= brought_by_ssl


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"])
def test_scram_brings_no_more_than_its_hashes(mechanism: str, lister: Lister, rc: WriteRc) -> None:
    with SubmissionServer(mechanisms=(mechanism,)) as server:
        rc(f'hostname localhost:{server.port} username alice password secret\nca_file "{server.authority.file}"\n')
        modules = lister.modules("-f", "me@example.test", "you@example.test")
        assert server.sessions[0].mechanism == mechanism
    assert modules & FORBIDDEN <= lister.of_python("import ssl, hashlib, hmac")
    assert "stringprep" not in modules


def test_the_list_would_show_them(lister: Lister) -> None:
    assert lister.of_python(f"import {', '.join(FORBIDDEN - {'keyring'})}") >= FORBIDDEN - {"keyring"}


def test_rc_with_everything(lister: Lister, rc: WriteRc) -> None:
    """Reading a long rc costs no module either."""
    with SubmissionServer(tls="none", mechanisms=()) as server:
        sections = "".join(
            f'identity "u{n}@example.org", *@d{n}.example.org\n hostname h{n}:25 user "a\\x41" password \'p\'\n'
            for n in range(50)
        )
        rc(f"{sections}identity me@example.test\nhostname 127.0.0.1:{server.port}\n")
        modules = lister.modules("-f", "me@example.test", "you@example.test")
    assert (modules - lister.of_python("pass")) & FORBIDDEN == set()
