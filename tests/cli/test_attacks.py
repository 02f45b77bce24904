"""What a hostile caller, mail or rc cannot make it do."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from esmtp_py.cli import main
from tests.cli.conftest import Mailbox, way_to
from tests.conftest import Command
from tests.server import SubmissionServer

Rc = Callable[[str], Path]
MAIL = b"From: me@x.org\n\nbody\n"

SHELL = [
    '"$(touch canary)"',
    '"`touch canary`"',
    '";touch canary;"',
    "\"'; touch canary; '\"",
    '"| touch canary"',
    '"&& touch canary"',
    '"a b > canary"',
    "'",
    "a&b",
    "|touch",
    "/canary",
    "*",
    "%F",
    "$HOME",
]


@pytest.mark.parametrize("word", SHELL)
def test_no_address_becomes_shell_text(esmtp: Command, local: Mailbox, word: str) -> None:
    done = esmtp("-f", f"{word}@x.org", word, "joe", stdin=MAIL)
    assert not (esmtp.home / "canary").exists()
    assert done.code == 0
    assert local.recipients == [word, "joe"]
    assert local.sender == f"{word}@x.org"


@pytest.mark.parametrize("word", SHELL)
def test_nor_when_it_comes_from_the_header(esmtp: Command, local: Mailbox, word: str) -> None:
    esmtp("-t", stdin=f"To: {word}, joe\nFrom: {word}@x.org\n\nbody\n".encode())
    assert not (esmtp.home / "canary").exists()
    assert local.recipients in ([word, "joe"], [])


@pytest.mark.parametrize("sender", ["", "<>"])
def test_null_sender_is_still_one_word_for_the_mda(esmtp: Command, rc: Rc, sender: str) -> None:
    (esmtp.home / "count.sh").write_text("echo $# >count; cat >mail")
    rc("identity me@x.org\nmda 'sh count.sh -f %F -d %T'\n")
    assert esmtp("-f", sender, "joe", stdin=MAIL).code == 0
    assert (esmtp.home / "count").read_text() == "4\n"


def test_recipient_that_looks_like_an_option_does_not_reach_the_mda(esmtp: Command, local: Mailbox) -> None:
    done = esmtp("joe", "--", "-oProxy", stdin=MAIL)
    assert done.code == 69
    assert "dash" in done.err
    assert local.recipients == ["joe"]


@pytest.mark.parametrize("args", [["-f", "-X/tmp/canary", "joe"], ["-f", "-t", "joe"], ["-f", "--", "joe"]])
def test_flag_in_the_place_of_an_address(esmtp: Command, local: Mailbox, args: list[str]) -> None:
    done = esmtp(*args, stdin=MAIL)
    assert done.code == 65
    assert "is its argument missing?" in done.err
    assert local.mail == b""


def test_flags_after_double_dash_are_addresses(esmtp: Command, local: Mailbox) -> None:
    esmtp("-f", "me@x.org", "--", "joe", "-Xlog", "-Crc", stdin=MAIL)
    assert not (esmtp.home / "log").exists()
    assert local.recipients == ["joe"]


@pytest.mark.parametrize("flag", ["-C", "-X"])
@pytest.mark.parametrize("right", ["geteuid", "getegid"])
@pytest.mark.parametrize("mode", [[], ["-bv"], ["--check-rc"]])
def test_a_setuid_program_opens_no_file_for_its_caller(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    flag: str,
    right: str,
    mode: list[str],
) -> None:
    real = getattr(os, right)()
    monkeypatch.setattr(os, right, lambda: real + 1)
    monkeypatch.setattr("esmtp_py.cli.main._heed_signals", lambda: None)
    path = tmp_path / "file"
    assert main.main(["esmtp", *mode, flag, str(path), "joe"]) == 77
    assert capfd.readouterr().err.startswith(f"esmtp: {flag} is refused")
    assert not path.exists()


@pytest.mark.parametrize(
    "header",
    [b"To: " + b"(" * 1_000_000, b"To: " + b"a:" * 400_000, b"To: " + b"," * 1_000_000, b"To: " + b'"\\' * 400_000],
)
def test_hostile_header_is_read_in_time(esmtp: Command, local: Mailbox, header: bytes) -> None:
    assert esmtp("-t", stdin=header[:1_000_000] + b"\n\nbody\n").code == 65


@pytest.mark.parametrize("closed", ["2>&-", ">&- 2>&-"])
def test_no_socket_takes_the_place_of_standard_error(esmtp: Command, submission: SubmissionServer, closed: str) -> None:
    """What we tell the user would go to the server."""
    submission.replies["RCPT"] = "550 5.1.1 no"
    assert esmtp.run("/bin/sh", "-c", f"exec {esmtp.program} -v a@x.org {closed}", stdin=MAIL).code == 67
    submission.settle()
    assert submission.violations == []


def test_reply_cannot_forge_a_second_line(esmtp: Command, submission: SubmissionServer) -> None:
    submission.replies["RCPT"] = "550 no\resmtp: b@x.org: delivered"
    done = esmtp("a@x.org", stdin=MAIL)
    assert done.err.count("\n") == 1
    assert "\r" not in done.err


def test_rc_in_a_shared_directory_is_not_taken(esmtp: Command, server: SubmissionServer) -> None:
    (esmtp.home / "evil").write_text(f"identity me@x.org\n{way_to(server)}")
    (esmtp.home / "evil").chmod(0o666)
    assert esmtp("-C", "evil", "a@x.org", stdin=MAIL).code == 78
    assert server.sessions == []
