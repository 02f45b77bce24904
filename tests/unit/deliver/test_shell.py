"""Commands of the rc: what reaches the shell, and how they end.  The shell is the real one."""

import errno
import fcntl
import os
import signal
import stat
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from esmtp_py import child
from esmtp_py.child import Finished
from esmtp_py.deliver import shell
from esmtp_py.deliver.shell import expand, hook, pipe, quote
from esmtp_py.errors import MailError
from esmtp_py.outcome import DEFERRED
from tests.leftovers import children, descriptors

ENOUGH = 30.0
SHORT = 0.05

# What a shell passes on as one word: no NUL, and nothing that cannot be encoded.
words = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30) | st.text(
    st.sampled_from("ab '\"`$\\(){}<>|;&*?[]~#!%=-\n\t"), max_size=20
)


def arguments(command: str) -> list[str]:
    """What the real shell makes of ``command``."""
    done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, check=True)
    return done.stdout.decode("utf-8", "surrogateescape").split("\0")[:-1]


# CVE-2020-7247 and its kin: each would touch a file if any of it were a command.
INJECTIONS = [
    "$(touch canary)",
    "`touch canary`",
    ";touch canary;",
    "x; touch canary #",
    "'; touch canary; '",
    '"; touch canary; "',
    "'\"'\"'; touch canary; '",
    "\\'; touch canary; \\'",
    "| touch canary",
    "&& touch canary",
    "|| touch canary",
    "& touch canary &",
    "> canary",
    "\ntouch canary\n",
    "a\n;touch canary",
    "${IFS}touch${IFS}canary",
    "$'\\'; touch canary; \\''",
    "<(touch canary)",
    "!touch canary",
    "%T%F%%",
    "*",
    "~",
    "-rf",
    "",
    " ",
    "\\",
    "a\\",
]
TEMPLATES = ["printf '%%s\\0' %T", "printf '%%s\\0' 'a b'%T", "a='x y'; printf '%%s\\0' %T", 'printf "%%s\\0" %T;:']


# -- quote ----------------------------------------------------------------------------------


@pytest.mark.parametrize("word", ["bob", "bob@example.org", "a-b_c.d/e+f=g:h,i%j", "0"])
def test_a_harmless_word_stays_as_it_is(word: str) -> None:
    assert quote(word) == word


@given(st.lists(words, min_size=1, max_size=5))
@example(INJECTIONS)
@settings(max_examples=60, deadline=None)
def test_the_shell_reads_back_what_was_quoted(values: list[str]) -> None:
    assert arguments("printf '%s\\0' " + " ".join(map(quote, values))) == values


def test_bytes_of_no_charset_pass() -> None:
    word = b"caf\xe9 $x".decode("utf-8", "surrogateescape")
    done = subprocess.run(["/bin/sh", "-c", "printf %s " + quote(word)], capture_output=True, check=True)
    assert done.stdout == b"caf\xe9 $x"


# -- expand ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("template", "command"),
    [
        ("procmail -d %T", "procmail -d bob joe"),
        ("procmail -f %F -d %T", "procmail -f me@x.org -d bob joe"),
        ("%T%F", "bob joeme@x.org"),
        ("date +%s", "date +%s"),
        ("%%", "%"),
        ("%%T", "%T"),
        ("%%%T", "%bob joe"),
        ("%%%%", "%%"),
        ("100%", "100%"),
        ("%", "%"),
        ("", ""),
        ("%t %f", "%t %f"),
        ("x '%F'", "x 'me@x.org'"),
        ('x "%T"', 'x "bob joe"'),
    ],
)
def test_expansion(template: str, command: str) -> None:
    assert expand(template, {"T": ["bob", "joe"], "F": ["me@x.org"]}) == command


