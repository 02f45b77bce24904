"""Every ``*.dialogue`` file, whole and byte by byte, with the same result."""

import pathlib

import pytest

from tests.dialogues.play import BYTEWISE, WHOLE, judge, play
from tests.dialogues.script import Dialogue

HERE = pathlib.Path(__file__).parent
FILES = sorted(HERE.rglob("*.dialogue"))


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(HERE)).removesuffix(".dialogue"))
def test_dialogue(path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dialogue = Dialogue(path)
    results = [play(dialogue, cut, monkeypatch) for cut in (WHOLE, BYTEWISE)]
    for result in results:
        judge(dialogue, result)
    assert results[0].comparable == results[1].comparable


def test_there_are_dialogues() -> None:
    assert len(FILES) >= 60
