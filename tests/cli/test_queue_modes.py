"""-odq, -odb and -q through the installed command: into the queue, and out of it."""

import os
import re
import signal
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import way_to
from tests.cli.queue import Queue
from tests.conftest import SCRIPTS, Command
from tests.server import SubmissionServer

Rc = Callable[[str], Path]
MAIL = b"From: me@x.org\nBcc: secret@x.org\nSubject: later\n\nbody\n"


def queued(esmtp: Command, where: str = "new") -> list[Path]:
    place = esmtp.home / ".esmtp_queue" / where
    return sorted(place.iterdir()) if place.is_dir() else []


@pytest.mark.parametrize("flag", ["-odq", "-odd", "-ODeliveryMode=queueonly"])
def test_queued_without_rc_and_delivered_by_a_run(esmtp: Command, rc: Rc, flag: str) -> None:
    rc("this is { no rc file")
    done = esmtp(flag, "-f", "me@x.org", "-t", "joe@x.org", stdin=MAIL)
    assert (done.code, done.out, done.err) == (0, "", "")
    [file] = queued(esmtp)
    assert file.stat().st_mode & 0o777 == 0o600
    assert b"Bcc" not in file.read_bytes()
    with SubmissionServer(tls="none", mechanisms=()) as server:
        rc(way_to(server))
        done = esmtp("-q")
        assert (done.code, done.out, done.err) == (0, "", "")
    [mail] = server.mails
    assert mail.recipients == ["joe@x.org", "secret@x.org"]
    assert b"Date: " in mail.data
    assert b"Message-ID: <" + file.name.encode() in mail.data
    assert queued(esmtp) == []


def test_a_broken_rc_keeps_the_mail_waiting(esmtp: Command, rc: Rc) -> None:
    rc("this is { no rc file")
    assert esmtp("-odq", "-f", "me@x.org", "joe@x.org", stdin=MAIL).code == 0
    assert esmtp("-q").code == 0
    [file] = queued(esmtp)
    assert b"\ndeferred " in file.read_bytes()
    assert b" config 4.3.5 " in file.read_bytes()


def test_background_delivery_returns_at_once_and_delivers(esmtp: Command, rc: Rc) -> None:
    with SubmissionServer(tls="none", mechanisms=()) as server:
        rc(way_to(server))
        assert esmtp("-odb", "-f", "me@x.org", "joe@x.org", stdin=MAIL).code == 0
        server.wait(1)
    assert server.mails[0].recipients == ["joe@x.org"]


def test_many_mails_of_one_run_log_in_once(esmtp: Command, rc: Rc) -> None:
    for number in range(5):
        assert esmtp("-odq", "-f", "me@x.org", f"r{number}@x.org", stdin=MAIL).code == 0
    with SubmissionServer(tls="none", mechanisms=()) as server:
        rc(way_to(server))
        assert esmtp.run(str(esmtp.named("deliver"))).code == 0
    assert [mail.recipients for mail in server.mails] == [[f"r{number}@x.org"] for number in range(5)]
    assert len(server.sessions) == 1


def test_a_wrong_password_is_shown_once_until_a_person_asks_for_more(esmtp: Command, rc: Rc) -> None:
    with SubmissionServer(tls="none", users={"alice": "another"}) as server:
        rc(f"{way_to(server)}username alice\npassword secret\n")
        for number in range(4):
            assert esmtp("-odq", "-f", "me@x.org", f"r{number}@x.org", stdin=MAIL).code == 0
            assert esmtp("-q").code == 0
        server.settle()
        assert len(server.sessions) == 1
        *_, last = queued(esmtp)
        assert re.search(r"\n    put off until .*: 127\.0\.0\.1 said in reply to AUTH: 535 ", esmtp("-bp", "-v").out)
        assert "\n    put off until " in esmtp("--show", last.name).out
        assert esmtp("-qRr1").code == 0
        server.settle()
        assert len(server.sessions) == 2
        server.users["alice"] = "secret"
        assert esmtp("--retry-now", last.name).code == 0
        server.wait(1)
    assert [mail.recipients for mail in server.mails] == [["r3@x.org"]]