@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize("word", INJECTIONS)
def test_a_value_is_one_word(template: str, word: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    got = arguments(expand(template, {"T": [word, "joe"]}))
    assert got == [("a b" if "a b" in template else "") + word, "joe"]
    assert os.listdir() == []


@given(st.lists(words, min_size=1, max_size=3), words, st.sampled_from(["%T %F", "%F %T", "'x'%F %T", "a%%b %T %F"]))
@settings(max_examples=60, deadline=None)
def test_any_values(recipients: list[str], sender: str, template: str) -> None:
    got = arguments("printf '%s\\0' " + expand(template, {"T": recipients, "F": [sender]}))
    expected: list[str] = []
    for part in template.split():
        prefix = "x" if part.startswith("'x'") else ""
        values = {"%T": recipients, "%F": [sender], "'x'%F": [sender]}.get(part, [part.replace("%%", "%")])
        expected += [prefix + v for v in values]
    assert got == expected


QUOTED = [
    "x '%T'",
    'x "%T"',
    "x `echo %T`",
    "x $(echo %T)",
    'x "$(echo %T)"',
    "x ${y:-%T}",
    "cat <<END\n%T\nEND",
    "x '%F' '%T'",
    'x "a\\"%T"',
    "x 'a'\\''%T'",
    "x \\%T",
    "x a\\\\\\%T",
    "x # it's\n'%T'",
    "x;# it's\n'%T'",
    "x $'\\'' '%T'",
    'x $"a" %T',
    "x $[%T]",
    "x \"'%T'\"",
]


@pytest.mark.parametrize("template", QUOTED)
@pytest.mark.parametrize("word", ["a b", "$(touch canary)", "'", '"', "é", "a;b"])
def test_nothing_but_harmless_words_goes_within_quotes_of_the_template(template: str, word: str) -> None:
    with pytest.raises(MailError, match="take the quotes off %T") as raised:
        expand(template, {"T": [word], "F": [""]})
    assert raised.value.kind == "config"
    assert expand(template, {"T": ["bob@x.org"], "F": ["me"]}) == template.replace("%T", "bob@x.org").replace(
        "%F", "me"
    )


@pytest.mark.parametrize("shell_path", ["/bin/sh", "/bin/bash"])
@pytest.mark.parametrize("template", QUOTED)
@pytest.mark.parametrize("word", INJECTIONS)
def test_whatever_is_let_in_touches_nothing(
    shell_path: str, template: str, word: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same once more, believing no analysis: each shell that is here runs what comes out."""
    if not os.path.exists(shell_path):
        pytest.skip(f"no {shell_path}")
    monkeypatch.chdir(tmp_path)
    try:
        command = expand("set -f; x() { :; }; " + template, {"T": [word], "F": [word]})
    except MailError:
        return
    subprocess.run([shell_path, "-c", command], stdin=subprocess.DEVNULL, capture_output=True, check=False)
    assert os.listdir() == []


@pytest.mark.parametrize("template", ["x 'it''s' %T", 'x "a\\"b" %T', "x a\\\\ %T", "x a#b %T", "x '#' %T", "x \\' %T"])
def test_quotes_that_are_closed_do_no_harm(template: str) -> None:
    assert expand(template, {"T": ["a b"]}) == template.replace("%T", "'a b'")


@pytest.mark.parametrize("template", ["x '%F'", 'x "%F" %T', "x %F"])
def test_an_empty_value_is_still_a_word(template: str) -> None:
    assert arguments("x() { printf '%s\\0' \"$1\"; }; " + expand(template, {"F": [""], "T": ["bob"]})) == [""]


def test_words_put_in_are_no_quotes_of_the_template() -> None:
    assert expand("x %F %T", {"F": ["it's"], "T": ["$(x)"]}) == "x 'it'\\''s' '$(x)'"


def test_expansion_is_linear() -> None:
    start = time.process_time()
    assert len(expand("%T", {"T": ["a b"] * 100_000})) == 600_000 - 1
    assert time.process_time() - start < 5


# -- how a command ends ---------------------------------------------------------------------


@pytest.fixture(autouse=True)
def _nothing_is_left_behind() -> Iterator[None]:
    before = descriptors(), children()
    yield
    assert descriptors() <= before[0]
    assert children() <= before[1]


def run(command: str, *chunks: bytes, seconds: float = ENOUGH) -> Finished:
    return pipe(command, chunks, seconds)


@pytest.mark.parametrize("status", [0, 1, 64, 67, 75, 127, 255])
def test_exit_status(status: int) -> None:
    finished = run(f"cat >/dev/null; exit {status}", b"mail\n")
    assert (finished.status, finished.output) == (status, "")
    assert finished.how == f"ended with status {status}"


def test_it_gets_every_byte(tmp_path: Path) -> None:
    data = [os.urandom(65536) for _ in range(40)]
    assert run(f"cat >{tmp_path}/mail", *data).status == 0
    assert (tmp_path / "mail").read_bytes() == b"".join(data)


def test_its_words() -> None:
    finished = run("echo one; echo; printf 'two\\033[2J\\n' >&2; exit 67")
    assert finished.output == r"one; two\x1b[2J"
    assert finished.how == r"ended with status 67: one; two\x1b[2J"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGSEGV])
def test_a_signal(number: signal.Signals) -> None:
    finished = run(f"kill -{number.value} $$")
    assert finished.status == -number
    assert f"signal {number.value}" in finished.how


def test_not_found() -> None:
    finished = run("/nonexistent/mda", b"x" * 1_000_000)
    assert finished.status == 127
    assert "not found" in finished.output


def test_a_command_that_does_not_read() -> None:
    assert run("exit 0", *[b"x" * 65536] * 50).status == 0
    assert run("exit 75", *[b"x" * 65536] * 50).status == 75


def test_a_command_that_closes_its_input_early() -> None:
    assert run("exec <&-; echo done", *[b"x" * 65536] * 50).output == "done"


def test_a_command_that_reads_one_line_of_many() -> None:
    assert run("read line; echo $line; exit 3", b"first\n", *[b"x" * 65536] * 50).output == "first"


def test_a_command_that_prints_ten_megabytes_before_it_reads() -> None:
    finished = run(
        "dd if=/dev/zero bs=65536 count=160 2>/dev/null | tr '\\0' x; cat >/dev/null; exit 4", b"y" * 200_000
    )
    assert finished.status == 4
    assert len(finished.output) <= 501


def test_a_command_that_prints_for_ever_is_killed() -> None:
    finished = run("yes", b"mail", seconds=SHORT)
    assert finished.status is None


def test_a_child_in_the_background_that_prints_for_ever_is_not_listened_to(tmp_path: Path) -> None:
    """Its parent has ended well: that counts.  It ends, too, for nobody reads what it prints."""
    witness = Witness(tmp_path)
    assert run(f"exec 9>{witness.path}; yes & exit 0", b"mail").status == 0
    assert witness.everybody_gone()


def test_a_child_in_the_background_that_keeps_the_output_open(tmp_path: Path) -> None:
    start = time.monotonic()
    finished = run(f"sleep 60 & echo $! >{tmp_path}/pid; cat >/dev/null; exit 0", b"mail")
    os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)
    assert finished.status == 0
    assert time.monotonic() - start < 20


def test_a_child_in_the_background_that_keeps_the_input_open(tmp_path: Path) -> None:
    finished = run(f"exec 3<&0; sleep 60 <&3 & echo $! >{tmp_path}/pid; exit 0", *[b"x" * 65536] * 50)
    os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)
    assert finished.status == 0


class Witness:
    """A FIFO whose end of file says that all who held it are gone."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / "witness"
        os.mkfifo(self.path)
        self._fd = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK)

    def everybody_gone(self) -> bool:
        end = time.monotonic() + ENOUGH
        os.set_blocking(self._fd, True)
        timer = threading.Timer(ENOUGH, lambda: os.open(self.path, os.O_WRONLY))
        timer.daemon = True
        timer.start()
        while os.read(self._fd, 1000):
            pass
        timer.cancel()
        os.close(self._fd)
        return time.monotonic() < end


@pytest.mark.parametrize(
    "command",
    [
        "exec sleep 60",
        "sleep 60",
        "sleep 60 & sleep 60",
        "(sleep 60; sleep 60) & wait",
        "trap '' TERM; sleep 60; sleep 60",
        "(trap '' TERM; sleep 60; sleep 60) & exec sleep 60",
    ],
)
@pytest.mark.parametrize("reads", [True, False])
def test_what_hangs_is_killed_with_its_children(
    command: str, reads: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child, "GRACE", SHORT)
    witness = Witness(tmp_path)
    opening = f"exec 9>{witness.path}; " + ("cat >/dev/null; " if reads else "")
    finished = run(opening + command, *[b"x" * 65536] * 10, seconds=0.3)
    assert finished.status is None
    assert finished.how == "did not end in time and was killed"
    assert witness.everybody_gone()


def test_who_ends_when_asked_is_not_made_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its time begins when it knows what to do then, and there is enough of it to do that."""
    real = shell.spawn

    def spawn(command: str, actions: list[tuple[int, int, int]], **options: object) -> int:
        pid, end = real(command, actions, **options), time.monotonic() + ENOUGH
        while not (tmp_path / "trapped").exists():
            assert time.monotonic() < end
            time.sleep(0.01)
        return pid

    monkeypatch.setattr(shell, "spawn", spawn)
    monkeypatch.setattr(child, "GRACE", ENOUGH)
    trap = f"trap 'echo cleaned >{tmp_path}/up; exit' TERM; touch {tmp_path}/trapped"
    finished = run(f"{trap}; while :; do sleep 1; done", seconds=SHORT)
    assert finished.status is None
    assert (tmp_path / "up").read_text() == "cleaned\n"


class Broken(Exception):
    pass


def failing(lines: int) -> Iterator[bytes]:
    for _ in range(lines):
        yield b"half of the mail\n"
    raise Broken


def begins_with(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Filled with the number of bytes that a command can read when it is started."""
    found: list[int] = []
    real = shell.spawn

    def spawn(command: str, actions: list[tuple[int, int, int]], **options: object) -> int:
        there = fcntl.ioctl(actions[0][1], termios.FIONREAD, b"\0" * 4)
        found.append(int.from_bytes(there, sys.byteorder))
        return real(command, actions, **options)

    monkeypatch.setattr(shell, "spawn", spawn)
    return found


@pytest.mark.parametrize("chunks", [[], [b"mail\n"], [b"x" * 20_000] * 3, [b"x" * 50_000] * 40, [b"x" * 1_000_000]])
def test_all_of_it_is_there_before_the_command_begins(chunks: list[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever kills us then does not make half a mail of it."""
    there = begins_with(monkeypatch)
    assert pipe("wc -c", chunks, ENOUGH).output == str(len(b"".join(chunks)))
    assert there == [len(b"".join(chunks))]


@pytest.mark.parametrize("lines", [1, 10_000], ids=["in a pipe", "in a file"])
def test_a_message_that_breaks_off_starts_nothing(lines: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """It must not see an end of file, for it would deliver the half."""
    there = begins_with(monkeypatch)
    with pytest.raises(Broken):
        pipe("cat", failing(lines), ENOUGH)
    assert there == []


def test_a_long_message_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    assert run("ls -A $TMPDIR; wc -c", b"x" * 1_000_000).output == "1000000"
    assert list(tmp_path.iterdir()) == []


def test_no_room_for_a_long_message(monkeypatch: pytest.MonkeyPatch) -> None:
    there = begins_with(monkeypatch)
    real = os.write

    def full(fd: int, data: bytes) -> int:
        if stat.S_ISREG(os.fstat(fd).st_mode):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(fd, data)

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(MailError, match="set TMPDIR to a directory with room") as raised:
        run("cat", b"x" * 1_000_000)
    assert raised.value.outcome().fate == DEFERRED
    assert there == []


def test_sigpipe_is_not_ignored_in_the_command() -> None:
    """A pipeline in the rc would go on writing into the void."""
    finished = run("yes | head -1; echo ${PIPESTATUS:-}", b"")
    assert finished.output == "y"


@pytest.mark.parametrize("number", ["PIPE", "XFSZ", "CHLD"])
def test_signals_python_ignores_are_not_ignored_in_the_command(number: str) -> None:
    value = getattr(signal, f"SIG{number}")
    old = signal.signal(value, signal.SIG_IGN)
    try:
        finished = run("grep SigIgn /proc/self/status | cut -f2")
    finally:
        signal.signal(value, old)
    assert not int(finished.output, 16) >> (value - 1) & 1


def test_a_child_somebody_else_has_reaped(monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.waitpid

    def stolen(pid: int, options: int) -> tuple[int, int]:
        real(pid, 0)
        raise ChildProcessError

    with monkeypatch.context() as patch:
        patch.setattr(os, "waitpid", stolen)
        assert run("exit 0").status is None


@pytest.mark.parametrize("missing", [AttributeError, OSError])
def test_without_a_descriptor_for_processes(missing: type[Exception], monkeypatch: pytest.MonkeyPatch) -> None:
    """Old kernels, other systems, sandboxes."""

    def none(pid: int) -> int:
        raise missing("pidfd_open")

    monkeypatch.setattr(os, "pidfd_open", none, raising=False)
    assert run("cat >/dev/null; exit 5", b"mail").status == 5
    monkeypatch.setattr(child, "GRACE", SHORT)
    assert run("sleep 60", seconds=SHORT).status is None


def test_out_of_descriptors(monkeypatch: pytest.MonkeyPatch) -> None:
    real, calls = os.pipe, []

    def second_fails() -> tuple[int, int]:
        calls.append(1)
        if len(calls) > 1:
            raise OSError(24, "Too many open files")
        return real()

    monkeypatch.setattr(os, "pipe", second_fails)
    with pytest.raises(MailError, match="Too many open files") as raised:
        run("exit 0")
    assert raised.value.kind == "system"


@pytest.mark.parametrize("command", ["a\0b", "x" * (4 << 20)])
def test_a_command_that_cannot_be_started(command: str) -> None:
    with pytest.raises(MailError) as raised:
        run(command)
    assert raised.value.kind == "system"
    assert len(raised.value.text) < 1000


def test_an_absurdly_long_deadline() -> None:
    assert run("cat >/dev/null; sleep 0.01; exit 6", b"mail", seconds=1e12).status == 6


# -- hooks --------------------------------------------------------------------------------------


def test_a_hook_that_succeeds(tmp_path: Path) -> None:
    seen: list[tuple[str, bytes]] = []
    hook(f"echo up >{tmp_path}/hook", "preconnect", lambda tag, line: seen.append((tag, line)))
    assert (tmp_path / "hook").read_text() == "up\n"
    assert seen == [("*", f"preconnect: echo up >{tmp_path}/hook".encode())]


@pytest.mark.parametrize(("command", "words"), [("exit 3", "status 3"), ("kill -9 $$", "signal 9")])
def test_a_hook_that_fails_is_to_be_tried_again(command: str, words: str) -> None:
    with pytest.raises(MailError, match=words) as raised:
        hook(command, "preconnect", None)
    assert raised.value.kind == "try_again"
    assert "preconnect" in raised.value.text


def test_a_hook_does_not_read_our_input_and_prints_on_our_errors() -> None:
    code = "from esmtp_py.deliver.shell import hook; hook('cat; echo out; echo err >&2', 'preconnect', None)"
    done = subprocess.run(
        [sys.executable, "-c", code], input=b"the mail\n", capture_output=True, check=True, cwd=os.getcwd()
    )
    assert done.stdout == b""
    assert done.stderr == b"out\nerr\n"


def test_a_hook_that_hangs_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shell, "SECONDS", SHORT)
    monkeypatch.setattr(child, "GRACE", SHORT)
    with pytest.raises(MailError, match="in time"):
        hook("exec sleep 60", "preconnect", None)
