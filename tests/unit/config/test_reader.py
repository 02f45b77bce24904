"""load(): a Config, or a MailError with all that is wrong."""

import os
import pathlib
import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from esmtp_py.config import load
from esmtp_py.config.source import Source
from esmtp_py.errors import MailError

Write = Callable[..., pathlib.Path]

ORDINARY = """# ~/.esmtprc
select_by header

identity me@example.org, *@example.net
    hostname smtp.example.org:587
    username me@example.org
    password "se\\"cret"
    starttls required
    force reverse_path %u@example.org

identity root@example.org
    hostname localhost:25       # the relay
    starttls disabled
    mda "/usr/bin/procmail -d %T"
"""

HEAVY = (
    "re enum dataclasses typing pathlib argparse getopt logging tempfile shlex json email subprocess "
    "importlib.metadata inspect contextlib asyncio keyring ply collections functools socket bisect difflib"
)


def test_problems_are_told_all_at_once(write: Write) -> None:
    path = write("helo\nhostname a b\npassword hunter 2\nbogus\n")
    with pytest.raises(MailError) as raised:
        load()
    assert raised.value.kind == "config"
    lines = raised.value.text.split("\n")
    assert [line.split(" ")[0] for line in lines[::3]] == [f"{path}:{at}:" for at in ("2:1", "2:12", "3:17", "4:1")]
    assert "hunter" not in raised.value.text


def test_path_of_the_file_is_the_one_that_was_given(
    write: Write, home: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("bogus")
    monkeypatch.chdir(home)
    with pytest.raises(MailError, match=r"\A\.esmtprc:1:1: "):
        load(".esmtprc")


def test_origin_of_every_statement(write: Write) -> None:
    path = write(ORDINARY)
    config = load()
    me, root = config.identities
    assert config.origin == {"select_by": f"{path}:2"}
    assert me.where == f"{path}:4"
    assert root.origin == {
        "hostname": f"{path}:12", "starttls": f"{path}:13", "mda": f"{path}:14",
    }  # fmt: skip
    assert me.origin["force_reverse_path"] == f"{path}:9"


def modules(*arguments: str) -> set[str]:
    """Of the modules that cost time, those that a run of load() leaves imported."""
    program = (
        "import sys\nfrom esmtp_py.config import load\nload(*sys.argv[1:])\n"
        f"print(*set({HEAVY.split()!r}) & set(sys.modules))"
    )
    root = pathlib.Path(__file__).parents[3]
    made = subprocess.run(
        [sys.executable, "-S", "-c", program, *arguments], cwd=root, capture_output=True, text=True, check=True
    )
    return set(made.stdout.split())


def test_a_good_file_costs_no_heavy_import(write: Write) -> None:
    path = write(ORDINARY)
    assert modules() == set()
    assert modules(str(path)) == set()
    path.unlink()
    assert modules() == set()


def test_the_list_of_imports_is_watched_at_all() -> None:
    program = f"import sys, re, ply\nprint(*set({HEAVY.split()!r}) & set(sys.modules))"
    made = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert {"re", "enum", "ply"} <= set(made.stdout.split())


def test_a_good_file_works_without_docstrings(write: Write) -> None:
    write(ORDINARY)
    program = "from esmtp_py.config import load; print(load().identities[0].password.reveal())"
    root = pathlib.Path(__file__).parents[3]
    made = subprocess.run([sys.executable, "-OO", "-c", program], cwd=root, capture_output=True, text=True, check=True)
    assert made.stdout == 'se"cret\n'


def test_huge_file_takes_linear_time(write: Write) -> None:
    block = (
        "identity a{0}@example.org, b{0}@example.org\n"
        "  hostname mail{0}.example.org:25 # the {0}th\n"
        '  password "x\\x41"\n'
    )

    def took(identities: int) -> float:
        write("".join(block.format(number) for number in range(identities)))
        start = time.process_time()
        assert len(load().identities) == identities
        return time.process_time() - start

    took(100)
    # A quadratic reader would need 64 times as long.
    assert took(9600) < 25 * max(took(1200), 0.02)


def test_source_is_kept_apart_from_the_working_directory(write: Write) -> None:
    """A working directory that is gone hurts only a relative path."""
    path = write("ca_file ca.pem")
    gone = path.parent / "gone"
    gone.mkdir()
    before = os.getcwd()
    os.chdir(gone)
    try:
        gone.rmdir()
        assert load(str(path)).default.ca_file == f"{path.parent}/ca.pem"
    finally:
        os.chdir(before)


def test_source_defaults() -> None:
    assert Source("rc", "").directory == "/"