FAULTY = {
    "a mistake": ("this is { no rc file\n", "1:1: "),
    "open to others": ("identity me@x.org\nhostname 127.0.0.1:1\nusername me\npassword secret\n", "chmod 600"),
    "none": ("", "for want of a hostname: write one for this sender"),
}


@pytest.mark.parametrize("name", ["deliver", "esmtp"])
@pytest.mark.parametrize("fault", FAULTY)
def test_an_rc_that_is_at_fault_is_said_once_for_all_mails(esmtp: Command, rc: Rc, fault: str, name: str) -> None:
    """Cron is silent else, and the report of a delay needs the same rc."""
    text, said = FAULTY[fault]
    for number in range(3):
        assert esmtp("-odq", "-f", "me@x.org", f"r{number}@x.org", stdin=MAIL).code == 0
    path = rc(text)
    if fault == "open to others":
        path.chmod(0o644)
    if fault == "none":
        path.unlink()
    run = [str(esmtp.named("deliver"))] if name == "deliver" else [str(esmtp.program), "-q"]
    done = esmtp.run(*run)
    assert (done.code, done.out, done.err.count("\n")) == (0, "", 1)
    assert done.err.startswith("esmtp: 3 wait: ")
    assert said in done.err
    again = esmtp.run(*run)
    assert (again.code, again.err) == (0, ""), "nothing is due, and nothing is said"


def test_so_is_a_wrong_password_and_not_again_by_runs_that_do_not_try_it(esmtp: Command, rc: Rc) -> None:
    with SubmissionServer(tls="none", users={"alice": "another"}) as server:
        rc(f"{way_to(server)}username alice\npassword secret\n")
        for number in range(3):
            assert esmtp("-odq", "-f", "me@x.org", f"r{number}@x.org", stdin=MAIL).code == 0
        done = esmtp("-q")
        assert (done.code, done.err.count("\n")) == (0, 1)
        assert re.match(r"esmtp: 3 wait: .* 535 .*; check username and password in the rc$", done.err)
        assert esmtp("-odq", "-f", "me@x.org", "r3@x.org", stdin=MAIL).code == 0
        again = esmtp("-q")
        assert (again.code, again.err) == (0, "")


@pytest.mark.parametrize(
    "reply", ["451 4.3.5 server configuration error", "451 4.7.1 greylisted", "421 4.3.2 later", ""]
)
def test_what_mends_by_itself_is_not_said(esmtp: Command, rc: Rc, reply: str) -> None:
    with SubmissionServer(tls="none", mechanisms=(), replies={"MAIL": reply}) as server:
        rc(way_to(server))
        assert esmtp("-odq", "-f", "me@x.org", "joe@x.org", stdin=MAIL).code == 0
        done = esmtp("-q")
    assert (done.code, done.out, done.err) == (0, "", "")
    assert len(queued(esmtp)) == 1


def test_only_what_was_asked_for(esmtp: Command, rc: Rc) -> None:
    for name in ("joe", "ann"):
        assert esmtp("-odq", "-f", "me@x.org", f"{name}@x.org", stdin=MAIL).code == 0
    with SubmissionServer(tls="none", mechanisms=()) as server:
        rc(way_to(server))
        assert esmtp("-qRann").code == 0
        assert esmtp("-q!Rjoe").code == 0
    assert [mail.recipients for mail in server.mails] == [["ann@x.org"]]
    assert len(queued(esmtp)) == 1


