"""--doctor: a line for everything that a mail needs, and what to do about what is wrong."""

import os
import pathlib
import time
from collections.abc import Callable

import pytest

from esmtp_py.cli.assistant.checks import clock, name, sendmail
from esmtp_py.cli.assistant.colour import painted
from esmtp_py.config.identity import Identity
from esmtp_py.config.server import Server
from esmtp_py.deliver.survey import _ambiguous, hurried
from esmtp_py.message.envelope import Recipient
from esmtp_py.queue.entry import Entry
from tests.cli.queue import Queue, queue
from tests.conftest import Command, Done
from tests.interop.postfix import wait_until
from tests.server import SubmissionServer
from tests.server.authority import shared_certificate
from tests.server.scripted import ScriptedServer, script

__all__ = ["queue"]

Rc = Callable[[str], pathlib.Path]


def findings(done: Done, about: str) -> list[tuple[str, str]]:
    rows = [(line[:4].strip(), line[6:18].strip(), line[19:]) for line in done.out.splitlines()]
    return [(level, text) for level, what, text in rows if what == about]


def statements(server: SubmissionServer, password: str = "secret") -> str:
    lines = f"hostname localhost:{server.port}\nusername alice\npassword {password}\nca_file {server.authority.file}\n"
    return f"identity me@x.org\n{lines}"


def test_all_is_well(esmtp: Command, rc: Rc) -> None:
    with SubmissionServer() as server:
        path = rc(statements(server))
        done = esmtp("--doctor")
    assert (done.code, done.err) == (0, "")
    assert findings(done, "rc file") == [("ok", f"{path}: 1 identity")]
    assert findings(done, "queue") == [("ok", f"{esmtp.home}/.esmtp_queue: nothing waits")]
    assert findings(done, "log-in") == [("ok", "me@x.org: alice is let in")]
    assert [level for level, _ in findings(done, "TLS")] == ["ok", "note"], "its certificate is valid for a day"
    assert findings(done, "DNS")[0][0] == "ok"
    assert "secret" not in done.out
    assert server.mails == []


def test_a_login_without_a_username_is_tried_too(esmtp: Command, rc: Rc) -> None:
    with SubmissionServer(mechanisms=("ANONYMOUS",)) as server:
        rc(f"identity me@x.org hostname localhost:{server.port} auth anonymous ca_file {server.authority.file}\n")
        assert findings(esmtp("--doctor"), "log-in") == [("ok", "me@x.org: ANONYMOUS is let in")]


def test_a_wrong_password(esmtp: Command, rc: Rc) -> None:
    with SubmissionServer() as server:
        rc(statements(server, "canary"))
        done = esmtp("--doctor")
        assert done.code == 77
        [(level, text)] = findings(done, "log-in")
        assert level == "bad"
        assert "check username and password in the rc" in text
        assert "canary" not in done.out


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("password_file pw", "chmod 600"),
        ("password_from ask", "terminal"),
        ("password_command false", "password_command"),
        ("# none", "no password for alice"),
    ],
)
def test_a_password_that_cannot_be_had(esmtp: Command, rc: Rc, source: str, said: str) -> None:
    (esmtp.home / "pw").write_text("secret\n")
    (esmtp.home / "pw").chmod(0o644)
    with SubmissionServer() as server:
        rc(statements(server).replace("password secret", source))
        done = esmtp("--doctor")
    assert done.code != 0
    [(level, text)] = findings(done, "log-in")
    assert level == "bad"
    assert text.startswith("me@x.org: ")
    assert said in text
    assert findings(done, "server") == []


def test_a_password_of_nobody(esmtp: Command, rc: Rc) -> None:
    with SubmissionServer() as server:
        path = rc(statements(server).replace("username alice\n", ""))
        done = esmtp("--doctor")
    assert done.code == 78
    assert findings(done, "log-in") == [
        ("bad", f"me@x.org: {path}:3: password, but no username; write one, or take it out")
    ]


def test_an_authority_that_nobody_knows(esmtp: Command, rc: Rc) -> None:
    with SubmissionServer() as server:
        rc(statements(server).partition("ca_file")[0])
        done = esmtp("--doctor")
    assert done.code == 77
    assert findings(done, "TLS")[0][0] == "bad"
    assert "ca_file" in findings(done, "TLS")[0][1]
    assert findings(done, "log-in") == []


