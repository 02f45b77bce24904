"""scripts/esmtp-wrapper under every shell that /bin/sh may be: what it queues, what it refuses, what it hands over."""

import os
import pathlib
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from esmtp_py.cli.mail import given_sender
from esmtp_py.cli.options import parse
from esmtp_py.cli.recipients import from_words
from esmtp_py.queue.entry import Entry
from esmtp_py.queue.store import Store

WRAPPER = pathlib.Path(__file__).resolve().parents[2] / "scripts/esmtp-wrapper"
TEXT = b"Subject: x\n\nhello\n"
HANDED_OVER = 99
SHELLS = {"dash": ["dash"], "busybox": ["busybox", "sh"], "bash": ["bash"], "bash-posix": ["bash", "--posix"]}

# An esmtp that says how it was called.  Where there is a FIFO "called" it waits for a reader, so a test
# can wait for it without sleeping.
STUB = f"""#!/bin/sh
here=${{0%/*}}
{{
    for word; do printf '%s\\0' "$word"; done
    printf '\\n%s\\n%s\\n' "${{LC_ALL-unset}}" "$PWD"
    for fd in /proc/$$/fd/[0-9]; do readlink "$fd"; done
}} >"$here/call.$$" 9>&-
mv "$here/call.$$" "$here/call"
[ ! -p "$here/called" ] || echo >"$here/called"
exit {HANDED_OVER}
"""


class Call:
    """How esmtp was called.  argv without its name; what LC_ALL was; where; its open descriptors below 10."""

    def __init__(self, text: bytes) -> None:
        argv, rest = text.split(b"\0\n", 1)
        self.argv = [os.fsdecode(word) for word in argv.split(b"\0")]
        self.language, self.directory, *self.files = rest.decode().splitlines()


class Wrapper:
    """The wrapper in a home of its own, under one shell, beside an esmtp that only reports."""

    def __init__(self, home: pathlib.Path, shell: list[str]) -> None:
        self.home = home
        self.shell = shell
        self.bin = home / "bin"
        self.bin.mkdir()
        self.queue = home / ".esmtp_queue"
        self.program("esmtp", STUB)
        self.environ = {"HOME": str(home), "PATH": f"{self.bin}:/usr/bin:/bin", "LANG": "C.UTF-8"}

    def program(self, name: str, text: str) -> pathlib.Path:
        path = self.bin / name
        path.write_text(text)
        path.chmod(0o755)
        return path

    def named(self, name: str) -> pathlib.Path:
        link = self.home / "links" / name
        link.parent.mkdir(exist_ok=True)
        if not link.is_symlink():
            link.symlink_to(WRAPPER)
        return link

    def __call__(
        self, *args: str | bytes, stdin: bytes = TEXT, name: str = "sendmail", **more: str
    ) -> "subprocess.CompletedProcess[bytes]":
        argv = [*self.shell, self.named(name), *args]
        environ = self.environ | more
        return subprocess.run(argv, input=stdin, capture_output=True, env=environ, cwd=self.home, timeout=60)

    def call(self) -> Call:
        """The call of esmtp; each is told once."""
        path = self.bin / "call"
        found = Call(path.read_bytes())
        path.unlink()
        return found

    def files(self) -> list[str]:
        """All that is in the queue."""
        return sorted(str(path.relative_to(self.queue)) for path in self.queue.rglob("*") if not path.is_dir())

    def mail(self) -> tuple[Entry, bytes]:
        """The one mail in the queue, verified; and nothing is beside it."""
        with Store.open(str(self.queue)) as store:
            [name] = store.ids()
            assert self.files() == [f"new/{name}"]
            mail = store.lock(name)
            assert mail
            with mail:
                mail.verify()
                return mail.entry, b"".join(mail.chunks())


