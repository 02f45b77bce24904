"""The lines of the report."""


def line(what: str, ours: str, theirs: str = "", ratio: str = "", goal: str = "") -> None:
    """Prints one: what was measured, the two figures, the first through the second, and whether that is enough."""
    print(f"{what:<34} {ours:>24} {theirs:>24}  {ratio:>7}  {goal}".rstrip(), flush=True)


def judged(value: float, limit: float, said: str) -> str:
    """``said`` and whether the value keeps to the limit."""
    return f"{said} {'met' if value <= limit else 'MISSED'}"


def judged_least(value: float, limit: float, said: str) -> str:
    """The same for what should be at least so much."""
    return f"{said} {'met' if value >= limit else 'MISSED'}"
