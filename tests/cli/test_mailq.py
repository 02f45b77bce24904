"""mailq, -bp and --json: what waits, why, and when it goes on; damaged and failed mail is never silently skipped."""

import json
import os
import pathlib
import shutil
from collections.abc import Callable

import pytest

from esmtp_py.message.envelope import Recipient
from esmtp_py.outcome import Outcome
from esmtp_py.queue.entry import Entry
from esmtp_py.queue.marks import hold_mark, outcome_mark
from tests.cli.queue import NOW, TEXT, Queue, queue
from tests.conftest import Command

__all__ = ["queue"]

BUSY = Outcome("try_again", "mx.x.org said: 451 busy", status="4.3.2", remote="mx.x.org", reply="451 4.3.2 busy")
FULL = Outcome("try_again", "452 mailbox full", status="4.2.2")
OK = Outcome("delivered", "250 ok")
THREE = Entry(NOW, "me@x.org", [Recipient("a@x.org"), Recipient("b@x.org"), Recipient("c@x.org")])


def test_empty(esmtp: Command) -> None:
    for argv in (("-bp",), ("-bp", "-v")):
        done = esmtp(*argv)
        assert (done.code, done.out, done.err) == (0, "Mail queue is empty\n", "")
    assert esmtp("--json").out == ""
    assert list(esmtp.home.iterdir()) == []


def test_layout_is_that_of_postfix(esmtp: Command, queue: Queue) -> None:
    name = queue.add(THREE, marks=outcome_mark(NOW, [0, 2], BUSY) + outcome_mark(NOW, [1], OK))
    other = queue.add(Entry(NOW + 9, "", [Recipient("d@x.org")]), TEXT + b"x" * 5000)
    done = esmtp("-bp")
    assert done.code == 0
    assert done.out.splitlines() == [
        "-Queue ID-               --Size-- ----Arrival Time---- -Sender/Recipient-------",
        f"{name:<24}       34 Tue Nov 14 22:13:20  me@x.org",
        "                                                   (mx.x.org said: 451 busy)",
        "                                                        a@x.org",
        "                                                        c@x.org",
        "",
        f"{other:<24}     5034 Tue Nov 14 22:13:29  MAILER-DAEMON",
        "                                                        d@x.org",
        "",
        "-- 4 Kbytes in 2 Requests.",
    ]


def test_the_name_mailq_is_the_same(esmtp: Command, queue: Queue) -> None:
    queue.add()
    assert esmtp.run(str(esmtp.named("mailq"))).out == esmtp("-bp").out != ""


@pytest.mark.parametrize(
    ("words", "numbers"),
    [
        (["-qRa@"], [0]),
        (["-q!Ra@"], [1, 2]),
        (["-qSyou"], [1]),
        (["-qI1700000005"], [1]),
        (["-qRtom", "-v"], [2]),
        (["-q!Rx.org"], []),
        (["-qRa@", "--json"], [0]),
    ],
)
def test_only_what_was_asked_for(esmtp: Command, queue: Queue, words: list[str], numbers: list[int]) -> None:
    """Listed, as sendmail's mailq does it, and not delivered."""
    names = [
        queue.add(Entry(NOW, "me@x.org", [Recipient("a@x.org")])),
        queue.add(Entry(NOW + 5, "you@x.org", [Recipient("b@x.org")])),
        queue.call(b"-t", text=b"To: tom@x.org\n\nx\n"),
    ]
    before = {path: path.read_bytes() for path in (queue.path / "new").iterdir()}
    outs = [esmtp.run(str(esmtp.named("mailq")), *words), esmtp("-bp", *words), esmtp(words[0], "-bp", *words[1:])]
    assert {(done.code, done.err) for done in outs} == {(0, "")}
    for done in outs:
        assert [name for name in names if name in done.out] == [names[number] for number in numbers]
        assert ("-Queue ID-" in done.out) == bool(numbers and "--json" not in words)
    assert {path: path.read_bytes() for path in before} == before
    assert numbers or outs[0].out == f"No mail for {words[0]}\n"


@pytest.mark.parametrize("words", [["-qR"], ["-q!"], ["-q!x"]])
def test_nothing_to_look_for(esmtp: Command, queue: Queue, words: list[str]) -> None:
    queue.add()
    assert esmtp("-bp", *words).code == 64