@pytest.fixture(params=list(SHELLS))
def wrapper(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> Wrapper:
    program, *options = SHELLS[request.param]
    path = shutil.which(program)
    if not path:
        pytest.skip(f"{program} is not installed")
    return Wrapper(tmp_path, [path, *options])


# -- what it queues ------------------------------------------------------------------------------------------------


def test_a_mail_is_queued_as_it_came(wrapper: Wrapper) -> None:
    began = int(time.time())
    done = wrapper("-odq", "-oi", "-f", "me@x.org", "a@x.org")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    entry, message = wrapper.mail()
    assert message == TEXT
    assert entry.argv == [b"-odq", b"-oi", b"-f", b"me@x.org", b"a@x.org"]
    assert entry.form == "raw"
    assert began - 1 <= entry.time <= time.time()


def test_nobody_else_can_read_it(wrapper: Wrapper) -> None:
    wrapper("-odq", "a@x.org")
    modes = {stat.S_IMODE(path.stat().st_mode) for path in wrapper.queue.rglob("*") if path.is_file()}
    directories = [wrapper.queue, *(path for path in wrapper.queue.rglob("*") if path.is_dir())]
    assert modes == {0o600}
    assert {stat.S_IMODE(path.stat().st_mode) for path in directories} == {0o700}


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"\n",
        b"no line end",
        bytes(range(256)) * 4,
        b"\nseal 5 cksum 0\n",
        b"Subject: x\n\n.\n.\n",
        b"-n\\n%s\\c\n",
        os.urandom(1_000_000),
    ],
    ids=["empty", "newline", "unended", "octets", "seal", "dots", "escapes", "large"],
)
def test_every_message_is_kept_to_the_byte(wrapper: Wrapper, message: bytes) -> None:
    assert wrapper("-odq", "-i", "a@x.org", stdin=message).returncode == 0
    assert wrapper.mail()[1] == message


ODD_WORDS = [
    b"",
    b" ",
    b"a  b",
    b"two\n\nlines\n",
    b"\n",
    b"'\"`$HOME$(echo x)\\n\\",
    b"* ? [a-z] ~ {a,b}",
    b"-n",
    b"-e",
    b"%s%n",
    b"\xff\xfe \xe4",
    "Jürgen 日本".encode(),
    b"argv 3",
    b"\nseal 5 cksum 0",
    bytes(range(1, 256)),
    *[bytes([octet]) for octet in range(0x80, 0xA0)],  # some of them dash uses itself
]


def test_the_arguments_are_kept_to_the_byte(wrapper: Wrapper) -> None:
    argv = [b"-odq", *(word for odd in ODD_WORDS for word in (b"-F", odd)), b"-Fglued " + ODD_WORDS[5], b"a@x.org"]
    assert wrapper(*argv).returncode == 0
    assert wrapper.mail()[0].argv == argv


def test_lengths_are_bytes_in_every_locale(wrapper: Wrapper) -> None:
    wrapper("-odq", b"-F", "Jürgen".encode(), "a@x.org", LC_ALL="C.UTF-8")
    assert wrapper.mail()[0].argv[2] == "Jürgen".encode()


def test_many_arguments(wrapper: Wrapper) -> None:
    recipients = [f"user{number}@example.org" for number in range(2000)]
    assert wrapper("-odq", *recipients).returncode == 0
    assert wrapper.mail()[0].argv[1:] == [recipient.encode() for recipient in recipients]


@pytest.mark.parametrize(
    "call",
    [
        "-i -FCronDaemon -B8BITMIME -oem root",
        "-FCronDaemon -odi -oem -oi -t",
        "-oem -oi -f me@x.org -- a@x.org b@y.org",
        "-oem -oi -B8BITMIME -N failure,delay -R hdrs -f me@x.org -- a@x.org",
        "-t -i",
        "-i -f me@x.org a@x.org",
        "-f  a@x.org",
        "-f <> a@x.org",
        "-fme@x.org -r me@x.org -it a@x.org",
    ],
)
def test_the_calls_of_common_programs_are_queued(wrapper: Wrapper, call: str) -> None:
    argv = call.split(" ")
    assert wrapper("-odq", *argv).returncode == 0
    assert wrapper.mail()[0].argv == [b"-odq", *(word.encode() for word in argv)]


def test_mails_of_one_second_have_names_that_sort(wrapper: Wrapper) -> None:
    for _ in range(5):
        wrapper("-odq", "a@x.org")
    with Store.open(str(wrapper.queue)) as store:
        assert len(store.ids()) == 5


@pytest.mark.parametrize("name", ["sendmail", "esmtp", "anything"])
def test_it_queues_under_any_name(wrapper: Wrapper, name: str) -> None:
    assert wrapper("-odq", "a@x.org", name=name).returncode == 0
    wrapper.mail()


