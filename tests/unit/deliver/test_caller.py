"""Who runs us, on which machine; also where nobody knows."""

import os
from pathlib import Path

import pytest

from esmtp_py.deliver import caller
from esmtp_py.deliver.caller import Caller, full_name, text_of


@pytest.mark.parametrize(
    ("gecos", "name"),
    [
        ("Joe Doe", "Joe Doe"),
        ("Joe Doe,Room 1,555-1,", "Joe Doe"),
        ("& Doe", "Joe Doe"),
        ("", ""),
        (",,,", ""),
        ("J\udcf6rg", "Jörg"),
        ("Jörg", "Jörg"),
        ("Joe\tX\x1b", "JoeX"),
    ],
)
def test_full_name_of_a_passwd_comment(gecos: str, name: str) -> None:
    assert full_name(gecos, "joe") == name


@pytest.mark.parametrize(("word", "text"), [("J\udcf6rg", "Jörg"), ("Jörg", "Jörg"), ("a\r\nBcc: x", "aBcc: x")])
def test_a_word_of_argv_is_unicode_without_controls(word: str, text: str) -> None:
    assert text_of(word) == text


class Uname:
    def __init__(self, nodename: str) -> None:
        self.nodename = nodename


@pytest.mark.parametrize(
    ("node", "mailname", "host", "domain"),
    [
        ("box.example.org", "mail.example.org\n", "box.example.org", "example.org"),
        ("box", "mail.example.org\nmore\n", "mail.example.org", "example.org"),
        ("box", "", "box", "box"),
        ("box", None, "box", "box"),
        ("(none)", None, "localhost", "localhost"),
        ("", "", "localhost", "localhost"),
        ("box", "a b\n", "box", "box"),
        ("box", "a..b\n", "box", "box"),
        ("box", "x" * 1000, "box", "box"),
        ("box.example.org.", None, "box.example.org", "example.org"),
        ("bäx", None, "localhost", "localhost"),
    ],
)
def test_host_name_without_asking_the_network(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, node: str, mailname: str | None, host: str, domain: str
) -> None:
    monkeypatch.setattr(os, "uname", lambda: Uname(node))
    monkeypatch.setattr(caller, "MAILNAME", str(tmp_path / "mailname"))
    if mailname is not None:
        (tmp_path / "mailname").write_text(mailname)
    assert Caller().host == host
    assert Caller().domain == domain


@pytest.mark.parametrize(
    ("logname", "login"), [("joe", "joe"), ("", "uid4000000001"), ("a b", "uid4000000001"), ("ä", "uid4000000001")]
)
def test_user_without_passwd_entry(monkeypatch: pytest.MonkeyPatch, logname: str, login: str) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 4000000001)
    monkeypatch.setenv("LOGNAME", logname)
    monkeypatch.delenv("HOME", raising=False)
    somebody = Caller()
    assert somebody.login == login
    assert somebody.full_name == ""
    assert somebody.home == ""


def test_home_is_the_environments_then_the_passwd_entrys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/somewhere")
    assert Caller().home == "/somewhere"
    monkeypatch.delenv("HOME")
    assert Caller().home == os.path.expanduser("~")
