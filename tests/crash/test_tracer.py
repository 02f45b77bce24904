"""The harness itself: it sees what strace sees, hits what it was told to hit, and finds what is wrong."""

import pathlib
import shutil
import subprocess
import sys
from collections import Counter

import pytest

from tests.crash import tracer
from tests.crash.durability import broken_promises
from tests.crash.scenario import Command, Scenario, points, sweep
from tests.crash.scenarios import Enqueue, Wrapped, copy_package, queue_of
from tests.crash.syscalls import NAMES
from tests.crash.tracer import KILL, SHORT, Call, Fault, Run

COPY = 'cat >"$1/part"; mv "$1/part" "$1/done"'


def traced(script: str, *args: str, stdin: bytes = b"", fault: Fault | None = None) -> Run:
    return tracer.run(["/bin/sh", "-c", script, "sh", *args], env={"PATH": "/usr/bin:/bin"}, stdin=stdin, fault=fault)


def the(run: Run, name: str, path: str = "") -> Call:
    [call] = [call for call in run.calls if call.name == name and call.path.endswith(path)]
    return call


def test_a_run_is_as_it_would_be_without_it() -> None:
    run = traced("cat; echo no >&2; exit 3", stdin=b"yes")
    assert (run.code, run.out, run.err, run.hit) == (3, b"yes", b"no\n", None)
    assert traced("kill -TERM $$").code == -15


def test_processes_are_told_apart(tmp_path: pathlib.Path) -> None:
    run = traced('x=$(cat "$1/a"); (cat "$1/b"; :); cat "$1/c"; :', str(tmp_path))
    assert [the(run, "openat", name).process for name in ("/a", "/b", "/c")] == [(0,), (1, 0), (2,)]
    assert {call.program for call in run.calls if call.process} == {"sh", "cat"}


@pytest.mark.parametrize("program", ["python", "sh"])
def test_it_sees_what_strace_sees(program: str, tmp_path: pathlib.Path) -> None:
    if not shutil.which("strace"):
        pytest.skip("strace is not installed")
    # to import is to look at directories; in these nobody makes a file meanwhile
    package = copy_package(tmp_path / "package")
    python = program == "python"
    scenario = Enqueue(first=True, package=package) if python else Wrapped("dash", first=True, run=True)
    for part in ("a", "b"):
        (tmp_path / part).mkdir()
    ours = Counter(call.name for call in scenario.prepare(tmp_path / "a").traced().calls)
    command = scenario.prepare(tmp_path / "b")
    log, feed = tmp_path / "log", tmp_path / "feed"
    feed.write_bytes(command.stdin)
    options = ["-f", "-qq", "-e", "trace=" + ",".join(sorted(NAMES)), "-e", "signal=none", "-o", str(log)]
    with feed.open("rb") as stdin:
        subprocess.run(["strace", *options, *command.argv], env=command.env, stdin=stdin, cwd=command.cwd, check=True)
    lines = [line.split(None, 1)[1] for line in log.read_text(errors="replace").splitlines()]
    theirs = Counter(line.split("(")[0] for line in lines if not line.startswith(("<...", "+++", "---", "???")))
    theirs["execve"] -= 1  # the first one is where we begin
    pipes = {"read", "close"}  # in how many pieces a pipe is read is a matter of luck
    differ = {name for name in ours | theirs if ours[name] != theirs[name]}
    assert differ <= pipes, {name: (ours[name], theirs[name]) for name in differ}


@pytest.mark.parametrize("kind", ["ENOSPC", "EIO", "EDQUOT"])
def test_a_call_ends_with_the_error(tmp_path: pathlib.Path, kind: str) -> None:
    call = the(traced(COPY, str(tmp_path), stdin=b"text"), "write", "part")
    run = traced(COPY, str(tmp_path), stdin=b"text", fault=Fault(call.point, kind))
    assert run.hit
    assert run.hit.point == call.point
    assert run.hit.result is not None
    assert run.hit.result < 0
    assert run.err.startswith(b"cat: ")


def test_a_kill_comes_before_the_call(tmp_path: pathlib.Path) -> None:
    call = next(call for call in traced(COPY, str(tmp_path)).calls if call.name.startswith("rename"))
    (tmp_path / "done").unlink()
    run = traced(COPY, str(tmp_path), fault=Fault(call.point, KILL))
    assert run.code == 128 + 9
    assert [path.name for path in tmp_path.iterdir()] == ["part"]


def test_the_first_program_can_be_killed_alone(tmp_path: pathlib.Path) -> None:
    call = next(call for call in traced("cat; :").calls if call.name in ("vfork", "clone"))
    assert traced("cat; :", fault=Fault(call.point, KILL)).code == -9


def test_half_is_written_and_the_program_is_told(tmp_path: pathlib.Path) -> None:
    script = 'cat >"$1/file"'
    text = b"x" * 1000
    call = the(traced(script, str(tmp_path), stdin=text), "write", "file")
    run = traced(script, str(tmp_path), stdin=text, fault=Fault(call.point, SHORT))
    assert run.hit
    assert run.hit.result == 500
    assert (tmp_path / "file").read_bytes() == text, "cat completes it"


def test_what_a_file_has_is_read_in_two_pieces(tmp_path: pathlib.Path) -> None:
    text = b"x" * 1000
    (tmp_path / "file").write_bytes(text)
    calls = traced('cat "$1/file"', str(tmp_path)).calls
    first = next(call for call in calls if call.name == "read" and call.path.endswith("/file"))
    run = traced('cat "$1/file"', str(tmp_path), fault=Fault(first.point, SHORT))
    assert run.hit
    assert run.hit.result == 500
    assert run.out == text


