"""The installed program does its work, however it was installed."""

import subprocess
from pathlib import Path

import pytest

from esmtp_py import __version__
from tests.packaging.installation import ROOT, Installation, run
from tests.server import SubmissionServer

RC = """\
identity alice@example.org
    hostname localhost:{port}
    username alice
    password "secret"
    ca_file {ca_file}
"""


@pytest.mark.parametrize("name", ["esmtp", "sendmail", "mailq", "newaliases", "deliver"])
def test_each_command_knows_its_version(installation: Installation, tmp_path: Path, name: str) -> None:
    assert __version__ in run(installation.command(name), "--version", cwd=tmp_path)


def test_it_runs_as_a_module(installation: Installation, tmp_path: Path) -> None:
    assert __version__ in run(installation.python, "-m", "esmtp_py", "--version", cwd=tmp_path)


@pytest.mark.parametrize(
    ("installed", "source"),
    [
        ("share/man/man1/esmtp.1", "man/esmtp.1"),
        ("share/man/man5/esmtprc.5", "man/esmtprc.5"),
        ("share/man/man7/esmtp-internals.7", "man/esmtp-internals.7"),
        ("share/doc/esmtp/sample.esmtprc", "sample.esmtprc"),
    ],
)
def test_manual_and_sample_are_where_man_and_people_look(
    installation: Installation, installed: str, source: str
) -> None:
    assert (installation.prefix / installed).read_bytes() == (ROOT / source).read_bytes()


def test_the_grammar_is_part_of_the_package(installation: Installation, tmp_path: Path) -> None:
    ask = "import esmtp_py.grammar.esmtprc as g; print(g.__file__)"
    where = Path(run(installation.python, "-I", "-c", ask, cwd=tmp_path).strip())
    home = ROOT if installation.editable else installation.packages
    assert where == home / "esmtp_py/grammar/esmtprc.py"


def test_a_mail_leaves_and_arrives(installation: Installation, tmp_path: Path) -> None:
    with SubmissionServer() as server:
        rc = tmp_path / "esmtprc"
        rc.touch(mode=0o600)
        rc.write_text(RC.format(port=server.port, ca_file=server.authority.file))
        sendmail = installation.command("sendmail")
        command: list[str | Path] = [sendmail, "-C", rc, "-f", "alice@example.org", "-i", "bob@example.net"]
        message = b"From: alice@example.org\nSubject: packed\n\nhello\n"
        done = subprocess.run(command, input=message, cwd=tmp_path, capture_output=True, timeout=60)
        assert (done.returncode, done.stderr) == (0, b"")
        [mail] = server.mails
        assert (mail.sender, mail.recipients) == ("alice@example.org", ["bob@example.net"])
        assert mail.session.tls
        assert mail.session.user == "alice"
        assert mail.data.endswith(b"\r\n\r\nhello\r\n")
    assert server.violations == []