def test_the_queue_may_be_elsewhere(wrapper: Wrapper) -> None:
    elsewhere = wrapper.home / "a queue; of 'mine'\n"
    assert wrapper("-odq", "a@x.org", ESMTP_QUEUE_DIR=str(elsewhere)).returncode == 0
    assert not wrapper.queue.exists()
    wrapper.queue = elsewhere
    wrapper.mail()


def test_without_home_the_passwd_entry_says(wrapper: Wrapper) -> None:
    """Which must not be used in a test, so it is made one that cannot be."""
    wrapper.program("id", "#!/bin/sh\necho nobody-of-that-name\n")
    done = wrapper("-odq", "a@x.org", HOME="")
    assert done.returncode == 73
    assert b"HOME" in done.stderr
    wrapper.program("id", "#!/bin/sh\necho 'x;touch y'\n")
    assert wrapper("-odq", "a@x.org", HOME="").returncode == 73
    assert not (wrapper.home / "y").exists()


def test_where_stat_has_no_format_ls_and_date_say_it(wrapper: Wrapper) -> None:
    wrapper.program("stat", "#!/bin/sh\nexit 1\n")
    began = int(time.time())
    assert wrapper("-odq", "a@x.org").returncode == 0
    assert began <= wrapper.mail()[0].time <= time.time()


def test_sha256sum_seals_it_and_where_that_is_missing_cksum(wrapper: Wrapper) -> None:
    assert wrapper("-odq", "a@x.org").returncode == 0
    assert wrapper.mail()[0].algorithm == "sha256"
    shutil.rmtree(wrapper.queue)
    wrapper.program("sha256sum", "#!/bin/sh\nexit 127\n")
    assert wrapper("-odq", "a@x.org").returncode == 0
    entry, message = wrapper.mail()
    assert (entry.algorithm, message) == ("cksum", TEXT)


def test_a_sum_of_a_part_seals_nothing(wrapper: Wrapper) -> None:
    """The cksum of coreutils prints the sum of what it could read, and no error."""
    wrapper.program("sha256sum", "#!/bin/sh\nexit 127\n")
    wrapper.program("cksum", "#!/bin/sh\nhead -c 9 | /usr/bin/cksum\n")
    refused(wrapper, wrapper("-odq", "a@x.org"), 74, "cannot be read")


def test_the_programs_of_busybox_will_do(wrapper: Wrapper) -> None:
    if not shutil.which("busybox"):
        pytest.skip("busybox is not installed")
    known = subprocess.run(["busybox", "--list"], capture_output=True, check=True, text=True).stdout.split()
    for name in (
        "cat",
        "cksum",
        "date",
        "id",
        "ls",
        "mkdir",
        "mv",
        "readlink",
        "rm",
        "setsid",
        "sha256sum",
        "stat",
        "sync",
        "wc",
    ):
        if name in known:
            (wrapper.bin / name).symlink_to(shutil.which("busybox") or "")
    assert wrapper("-odq", "a@x.org", stdin=TEXT * 1000).returncode == 0
    assert wrapper.mail()[1] == TEXT * 1000


# -- the run behind it ---------------------------------------------------------------------------------------------


def test_a_run_is_started_and_not_waited_for(wrapper: Wrapper) -> None:
    fifo = wrapper.bin / "called"
    os.mkfifo(fifo)
    done = wrapper("-f", "me@x.org", "a@x.org", LC_ALL="C.UTF-8")  # its output is read to its end: nobody holds it
    assert (done.returncode, done.stderr) == (0, b"")
    wrapper.mail()
    with fifo.open() as called:  # until now it could not end
        called.read()
    call = wrapper.call()
    assert call.argv == ["-qb"]
    assert (call.language, call.directory) == ("C.UTF-8", "/")


def test_the_run_holds_nothing_of_the_caller(wrapper: Wrapper) -> None:
    fifo = wrapper.bin / "called"
    os.mkfifo(fifo)
    held = wrapper.home / "held"
    with held.open("wb") as file:
        process = subprocess.Popen(
            [*wrapper.shell, wrapper.named("sendmail"), "a@x.org"],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            env=wrapper.environ,
            pass_fds=[3, 5, 9],
            preexec_fn=lambda: [os.dup2(file.fileno(), fd) for fd in (3, 5, 9)],
        )
        assert process.wait(60) == 0
    with fifo.open() as called:
        called.read()
    assert str(held) not in wrapper.call().files


