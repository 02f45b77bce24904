"""password_command: its first line, and nothing else of it, ever."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from esmtp_py import child
from esmtp_py.errors import MailError
from esmtp_py.secret import command
from esmtp_py.secret.command import fetch


def failure(text: str) -> str:
    with pytest.raises(MailError) as raised:
        fetch(text)
    assert (raised.value.kind, raised.value.status) == ("try_again", "4.7.0")
    return raised.value.text


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("echo hunter2", "hunter2"),
        ("printf hunter2", "hunter2"),
        (r"printf 'hunter2\r\nurl: x\n'", "hunter2"),
        ("echo ' a  b '", " a  b "),
        ("echo one; echo two", "one"),
        ("echo one; yes x | head -c 300000", "one"),
        (r"printf 'gr\303\274n\n'", "grün"),
        (r"printf '\377\n'", "\udcff"),
        ("echo noise >&2; echo hunter2", "hunter2"),
        ("echo hunter2; (sleep 60 &) ; exit 0", "hunter2"),
    ],
)
def test_its_first_line(line: str, expected: str) -> None:
    assert fetch(line) == expected


def test_its_own_words_say_why_it_failed() -> None:
    text = failure("echo hunter2; echo 'gpg: no pinentry' >&2; exit 2")
    assert "ended with status 2: gpg: no pinentry" in text
    assert "password_command" in text


def test_what_it_wrote_is_not_shown() -> None:
    said = "printf 'hun%s\\n' ter2; "
    assert "hunter2" not in failure(said + "exit 1")
    assert "hunter2" not in failure(said + "printf 'hun%s is wrong\\n' ter2 >&2; exit 1")
    assert "* is wrong" in failure(said + "printf 'hun%s is wrong\\n' ter2 >&2; exit 1")
    assert "hunter2" not in failure("echo hunter2; false")
    assert "signal 9" in failure(said + "kill -9 $$")


@pytest.mark.parametrize("line", ["true", "echo", r"printf '\r\n'", r"printf '\nhunter2\n'"])
def test_nothing_is_no_password(line: str) -> None:
    assert "is empty" in failure(line)


def test_a_whole_mailbox_is_no_password() -> None:
    assert "more than 4096 bytes" in failure("yes x | tr -d '\\n' | head -c 5000")
    assert len(fetch("yes x | tr -d '\\n' | head -c 4096")) == 4096


def test_one_that_is_not_there() -> None:
    assert "status 127" in failure("/nonexistent/pass show x")


@pytest.mark.parametrize("line", ["exec sleep 60", "sleep 60; echo x", "trap '' TERM; sleep 60; sleep 60"])
def test_one_that_hangs_is_ended(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "SECONDS", 0.1)
    monkeypatch.setattr(child, "GRACE", 0.1)
    assert "did not end in time and was killed" in failure(line)


def test_it_neither_reads_our_input_nor_writes_on_our_output(tmp_path: Path) -> None:
    code = "from esmtp_py.secret.command import fetch; fetch('cat; echo out; echo err >&2')"
    done = subprocess.run(
        [sys.executable, "-c", code], input=b"the mail\n", capture_output=True, check=True, cwd=os.getcwd()
    )
    assert (done.stdout, done.stderr) == (b"", b"")
