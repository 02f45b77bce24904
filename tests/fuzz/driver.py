"""Feeds a fuzz target: guided by coverage where atheris is installed, else a stated number of mutated seeds.

    python -m tests.fuzz.address            100,000 inputs
    python -m tests.fuzz.address 5000 42    5000 inputs, of random seed 42
    python -m tests.fuzz.address --atheris  until stopped; further arguments are libFuzzer's

A target takes bytes and raises AssertionError when its invariant, stated at the
head of its module, does not hold.  Anything else it raises is a finding, too.
"""

import random
import sys
from collections.abc import Callable, Sequence

RUNS = 100_000
LONGEST = 4096  # of an input; what grows faster than its length shows in the unit tests

Target = Callable[[bytes], None]


def clean(text: str, *secrets: str) -> None:
    """Asserts that a message is one printable line without these."""
    assert text.isprintable(), text
    assert not any(secret in text for secret in secrets), text


def main(target: Target, seeds: Sequence[bytes]) -> None:
    """The command line of a target."""
    if sys.argv[1:2] == ["--atheris"]:
        guided(target)
    numbers = [int(word) for word in sys.argv[1:]]
    runs, seed = [*numbers, *(RUNS, 0)[len(numbers) :]]
    mutated(target, seeds, runs, seed)


def guided(target: Target) -> None:
    """Never returns."""
    import atheris  # type: ignore[import-not-found,import-untyped,unused-ignore]

    atheris.instrument_all()
    atheris.Setup([sys.argv[0], *sys.argv[2:]], target)
    atheris.Fuzz()


def mutated(target: Target, seeds: Sequence[bytes], runs: int, seed: int) -> None:
    """Runs the target ``runs`` times; the input that broke it is in the note of the exception."""
    dice = random.Random(seed)
    for _ in range(runs):
        data = mutate(dice, seeds)
        try:
            target(data)
        except Exception as error:
            error.add_note(f"input: {data!r}")
            raise


def mutate(dice: random.Random, seeds: Sequence[bytes]) -> bytes:
    """A seed, or two of them crossed, with a few places cut, doubled, flipped or replaced."""
    data = bytearray(dice.choice(seeds))
    for _ in range(dice.randrange(6)):
        at = dice.randrange(len(data) + 1)
        end = min(len(data), at + dice.choice((1, 1, 2, 5, 20)))
        match dice.randrange(6):
            case 0:
                del data[at:end]
            case 1:
                data[at:at] = data[at:end] * dice.choice((1, 2, 50))
            case 2:
                data[at:at] = dice.randbytes(dice.randrange(1, 4))
            case 3:
                other = dice.choice(seeds)
                start = dice.randrange(len(other) + 1)
                data[at:end] = other[start : start + dice.randrange(1, 40)]
            case 4:
                data[at:at] = dice.choice(
                    (b"\r", b"\n", b"\0", b"\r\n", b".", b'"', b"\\", b"(", b")", b"<", b">", b",", b":")
                )
            case _:
                data[at:end] = bytes(octet ^ 1 << dice.randrange(8) for octet in data[at:end])
    return bytes(data[:LONGEST])
