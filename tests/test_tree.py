"""House rules that no linter knows: about files, modules and what the documents say of them."""

import ast
import re
import textwrap
import tomllib
from pathlib import Path
from typing import Any

import pytest

import esmtp_py
from esmtp_py.config import load
from tests.server import SubmissionServer

ROOT = Path(__file__).resolve().parents[1]
GENERATED = "_esmtprc_tables.py"
MODULES = sorted(
    path
    for top in ("esmtp_py", "grammar")
    for path in (ROOT / top).rglob("*.py")
    if not path.is_relative_to(ROOT / "esmtp_py/grammar") and path.name != GENERATED
)
LINES = 400

# Packages that do no I/O; import-linter sees what they import, not what is built in.
PURE = ("esmtp_py/message", "esmtp_py/smtp", "esmtp_py/sasl", "esmtp_py/queue/bounce.py")
IMPURE_BUILTINS = {"open", "input", "print", "exec", "eval", "__import__", "breakpoint"}


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def test_there_is_something_to_look_at() -> None:
    assert len(MODULES) > 30


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_a_module_says_where_it_stands(path: Path) -> None:
    assert ast.get_docstring(tree(path))


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_a_module_is_one_noun_of_bearable_size(path: Path) -> None:
    assert path.stem not in {"utils", "util", "helpers", "helper", "manager", "base", "misc", "common"}
    lines = path.read_text(encoding="utf-8").count("\n")
    excused = re.search(r"\b(400|split|one file)\b", ast.get_docstring(tree(path)) or "")
    assert lines <= LINES or excused, f"{lines} lines: split it, or say at its head why not"


@pytest.mark.parametrize("path", [path for path in MODULES if name(path).startswith(PURE)], ids=name)
def test_pure_packages_call_no_builtin_with_side_effects(path: Path) -> None:
    calls = {
        node.func.id for node in ast.walk(tree(path)) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    assert not calls & IMPURE_BUILTINS


def test_the_grammar_is_one_directory() -> None:
    link = ROOT / "esmtp_py/grammar"
    assert link.is_symlink()
    assert str(link.readlink()) == "../grammar"


# -- documents ---------------------------------------------------------------

PLACES = re.compile(r"`((?:[\w.-]+/)+[\w.-]*|[\w-]+\.py)`")
PLACES_IN_MAN = re.compile(r"^\.(?:It )?Pa (\S+/\S*)", re.MULTILINE)


@pytest.mark.parametrize("document", ["CONTRIBUTING.md", "README.md", "man/esmtp-internals.7"])
def test_every_place_a_document_names_is_there(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    places = (PLACES_IN_MAN if document.endswith(".7") else PLACES).findall(text)
    missing = [
        place
        for place in places
        if place.split("/")[0] not in ("..", ".venv", "share", "dist", "accept", "reject")
        and not any((ROOT / top / place).exists() for top in ("", "esmtp_py"))
    ]
    assert missing == []
    assert places or document == "README.md"


def test_the_changelog_knows_this_version() -> None:
    assert f"\n## [{esmtp_py.__version__}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def rc_examples(document: str) -> list[str]:
    """Its indented blocks that are rc files."""
    blocks = re.findall(r"(?:^(?: {4}.*)?\n)+", (ROOT / document).read_text(encoding="utf-8"), re.MULTILINE)
    blocks = [textwrap.dedent(block).strip("\n") + "\n" for block in blocks]
    return [block for block in blocks if re.match("identity|hostname|mda", block)]


def test_the_rc_files_in_the_readme_are_right(tmp_path: Path) -> None:
    examples = rc_examples("README.md")
    assert len(examples) >= 3
    for number, text in enumerate(examples):
        path = tmp_path / str(number)
        path.touch(mode=0o600)
        path.write_text(text, encoding="utf-8")
        assert load(str(path)).identities


def test_documents_name_the_layers_in_the_order_that_is_enforced() -> None:
    """Those in parentheses are yet to come."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = project["tool"]["importlinter"]["contracts"]
    [layers] = [contract["layers"] for contract in contracts if contract["type"] == "layers"]
    present = [layer for layer in layers if not layer.startswith("(")]
    assert "\n" + "\n".join(present) + "\n" in (ROOT / "man/esmtp-internals.7").read_text(encoding="utf-8")
    assert "    " + " > ".join(present) + "\n" in (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def test_the_dialogue_test_shown_to_newcomers_works(esmtp: object, rc: object) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```", (ROOT / "CONTRIBUTING.md").read_text(), re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = {"SubmissionServer": SubmissionServer}
    exec(blocks[0], names)
    names["test_the_refused_recipient_is_named"](esmtp, rc)