def test_one_bad_identity_does_not_hide_the_next(esmtp: Command, rc: Rc) -> None:
    with SubmissionServer() as server:
        rc(f"identity away@x.org hostname 127.0.0.1:1\n{statements(server)}")
        done = esmtp("--doctor")
    assert done.code == 75
    [(level, text)] = findings(done, "server")
    assert level == "bad"
    assert "refused; is there a network, and is the port right?" in text
    assert findings(done, "log-in") == [("ok", "me@x.org: alice is let in")]


@pytest.mark.parametrize("said", [True, False])
def test_a_port_for_tls_from_the_first_byte(esmtp: Command, rc: Rc, said: bool) -> None:
    with SubmissionServer(tls="implicit") as server:
        rc(statements(server) + "starttls implicit\n" * said)
        done = esmtp("--doctor")
    assert (done.code == 0) == said
    assert any("it answers: write `starttls implicit`" in text for _, text in findings(done, "server")) == (not said)


def test_a_port_that_says_nothing_whatever_is_tried(esmtp: Command, rc: Rc) -> None:
    with ScriptedServer(script("= stall")) as silent:
        rc(f"identity me@x.org\nhostname 127.0.0.1:{silent.port}\ntimeout 1\n")
        done = esmtp("--doctor")
        assert done.code == 75
        [(level, text)] = findings(done, "server")
        assert level == "bad"
        assert "did not answer in time" in text
        assert "; nor does it answer in TLS from the first byte: is it the port" in text
        wait_until(lambda: silent.connections >= 2, "the second, which may be taken when the client has left")
    assert silent.connections == 2


@pytest.mark.parametrize("port", ["25", "smtp", "587", "submission", "465", "smtps"])
def test_well_known_ports_are_not_tried_both_ways(port: str) -> None:
    assert not _ambiguous(Identity(server=Server("x.org", port)))
    assert _ambiguous(Identity(server=Server("x.org", "2525")))


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ({}, 10),
        ({"timeout": 3}, 3),
        ({"timeout": 600}, 600),
        ({"connect_timeout": 60}, 60),
        ({"connect_timeout": 2}, 10),
    ],
)
def test_who_waits_waits_for_seconds_unless_the_rc_says_how_long(said: dict[str, int], seconds: int) -> None:
    assert hurried(Identity(**said)).timeout == seconds


@pytest.mark.parametrize(
    ("text", "mode", "said"),
    [("identity\n", 0o600, "expected an address"), ("identity a@x.org\npassword x\n", 0o644, "chmod 600")],
)
def test_an_rc_file_that_cannot_be_used(esmtp: Command, rc: Rc, text: str, mode: int, said: str) -> None:
    rc(text).chmod(mode)
    done = esmtp("--doctor")
    assert done.code == 78
    [(level, told)] = findings(done, "rc file")
    assert level == "bad"
    assert said in told


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("ciphers NONSENSE", "no cipher is left"),
        ("certificate /etc/passwd", "cannot use certificate /etc/passwd"),
        ("crl_file /etc/passwd", "cannot use crl_file /etc/passwd"),
    ],
)
def test_what_openssl_cannot_use_is_found_without_a_server(esmtp: Command, rc: Rc, statement: str, said: str) -> None:
    path = rc(f"identity me@x.org\nhostname 127.0.0.1:1\n{statement}\n")
    done = esmtp("--doctor")
    assert done.code == 78
    [text] = [text for level, text in findings(done, "rc file") if level == "bad"]
    assert text.startswith(f"{path}:3: ")
    assert said in text


def test_a_key_that_everybody_may_read(esmtp: Command, rc: Rc) -> None:
    own = esmtp.home / "me.pem"
    own.write_bytes(pathlib.Path(shared_certificate().pem).read_bytes())
    own.chmod(0o644)
    with SubmissionServer() as server:
        rc(statements(server) + "certificate me.pem\n")
        done = esmtp("--doctor")
        assert done.code == 0
        assert any(level == "note" and f"chmod 600 {own}" in text for level, text in findings(done, "rc file"))
        own.chmod(0o600)
        assert "chmod" not in esmtp("--doctor").out


@pytest.mark.parametrize(
    ("name", "level", "said"),
    [
        ("kept", "ok", "kept"),
        ("new", "ok", "new, as soon as there is something to note"),
        ("no/where", "note", "no is no directory that you may write to"),
        ("linked", "note", "linked: it has a second name (hard link)"),
        ("folder", "note", "folder: Is a directory"),
    ],
)
def test_a_log(esmtp: Command, rc: Rc, name: str, level: str, said: str) -> None:
    """Looked at without being written."""
    (esmtp.home / "kept").write_text("a line\n")
    (esmtp.home / "linked").touch()
    os.link(esmtp.home / "linked", esmtp.home / "other")
    (esmtp.home / "folder").mkdir()
    rc(f'log "{esmtp.home}/{name}"\nidentity me@x.org\nmda "cat >/dev/null"\n')
    [(seen, text)] = findings(esmtp("--doctor"), "log")
    assert seen == level
    assert said in text
    assert (esmtp.home / "kept").read_text() == "a line\n"
    assert not (esmtp.home / "new").exists()


