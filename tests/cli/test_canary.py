"""A password goes to the server, and nowhere else: for each place it comes from, and each mechanism.

The server quotes it in every reply, in clear and in base64; hooks and password
commands write down their environment; and all that is left is searched for it.
"""

import base64
import json
import os
import pathlib
import signal
import subprocess
import time
from collections.abc import Callable, Iterator

import pytest

from tests.cli.canary import CANARY, FORMS, Watch, nests, sung
from tests.cli.queue import Queue, queue
from tests.cli.test_passwords import KEYRING, ROOT, private
from tests.conftest import Command
from tests.server import SubmissionServer, sasl
from tests.server.auth import MECHANISMS
from tests.server.oauth import OAuthServer
from tests.server.sasl import SCRAM
from tests.server.scripted import ScriptedServer, script, stall

__all__ = ["queue"]

Rc = Callable[[str], pathlib.Path]
MAIL = b"From: me@x.org\nSubject: x\n\nx\n"

SOURCES = {
    "rc": f'password "{CANARY}"',
    "command": 'password_command \'env >~/command.env; tr "\\\\0" " " </proc/$$/cmdline >~/command.line; cat ~/pw\'',
    "file": "password_file ~/pw",
    "netrc": "password_from netrc",
    "keyring": KEYRING,
    "credential": "password_from credential smtp",
    "ask": "password_from ask",
}
# Where it has to be.
KNOWN = {".esmtprc", "pw", ".netrc", "keyring.json", "credentials/smtp"}

EVERYTHING = f"{CANARY} {base64.b64encode(CANARY.encode()).decode()} " + " ".join(
    base64.b64encode(blob.encode()).decode()
    for blob in (
        f"\0alice\0{CANARY}",
        f"alice\0alice\0{CANARY}",
        f"user=alice\1auth=Bearer {CANARY}\1\1",
        f"n,a=alice,\1host=localhost\1auth=Bearer {CANARY}\1\1",
    )
)
ECHOING = {
    "AUTH": f"235 2.7.0 welcome {EVERYTHING}",
    "RCPT carol@x.org": f"550 5.1.1 {EVERYTHING} no carol here",
    "RCPT dave@x.org": f"451 4.2.1 dave is away {EVERYTHING}",
    "END": f"250 2.0.0 queued as {EVERYTHING}",
    "QUIT": f"221 2.0.0 bye {EVERYTHING}",
}


class Cage:
    """The command with the canary in one place, and all that has been said and shown."""

    def __init__(self, esmtp: Command, server: SubmissionServer, source: str) -> None:
        self.esmtp = esmtp
        self.server = server
        self.asks = source == "ask"
        self.shown = ""
        private(esmtp.home / "pw", CANARY + "\n")
        private(esmtp.home / ".netrc", f"machine localhost login alice password {CANARY}\n")
        private(esmtp.home / "keyring.json", json.dumps({"smtp://localhost": {"alice": CANARY}}))
        esmtp.environ |= {
            "CREDENTIALS_DIRECTORY": str(private(esmtp.home / "credentials" / "smtp", CANARY).parent),
            "PYTHONPATH": str(ROOT),
            "ESMTP_DEBUG": "1",
            "TMPDIR": str(esmtp.home),
        }

    def __call__(self, *args: str, stdin: bytes = MAIL) -> int:
        """Runs it with all that tells what it does; types the password where that is how it comes."""
        if not self.asks:
            done = self.esmtp("-v", "-X", "transcript", *args, stdin=stdin)
            self.shown += done.out + done.err
            return done.code
        terminal = self.esmtp.at_terminal("-v", "-X", "transcript", *args, stdin=stdin)
        if "-odq" not in args:
            terminal.answer("Password of alice at localhost: ", CANARY)
        code = terminal.end()
        self.shown += terminal.shown
        return code

    def escaped(self) -> list[str]:
        """Where the canary is and must not be."""
        places = [f"the screen: {line}" for line in self.shown.splitlines() if sung(line.encode())]
        places += [f"a mail: {mail.data!r}" for mail in self.server.mails if sung(mail.data)]
        return places + list(nests(self.esmtp.home, KNOWN))