def test_it_is_not_in_the_callers_session_and_can_be_ended(wrapper: Wrapper) -> None:
    fifo = wrapper.bin / "called"
    os.mkfifo(fifo)
    wrapper.program(
        "esmtp", STUB.replace("exit ", 'cat /proc/$$/stat /proc/$$/status >>"$here/call"; cat <"$here/called"; exit ')
    )
    os.mkfifo(wrapper.bin / "more")
    wrapper("a@x.org")
    fifo.read_bytes()
    text = ""
    while "SigCgt" not in text:
        text = (wrapper.bin / "call").read_text()
    words = text.splitlines()
    pid, session = next((int(line.split()[0]), int(line.split()[5])) for line in words if ") " in line)
    ignored = next(int(line.split()[1], 16) for line in words if line.startswith("SigIgn"))
    fifo.write_bytes(b"")
    assert session == pid
    assert not ignored >> (signal.SIGTERM - 1) & 1
    assert ignored >> (signal.SIGHUP - 1) & 1


def test_queue_only_starts_no_run(wrapper: Wrapper) -> None:
    for mode in ("-odq", "-odd"):
        wrapper(mode, "a@x.org")
    os.mkfifo(wrapper.bin / "called")
    wrapper("a@x.org")
    (wrapper.bin / "called").read_text()
    assert wrapper.call().argv == ["-qb"]


def test_without_esmtp_the_mail_waits(wrapper: Wrapper) -> None:
    (wrapper.bin / "esmtp").unlink()
    done = wrapper("a@x.org", PATH="/usr/bin:/bin")
    assert (done.returncode, done.stderr) == (0, b"")
    wrapper.mail()


# -- what it hands over --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "args",
    [
        ["-bp"],
        ["-q"],
        ["-q15m"],
        ["-bi"],
        ["-bv", "a@x.org"],
        ["-bs"],
        ["-bd"],
        ["--help"],
        ["--version"],
        ["--cancel", "x"],
        ["-v", "a@x.org"],
        ["-X", "log", "a@x.org"],
        ["-C", "rc", "a@x.org"],
        ["-Z", "a@x.org"],
        ["-f"],
        ["-t", "-F"],
        ["-ti", "-bs"],
        ["a@x.org", "-bp"],
        # words that want a parser: esmtp can say at once whether they are mistakes
        ["Joe <a@x.org>"],
        ["a@x.org, b@x.org"],
        ["<a@x.org>"],
        ["a@@x.org"],
        ["a b@x.org"],
        ["jürgen@x.org"],
        ["-f", "Me <me@x.org>", "a@x.org"],
        ["-f", "-t", "a@x.org"],
        ["--", "-t"],
        ["", "a@x.org"],
        ["x" * 65 + "@x.org"],
        ["a@x.org\nb@x.org"],
        ["-Nsometimes", "a@x.org"],
        ["-N", "never success", "a@x.org"],
        ["-R", "", "a@x.org"],
        ["-B", "9BIT", "a@x.org"],
    ],
)
def test_what_is_not_certain_is_for_esmtp(wrapper: Wrapper, args: list[str]) -> None:
    done = wrapper(*args)
    assert done.returncode == HANDED_OVER
    assert wrapper.call().argv == ["--enqueue", *args]
    assert not wrapper.queue.exists()


@pytest.mark.parametrize(
    "args",
    [
        ["-odi", "-f", "me@x.org", "You <a@x.org>"],
        ["-v", "-odi", "a@x.org"],
        ["-O", "DeliveryMode=i", "a@x.org"],
        ["-V", "env1", "-odi", "a@x.org"],
        ["-vodi", "a@x.org"],
    ],
)
def test_a_mail_that_is_handed_over_is_queued_too(wrapper: Wrapper, args: list[str]) -> None:
    """No rc file, good or bad, is asked whether it may be."""
    (wrapper.home / ".esmtprc").write_text("nonsense\n")
    wrapper.program("esmtp", f'#!/bin/sh\nexec {sys.executable} -m esmtp_py "$@"\n')
    done = wrapper(*args)
    assert (done.returncode, done.stderr) == (0, b"")
    assert len(list((wrapper.queue / "new").iterdir())) == 1