def test_one_reason_for_many_is_said_once(esmtp: Command, queue: Queue) -> None:
    queue.add(THREE, marks=outcome_mark(NOW, [0, 1], BUSY) + outcome_mark(NOW, [2], FULL))
    out = esmtp("-bp").out
    assert out.count("451 busy") == 1
    assert out.index("451 busy") < out.index("b@x.org") < out.index("452 mailbox full") < out.index("c@x.org")


def test_sign_of_a_mail_in_delivery_and_on_hold(esmtp: Command, queue: Queue) -> None:
    held, active, free = queue.add(marks=hold_mark(NOW)), queue.add(), queue.add()
    if not os.path.exists("/proc/locks"):
        pytest.skip("this system does not tell who has locks")
    with queue.lock(active):
        out = esmtp("-bp").out
        described = [json.loads(line) for line in esmtp("--json").out.splitlines()]
    assert f"\n{held}! " in out
    assert f"\n{active}* " in out
    assert f"\n{free}  " in out
    assert [mail["queue_name"] for mail in described] == ["hold", "active", "incoming"]


def test_looking_disturbs_no_run(esmtp: Command, queue: Queue) -> None:
    """A lock, however short, would make a run leave the mail alone."""
    name = queue.add()
    if not shutil.which("strace"):
        pytest.skip("strace is not installed")
    traced = esmtp.run("strace", "-f", "-e", "trace=flock,fcntl", str(esmtp.program), "-bp").err
    assert "flock(" not in traced
    assert name in queue.store.ids()


def test_verbose_says_why_and_when(esmtp: Command, queue: Queue) -> None:
    queue.add(marks=outcome_mark(NOW, [0], BUSY) + outcome_mark(NOW + 100, [0], BUSY))
    held = queue.add(marks=hold_mark(NOW))
    later = queue.add(Entry(NOW, "me@x.org", [Recipient("a@x.org")], not_before=4_000_000_000))
    out = esmtp("-bp", "-v").out
    assert "451 4.3.2 busy; status 4.3.2)" in out
    assert "tried 2 times, last Tue Nov 14 22:15:00" in out
    assert "due: the next run tries it" in out
    assert f"on hold until esmtp --release {held}" in out
    assert later in out
    assert "next Tue Oct  2 07:06:40 (in " in out
    assert "tried" not in esmtp("-bp").out


def test_json_has_the_names_of_postfix(esmtp: Command, queue: Queue) -> None:
    name = queue.add(THREE, marks=outcome_mark(NOW, [0, 2], BUSY) + outcome_mark(NOW, [1], OK))
    queue.add(Entry(NOW, "", [Recipient("d@x.org")]))
    queue.add(Entry(NOW, None, [Recipient("é@x.org")]))
    first, second, third = [json.loads(line) for line in esmtp("--json").out.splitlines()]
    assert first.pop("next_attempt") > NOW
    assert first == {
        "queue_name": "deferred",
        "queue_id": name,
        "arrival_time": NOW,
        "message_size": len(TEXT),
        "forced_expire": False,
        "sender": "me@x.org",
        "recipients": [
            {"address": "a@x.org", "delay_reason": "mx.x.org said: 451 busy", "status": "4.3.2"},
            {"address": "c@x.org", "delay_reason": "mx.x.org said: 451 busy", "status": "4.3.2"},
        ],
        "attempts": 1,
    }
    assert (second["queue_name"], second["sender"]) == ("incoming", "MAILER-DAEMON")
    assert (third["sender"], third["recipients"]) == (None, [{"address": "é@x.org"}])


@pytest.mark.parametrize("words", [("--json", "-bp"), ("-bp", "--json"), ("--json", "-v")])
def test_json_in_any_order(words: tuple[str, ...], esmtp: Command, queue: Queue) -> None:
    queue.add()
    assert esmtp(*words).out.startswith('{"queue_name"')