def cage(esmtp: Command, rc: Rc, server: SubmissionServer, source: str, mechanism: str = "automatic") -> Cage:
    user = '"EXAMPLE\\\\alice"' if mechanism == "NTLM" else "alice"
    rc(
        f"identity me@x.org\nhostname localhost:{server.port}\nusername {user}\nauth {mechanism.lower()}\n"
        f'ca_file "{server.authority.file}"\n{SOURCES[source]}\nlog ~/log\n'
        'preconnect "env >~/preconnect.env; read line <~/gate"\npostconnect "env >~/postconnect.env"\n'
        'mda "env >~/mda.env; cat >>~/mail"\n'
    )
    return Cage(esmtp, server, source)


# EXTERNAL, ANONYMOUS and GSSAPI have no secret of ours to lose.
NAMES = [*MECHANISMS, *SCRAM, "XOAUTH2", "OAUTHBEARER", "NTLM"]
CASES = [*((source, "PLAIN") for source in SOURCES), *(("rc", name) for name in NAMES if name != "PLAIN")]


@pytest.fixture(autouse=True)
def _ntlm_users(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For the server alone."""
    path = tmp_path / "ntlm"
    path.write_text(f"EXAMPLE:alice:{CANARY}\n")
    monkeypatch.setenv("NTLM_USER_FILE", str(path))


@pytest.fixture(autouse=True)
def watch(esmtp: Command) -> Iterator[Watch]:
    """It is not in the process table either, whatever runs."""
    with Watch(gate=esmtp.home / "gate") as watching:
        yield watching
    assert watching.found == set()


def serving(mechanism: str, replies: dict[str, str]) -> SubmissionServer:
    """A server that knows alice, and no other mechanism."""
    return SubmissionServer(users={"alice": CANARY}, mechanisms=(mechanism,), replies=replies)


@pytest.mark.parametrize(("source", "mechanism"), CASES)
def test_nobody_but_the_server_hears_it(
    source: str, mechanism: str, esmtp: Command, rc: Rc, queue: Queue, watch: Watch
) -> None:
    with serving(mechanism, ECHOING) as server:
        cat = cage(esmtp, rc, server, source, mechanism)
        everybody = ("-f", "me@x.org", "bob@x.org", "carol@x.org", "dave@x.org", "root")
        assert cat(*everybody) == 75
        assert cat("-odq", *everybody) == 0
        assert cat("-q") == 0  # with a report about carol, and a mark about dave
    assert server.sessions[0].mechanism == mechanism
    assert b"carol here" in (esmtp.home / "mail").read_bytes()
    assert "S: 550 5.1.1 * * " in cat.shown
    assert "dave is away * * " in esmtp("-bp", "-v").out
    assert "S: 235 2.7.0 welcome * * " in (esmtp.home / "transcript").read_text()
    assert {"mda.env", "preconnect.env", "postconnect.env", "log"} <= {path.name for path in esmtp.home.iterdir()}
    assert "esmtp" in watch.seen
    cat.shown += esmtp("-bp", "-v").out + esmtp("--json").out + esmtp("--show", *queue.store.ids()).out
    assert cat.escaped() == []


@pytest.mark.parametrize(("source", "mechanism"), CASES)
def test_nor_when_it_is_refused(source: str, mechanism: str, esmtp: Command, rc: Rc, queue: Queue) -> None:
    with serving(mechanism, {"AUTH": f"535 5.7.8 {EVERYTHING} is wrong"}) as server:
        cat = cage(esmtp, rc, server, source, mechanism)
        assert cat("-f", "me@x.org", "bob@x.org") == 77
        assert cat("-odq", "-f", "me@x.org", "bob@x.org") == 0
        assert cat("-q") == 0
    assert "535 5.7.8 * * " in cat.shown
    assert "5.7.8 * * " in esmtp("-bp", "-v").out
    cat.shown += esmtp("-bp", "-v").out + esmtp("--json").out + esmtp("--show", *queue.store.ids()).out
    assert cat.escaped() == []


@pytest.mark.parametrize("mechanism", ["XOAUTH2", "OAUTHBEARER"])
def test_nor_when_a_challenge_quotes_it(
    mechanism: str, esmtp: Command, rc: Rc, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server says in base64 what it does not like about a token, and its whole error may hold that."""
    monkeypatch.setattr(sasl, "BAD_TOKEN", json.dumps({"status": "401", "why": EVERYTHING}).encode())
    with SubmissionServer(users={"alice": "another"}, mechanisms=(mechanism,)) as server:
        cat = cage(esmtp, rc, server, "rc", mechanism)
        assert cat("-f", "me@x.org", "bob@x.org") == 77
    assert "S: 334 " in cat.shown
    assert cat.escaped() == []


TOKENS = {"access_token": CANARY, "refresh_token": CANARY, "token_type": "Bearer", "expires_in": 3600}


@pytest.mark.parametrize(
    "answer",
    [
        (200, TOKENS),
        (400, {"error": "invalid_grant", "error_description": EVERYTHING}),
        (500, {"error": EVERYTHING, "error_uri": EVERYTHING}),
        f"HTTP/1.1 200 {EVERYTHING}\r\nContent-Length: 4\r\n\r\n{CANARY}".encode(),
        f"{EVERYTHING}\r\n\r\n".encode(),
    ],
    ids=["granted", "withdrawn", "failing", "no-json", "no-http"],
)
@pytest.mark.parametrize("mechanism", ["XOAUTH2", "OAUTHBEARER"])
def test_tokens_and_the_secret_of_the_client(
    mechanism: str, answer: "tuple[int, object] | bytes", esmtp: Command, rc: Rc, queue: Queue
) -> None:
    """All that OAuth2 keeps secret is the canary, and both servers quote it."""
    with serving(mechanism, ECHOING) as server, OAuthServer() as provider:
        provider.plan("token", *[answer] * 9)
        cat = cage(esmtp, rc, server, "rc", mechanism)
        tokens = f'token_file ~/token\noauth2 custom\nclient_id me\nclient_secret "{CANARY}"\nscope mail\n'
        path = esmtp.home / ".esmtprc"
        path.write_text(path.read_text().replace(SOURCES["rc"], f"{tokens}token_endpoint {provider.url('token')}"))
        private(esmtp.home / "token", CANARY + "\n")
        everybody = ("-f", "me@x.org", "bob@x.org", "carol@x.org", "dave@x.org", "root")
        code = cat(*everybody)
        cat("-odq", *everybody)
        cat("-q")
    assert code in (70, 75, 76, 77)
    assert provider.asked("token")
    cat.shown += esmtp("-bp", "-v").out + esmtp("--json").out + esmtp("--show", *queue.store.ids()).out
    known = {"token", *(f".esmtp_tokens/{file.name}" for file in (esmtp.home / ".esmtp_tokens").glob("*.token"))}
    assert [place for place in cat.escaped() if place not in known] == []
    assert all((esmtp.home / name).stat().st_mode & 0o777 == 0o600 for name in known)


CRASH = """
import esmtp_py.deliver.pipeline as module
def carry(self, parcels):
    raise RuntimeError("a defect of ours")
module.Pipeline.carry = carry
"""


@pytest.mark.parametrize("source", SOURCES)
def test_a_traceback_does_not_show_it(source: str, esmtp: Command, rc: Rc, queue: Queue) -> None:
    with SubmissionServer(users={"alice": CANARY}) as server:
        cat = cage(esmtp, rc, server, source)
        (esmtp.home / "sitecustomize.py").write_text(CRASH)
        esmtp.environ["PYTHONPATH"] += f":{esmtp.home}"
        assert cat("-f", "me@x.org", "bob@x.org") == 70
        cat("-odq", "-f", "me@x.org", "bob@x.org")
        cat("-q")
    assert cat.shown.count("RuntimeError: a defect of ours\n") >= 1
    assert cat.escaped() == []


@pytest.mark.parametrize("source", [source for source in SOURCES if source != "ask"])
def test_a_source_that_breaks_does_not_show_it(source: str, esmtp: Command, rc: Rc) -> None:
    """The password is there, and then something goes wrong."""
    with SubmissionServer(users={"alice": CANARY}) as server:
        cat = cage(esmtp, rc, server, source)
        for name in ("pw", ".netrc", "credentials/smtp"):
            (esmtp.home / name).chmod(0o644)
        esmtp.environ["KEYRING_DOES"] = "fails"
        path = esmtp.home / ".esmtprc"
        path.write_text(path.read_text().replace("cat ~/pw", "cat ~/pw; cat ~/pw >&2; false") + "\nhelo\n")
        assert cat("-f", "me@x.org", "bob@x.org") == 78
        path.write_text(path.read_text().removesuffix("helo\n"))
        assert cat("-f", "me@x.org", "bob@x.org") == (0 if source == "rc" else 75)
    assert esmtp("--check-rc").code == 0
    cat.shown += esmtp("--check-rc").out
    assert cat.escaped() == []


def test_a_crash_leaves_no_core_file(esmtp: Command, rc: Rc) -> None:
    """Killed as a defect of Python would kill it, right after the login."""
    steps = script("S: 220 x", "C: EHLO *", "S: 250-x", "S: 250 AUTH PLAIN", "C: AUTH PLAIN *", "S: 235 ok")
    with ScriptedServer([*steps, stall]) as server:
        rc(f'hostname 127.0.0.1:{server.port}\nstarttls disabled\nusername alice\npassword "{CANARY}"\n')
        shell = f"ulimit -c unlimited; exec {esmtp.program} -f me@x.org bob@x.org"
        process = subprocess.Popen(
            ["/bin/sh", "-c", shell],
            stdin=subprocess.PIPE,
            env=esmtp.environ,
            cwd=esmtp.home,
            stderr=subprocess.DEVNULL,
        )
        assert process.stdin
        process.stdin.write(MAIL)
        process.stdin.close()
        end = time.monotonic() + 30
        while not server.tail and time.monotonic() < end:  # it says MAIL, so it has logged in
            time.sleep(0.01)
        limits = pathlib.Path(f"/proc/{process.pid}/limits").read_text()
        process.send_signal(signal.SIGABRT)
        assert process.wait(30) == -signal.SIGABRT
    [line] = [line for line in limits.splitlines() if line.startswith("Max core file size")]
    assert line.split()[4:6] == ["0", "unlimited"]
    assert list(esmtp.home.glob("*core*")) == []


@pytest.mark.parametrize("name", ["transcript", "log"])
def test_who_reads_what_is_written(name: str, esmtp: Command, rc: Rc) -> None:
    """A transcript and a log say who writes to whom: they are for their owner, whatever the umask."""
    with SubmissionServer(users={"alice": CANARY}) as server:
        old = os.umask(0)
        try:
            assert cage(esmtp, rc, server, "rc")("-f", "me@x.org", "bob@x.org") == 0
        finally:
            os.umask(old)
    assert (esmtp.home / name).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("form", FORMS)
def test_it_would_be_found(form: bytes, tmp_path: pathlib.Path) -> None:
    """In a file, in its name, on a command line, in an environment."""
    home = tmp_path / "home"
    (home / "sub").mkdir(parents=True)
    (home / "sub" / "file").write_bytes(b"x" + form + b"x")
    assert list(nests(home, set())) == ["sub/file"]
    assert list(nests(home, {"sub/file"})) == []
    # a bird of its own, for other tests watch at the same time
    decoy = form[::-1].decode()
    for argv, environ in ((["sleep", "30", decoy], {}), (["sleep", "30"], {"A": decoy})):
        with subprocess.Popen(["/bin/sh", "-c", "sleep 30", *argv[2:]], env={"PATH": "/bin", **environ}) as process:
            with Watch((form[::-1],)) as watch:
                end = time.monotonic() + 20
                while not watch.found and time.monotonic() < end:
                    time.sleep(0.01)
            process.kill()
        assert watch.found