def test_no_rc_file(esmtp: Command) -> None:
    done = esmtp("--doctor")
    assert findings(done, "rc file") == [("note", "there is none: `esmtp --setup` writes one")]


def test_a_queue_that_nobody_runs(esmtp: Command, rc: Rc, queue: Queue) -> None:
    rc('mda "cat"\n')
    now = time.time()
    queue.add(Entry(now, "me@x.org", [Recipient("a@x.org")]))
    [(level, text)] = findings(esmtp("--doctor"), "queue")
    assert (level, text[:12]) == ("note", "1 mail waits")
    [path] = (queue.path / "new").iterdir()
    os.utime(path, (now - 7200, now - 7200))
    done = esmtp("--doctor")
    [(level, text)] = findings(done, "queue")
    assert level == "bad"
    assert "crontab" in text
    assert done.code == 75


def test_a_queue_that_others_can_write_to(esmtp: Command, rc: Rc, queue: Queue) -> None:
    rc('mda "cat"\n')
    queue.path.chmod(0o777)
    done = esmtp("--doctor")
    assert done.code == 71
    assert "chmod 700" in findings(done, "queue")[0][1]


def test_what_was_set_aside_is_mentioned(esmtp: Command, rc: Rc, queue: Queue) -> None:
    rc('mda "cat"\n')
    (queue.path / "corrupt").mkdir(mode=0o700)
    (queue.path / "corrupt" / "1700000000-000000a").write_text("x")
    assert ("note", f"1 in {queue.path}/corrupt, damaged: `mailq` lists them") in findings(esmtp("--doctor"), "queue")


def test_copies_for_an_imap_server_that_is_not_there(esmtp: Command, rc: Rc, queue: Queue) -> None:
    rc("identity me@x.org\nmda 'cat >/dev/null'\nusername me\npassword x\nrecord imap\nimap_server 127.0.0.1:1\n")
    assert esmtp("-f", "me@x.org", "joe", stdin=b"Subject: x\n\ny\n").code == 0
    done = esmtp("--doctor")
    assert done.code == 75
    copies, server = findings(done, "record")
    told = "1 copy of a sent mail waits for the IMAP server: esmtp -q puts it there, or says why not"
    assert copies == ("note", f"{queue.path}/sent: {told}")
    assert server == (
        "bad",
        "me@x.org: no copy gets to the IMAP server: cannot connect to 127.0.0.1[127.0.0.1]:1: Connection refused",
    )
    [copy] = (queue.path / "sent").iterdir()
    copy.rename(copy.with_name(f"1700000000-{copy.name[11:]}"))
    assert findings(esmtp("--doctor"), "record")[0][0] == "bad", "it has been tried in vain for long"


def test_clock() -> None:
    assert [finding.level for finding in clock(0.0)] == ["bad"]
    assert [finding.level for finding in clock()] == ["ok"]


def test_who_is_sendmail(tmp_path: pathlib.Path) -> None:
    other = tmp_path / "other"
    other.touch()
    assert [finding.level for finding in sendmail(str(tmp_path / "none"))] == ["note"]
    [finding] = sendmail(str(other))
    assert finding.level == "note"
    assert finding.text == f"{other} is another program; cron's mail goes there"
    link = tmp_path / "link"
    link.symlink_to(other)
    [finding] = sendmail(str(link))
    assert f"({other})" in finding.text, "which one"


def test_a_host_without_a_domain() -> None:
    class Nobody:
        host = "box"

    [finding] = name(Nobody())  # type: ignore[arg-type]
    assert finding.level == "note"


def test_colour_only_where_it_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr("os.isatty", lambda fd: True)
    assert painted("bad", "red") == "\x1b[31mbad\x1b[0m"
    monkeypatch.setenv("NO_COLOR", "1")
    assert painted("bad", "red") == "bad"
    monkeypatch.setenv("NO_COLOR", "")
    assert painted("bad", "red") == "\x1b[31mbad\x1b[0m", "as no-color.org says"
    for terminal in ("dumb", ""):
        monkeypatch.setenv("TERM", terminal)
        assert painted("bad", "red") == "bad"
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("os.isatty", lambda fd: False)
    assert painted("bad", "red") == "bad"
