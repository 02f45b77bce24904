"""Which rc file is read, and which is not trusted."""

import os
import pathlib
import pwd
import socket
from collections.abc import Callable

import pytest

from esmtp_py.config import load, rcfile
from esmtp_py.errors import MailError

Write = Callable[..., pathlib.Path]
GiveAway = Callable[[pathlib.Path], None]


def fails(path: str | None = None) -> str:
    with pytest.raises(MailError) as raised:
        load(path)
    assert raised.value.kind == "config"
    assert raised.value.outcome().exit_code == 78
    return raised.value.text


# --- search order


def test_without_a_file_everyone_submits_to_localhost(home: pathlib.Path) -> None:
    config = load()
    assert config.path == ""
    assert config.identities == (config.default,)
    assert str(config.default.server) == "localhost:25"
    assert config.default.is_default


def test_own_file_comes_before_the_systems(home: pathlib.Path, write: Write, tmp_path: pathlib.Path) -> None:
    system = write("helo system", 0o644, tmp_path / "etc" / "esmtprc")
    assert load().default.helo == "system"
    assert load().path == str(system)
    own = write("helo own")
    assert load().default.helo == "own"
    assert load().path == str(own)


def test_named_file_comes_before_all(write: Write, tmp_path: pathlib.Path) -> None:
    write("helo own")
    named = write("helo named", 0o644, tmp_path / "named")
    config = load(str(named))
    assert config.default.helo == "named"
    assert config.default.origin == {"helo": f"{named}:1"}


def test_named_file_must_exist(home: pathlib.Path) -> None:
    assert fails(str(home / "nothing")) == f"{home}/nothing: there is no such rc file"


def test_named_file_may_be_the_null_device(write: Write) -> None:
    write("helo own")
    assert load("/dev/null").default.helo == ""


def test_home_is_taken_from_the_password_database_if_need_be(
    home: pathlib.Path, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("helo own")
    entry = pwd.struct_passwd(("me", "x", 1, 1, "", str(home), "/bin/sh"))
    monkeypatch.setattr(pwd, "getpwuid", lambda uid: entry)
    for unset in (True, False):
        if unset:
            monkeypatch.delenv("HOME")
        else:
            monkeypatch.setenv("HOME", "")
        assert load().default.helo == "own"


def test_without_any_home_the_systems_file_is_used(
    home: pathlib.Path, write: Write, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("helo system\nca_file ~/x", 0o644, tmp_path / "etc" / "esmtprc")

    def nobody(uid: int) -> pwd.struct_passwd:
        raise KeyError(uid)

    monkeypatch.delenv("HOME")
    monkeypatch.setattr(pwd, "getpwuid", nobody)
    assert "there is no home directory to put in the place of ~" in fails()


def test_home_that_is_no_directory_is_no_home(home: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/dev/null")
    assert load().path == ""


# --- what is no rc file


def test_directory_pipe_socket_and_device_are_no_rc_files(home: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = home / ".esmtprc"
    path.mkdir()
    assert fails() == f"{path}: is a directory, but an rc file must be a regular file"
    path.rmdir()
    os.mkfifo(path, 0o600)
    assert fails() == f"{path}: is a named pipe, but an rc file must be a regular file"
    path.unlink()
    monkeypatch.chdir(home)  # the name of a socket has little room
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(".esmtprc")
        assert "the rc file cannot be read: " in fails()
    path.unlink()
    path.symlink_to("/dev/zero")
    assert fails() == f"{path}: is a device, but an rc file must be a regular file"
    assert fails("/dev/zero").startswith("/dev/zero: is a device")


def test_a_link_of_ones_own_is_good(home: pathlib.Path, write: Write) -> None:
    write("helo linked\nca_file here.pem", path=home / "dotfile")
    (home / ".esmtprc").symlink_to("dotfile")
    assert load().default.helo == "linked"
    assert load().path == f"{home}/.esmtprc"
    assert load().default.ca_file == f"{home}/here.pem"


def test_a_link_that_leads_nowhere_or_in_a_circle_is_an_error(
    home: pathlib.Path, write: Write, tmp_path: pathlib.Path
) -> None:
    write("helo system", 0o644, tmp_path / "etc" / "esmtprc")
    (home / ".esmtprc").symlink_to("nothing")
    assert fails() == f"{home}/.esmtprc: the symbolic link leads nowhere"
    (home / ".esmtprc").unlink()
    (home / ".esmtprc").symlink_to(".esmtprc")
    assert "the rc file cannot be read: Too many levels of symbolic links" in fails()


def test_a_link_of_somebody_else_is_not_followed(home: pathlib.Path, write: Write, give_away: GiveAway) -> None:
    write("helo linked", path=home / "dotfile")
    (home / ".esmtprc").symlink_to("dotfile")
    give_away(home / ".esmtprc")
    assert f"{home}/.esmtprc: the symbolic link belongs to " in fails()


def test_a_file_out_of_reach_is_an_error_and_not_passed_over(
    home: pathlib.Path, write: Write, tmp_path: pathlib.Path
) -> None:
    write("helo own")
    write("helo system", 0o644, tmp_path / "etc" / "esmtprc")
    home.chmod(0)
    euid = os.geteuid()
    try:
        if euid == 0:
            os.seteuid(65534)
        assert fails() == f"{home}/.esmtprc: the rc file cannot be read: Permission denied"
    finally:
        os.seteuid(euid)
        home.chmod(0o700)


def test_a_path_with_nul_is_an_error(home: pathlib.Path) -> None:
    assert "the rc file cannot be read" in fails("a\0b")


def test_endless_file_and_utf16_are_refused(home: pathlib.Path, write: Write) -> None:
    path = write("# " + "x" * rcfile.LONGEST)
    assert fails() == f"{path}: is longer than 4 MiB and no rc file"
    path.write_bytes("helo x".encode("utf-16"))
    assert fails() == f"{path}: is in UTF-16; save it as UTF-8"


def test_byte_order_mark_and_odd_bytes_are_read(write: Write) -> None:
    path = write("")
    path.write_bytes(b"\xef\xbb\xbfpassword caf\xe9\nhelo")
    assert ":2:5: expected a host name" in fails()
    path.write_bytes(b"\xef\xbb\xbfpassword caf\xe9")
    password = load().default.password
    assert password is not None
    assert password.reveal() == "caf\udce9"


# --- whom it belongs to, and who may read it


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o610, 0o601, 0o666])
def test_own_file_is_closed_to_everyone_else(home: pathlib.Path, write: Write, mode: int) -> None:
    path = write("helo x", mode)
    expected = f"{path}: group or others have access to it (mode {mode:04o}); run: chmod 600 {path}"
    assert fails() == expected


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o700])
def test_own_file_that_is_closed_is_good(write: Write, mode: int) -> None:
    write("password secret", mode)
    assert load().default.password is not None


