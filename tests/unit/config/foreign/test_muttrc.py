"""Mutt's variables as an identity: what they come to, and what is said of the rest."""

import pathlib

import pytest

from esmtp_py.config.foreign import muttrc
from esmtp_py.config.foreign.found import Found
from esmtp_py.config.foreign.here import Here
from tests.unit.config.foreign import HERE

URL = "set smtp_url=smtp://joe@x.org from=joe@x.org\n"
KEYRING = "smtp_pass: it is not set; run `esmtp --set-password joe@x.org`"


def read(text: str, **environment: str) -> Found:
    here = Here(login="alice", host="box", home="/home/alice", environment=environment)
    return muttrc.read(text, "/nowhere/muttrc", here)


def statements(found: Found) -> dict[str, str]:
    [section] = found.sections
    return dict(section.statements)


def test_mutt() -> None:
    found = read(
        'set realname = "Joe User"\nset from=joe@x.org # me\nset nouse_from\n'
        'set smtp_url="smtps://joe%40x.org@mail.x.org" \\\n  smtp_pass="`pass show mail`"\n'
        'set smtp_authenticators="login" dsn_notify="failure,delay"\n'
        'macro index x "set from=other@x.org"\n'
    )
    [section] = found.sections
    assert section.addresses == ["joe@x.org"]
    assert dict(section.statements) == {
        "hostname": "mail.x.org:465",
        "starttls": "implicit",
        "username": "joe@x.org",
        "password_command": "pass show mail",
        "full_name": "Joe User",
        "auth": "login",
        "dsn_notify": "failure,delay",
    }
    assert found.lost == []


@pytest.mark.parametrize(
    ("line", "password"),
    [
        ("set smtp_url=smtp://joe:pa%20ss@x.org:587", ("password", "pa ss")),
        ("set smtp_url=smtp://joe@x.org:587 smtp_pass=it", ("password", "it")),
        ("set smtp_url=smtp://joe@x.org:587", ("password_from", "keyring")),
    ],
)
def test_password_of_mutt(line: str, password: tuple[str, str]) -> None:
    assert password in read(line).sections[0].statements


def test_mutt_that_sends_by_another_program() -> None:
    found = read("set sendmail=msmtp\nset smtp_url=smtp://x.org\nunset smtp_url\n")
    assert found.sections == []
    assert found.lost


@pytest.mark.parametrize(
    ("lines", "password"),
    [
        ("set my_pass=secret\nset smtp_pass=$my_pass", "secret"),
        ("set my_pass=secret smtp_pass=${my_pass}", "secret"),
        ('set my_pass=ret; set smtp_pass = "sec$my_pass"', "secret"),
        ("set my_pass=secret\nset smtp_pass=$my_pass\nset my_pass=later", "secret"),
        ("set realname=secret smtp_pass=$realname", "secret"),
        ("set smtp_pass='$my_pass'", "$my_pass"),
        ("set smtp_pass=a\\$b$", "a$b$"),
        ("set smtp_pass='a#;b'\\ \"c\\\"'\" # d", "a#;b c\"'"),
        ("set smtp_pass=se\\\ncret", "secret"),
        ("set my_home=$HOME\nset smtp_pass=$my_home", "/home/alice"),
    ],
)
def test_variables_that_the_file_sets_stand_for_their_values(lines: str, password: str) -> None:
    found = read(f"{lines}\n{URL}")
    assert statements(found)["password"] == password
    assert found.lost == []


def test_variables_in_the_url() -> None:
    found = read('set my_user=me%40x.org my_host=x.org\nset smtp_url="smtps://$my_user:pw@$my_host:466"\n')
    told = statements(found)
    assert (told["username"], told["password"], told["hostname"]) == ("me@x.org", "pw", "x.org:466")
    assert found.lost == []


def test_the_environment_is_never_taken_in_silence() -> None:
    found = read(f"set my_pass=$PW my_other=$OTHER\nset smtp_pass=$my_pass\n{URL}", PW="secret", OTHER="x")
    assert statements(found)["password"] == "secret"
    assert found.lost == ["smtp_pass: $PW is of the environment, and stands for what it is now"]


def test_a_variable_that_nobody_has_set_is_said() -> None:
    found = read(f"set smtp_pass=$my_pass\n{URL}set realname=$my_name\n")
    assert statements(found)["password_from"] == "keyring"
    assert found.lost == [
        "smtp_pass: $my_pass is not known, and is left out",
        KEYRING,
        "realname: $my_name is not known, and is left out",
    ]
    found = read("set smtp_url=smtp://$my_user@x.org\n")
    assert "username" not in statements(found)
    assert found.lost == [
        "smtp_url: $my_user is not known, and is left out",
        "smtp_url: it has an @, and no user before it: nobody logs in",
    ]


@pytest.mark.parametrize(
    "lines", ["set smtp_pass=`pass show x`", 'set my_pass="`pass show x`"\nset smtp_pass=$my_pass']
)
def test_a_command_that_prints_the_password_goes_on_doing_so(lines: str) -> None:
    found = read(f"{lines}\n{URL}")
    assert statements(found)["password_command"] == "pass show x"
    assert found.lost == []


@pytest.mark.parametrize(
    ("lines", "lost"),
    [
        ("set smtp_pass=a`b`", "smtp_pass: `b` is not run"),
        ("set hostname=`hostname -f`", "hostname: `hostname -f` is not run"),
        ("set smtp_url=smtp://`cat user`@x.org", "smtp_url: `cat user` is not run"),
        ("set smtp_url=`cat url`", "smtp_url: `cat url` is not run"),
    ],
)
def test_what_a_command_would_print_is_not_known(lines: str, lost: str) -> None:
    found = read(f"{URL}{lines}\n")
    assert any(said.startswith(lost) for said in found.lost)
    assert "`" not in "".join(value for section in found.sections for _, value in section.statements)


