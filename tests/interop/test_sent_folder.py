"""record imap with a real Dovecot; and that it reads the maildirs and mboxes we write."""

import pathlib
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator

import pytest

from esmtp_py.config import load
from esmtp_py.deliver import sent_folder
from esmtp_py.errors import MailError
from tests.conftest import Command
from tests.interop.imapserver import PASSWORD, USER, ImapServer
from tests.interop.mailserver import missing
from tests.interop.postfix import wait_until
from tests.server import SubmissionServer

Rc = Callable[[str], pathlib.Path]
MAIL = b"From: Me <me@x.org>\nTo: you@y.org\nBcc: blind@y.org\nSubject: hello\n\n.dots and \xc3\xa9\nFrom here\n"
SPECIAL = "Gesendete Objekte"


@pytest.fixture(scope="module")
def imap() -> Iterator[ImapServer]:
    why = missing()
    if why:
        pytest.skip(why)
    with ImapServer() as server:
        yield server


@pytest.fixture
def smtp() -> Iterator[SubmissionServer]:
    with SubmissionServer(mechanisms=("PLAIN",), users={USER: PASSWORD}) as server:
        yield server
    assert server.violations == []


@pytest.fixture
def write(esmtp: Command, rc: Rc, smtp: SubmissionServer, imap: ImapServer) -> Callable[..., None]:
    """Writes an rc with record imap; the port is that with STARTTLS."""
    both = esmtp.home / "both.pem"
    both.write_text(pathlib.Path(smtp.authority.file).read_text() + pathlib.Path(imap.authority.file).read_text())

    def written(*more: str, port: int = 0, user: str = USER, password: str = PASSWORD, ca: str = str(both)) -> None:
        lines = [f"hostname localhost:{smtp.port}", f'username {user} password "{password}"', f'ca_file "{ca}"']
        lines += ["record imap", f"imap_server localhost:{port or imap.imap}", *more]
        rc("identity me@x.org\n" + "\n".join(lines) + "\n")

    return written


def waiting(esmtp: Command) -> list[pathlib.Path]:
    place = esmtp.home / ".esmtp_queue" / "sent"
    return sorted(place.iterdir()) if place.is_dir() else []


def count(imap: ImapServer, folder: str) -> int:
    return len(imap.folder(folder))


@pytest.mark.parametrize("way", ["direct", "queue"])
def test_the_copy_is_in_the_folder_for_sent_mail(
    esmtp: Command, smtp: SubmissionServer, imap: ImapServer, write: Callable[..., None], way: str
) -> None:
    write()
    before = count(imap, SPECIAL)
    if way == "direct":
        done = esmtp("-t", stdin=MAIL)
        assert (done.code, done.err) == (0, "")
        wait_until(lambda: not waiting(esmtp) and count(imap, SPECIAL) > before, "the copy")
    else:
        assert esmtp("-odq", "-t", stdin=MAIL).code == 0
        done = esmtp("-q")
        assert (done.code, done.err) == (0, "")
    assert count(imap, SPECIAL) == before + 1
    assert waiting(esmtp) == []
    copy = imap.folder(SPECIAL)[-1]
    assert "S" in copy.get_flags()
    assert copy["Bcc"] is None
    sent = re.sub(rb"\r\n", b"\n", smtp.mails[0].data)
    contents = [file.read_bytes().replace(b"\r\n", b"\n") for file in _files(imap, SPECIAL)]
    assert sent in contents


def _files(imap: ImapServer, folder: str) -> list[pathlib.Path]:
    place = pathlib.Path(imap.directory, "mail", USER, f".{folder}")
    return [file for name in ("cur", "new") for file in (place / name).iterdir()]


def test_a_folder_of_ones_own_is_made(esmtp: Command, imap: ImapServer, write: Callable[..., None]) -> None:
    write("sent_folder 'Post & Ausg\u00e4nge'")
    for number in range(2):
        assert esmtp("-odq", "-t", stdin=MAIL).code == 0
        assert esmtp("-q").err == ""
        assert count(imap, "Post &- Ausg&AOQ-nge") == number + 1


def test_a_login_that_fails_keeps_the_copy_and_says_so(
    esmtp: Command, smtp: SubmissionServer, imap: ImapServer, write: Callable[..., None]
) -> None:
    smtp.users[USER] = "wrong one"
    write(password="wrong one")
    assert esmtp("-odq", "-t", stdin=MAIL).code == 0
    done = esmtp("-q")
    assert done.code == 0
    assert "the copy of a sent mail waits in " in done.err
    assert "refuses the login" in done.err
    assert "wrong one" not in done.err
    assert done.err.count("\n") == 1
    assert len(smtp.mails) == 1
    [copy] = waiting(esmtp)
    assert copy.stat().st_mode & 0o777 == 0o600
    smtp.users[USER] = PASSWORD
    write()
    before = count(imap, SPECIAL)
    assert esmtp("-q").err == ""
    assert waiting(esmtp) == []
    assert count(imap, SPECIAL) == before + 1
    assert len(smtp.mails) == 1


def test_a_server_that_is_down_delays_nothing(
    esmtp: Command, smtp: SubmissionServer, write: Callable[..., None]
) -> None:
    write(port=1)
    for _ in range(3):
        assert esmtp("-odq", "-t", stdin=MAIL).code == 0
    done = esmtp("-q")
    assert len(smtp.mails) == 3
    assert len(waiting(esmtp)) == 3
    assert done.err.count("\n") == 1, "one complaint for all of them"
    assert "cannot connect to localhost" in done.err


