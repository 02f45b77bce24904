"""Each fuzz target, for a moment: they must at least run, and find nothing near their seeds."""

import pytest

from tests.fuzz import (
    address,
    aliases,
    certificate,
    driver,
    foreign,
    header,
    imap,
    intake,
    oauth,
    proxy,
    sasl,
    session,
)

TARGETS = [address, aliases, certificate, foreign, header, imap, intake, oauth, proxy, sasl, session]


@pytest.mark.parametrize("module", TARGETS, ids=lambda module: module.__name__)
def test_nothing_is_found_near_the_seeds(module: object) -> None:
    for seed in module.SEEDS:  # type: ignore[attr-defined]
        module.target(seed)  # type: ignore[attr-defined]
    driver.mutated(module.target, module.SEEDS, runs=1500, seed=1)  # type: ignore[attr-defined]


def test_a_finding_comes_with_its_input() -> None:
    def target(data: bytes) -> None:
        assert b"x" not in data

    with pytest.raises(AssertionError) as raised:
        driver.mutated(target, [b"wxyz"], runs=10, seed=1)
    assert raised.value.__notes__[0].startswith("input: b'")