@pytest.mark.parametrize(
    ("lines", "auth"),
    [
        ("set smtp_authenticators=xoauth2", "xoauth2"),
        ("set smtp_authenticators=OAUTHBEARER:plain smtp_pass=x", "oauthbearer"),
        ("", "xoauth2"),
    ],
)
def test_a_command_for_tokens_is_the_password_command(lines: str, auth: str) -> None:
    found = read(f'set smtp_oauth_refresh_command="tok me"\n{URL}{lines}\n')
    told = statements(found)
    assert (told["password_command"], told["auth"]) == ("tok me", auth)
    assert "password_from" not in told
    assert found.lost == []


def test_a_command_for_tokens_that_mutt_does_not_use() -> None:
    found = read(f'set smtp_oauth_refresh_command="tok me" smtp_authenticators=plain smtp_pass=x\n{URL}')
    assert statements(found)["password"] == "x"
    assert found.lost[0].startswith("smtp_oauth_refresh_command: smtp_authenticators names neither")


def test_a_ticket_needs_no_password() -> None:
    found = read(f"set smtp_authenticators=gssapi\n{URL}")
    assert statements(found) == {"hostname": "x.org:25", "username": "joe", "auth": "gssapi"}
    assert found.lost == []


def test_the_sender_may_have_a_name() -> None:
    assert read("set smtp_url=smtp://x.org from='Joe <joe@x.org>'\n").sections[0].addresses == ["joe@x.org"]


@pytest.mark.parametrize("url", ["yes", "smtp://", "smtp://joe@", "http://x.org"])
def test_an_url_that_names_no_server(url: str) -> None:
    found = read(f"set smtp_url={url}\n")
    assert found.sections == []
    assert found.lost == ["smtp_url: it names no server: smtp://HOST or smtps://HOST is expected"]


def test_files_that_are_sourced_are_read(tmp_path: pathlib.Path) -> None:
    home = tmp_path / "home"
    (home / "sub").mkdir(parents=True)
    (tmp_path / "muttrc").write_text("source account\nsource '~/more'; source $HOME/sub/last\nset realname=$my_name\n")
    (tmp_path / "account").write_text("set smtp_url=smtp://joe@x.org\nset smtp_pass=secret\n")
    (home / "account").write_text("set smtp_url=smtp://no\n")
    (home / "more").write_text("set from=joe@x.org\n")
    (home / "sub" / "last").write_text("source names\nsource more\n")
    (home / "sub" / "names").write_text("set my_name=Joe\n")
    here = Here(login="alice", host="box", home=str(home))
    found = muttrc.read((tmp_path / "muttrc").read_text(), str(tmp_path / "muttrc"), here)
    assert found.sections[0].addresses == ["joe@x.org"]
    assert statements(found) == {
        "hostname": "x.org:25",
        "username": "joe",
        "password": "secret",
        "full_name": "Joe",
    }
    assert found.lost == []


@pytest.mark.parametrize(
    ("line", "lost"),
    [
        ('source "touch {0}/ran |"', "source touch {0}/ran |: a program, which is not run"),
        ("source `touch {0}/ran`", "source touch {0}/ran: a program, which is not run"),
        ("source touch\\ {0}/ran|", "source touch {0}/ran|: a program, which is not run"),
        ("source nowhere", "source nowhere: cannot read"),
        ("source fifo", "source fifo: {0}/fifo: not a regular file"),
        ("source muttrc", "source muttrc: the file is being read already"),
        ("source a", "source b: the file is being read already"),
        ("source many", "source empty: no more than 100 files are read"),
    ],
)
def test_what_is_not_sourced_is_said(tmp_path: pathlib.Path, line: str, lost: str) -> None:
    import os

    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "a").write_text("source b\n")
    (tmp_path / "b").write_text("source a\nsource b\n")
    (tmp_path / "empty").write_text("")
    (tmp_path / "many").write_text("source empty\n" * 200)
    text = line.format(tmp_path) + "\n" + URL + "set smtp_pass=x\n"
    (tmp_path / "muttrc").write_text(text)
    found = muttrc.read(text, str(tmp_path / "muttrc"), HERE)
    assert found.sections
    assert len(found.lost) == (2 if line == "source a" else 1)
    assert found.lost[-1].startswith(lost.format(tmp_path))
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("line", "lost"),
    [
        ("folder-hook work 'set smtp_url=smtp://w.org from=w@w.org'", ["folder-hook work: it sets", "from"]),
        ("folder-hook work set from = w@w.org", ["folder-hook work: it sets from"]),
        ("send2-hook '~t boss' \"set my_a=1; unset smtp_pass\"", ["send2-hook ~t boss: it sets smtp_pass"]),
        ("send-hook . 'source ~/.mutt/work'", ["send-hook .: it reads ~/.mutt/work"]),
        ("folder-hook . 'set sort=date'", []),
        ("folder-hook . 'exec collapse-all'", []),
        ("folder-hook", []),
    ],
)
def test_hooks_that_say_how_to_send_are_said(line: str, lost: list[str]) -> None:
    found = read(f"{line}\n{URL}set smtp_pass=x\n")
    assert found.sections[0].addresses == ["joe@x.org"]
    assert len(found.lost) == len(lost)
    assert all(part in said for part, said in zip(lost, found.lost, strict=True))