def test_an_untrusted_certificate_gets_no_password(
    esmtp: Command, smtp: SubmissionServer, imap: ImapServer, write: Callable[..., None]
) -> None:
    smtp.users["carol"] = PASSWORD  # nobody else logs in by that name
    write(user="carol", ca=smtp.authority.file)
    assert esmtp("-odq", "-t", stdin=MAIL).code == 0
    done = esmtp("-q")
    assert "its certificate is not trusted" in done.err
    assert len(waiting(esmtp)) == 1
    wait_until(lambda: "alert unknown ca" in imap.log(), "the end of the handshake in Dovecot's log")
    assert "carol" not in imap.log()


@pytest.mark.parametrize(
    ("more", "level", "said"),
    [
        ("", "ok", f", folder {SPECIAL}"),
        ("sent_folder 'a/b'", "bad", "does not take copies into a/b: [CANNOT] Invalid mailbox name"),
        ("sent_folder Later", "note", "has no folder Later yet, which the first copy makes; it says: "),
    ],
)
def test_the_doctor_looks_at_the_folder(
    esmtp: Command, imap: ImapServer, write: Callable[..., None], more: str, level: str, said: str
) -> None:
    write(more)
    before = count(imap, SPECIAL)
    done = esmtp("--doctor")
    [line] = [line for line in done.out.splitlines() if line[6:].startswith("record")]
    assert line.split()[0] == level
    assert f"me@x.org: localhost:{imap.imap}" in line
    assert said in line
    assert done.code == (75 if level == "bad" else 0)
    assert count(imap, SPECIAL) == before
    assert not pathlib.Path(imap.directory, "mail", USER, ".Later").exists()


def test_the_doctor_is_not_let_in(
    esmtp: Command, smtp: SubmissionServer, imap: ImapServer, write: Callable[..., None]
) -> None:
    smtp.users[USER] = "wrong one"
    write(password="wrong one")
    done = esmtp("--doctor")
    assert done.code == 77
    assert "\nbad   record       me@x.org: no copy gets to the IMAP server: localhost refuses the login: " in done.out


def test_tls_from_the_first_byte(
    smtp: SubmissionServer,
    imap: ImapServer,
    write: Callable[..., None],
    esmtp: Command,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write("sent_folder Implicit", port=imap.imaps)
    monkeypatch.setattr(sent_folder, "IMAPS_PORT", str(imap.imaps))
    identity = load(str(esmtp.home / ".esmtprc")).default
    folder = sent_folder.SentFolder(identity)
    folder.append(4, lambda: [b"a: b"], 1.0)
    folder.append(4, lambda: [b"a:", b" c"], 1.0)
    folder.close()
    assert sorted(str(mail["a"]) for mail in imap.folder("Implicit")) == ["b", "c"]


MECHANISMS = ["automatic", "plain", "login", "cram-md5", "scram-sha-1", "scram-sha-256"]


@pytest.mark.parametrize("mechanism", MECHANISMS)
@pytest.mark.parametrize("good", [True, False])
def test_each_mechanism(
    esmtp: Command, write: Callable[..., None], imap: ImapServer, mechanism: str, good: bool
) -> None:
    write(f"auth {mechanism}", f"sent_folder {mechanism}", password=PASSWORD if good else "wrong one")
    identity = load(str(esmtp.home / ".esmtprc")).default
    if not good:
        with pytest.raises(MailError) as raised:
            sent_folder.SentFolder(identity)
        assert raised.value.kind == "auth"
        assert "wrong one" not in raised.value.text
        return
    folder = sent_folder.SentFolder(identity)
    folder.append(6, lambda: [b"a: b\r\n"], 1.0)
    folder.close()
    assert count(imap, mechanism) == 1


@pytest.mark.parametrize("form", ["maildir", "mbox"])
def test_dovecot_reads_what_we_write(esmtp: Command, rc: Rc, imap: ImapServer, form: str) -> None:
    path = esmtp.home / "Mail" / "sent"
    path.parent.mkdir()
    slash = "/" if form == "maildir" else ""
    rc(f"identity me@x.org\nmda 'cat >/dev/null'\nrecord Mail/sent{slash}\n")
    for number in range(2):
        assert esmtp("joe", stdin=MAIL.replace(b"hello", b"hello %d" % number)).code == 0
    there = pathlib.Path(imap.directory, form)  # where Dovecot's user may go
    shutil.copytree(path.parent, there)
    subprocess.run(["chown", "-R", "mail:mail", there], check=True)
    location = f"maildir:{there}/sent" if form == "maildir" else f"mbox:{there}:INBOX={there}/sent"
    argv = ["doveadm", "-c", f"{imap.directory}/dovecot.conf", "-o", f"mail_location={location}", "fetch", "-u", USER]
    done = subprocess.run([*argv, "hdr.subject flags body", "mailbox", "INBOX"], capture_output=True, timeout=60)
    text = done.stdout.decode()
    assert "hello 0" in text, done.stderr
    assert "hello 1" in text
    assert text.count("From here") == 2
    if form == "maildir":
        assert text.count("\\Seen") == 2
