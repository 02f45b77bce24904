"""The names it is called by, its modes and long options, and calls that make no sense."""

import os
import subprocess

import pytest

from esmtp_py import __version__
from tests.cli.conftest import Mailbox
from tests.conftest import Command


def test_version_and_help(esmtp: Command) -> None:
    assert esmtp("--version").out == f"esmtp {__version__}\n"
    done = esmtp("--help")
    assert done.code == 0
    assert done.out.startswith("usage: esmtp ")
    assert max(map(len, done.out.splitlines())) <= 80
    for line in done.out.partition("\n\n")[2].splitlines():  # two columns
        if line.startswith("  "):
            assert line[27] == " ", line
            assert line[28] != " ", line


@pytest.mark.parametrize("name", ["esmtp", "sendmail", "whatever"])
def test_it_sends_by_any_name_and_path(esmtp: Command, mailbox: Mailbox, name: str) -> None:
    done = esmtp.run(str(esmtp.named(name)), "joe", stdin=b"\nhello\n")
    assert (done.code, done.out, done.err) == (0, "", "")
    assert mailbox.body == b"hello\n"


def test_relative_path_and_lookup_by_path_variable(esmtp: Command, mailbox: Mailbox) -> None:
    esmtp.named("sendmail")
    assert esmtp.run("sbin/sendmail", "joe").code == 0
    assert esmtp.run("/bin/sh", "-c", "PATH=sbin:$PATH; sendmail joe </dev/null").code == 0


@pytest.mark.parametrize(
    ("name", "args", "flag"),
    [
        ("sendmail", ["-bs"], "-bs"),
        ("sendmail", ["-bd"], "-bd"),
        ("sendmail", ["-bd", "-q30m"], "-bd"),
    ],
)
def test_what_comes_later_says_so(esmtp: Command, mailbox: Mailbox, name: str, args: list[str], flag: str) -> None:
    done = esmtp.run(str(esmtp.named(name)), *args, stdin=b"\nhello\n")
    assert done.code == 64
    assert done.out == ""
    assert done.err == f"esmtp: {flag}: not available yet in this version\n"
    assert mailbox.mail == b""


@pytest.mark.parametrize(("name", "args"), [("newaliases", []), ("sendmail", ["-bi"]), ("esmtp", ["-I"])])
def test_aliases_need_no_compiling(esmtp: Command, name: str, args: list[str]) -> None:
    done = esmtp.run(str(esmtp.named(name)), *args)
    assert (done.code, done.out, done.err) == (0, "", "")


def test_interactive_delivery_is_now(esmtp: Command, mailbox: Mailbox) -> None:
    assert esmtp("-odi", "joe", stdin=b"\nhello\n").code == 0
    assert mailbox.body == b"hello\n"


@pytest.mark.parametrize(
    ("args", "named"),
    [
        (["-Z", "joe"], "-Z"),
        (["joe", "--nonsense"], "--nonsense"),
        (["-O", "Nonsense=1", "joe"], "Nonsense"),
        (["joe", "-f"], "-f"),
        ([], "recipients"),
        (["-i"], "recipients"),
        (["-bv"], "recipients"),
        (["-N", "sometimes", "joe"], "-N"),
        (["-R", "half", "joe"], "-R"),
        (["-V", "x" * 101, "joe"], "-V"),
        (["-B", "9BIT", "joe"], "-B"),
        (["-h", "x", "joe"], "-h"),
        (["-Z\x1b[2J\n", "joe"], "-Z"),
    ],
)
def test_usage_errors_send_nothing(esmtp: Command, mailbox: Mailbox, args: list[str], named: str) -> None:
    done = esmtp(*args, stdin=b"To: joe\n\nhello\n")
    assert done.code == 64
    assert named in done.err
    assert done.err.count("\n") == 1
    assert "\x1b" not in done.err
    assert mailbox.mail == b""


def test_flags_after_recipients(esmtp: Command, mailbox: Mailbox) -> None:
    assert esmtp("joe", "-i", "-f", "me@x.org", "--", "-dash@x.org", stdin=b"\n.\nx\n").code == 0
    assert mailbox.body == b".\nx\n"
    assert mailbox.sender == "me@x.org"


def test_output_that_cannot_be_written_is_an_error(esmtp: Command) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run([esmtp.program, "--version"], stdout=full, stderr=subprocess.PIPE, env=esmtp.environ)
    assert done.returncode == 74
    assert done.stderr == b"esmtp: cannot write to standard output: No space left on device\n"


def test_reader_of_our_output_has_gone(esmtp: Command) -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run([esmtp.program, "--help"], stdout=write, stderr=subprocess.PIPE, env=esmtp.environ)
    os.close(write)
    assert done.returncode == 74
    assert done.stderr == b"", "as after | head: whoever reads has seen enough"


def test_standard_error_is_closed_or_gone(esmtp: Command, mailbox: Mailbox) -> None:
    assert esmtp.run("/bin/sh", "-c", f"exec {esmtp.program} -Z 2>&-").code == 64
    assert esmtp.run("/bin/sh", "-c", f"exec {esmtp.program} -v joe 2>&- >&-", stdin=b"\nhello\n").code == 0
    assert mailbox.body == b"hello\n"


def test_check_rc(esmtp: Command, mailbox: Mailbox) -> None:
    (esmtp.home / "bad").write_text("nonsense\n")
    (esmtp.home / "bad").chmod(0o600)
    assert esmtp("--check-rc").code == 0
    assert esmtp("--check-rc", "bad").code == 78
    assert esmtp("--check-rc=bad").code == 78
    assert esmtp("-C", "bad", "--check-rc").code == 78


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["-bp", "1700000000-0"], "-bp takes no argument 1700000000-0; --show ID shows a mail"),
        (["--json", "x"], "--json takes no argument x; --show ID"),
        (["-q", "15m"], "-q takes no argument 15m; a time is glued to it, as in -q15m"),
        (["-bi", "x"], "-bi takes no argument x"),
    ],
)
def test_arguments_that_nobody_would_read(esmtp: Command, words: list[str], said: str) -> None:
    done = esmtp(*words)
    assert (done.code, done.out) == (64, "")
    assert done.err.startswith(f"esmtp: {said}")


def test_names_without_arguments(esmtp: Command) -> None:
    for name in ("mailq", "deliver", "newaliases"):
        assert esmtp.run(str(esmtp.named(name)), "x").err.startswith(f"esmtp: {name} takes no argument x")
        assert esmtp.run(str(esmtp.named(name))).code == 0
