"""Each distribution is built once and each environment made once."""

from pathlib import Path

import pytest

from tests.packaging.installation import ROOT, Installation, build


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All in one worker, or each would build its own."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.xdist_group("packaging"))


@pytest.fixture(scope="session")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The sdist, and the wheel built from it."""
    wheel, sdist = build(tmp_path_factory.mktemp("dist"))
    return sdist, wheel


@pytest.fixture(scope="session")
def sdist(distributions: tuple[Path, Path]) -> Path:
    return distributions[0]


@pytest.fixture(scope="session")
def wheel(distributions: tuple[Path, Path]) -> Path:
    return distributions[1]


@pytest.fixture(scope="session", params=["wheel", "sdist", "editable"])
def installation(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    prefix = tmp_path_factory.mktemp(request.param) / "environment"
    if request.param == "editable":
        return Installation(prefix, ROOT, editable=True)
    return Installation(prefix, request.getfixturevalue(request.param))
