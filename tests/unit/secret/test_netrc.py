"""password_from netrc: the file as ftp, curl and other programs write it."""

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esmtp_py.config.identity import Identity
from esmtp_py.config.server import Server
from esmtp_py.errors import MailError
from esmtp_py.secret.netrc import LONGEST, entries, fetch

ALICE = Identity(username="alice", server=Server("mx.example.org", "587"))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def write(home: Path, text: str, mode: int = 0o600) -> None:
    path = home / ".netrc"
    path.write_text(text)
    path.chmod(mode)


@pytest.mark.parametrize(
    "text",
    [
        "machine mx.example.org login alice password hunter2\n",
        "machine mx.example.org\n\tlogin alice\n\tpassword hunter2",
        "machine MX.Example.ORG user alice passwd hunter2",
        "machine other password x\nmachine mx.example.org login alice password hunter2\n",
        "machine mx.example.org login bob password x\nmachine mx.example.org login alice password hunter2\n",
        "machine mx.example.org login alice account a password hunter2 port 587 protocol smtp\n",
        "machine mx.example.org password hunter2 login alice",
        "machine mx.example.org password hunter2",
        "machine other login alice password x\ndefault login alice password hunter2",
        "default password hunter2",
        'machine mx.example.org login "alice" password "hunter2"',
        r'machine mx.example.org login alice password "hun\ter2"',
        "# machine mx.example.org login alice password x\nmachine mx.example.org login alice password hunter2 # mine\n",
        "macdef init\nmachine mx.example.org login alice password x\n\n"
        "machine mx.example.org login alice password hunter2\n",
        "machine mx.example.org login alice\nmachine mx.example.org login alice password hunter2\n",
        "machine mx.example.org login alice password hunter2\nmachine mx.example.org login alice password x\n",
        "password x machine mx.example.org login alice password hunter2",
    ],
)
def test_found(text: str, home: Path) -> None:
    write(home, text)
    assert fetch(ALICE) == "hunter2"


@pytest.mark.parametrize(
    ("written", "password"),
    [("#1", "#1"), ('"a b"', "a b"), (r"a\ b", "a b"), (r'"a\"b"', 'a"b'), ('a"b"', 'a"b"'), ("machine", "machine")],
)
def test_odd_passwords(written: str, password: str, home: Path) -> None:
    write(home, f"machine mx.example.org login alice password {written}\n")
    assert fetch(ALICE) == password


@pytest.mark.parametrize(
    "text",
    [
        "",
        "machine mx.example.org login bob password hunter2\n",
        "machine mx.example.com login alice password hunter2\n",
        "machine mx.example.org login alice password\n",
        'machine mx.example.org login alice password ""\n',
        "machine\nlogin alice password hunter2",
        "macdef m\nmachine mx.example.org login alice password hunter2\n",
    ],
)
def test_not_found(text: str, home: Path) -> None:
    write(home, text)
    with pytest.raises(MailError, match=r"add a line with: machine mx\.example\.org login alice password") as raised:
        fetch(ALICE)
    assert raised.value.kind == "try_again"
    assert "hunter2" not in raised.value.text


def test_there_is_none(home: Path) -> None:
    with pytest.raises(MailError, match=r"\.netrc: No such file") as raised:
        fetch(ALICE)
    assert raised.value.kind == "try_again"


def test_what_is_too_long_is_not_cut_in_two(home: Path) -> None:
    begin = "machine mx.example.org login alice password hunter2"
    write(home, begin.rjust(LONGEST))
    assert fetch(ALICE) == "hunter2"
    write(home, begin.rjust(LONGEST + 1))
    with pytest.raises(MailError, match="too long") as raised:
        fetch(ALICE)
    assert raised.value.kind == "try_again"


@pytest.mark.parametrize("unit", ["x", '"', "\\x", '"x', "machine ", "macdef x\n", "password \t", "\n"])
def test_a_megabyte_takes_linear_time(unit: str) -> None:
    def taken(count: int) -> float:
        text = "machine " + unit * (count // len(unit))
        begun = time.process_time()
        list(entries(text))
        return time.process_time() - begun

    taken(1000)
    # 16 times as long; what grows with the square would need 256 times as much
    assert taken(1 << 20) < 60 * max(taken(1 << 16), 0.005)


def test_open_to_others(home: Path) -> None:
    write(home, "machine mx.example.org login alice password hunter2\n", 0o644)
    with pytest.raises(MailError, match="chmod 600"):
        fetch(ALICE)


@given(st.text('machine default login password macdef # " \\ \t\n x\0\r\x85', max_size=200))
def test_any_text_is_read(text: str) -> None:
    for entry in entries(text):
        assert isinstance(entry.password, str)