@pytest.mark.parametrize(
    ("name", "args", "handed"),
    [
        ("mailq", [], ["-bp"]),
        ("mailq", ["-v"], ["-bp", "-v"]),
        ("mailq", ["-q"], ["-bp", "-q"]),
        ("mailq", ["-q15m", "x"], ["-bp", "-q15m", "x"]),
        ("mailq", ["-qRx.org"], ["-bp", "-qRx.org"]),
        ("deliver", [], ["-q"]),
        ("deliver", ["-v"], ["-q", "-v"]),
        ("newaliases", [], ["-bi"]),
    ],
)
def test_other_names_are_for_esmtp(wrapper: Wrapper, name: str, args: list[str], handed: list[str]) -> None:
    assert wrapper(*args, name=name).returncode == HANDED_OVER
    assert wrapper.call().argv == handed


def test_who_is_handed_the_mail_can_read_it(wrapper: Wrapper) -> None:
    wrapper.program("esmtp", '#!/bin/sh\ncat >"$HOME/mail"\n')
    assert wrapper("Joe <a@x.org>").returncode == 0
    assert (wrapper.home / "mail").read_bytes() == TEXT


@pytest.mark.parametrize("language", [None, "", "C.UTF-8"])
def test_esmtp_gets_the_callers_locale(wrapper: Wrapper, language: str | None) -> None:
    if language is not None:
        wrapper.environ["LC_ALL"] = language
    wrapper("-bp")
    assert wrapper.call().language == ("unset" if language is None else language)


def test_esmtp_is_the_one_that_was_named(wrapper: Wrapper) -> None:
    named = wrapper.home / "other name"
    named.write_text("#!/bin/sh\nexit 42\n")
    named.chmod(0o755)
    assert wrapper("-bp", ESMTP=str(named)).returncode == 42
    assert wrapper("-bp", ESMTP="./other name").returncode == 42
    missing = wrapper("-bp", ESMTP="/nonexistent")
    assert missing.returncode == 69
    assert b"ESMTP" in missing.stderr


def test_esmtp_is_beside_the_link_before_it_is_in_the_path(wrapper: Wrapper) -> None:
    beside = wrapper.named("sendmail").parent / "esmtp"
    beside.write_text("#!/bin/sh\nexit 42\n")
    beside.chmod(0o755)
    assert wrapper("-bp").returncode == 42


def test_the_working_directory_is_no_place_to_look(wrapper: Wrapper) -> None:
    (wrapper.bin / "esmtp").rename(wrapper.home / "esmtp")
    for path in ("", ":/usr/bin:/bin", ".:/usr/bin:/bin", "/usr/bin::/bin"):
        assert wrapper("-bp", PATH=path).returncode == 69


def test_it_never_takes_itself_for_esmtp(wrapper: Wrapper) -> None:
    (wrapper.bin / "esmtp").unlink()
    (wrapper.bin / "esmtp").symlink_to(WRAPPER)
    wrapper.named("esmtp")
    assert wrapper("-bp", name="esmtp").returncode == 69
    assert wrapper("-bp", ESMTP=str(wrapper.bin / "esmtp")).returncode == 69
    assert wrapper("-odq", "Joe <a@x.org>").returncode == 0, "what nobody can judge is kept"
    assert wrapper.mail()[0].argv[1] == b"Joe <a@x.org>"


def test_two_copies_do_not_call_each_other_for_ever(wrapper: Wrapper) -> None:
    for directory in ("bin", "other"):
        (wrapper.home / directory).mkdir(exist_ok=True)
        (wrapper.home / directory / "esmtp").write_bytes(WRAPPER.read_bytes())
        (wrapper.home / directory / "esmtp").chmod(0o755)
    done = wrapper("-bp", PATH=f"{wrapper.bin}:{wrapper.home}/other:/usr/bin:/bin")
    assert done.returncode == 69