def test_the_command_to_run_is_quoted_for_the_shell(home: pathlib.Path, write: Write) -> None:
    path = write("password secret", 0o644, home / "my 'rc'")
    assert fails(str(path)).endswith(f"""run: chmod 600 '{home}/my '"'"'rc'"'"''""")


def test_file_of_somebody_else_is_not_read(
    home: pathlib.Path, write: Write, give_away: GiveAway, tmp_path: pathlib.Path
) -> None:
    for path in (write("helo x"), write("helo x", 0o644, tmp_path / "named")):
        give_away(path)
        text = fails(str(path))
        assert text.startswith(f"{path}: belongs to ")
        assert f"not to you; run: chown {pwd.getpwuid(os.getuid()).pw_name} {path}" in text or os.geteuid() != 0
    assert "belongs to" in fails()


def test_named_file_may_be_open_as_long_as_it_holds_no_password(write: Write, tmp_path: pathlib.Path) -> None:
    path = write("helo x", 0o644, tmp_path / "named")
    assert load(str(path)).default.helo == "x"
    for statement in ("password x", "pass x", "certificate_passphrase x", "identity a pass x identity b"):
        write(statement, 0o644, path)
        assert fails(str(path)) == f"{path}: group or others have access to it (mode 0644); run: chmod 600 {path}"
    write("password x", 0o600, path)
    assert load(str(path)).default.password is not None


def test_what_anyone_may_write_is_not_trusted(write: Write, tmp_path: pathlib.Path) -> None:
    for path in (tmp_path / "named", tmp_path / "etc" / "esmtprc"):
        write("helo x", 0o646, path)
        assert fails(str(path)) == f"{path}: anyone may write to it (mode 0646); run: chmod o-w {path}"
    assert fails() == f"{path}: anyone may write to it (mode 0646); run: chmod o-w {path}"


def test_systems_file_may_hold_a_password_for_all(write: Write, tmp_path: pathlib.Path) -> None:
    write("password shared", 0o644, tmp_path / "etc" / "esmtprc")
    password = load().default.password
    assert password is not None
    assert password.reveal() == "shared"


def test_relative_path_and_home(
    home: pathlib.Path, write: Write, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("ca_file ca.pem\ncertificate ~/me.pem", 0o600, tmp_path / "named")
    monkeypatch.chdir(tmp_path)
    config = load("named")
    assert config.path == "named"
    assert config.default.ca_file == f"{tmp_path}/ca.pem"
    assert config.default.certificate == f"{home}/me.pem"
    monkeypatch.chdir(home)
    assert load("../named").default.ca_file == f"{home}/../ca.pem"