def test_json_is_unicode_whatever_was_queued(esmtp: Command, queue: Queue) -> None:
    queue.call("jürgen😀@x.org".encode(), b"b\xfc@x.org")
    queue.add(Entry(NOW + 1, "m\udcfc@x.org", [Recipient("jürgen😀@x.org"), Recipient("b\udcfc@x.org")]))
    (queue.path / "new" / os.fsdecode(b"\xff")).write_bytes(b"?")
    call, mail, stranger = map(json.loads, esmtp("--json").out.splitlines())
    assert call["reason"].startswith("b\\xfc@x.org: ")
    assert mail["sender"] == "m\\xfc@x.org"
    assert [recipient["address"] for recipient in mail["recipients"]] == ["jürgen😀@x.org", "b\\xfc@x.org"]
    assert stranger["queue_id"] == "\\xff"


def test_a_call_of_the_wrapper_has_its_recipients(esmtp: Command, queue: Queue) -> None:
    queue.call(b"-i", b"-f", b"me@x.org", b"--", b"joe@x.org, Ann <ann@x.org>")
    queue.call(b"-t", text=b"To: tom@x.org\nBcc: bob@x.org\n\nx\n")
    out = esmtp("-bp").out
    for part in (
        "  me@x.org\n",
        " joe@x.org\n",
        " ann@x.org\n",
        "(sender of the identity)",
        " tom@x.org\n",
        "bob@x.org",
    ):
        assert part in out


def test_a_call_that_names_nobody_says_so(esmtp: Command, queue: Queue) -> None:
    queue.call(b"a@x..@")
    queue.add()
    done = esmtp("-bp")
    assert done.code == 0
    assert "(a@x..@: " in done.out
    assert "-- 0 Kbytes in 2 Requests.\n" in done.out
    assert json.loads(esmtp("--json").out.splitlines()[0])["reason"].startswith("a@x..@: ")


def test_damaged_and_failed_mail_is_shown(esmtp: Command, queue: Queue) -> None:
    damaged, failed, fine = (
        queue.add(),
        queue.add(marks=outcome_mark(NOW, [0], Outcome("refused", "550 no"))),
        queue.add(),
    )
    (queue.path / "new" / damaged).write_bytes(b"rubbish")
    queue.store.move(failed, "new", "failed")
    queue.store.directory("corrupt", create=True)
    (queue.path / "corrupt" / "strange name").write_bytes(b"?")
    out = esmtp("-bp").out
    assert f"\n{damaged}? " in out
    assert "(damaged: " in out
    assert f"\n{failed}x " in out
    assert "(550 no)" in out
    assert "\nstrange name? " in out
    assert "-- 0 Kbytes in 1 Request.\n-- 1 failed, 2 damaged: " in out
    names = {mail["queue_id"]: mail["queue_name"] for mail in map(json.loads, esmtp("--json").out.splitlines())}
    assert names == {damaged: "corrupt", failed: "failed", fine: "incoming", "strange name": "corrupt"}


STRANGERS = (".hidden", "we ird", "new\nline", "directory")


def test_what_is_no_mail_is_shown_before_it_is_set_aside(esmtp: Command, queue: Queue) -> None:
    """And a run that does it says so; what begins with a dot may be the file system's, and stays."""
    for name in STRANGERS[:3]:
        (queue.path / "new" / name).write_bytes(b"?")
    (queue.path / "new/directory").mkdir()
    shown = dict.fromkeys(STRANGERS, "no mail of esmtp: its name is no id")
    assert reasons(esmtp) == shown
    out = esmtp("-bp").out
    assert "\nwe ird? " in out
    assert "\nnew\\x0aline? " in out
    assert out.count("(no mail of esmtp: its name is no id)") == 4
    assert "damaged: its" not in out
    done = esmtp("-q")
    assert sorted(line.partition(": no mail of esmtp")[0] for line in done.err.splitlines()) == [
        "esmtp: directory",
        "esmtp: new\\x0aline",
        "esmtp: we ird",
    ]
    assert sorted(path.name for path in (queue.path / "corrupt").iterdir()) == sorted(STRANGERS[1:])
    assert reasons(esmtp) == shown


