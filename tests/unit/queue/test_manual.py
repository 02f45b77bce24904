"""esmtp-queue(5) and esmtp-wrapper(1) say what the code does."""

import pathlib
import re

import pytest

from esmtp_py.message.envelope import Recipient
from esmtp_py.outcome import Outcome
from esmtp_py.queue import digest, entry, marks, reading, respite, schedule, store, turn, writer

ROOT = pathlib.Path(__file__).resolve().parents[3]
QUEUE = (ROOT / "man/esmtp-queue.5").read_text(encoding="utf-8")
WRAPPER_PAGE = (ROOT / "man/esmtp-wrapper.1").read_text(encoding="utf-8")
WRAPPER = (ROOT / "scripts/esmtp-wrapper").read_text(encoding="utf-8")

FIELDS = {*entry.WORDS, "time", "sender", "recipient", "hops", "requiretls", "not_before", "argv"}
MARKS = [
    marks.outcome_mark(1, [0], Outcome("delivered")),
    marks.outcome_mark(1, [0], Outcome("refused")),
    marks.outcome_mark(1, [0], Outcome("try_again")),
    marks.reported_mark(1, [0], marks.DELAY),
    marks.hold_mark(1),
    marks.release_mark(1),
    marks.retry_mark(1),
    marks.at_mark(1, 2),
    marks.kept_mark(1),
    marks.again_mark(1),
    marks.member_mark(1, 0, Recipient("a@x.org")),
    marks.aliased_mark(1, 0),
    marks.recorded_mark(1),
]


def items(page: str) -> set[str]:
    """All words of the terms that a page explains."""
    return {word for line in re.findall(r"^\.It (.*)$", page, re.MULTILINE) for word in re.split(r"[ ,|]+", line)}


@pytest.mark.parametrize("field", sorted(FIELDS))
def test_every_field_is_explained(field: str) -> None:
    assert field in items(QUEUE)


def test_every_field_is_known_to_the_test() -> None:
    """Each that may be said at all is one that a head is written with, or refused."""
    slots = set(entry.Entry.__slots__) - {
        "_marks",
        "_recipients",
        "_tail",
        "algorithm",
        "digest",
        "offset",
        "sealed",
        "size",
    }
    assert slots <= FIELDS


@pytest.mark.parametrize("mark", MARKS)
def test_every_mark_is_explained(mark: bytes) -> None:
    assert mark.split()[0].decode() in items(QUEUE)


@pytest.mark.parametrize("place", [writer.TMP, writer.NEW, store.CORRUPT, store.FAILED, respite.OFF])
def test_every_directory_is_explained(place: str) -> None:
    assert f".It Pa {place}\n" in QUEUE


@pytest.mark.parametrize("lock", [turn.WAITING, turn.RUNNING, turn.SLEEPING])
def test_every_lock_is_explained(lock: str) -> None:
    assert f".It Pa {lock}\n" in QUEUE
    assert (turn.PATIENCE, turn.NAP) == (5, 2)
    assert "five seconds" in QUEUE
    assert "two seconds" in QUEUE


@pytest.mark.parametrize("algorithm", ["blake2b", "sha256", "cksum"])
def test_every_algorithm_is_named(algorithm: str) -> None:
    assert digest.new(algorithm)
    assert f".Cm {algorithm}\n" in QUEUE


def test_the_times_are_those_of_the_schedule() -> None:
    assert (schedule.SHORTEST, schedule.LONGEST, schedule.LIFETIME) == (60, 4 * 3600, 5 * 86400)
    for words in ("one\nminute", "four hours", "five days"):
        assert words in QUEUE


def test_the_example_can_be_read() -> None:
    text = QUEUE.split(".Bd -literal -offset indent\n")[1].split(".Ed")[0]
    found = reading.read_head(text.encode())
    assert found
    assert (found.sender, [r.address for r in found.recipients]) == ("me@example.org", ["you@example.net", "joe"])
    mark = text.splitlines()[-1]
    assert (
        marks.outcome_mark(1700000042, [0], Outcome("try_again", "try later", status="4.2.0", remote="mx.example.net"))
        == f"{mark}\n".encode()
    )


def test_every_status_of_the_wrapper_is_explained() -> None:
    codes = set(re.findall(r"(?:refuse|no_queue) (\d+) ", WRAPPER))
    assert len(codes) >= 6
    assert codes <= items(WRAPPER_PAGE)


def test_every_flag_that_the_wrapper_understands_is_named() -> None:
    known = set(re.findall(r"(?<=\s)-([a-zA-Z]+)(?=[ )|])", WRAPPER.split("read_call() {")[1].split("esac\n\tdone")[0]))
    [line] = [line for line in WRAPPER_PAGE.splitlines() if line.startswith(".Fl t i f")]
    named = set(line.split()[1:]) | {"odq", "odd", "odi", "odb"}
    assert {flag if flag in named else flag[:2] for flag in known - {"ti", "it"}} <= named | {"o"}
    assert all(f".Fl {flag}\n" in WRAPPER_PAGE for flag in ("odq", "odd", "odb"))


def test_every_program_that_the_wrapper_starts_is_named() -> None:
    for program in ("stat", "ls", "date", "cat", "wc", "sha256sum", "cksum", "mv", "sync"):
        assert re.search(rf"\b{program}\b", WRAPPER)
        assert f".Xr {program} 1" in WRAPPER_PAGE
