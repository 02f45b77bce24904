"""Another mailer's file that was made to do harm: it takes no time, and says no more than it seems to."""

import time
from collections.abc import Callable

import pytest

from esmtp_py.config.foreign import msmtprc, muttrc, nullmailer, ssmtp
from esmtp_py.config.foreign.found import Found
from esmtp_py.config.foreign.text import LIMIT, content
from esmtp_py.config.writing import text
from esmtp_py.errors import MailError
from tests.unit.config.foreign import HERE

Read = Callable[[str], Found]


def read_msmtp(text: str) -> Found:
    return msmtprc.read(text, HERE)


def read_mutt(text: str) -> Found:
    return muttrc.read(text, "/nowhere/muttrc", HERE)


def read_ssmtp(text: str) -> Found:
    return ssmtp.read(text, HERE)


@pytest.mark.parametrize(
    ("read", "make"),
    [
        (read_msmtp, lambda n: "defaults\n" + "".join(f"c{i} x\n" for i in range(n)) + "account a\nhost x\n" * n),
        (
            read_msmtp,
            lambda n: "".join(f"c{i} x\n" for i in range(n)) + "".join(f"account a{i}\nhost x\n" for i in range(n)),
        ),
        (read_msmtp, lambda n: "account a\nhost x\naccount b : " + "a," * n),
        (read_mutt, lambda n: "set smtp_url=" + "x" * (16 * n)),
        (read_mutt, lambda n: "set x " + "= " * (8 * n)),
        (read_mutt, lambda n: "set x=\\\n" * (2 * n)),
        (read_mutt, lambda n: "set my_a=xxxxxxxx\n" + "set my_a=$my_a$my_a\n" * n),
        (read_mutt, lambda n: "".join(f"set my_a=$my_a$my_{i}\n" for i in range(n))),
        (read_mutt, lambda n: "source x\n" * n),
        (read_ssmtp, lambda n: "".join(f"k{i}=v\n" for i in range(n))),
    ],
    ids=["defaults", "accounts", "bases", "word", "blanks", "continued", "doubled", "notes", "sources", "keys"],
)
def test_a_long_file_takes_linear_time(read: Read, make: Callable[[int], str]) -> None:
    def taken(n: int) -> float:
        long, begun = make(n), time.process_time()
        read(long)
        return time.process_time() - begun

    taken(500)
    # 16 times as long: what grows with the square would need 256 times as much
    assert taken(40_000) < 60 * max(taken(2_500), 0.005)


def test_what_is_inherited_is_said_once() -> None:
    found = read_msmtp("defaults\ntls_priorities NORMAL\naccount a\nhost x\naccount b : a\nfrom b@x.org\nodd 1\n")
    assert found.lost == [
        "defaults: tls_priorities NORMAL: has no counterpart here",
        "account b: odd 1: has no counterpart here",
        "account a: has no `from`: it serves the senders that no identity names",
    ]


def test_a_line_that_mutt_could_not_read_is_named() -> None:
    found = read_mutt("set x=" + "y" * 9000 + "\nset smtp_url=smtp://me@x.org\n")
    assert found.sections
    assert found.lost[0] == "set x=yyyyyyyyyyyyyy…: a line of more than 8192 characters is not read"


@pytest.mark.parametrize(
    "value", ["success hostname evil.example", "success, mda x", 'never" mda "x', "x # y", "success\x1b[2J"]
)
def test_no_value_becomes_another_statement(value: str) -> None:
    made = text(read_msmtp(f"account a\x1b[2Jb\nhost x.org\nfrom me@x.org\ndsn_notify {value}\n").sections, "x")
    lines = made.split("\n")
    assert [line.split()[0] for line in lines if line.startswith(" ")] == ["default", "hostname", "dsn_notify"]
    assert all(line.isprintable() for line in lines)


def test_what_is_no_file_is_not_waited_for(tmp_path: "object") -> None:
    import os

    fifo, large = f"{tmp_path}/remotes", f"{tmp_path}/large"
    os.mkfifo(fifo)
    with open(large, "w") as file:
        file.write("x" * (LIMIT + 1))
    for path, said in ((fifo, "not a regular file"), ("/dev/zero", "not a regular file"), (large, "too long")):
        with pytest.raises(MailError, match=said):
            content(path)
    with pytest.raises(MailError, match="not a regular file"):
        nullmailer.read(str(tmp_path), HERE)