def test_the_reason_why_a_mail_was_set_aside_is_found_again(esmtp: Command, queue: Queue) -> None:
    spoil: dict[str, Callable[[pathlib.Path], object]] = {
        "mode 600": lambda path: path.chmod(0o644),
        "seal": lambda path: path.write_bytes(path.read_bytes().partition(b"\nseal")[0]),
        "content is not what was queued": lambda path: path.write_bytes(path.read_bytes().replace(b"hello", b"jello")),
        "does not begin as": lambda path: path.write_bytes(b"x" + path.read_bytes()),
        "no end of header": lambda path: None,
        "sound after all": lambda path: None,
    }
    names = {}
    for number, (word, act) in enumerate(spoil.items()):
        entry = Entry(NOW + number, "me@x.org", [Recipient("a@x.org")])
        name = names[word] = queue.add(entry, b"x" if word == "no end of header" else TEXT)
        act(queue.path / "new" / name)
        queue.store.set_aside(name)
    again = queue.add()
    (queue.path / "new" / again).rename(queue.path / "corrupt" / f"{again}.1")
    found = reasons(esmtp)
    for word, name in names.items():
        assert word in found[name]
        assert f"({found[name]})" in esmtp("-bp").out
        assert f"({found[name]})" in esmtp("--show", name).out
        assert name not in found[name]
    assert "sound after all" in found[f"{again}.1"]
    assert len(list((queue.path / "corrupt").iterdir())) == len(names) + 1, "looking moves nothing"


def reasons(esmtp: Command) -> dict[str, str]:
    return {mail["queue_id"]: mail["reason"] for mail in map(json.loads, esmtp("--json").out.splitlines())}


def test_a_mistake_in_the_rc_is_a_reason_of_one_line(
    esmtp: Command, queue: Queue, rc: Callable[[str], pathlib.Path]
) -> None:
    path = rc("identity me@x.org\nhostnam mail.x.org\nqueue_lifetim 1d\n")
    name = queue.add()
    run = esmtp("-q", "-v")
    why = f"{path}:2:1: unknown statement 'hostnam'; did you mean hostname?"
    assert f"\nesmtp: 1 waits: {why}\n" in run.err
    assert f"({why})\n" in esmtp("-bp").out
    assert f"({why}; status " in esmtp("-bp", "-v").out
    assert f"({why}; status " in esmtp("--show", name).out
    assert json.loads(esmtp("--json").out)["recipients"][0]["delay_reason"] == why


def test_words_of_a_server_play_no_tricks(esmtp: Command, queue: Queue) -> None:
    queue.add(marks=outcome_mark(NOW, [0], Outcome("try_again", "451 \x1b[2J\r\nfake@x.org")))
    out = esmtp("-bp", "-v").out
    assert "\x1b" not in out
    assert "(451 \\x1b[2J\\x0d\\x0afake@x.org; status 4.0.0)" in out
    assert "\nfake" not in out


def test_a_queue_of_somebody_else_is_refused(esmtp: Command, queue: Queue) -> None:
    queue.path.chmod(0o777)
    done = esmtp("-bp")
    assert done.code == 71
    assert str(queue.path) in done.err


def test_no_reader(esmtp: Command, queue: Queue) -> None:
    queue.add()
    done = esmtp.run("sh", "-c", f"{esmtp.program} -bp >/dev/full")
    assert done.code == 74
    assert done.err.count("\n") == 1


def test_a_long_queue_is_listed_whole_and_in_order(esmtp: Command, queue: Queue) -> None:
    """Long enough for a second process; some are damaged, in both halves."""
    names = [f"{NOW + number:010d}-x" for number in range(5000)]
    sample = (queue.path / "new" / queue.add()).read_bytes()
    for path in (queue.path / "new").iterdir():
        path.unlink()
    for number, name in enumerate(names):
        path = queue.path / "new" / name
        path.touch(0o600)
        path.write_bytes(b"rubbish" if number % 1000 == 999 else sample)
    done = esmtp("-bp")
    assert (done.code, done.err) == (0, "")
    assert [line.split()[0].rstrip("?") for line in done.out.splitlines() if line.startswith("17")] == names
    assert done.out.endswith(
        f"\n\n-- {4995 * len(TEXT) // 1024} Kbytes in 4995 Requests.\n"
        "-- 5 damaged: esmtp --show ID shows it, esmtp --cancel ID removes it.\n"
    )
    assert [json.loads(line)["queue_id"] for line in esmtp("--json").out.splitlines()] == names