def test_what_was_asked_for_may_be_a_mail_of_the_wrapper(esmtp: Command, rc: Rc) -> None:
    queue = Queue(esmtp.home)
    queue.call(b"-f", b"me@x.org", b"joe@x.org")
    ann = queue.call(b"-f", b"me@x.org", b"-t", text=b"To: ann@x.org\n\nx\n")
    rc("nonsense\n")  # so all of them wait
    assert esmtp("-q").code == 0
    with SubmissionServer(tls="none", mechanisms=()) as server:
        rc(way_to(server))
        assert esmtp("-qRjoe").code == 0
        assert [mail.recipients for mail in server.mails] == [["joe@x.org"]]
        assert queue.store.ids() == [ann]
        assert esmtp("-qSme@").code == 0
    assert queue.store.ids() == []


@pytest.mark.parametrize(("args", "code"), [(["-odq"], 64), (["-odq", "a@b@c"], 65), (["-odq", "-t"], 65)])
def test_mistakes_are_found_at_once(esmtp: Command, args: list[str], code: int) -> None:
    done = esmtp(*args, stdin=b"Subject: nobody\n\nx\n")
    assert done.code == code
    assert done.err.count("\n") == 1
    assert queued(esmtp) == []


@pytest.mark.parametrize("interval", ["-q5x", "-q0", "-qm", "-qI"])
def test_an_interval_that_is_none(esmtp: Command, interval: str) -> None:
    done = esmtp(interval)
    assert done.code == 64
    assert interval in done.err


def test_a_queue_that_cannot_be_made(esmtp: Command) -> None:
    (esmtp.home / ".esmtp_queue").write_bytes(b"")
    done = esmtp("-odq", "joe@x.org", stdin=MAIL)
    assert done.code in (71, 73)
    assert ".esmtp_queue" in done.err


@pytest.mark.parametrize("limit", [6, 7, 8])
def test_few_open_files(esmtp: Command, limit: int) -> None:
    """Most modules are loaded when they are needed; there may be no room to open them then."""
    done = esmtp.run("sh", "-c", f'ulimit -n {limit}; exec "$0" "$@"', str(esmtp.program), "-odq", "a@x", stdin=MAIL)
    assert done.code in (0, 70, 71, 73)
    assert (done.code == 0) == (len(queued(esmtp)) == 1)
    assert done.err.count("\n") == (done.code != 0)


def test_not_one_file_can_be_opened_any_more(esmtp: Command) -> None:
    program = (
        "import resource, sys; from esmtp_py.cli.main import run; sys.argv = ['esmtp', '-y'];"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3)); run()"
    )
    done = esmtp.run(str(SCRIPTS / "python"), "-c", program)
    assert done.code == 71
    assert done.err.startswith("esmtp: [Errno 24] Too many open files")
    assert done.err.count("\n") == 1


def test_a_refused_mail_is_read_to_its_end(esmtp: Command) -> None:
    """Its caller would die of a broken pipe, and never see our exit code."""
    argv = [str(esmtp.program), "-odq", "-h", "101", "a@x"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stderr=subprocess.PIPE, env=esmtp.environ) as process:
        assert process.stdin
        assert process.stderr
        process.stdin.write(b"Subject: x\n\n" + b"text\n" * 200_000)
        process.stdin.close()
        assert b"loop" in process.stderr.read()
    assert process.returncode == 69


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o177, 0o277, 0o777])
def test_whatever_umask_the_caller_has_the_queue_is_ours_and_nobody_elses(esmtp: Command, rc: Rc, umask: int) -> None:
    rc("mda 'cat >/dev/null; umask >mask'\nrecord sent/\n")
    argv = [esmtp.program, "-odq", "-f", "me@x.org", "joe"]
    subprocess.run(argv, input=MAIL, env=esmtp.environ, preexec_fn=lambda: os.umask(umask), check=True)
    [file] = queued(esmtp)
    made = [file, *file.parents[:2]]
    assert [path.stat().st_mode & 0o777 for path in made] == [0o600, 0o700, 0o700]
    argv = [esmtp.program, "-f", "me@x.org", "joe"]
    subprocess.run(argv, input=MAIL, env=esmtp.environ, cwd=esmtp.home, preexec_fn=lambda: os.umask(umask), check=True)
    assert (esmtp.home / "sent/cur").stat().st_mode & 0o777 == 0o700
    assert int((esmtp.home / "mask").read_text(), 8) == umask & 0o077


