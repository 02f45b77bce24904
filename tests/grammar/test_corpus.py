"""The language by example: what the files of the corpus come to, and what is said about those that are wrong."""

import json
import pathlib

from esmtp_py.config.reader import interpret
from esmtp_py.grammar.esmtprc import ALL_KEYWORDS
from tests.grammar.corpus import ACCEPT, REJECT, accepted, described, problem_lines, rejected, source_of


@accepted
def test_accepted_file_comes_to_the_expected_model(path: pathlib.Path) -> None:
    source = source_of(path.read_bytes())
    _, config, problems = interpret(source)
    assert problem_lines(source, problems) == ""
    assert described(config) == json.loads(path.with_suffix(".json").read_text())


@rejected
def test_rejected_file_has_exactly_the_expected_problems(path: pathlib.Path) -> None:
    source = source_of(path.read_bytes())
    _, _, problems = interpret(source)
    assert problem_lines(source, problems) == path.with_suffix(".txt").read_text()


def test_corpus_is_large_and_every_file_has_its_expectation() -> None:
    assert len(ACCEPT) >= 60
    assert len(REJECT) >= 40
    for path in ACCEPT:
        assert path.with_suffix(".json").stat().st_size
    for path in REJECT:
        assert path.with_suffix(".txt").stat().st_size
    directories = {path.parent for path in ACCEPT + REJECT}
    known = {path.stem for path in ACCEPT + REJECT}
    assert {path.stem for directory in directories for path in directory.iterdir()} == known


def test_every_word_of_the_language_occurs_in_an_accepted_file() -> None:
    text = "\n".join(path.read_bytes().decode("utf-8", "replace") for path in ACCEPT)
    words = {word.strip("=:;,\"'") for word in text.replace("=", " ").replace(";", " ").replace(",", " ").split()}
    assert set(ALL_KEYWORDS) - words == set()
