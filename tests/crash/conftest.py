"""Where programs cannot be traced these tests are skipped; at the end the number of points is told."""

from collections import Counter
from collections.abc import Callable

import pytest

from tests.crash import tracer


@pytest.fixture(scope="session", autouse=True)
def traceable() -> None:
    why = tracer.works()
    if why:
        pytest.skip(why)


@pytest.fixture
def count(record_property: Callable[[str, object], None], request: pytest.FixtureRequest) -> Callable[[int], None]:
    """Told by a sweep how many calls it spoils."""

    def told(points: int) -> None:
        record_property("points", points)
        record_property("kind", request.node.callspec.params["kind"])

    return told


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    points: Counter[str] = Counter()
    twice: list[int] = []
    for report in terminalreporter.stats.get("passed", []):
        properties = dict(getattr(report, "user_properties", []))
        if report.when == "call" and "points" in properties:
            points[str(properties["kind"])] += int(properties["points"])
            twice += properties.get("twice", [])
    if points:
        kinds = ", ".join(f"{kind} {number}" for kind, number in sorted(points.items()))
        terminalreporter.write_line(f"crash points: {sum(points.values())} ({kinds}): nothing lost, nothing torn")
        if twice:
            text = f"at {len(twice)} of them mails were sent twice, at most {max(twice)}, all between 250 and mark"
            terminalreporter.write_line(text)