@pytest.mark.parametrize("mode", ["-odi", "-odq"])
@pytest.mark.parametrize(("status", "left"), [(0, 0), (75, 1)])
def test_a_caller_that_ignores_sigchld(esmtp: Command, rc: Rc, mode: str, status: int, left: int) -> None:
    """Then the kernel reaps our children, and what the mda has delivered would be given to it again."""
    rc(f"mda 'cat >>{esmtp.home}/box; exit {status}'\n")

    def call(*args: str) -> int:
        argv, deaf = [esmtp.program, *args], lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        return subprocess.run(argv, input=MAIL, capture_output=True, env=esmtp.environ, preexec_fn=deaf).returncode

    expected = status if mode == "-odi" else 0
    assert call(mode, "-f", "me@x.org", "joe") == expected
    assert call("-q") == 0
    assert (esmtp.home / "box").read_bytes().count(b"Subject: later\n") == 1
    assert len(queued(esmtp)) == (left if mode == "-odq" else 0)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_run_again_and_again_ends_well(esmtp: Command, rc: Rc, number: signal.Signals) -> None:
    """As systemd starts and stops it: it has failed in nothing, and there is nothing to say."""
    rc("hostname 127.0.0.1:1\n")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(esmtp.home / "notify"))
        environ = esmtp.environ | {"NOTIFY_SOCKET": str(esmtp.home / "notify")}
        with subprocess.Popen([esmtp.program, "-q15m"], env=environ, stderr=subprocess.PIPE) as daemon:
            while not systemd.recv(1000).startswith(b"STATUS=waiting"):
                pass
            daemon.send_signal(number)
            _, err = daemon.communicate(timeout=60)
    assert (daemon.returncode, err) == (0, b"")


@pytest.mark.parametrize(("run", "code"), [("-q", 75), ("-q15m", 0)])
def test_a_run_is_stopped_in_the_middle_of_a_mail(esmtp: Command, rc: Rc, run: str, code: int) -> None:
    fifo = esmtp.home / "here"
    os.mkfifo(fifo)
    rc(f"identity me@x.org\nmda 'echo >{fifo}; exec sleep 60'\n")
    assert esmtp("-odq", "-f", "me@x.org", "joe", stdin=MAIL).code == 0
    with subprocess.Popen([esmtp.program, run], env=esmtp.environ, stderr=subprocess.PIPE) as process:
        fifo.read_bytes()  # the mda has begun
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=60)
    assert process.returncode == code
    assert (b"what came of the mail so far is noted" in err) == bool(code)
    assert b"may or may not" not in err
    assert b"\ndeferred " in queued(esmtp)[0].read_bytes()


@pytest.mark.parametrize("run", ["-q", "-qSme@"])
def test_a_queue_that_cannot_be_written_is_an_error(esmtp: Command, rc: Rc, run: str) -> None:
    """That mail waits is none, but nothing of it can be noted; whoever calls has to know."""
    if os.geteuid() or subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode:
        pytest.skip("only root may mount a directory read-only")
    rc("hostname 127.0.0.1:1\n")
    assert esmtp("-odq", "-f", "me@x.org", "joe@x.org", stdin=MAIL).code == 0
    queue = esmtp.home / ".esmtp_queue"
    script = f'mount --bind {queue} {queue} && mount -o remount,ro,bind {queue} && exec {esmtp.program} "$0"'
    done = esmtp.run("unshare", "-m", "sh", "-c", script, run)
    assert (done.code, done.out) == (74, "")
    assert "Read-only" in done.err
    assert esmtp(run).code == 0
