"""Lines and columns."""

from hypothesis import given
from hypothesis import strategies as st

from esmtp_py.config.source import Source


def test_positions() -> None:
    source = Source("rc", "ab\n\ncd\r\n")
    assert [source.position(offset) for offset in range(9)] == [
        (1, 1), (1, 2), (1, 3), (2, 1), (3, 1), (3, 2), (3, 3), (3, 4), (4, 1),
    ]  # fmt: skip
    assert [source.line(number) for number in (1, 2, 3, 4)] == ["ab", "", "cd", ""]
    assert source.where(4) == "rc:3"


@given(st.text(st.sampled_from("a\n\r"), max_size=30))
def test_position_counts_newlines(text: str) -> None:
    source = Source("rc", text)
    for offset in range(len(text) + 1):
        before = text[:offset]
        assert source.position(offset) == (before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1)