words = st.one_of(
    st.sampled_from(
        [
            "-t",
            "-i",
            "-oi",
            "-oem",
            "-f",
            "-F",
            "-N",
            "-R",
            "-B",
            "--",
            "-bp",
            "-q",
            "-odq",
            "-fme@x.org",
            "-Fx",
            "-v",
            "never",
            "full",
            "7BIT",
            "<>",
        ]
    ),
    st.text("ab@.x-+_ ,<>\"'(%é", max_size=8),
    st.from_regex(r"[a-z0-9._=+-]{1,5}@[a-z0-9.-]{1,6}", fullmatch=True),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
@given(st.lists(words, max_size=5))
def test_what_it_queues_esmtp_accepts(tmp_path: pathlib.Path, args: list[str]) -> None:
    """An address that esmtp refuses would come back as a bounce, and not as the error that it is."""
    if not (tmp_path / "bin").exists():
        Wrapper(tmp_path, ["sh"])
    wrapper = Wrapper.__new__(Wrapper)
    wrapper.__dict__.update(home=tmp_path, shell=["sh"], bin=tmp_path / "bin", queue=tmp_path / ".esmtp_queue")
    wrapper.environ = {"HOME": str(tmp_path), "PATH": f"{wrapper.bin}:/usr/bin:/bin"}
    done = wrapper("-odq", *args)
    if done.returncode == 0:
        options = parse(["sendmail", "-odq", *args])
        assert options.mode == "send"
        from_words(options.recipients)
        given_sender(options.sender)
        assert options.recipients or options.from_header
    else:
        assert done.returncode in (64, HANDED_OVER)


# -- what it refuses -----------------------------------------------------------------------------------------------


def refused(wrapper: Wrapper, done: "subprocess.CompletedProcess[bytes]", code: int, word: str) -> None:
    """One line that says why, and nothing is queued."""
    assert done.returncode == code, done.stderr
    assert word in done.stderr.decode()
    assert sum(b"Killed" not in line for line in done.stderr.splitlines()) == 1, "bash tells of a killed program, too"
    assert not wrapper.queue.is_dir() or wrapper.files() == []


def test_no_recipients(wrapper: Wrapper) -> None:
    for args in ([], ["-i"], ["-f", "me@x.org"], ["--"]):
        refused(wrapper, wrapper(*args), 64, "no recipients")


def test_a_relative_queue(wrapper: Wrapper) -> None:
    refused(wrapper, wrapper("-odq", "a@x.org", ESMTP_QUEUE_DIR="queue"), 73, "absolute")
    assert not (wrapper.home / "queue").exists()


def test_a_queue_that_cannot_be_made(wrapper: Wrapper) -> None:
    (wrapper.home / "file").write_bytes(b"")
    for path in ("file/queue", "missing/queue", "file"):
        refused(wrapper, wrapper("-odq", "a@x.org", ESMTP_QUEUE_DIR=f"{wrapper.home}/{path}"), 73, path)


@pytest.mark.parametrize("part", ["", "tmp", "new"])
@pytest.mark.parametrize("how", ["link", "group", "others"])
@pytest.mark.parametrize("teller", ["stat", "ls"])
def test_a_queue_that_is_not_ours_alone(wrapper: Wrapper, part: str, how: str, teller: str) -> None:
    if teller == "ls":
        wrapper.program("stat", "#!/bin/sh\nexit 1\n")
    Store.open(str(wrapper.queue)).close()
    wrong = wrapper.queue / part
    if how == "link":
        wrong.rename(wrapper.home / "moved")
        wrong.symlink_to(wrapper.home / "moved")
    else:
        wrong.chmod({"group": 0o720, "others": 0o702}[how])
    refused(wrapper, wrapper("-odq", "a@x.org"), 71, str(wrong))


@pytest.mark.parametrize("end", ["", "/", "//", "/.", "/./"])
@pytest.mark.parametrize("whole", [True, False])
def test_a_link_to_a_queue(wrapper: Wrapper, end: str, whole: bool) -> None:
    there = wrapper.home / "there"
    if whole:
        Store.open(str(there)).close()
    else:
        there.mkdir(0o700)
    (wrapper.home / "link").symlink_to(there)
    refused(wrapper, wrapper("-odq", "a@x.org", ESMTP_QUEUE_DIR=f"{wrapper.home}/link{end}"), 71, "link is a link")
    assert whole or list(there.iterdir()) == []


@pytest.mark.parametrize("teller", ["stat", "ls"])
def test_nothing_is_made_in_a_directory_that_is_not_ours_alone(wrapper: Wrapper, teller: str) -> None:
    if teller == "ls":
        wrapper.program("stat", "#!/bin/sh\nexit 1\n")
    wrapper.queue.mkdir()
    wrapper.queue.chmod(0o1777)
    refused(wrapper, wrapper("-odq", "a@x.org"), 71, "can be written by others")
    wrapper.queue.chmod(0o700)
    wrapper.program("id", "#!/bin/sh\necho 4711\n")
    refused(wrapper, wrapper("-odq", "a@x.org"), 71, "another user")
    assert list(wrapper.queue.iterdir()) == []


@pytest.mark.parametrize("path", ["queue", "queue/", "queue/./"])
def test_a_queue_is_made(wrapper: Wrapper, path: str) -> None:
    assert wrapper("-odq", "a@x.org", ESMTP_QUEUE_DIR=f"{wrapper.home}/{path}").returncode == 0
    assert len(list((wrapper.home / "queue/new").iterdir())) == 1


@pytest.mark.parametrize("part", ["", "tmp", "new"])
@pytest.mark.parametrize("teller", ["stat", "ls"])
def test_a_queue_of_another_user(wrapper: Wrapper, part: str, teller: str) -> None:
    """Who could write it as root can; so another owner is made up by the program that tells it."""
    Store.open(str(wrapper.queue)).close()
    which = {"": 1, "new": 2, "tmp": 3}[part]
    if teller == "ls":
        wrapper.program("stat", "#!/bin/sh\nexit 1\n")
        wrapper.program("ls", f"#!/bin/sh\n/bin/ls \"$@\" | awk 'NR=={which} {{$3 += 1}} {{print}}'\n")
    else:
        wrapper.program("stat", f"#!/bin/sh\n/usr/bin/stat \"$@\" | awk 'NR=={which} {{$2 += 1}} {{print}}'\n")
    refused(wrapper, wrapper("-odq", "a@x.org"), 71, "another user")


def test_a_queue_on_two_file_systems(wrapper: Wrapper) -> None:
    wrapper.program("stat", "#!/bin/sh\n/usr/bin/stat \"$@\" | awk 'NR==3 {$3 += 1} {print}'\n")
    refused(wrapper, wrapper("-odq", "a@x.org"), 71, "file systems")


@pytest.mark.parametrize("how", ["closed", "directory", "write-only"])
def test_an_input_that_cannot_be_read(wrapper: Wrapper, how: str) -> None:
    redirect = {"closed": "<&-", "directory": "<.", "write-only": "0>out"}[how]
    command = " ".join([*wrapper.shell, str(wrapper.named("sendmail")), "-odq", "a@x.org", redirect])
    done = subprocess.run(["sh", "-c", command], env=wrapper.environ, cwd=wrapper.home, capture_output=True)
    refused(wrapper, done, 66, "queued" if how == "closed" else "cannot read the message")


@pytest.mark.parametrize("program", ["sync", "mv", "cat", "wc", "sha256sum"])
@pytest.mark.parametrize("how", ["exit 1", "kill -9 $$", "exit 127"])
def test_a_program_that_fails(wrapper: Wrapper, program: str, how: str) -> None:
    Store.open(str(wrapper.queue)).close()
    wrapper.program(program, f"#!/bin/sh\n{how}\n")
    if program == "sha256sum":
        wrapper.program("cksum", f"#!/bin/sh\n{how}\n")
    done = wrapper("-odq", "a@x.org")
    assert done.returncode in (66, 71, 74)
    refused(wrapper, done, done.returncode, "nothing was queued")


def test_a_disk_that_fails_on_the_directory(wrapper: Wrapper) -> None:
    Store.open(str(wrapper.queue)).close()
    wrapper.program("sync", '#!/bin/sh\n[ "$1" != new ]\n')
    refused(wrapper, wrapper("-odq", "a@x.org"), 74, "the disk failed")


def test_a_mail_larger_than_the_limit_of_a_file(wrapper: Wrapper) -> None:
    command = f"ulimit -f 16; exec {' '.join(wrapper.shell)} {wrapper.named('sendmail')} -odq a@x.org"
    done = subprocess.run(["bash", "-c", command], input=b"x" * 100_000, env=wrapper.environ, capture_output=True)
    refused(wrapper, done, 73, "cannot write")


@pytest.mark.parametrize("left", [0, 2])
def test_a_full_disk(wrapper: Wrapper, left: int) -> None:
    """Pages of 4 KiB are left: for nothing at all, or for the call and a part of the message."""
    if os.geteuid() or subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode:
        pytest.skip("only root may mount a small disk")
    wrapper.queue.mkdir()
    script = (
        'mount -t tmpfs -o size=64k,mode=700 none "$HOME/.esmtp_queue" && cd "$HOME/.esmtp_queue" || exit\n'
        "mkdir -m 700 tmp new\n"
        f"dd if=/dev/zero of=fill bs=4096 2>/dev/null; truncate -s -{left * 4096} fill; cd ..\n"
        f"head -c 50000 /dev/zero | {' '.join(wrapper.shell)} {wrapper.named('sendmail')} -odq a@x.org; code=$?\n"
        'ls "$HOME/.esmtp_queue/tmp" "$HOME/.esmtp_queue/new" | grep S && exit 1; exit $code\n'
    )
    done = subprocess.run(["unshare", "-m", "sh", "-c", script], env=wrapper.environ, capture_output=True, timeout=60)
    refused(wrapper, done, 73, "cannot write")


def test_a_name_that_is_taken_is_not_written_over(wrapper: Wrapper) -> None:
    """The clock was set back, and the process has the number of one that queued in that second."""
    Store.open(str(wrapper.queue)).close()
    sooner = 'for part; do :; done; : >"new/1700000000-${part#tmp/}"'
    wrapper.program("stat", f"#!/bin/sh\n/usr/bin/stat \"$@\" | sed '4s/[0-9]*$/1700000000/'\n{sooner}\n")
    assert wrapper("-odq", "a@x.org").returncode == 0
    with Store.open(str(wrapper.queue)) as store:
        names = store.ids()
    assert [bool((wrapper.queue / "new" / name).stat().st_size) for name in names] == [False, True]


@pytest.mark.parametrize(("seconds", "name"), [(59, "0000000059"), (12_345_678_901, "2345678901")])
def test_a_clock_that_shows_another_century_still_makes_names_that_are_ids(
    wrapper: Wrapper, seconds: int, name: str
) -> None:
    Store.open(str(wrapper.queue)).close()
    wrapper.program("stat", f"#!/bin/sh\n/usr/bin/stat \"$@\" | sed '4s/[0-9]*$/{seconds}/'\n")
    assert wrapper("-odq", "a@x.org").returncode == 0
    assert wrapper.mail()[0].time == seconds
    assert wrapper.files()[0].startswith(f"new/{name}-")


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGQUIT])
def test_a_signal_leaves_nothing(wrapper: Wrapper, number: signal.Signals) -> None:
    """To all processes of the call, as a terminal sends it, while the message is still coming."""
    process = subprocess.Popen(
        [*wrapper.shell, wrapper.named("sendmail"), "-odq", "a@x.org"],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=wrapper.environ,
        process_group=0,
        preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),
    )
    assert process.stdin
    half_written(wrapper, process)
    os.killpg(process.pid, number)
    process.communicate(timeout=60)
    assert process.returncode != 0
    assert wrapper.files() == []


def test_a_signal_to_the_shell_alone_counts_when_the_input_ends(wrapper: Wrapper) -> None:
    process = subprocess.Popen(
        [*wrapper.shell, wrapper.named("sendmail"), "-odq", "a@x.org"],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=wrapper.environ,
    )
    half_written(wrapper, process)
    process.terminate()
    process.communicate(timeout=60)
    assert process.returncode != 0
    assert wrapper.files() == []


def half_written(wrapper: Wrapper, process: "subprocess.Popen[bytes]") -> None:
    """Returns when what was written to its input is in the queue's tmp/."""
    assert process.stdin
    process.stdin.write(b"half a message")
    process.stdin.flush()
    until(lambda: any(path.read_bytes().endswith(b"half a message") for path in wrapper.queue.glob("tmp/*")))


def until(true: Callable[[], bool]) -> None:
    """Looks again and again; the time limit of the tests ends it."""
    while not true():
        os.sched_yield()