THREADS = """
import _thread, os, sys
mine, other = _thread.allocate_lock(), _thread.allocate_lock()
mine.acquire(), other.acquire()
ours, theirs = os.pipe()
os.set_blocking(ours, False)
def work():
    for _ in range(int(sys.argv[2])):
        try:
            os.read(ours, 1)
        except BlockingIOError:
            pass
    os.mkdir(sys.argv[1] + "/thread")
    other.release()
_thread.start_new_thread(work, ())
other.acquire()
os.mkdir(sys.argv[1] + "/main")
"""


def threads(tmp_path: pathlib.Path, looks: int, fault: Fault | None = None) -> Run:
    argv = [sys.executable, "-S", "-c", THREADS, str(tmp_path), str(looks)]
    return tracer.run(argv, env={"PATH": "/usr/bin:/bin"}, fault=fault)


def test_threads_are_told_apart_and_killed_together(tmp_path: pathlib.Path) -> None:
    call = the(threads(tmp_path, 0), "mkdir", "/thread")
    assert call.point == ((0,), 0, "mkdir")
    for name in ("thread", "main"):
        (tmp_path / name).rmdir()
    run = threads(tmp_path, 0, Fault(call.point, KILL))
    assert run.code == -9
    assert list(tmp_path.iterdir()) == []


def test_to_look_in_vain_does_not_count(tmp_path: pathlib.Path) -> None:
    call = the(threads(tmp_path, 3), "mkdir", "/thread")
    assert call.point == ((0,), 0, "mkdir")


def test_a_point_that_is_not_reached_is_told(tmp_path: pathlib.Path) -> None:
    assert traced("cat", fault=Fault(((), 10_000, "read"), KILL)).hit is None
    assert traced("cat", fault=Fault(((7, 7), 0, "read"), KILL)).hit is None


# -- it finds what is wrong ----------------------------------------------------------------------------------------


class Script(Scenario):
    """A shell script that takes a mail, as badly as one likes."""

    def __init__(self, script: str) -> None:
        self.script = script

    def prepare(self, home: pathlib.Path) -> Command:
        (home / "tmp").mkdir()
        (home / "new").mkdir()
        argv = ["/bin/sh", "-c", self.script]
        return Command(argv, env={"PATH": "/usr/bin:/bin"}, stdin=b"a mail\n", cwd=home)

    def check(self, home: pathlib.Path, run: Run) -> None:
        mails = [path.read_bytes() for path in (home / "new").iterdir()]
        assert mails in ([], [b"a mail\n"]), "torn"
        assert mails or run.code, "lost"


GOOD = "cat >tmp/1 && sync tmp/1 && mv tmp/1 new/1 && sync new"


@pytest.mark.parametrize("kind", [KILL, SHORT, "ENOSPC", "EIO", "EMFILE", "EINTR"])
def test_a_careful_script_passes(tmp_path: pathlib.Path, kind: str) -> None:
    counts: list[int] = []
    sweep(Script(GOOD), kind, tmp_path, counts.append)
    assert counts[0] > 0


@pytest.mark.parametrize(
    ("script", "kind", "word"),
    [
        ("cat >new/1", KILL, "torn"),
        ("cat >new/1", "ENOSPC", "torn"),
        ("cat >tmp/1; mv tmp/1 new/1", "ENOSPC", "torn"),
        ("cat >tmp/1 && mv tmp/1 new/1; exit 0", KILL, "lost"),
        ("cat >tmp/1 && mv tmp/1 new/1; exit 0", "EMFILE", "lost"),
    ],
)
def test_a_careless_script_is_found_out(tmp_path: pathlib.Path, script: str, kind: str, word: str) -> None:
    with pytest.raises(AssertionError, match=word):
        sweep(Script(script), kind, tmp_path, lambda number: None)


@pytest.mark.parametrize(
    ("script", "word"),
    [
        (GOOD, ""),
        ("cat >tmp/1; mv tmp/1 new/1; sync", "before its content"),
        ("cat >tmp/1; sync tmp/1; mv tmp/1 new/1", "1 in"),
        ("cat >tmp/1; sync tmp/1; echo more >>tmp/1; mv tmp/1 new/1; sync new", "before its content"),
        (GOOD + "; echo more >>new/1", "content of"),
        (GOOD + "; echo more >>new/1; echo promised; sync new/1", "content of"),
        (GOOD + "; rm new/1", "1 in"),
        (GOOD + "; mkdir failed; mv new/1 failed; sync new; sync failed", "failed in"),
        (GOOD + "; mkdir failed; mv new/1 failed; sync .; sync failed", "1 in"),
        (GOOD + "; mkdir failed; mv new/1 failed; sync .; sync new; sync failed", ""),
    ],
)
def test_the_order_of_calls_is_judged(tmp_path: pathlib.Path, script: str, word: str) -> None:
    run = Script(script).prepare(tmp_path).traced()
    found = broken_promises(run, str(tmp_path))
    assert bool(found) == bool(word)
    assert all(word in text for text in found[:1])


def test_points_are_those_of_the_queue(tmp_path: pathlib.Path) -> None:
    home = tmp_path / "home"
    calls = points(Enqueue(first=True), home)
    names = Counter(call.name for call in calls)
    assert names["fsync"] == 5  # three directories were made, a file and its new name follow
    assert names["rename"] + names["renameat"] == 1
    assert all(str(queue_of(home)) in call.path for call in calls if call.name == "fsync" and call.path != str(home))
