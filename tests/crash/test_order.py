"""Each promise is made after the fsync that it needs; and there is no fsync that is not needed."""

import ast
import pathlib
import re
import shutil
from collections.abc import Callable, Iterator

import pytest

from tests.crash.durability import broken_promises
from tests.crash.scenario import Scenario
from tests.crash.scenarios import ROOT, WRAPPER, Enqueue, Finish, GiveUp, Tidy, Wrapped, copy_package, queue_of

PYTHON: dict[str, Callable[[pathlib.Path], Scenario]] = {
    "enqueue": lambda package: Enqueue(first=False, package=package),
    "enqueue-first": lambda package: Enqueue(first=True, package=package),
    "finish": Finish,
    "give-up": GiveUp,
    "tidy": Tidy,
}
MODULES = ("writer", "locked", "store", "sweep")
# What makes something durable, by the last part of its name.
SYNCING = {"fsync", "fdatasync", "sync", "sync_directory", "_fsync", "_sync_parent"}
# Where a file system cannot do it the usual way; these do not happen here.
FALLBACKS = {"os.sync()"}


def promises(scenario: Scenario, home: pathlib.Path) -> list[str]:
    home.mkdir()
    run = scenario.prepare(home).traced()
    assert run.code == 0, run
    assert b"Traceback" not in run.err
    return broken_promises(run, str(queue_of(home)))


@pytest.mark.parametrize("name", PYTHON)
def test_python_promises_what_is_safe(name: str, tmp_path: pathlib.Path) -> None:
    assert promises(PYTHON[name](ROOT), tmp_path / "home") == []


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("shell", ["dash", "busybox", "bash"])
def test_the_wrapper_promises_what_is_safe(shell: str, first: bool, tmp_path: pathlib.Path) -> None:
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not installed")
    assert promises(Wrapped(shell, first=first), tmp_path / "home") == []


# -- and without any of them that is seen --------------------------------------------------------------------------


class Site:
    """A call in the source that makes something durable."""

    def __init__(self, module: str, node: ast.Call) -> None:
        self.module = module
        self.line, self.start, self.end = node.lineno, node.col_offset, node.end_col_offset
        self.text = ast.unparse(node)
        self.one_line = node.lineno == node.end_lineno

    def without(self, source: str) -> str:
        assert self.one_line, "the call is on one line, so that it can be taken out"
        lines = source.splitlines(keepends=True)
        line = lines[self.line - 1].encode()
        lines[self.line - 1] = (line[: self.start] + b"None" + line[self.end :]).decode()
        return "".join(lines)

    def __str__(self) -> str:
        return f"{self.module}:{self.line}-{self.text}"


def sites() -> Iterator[Site]:
    for module in MODULES:
        source = (ROOT / f"esmtp_py/queue/{module}.py").read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Call):
                site = Site(module, node)
                if re.split(r"[.(]", site.text.split("(")[0])[-1] in SYNCING and site.text not in FALLBACKS:
                    yield site


SITES = list(sites())


def test_the_sites_are_found() -> None:
    texts = {site.text for site in SITES}
    assert {"os.fsync(self._fd)", "os.fdatasync(self._fd)", "self._store.sync_directory(self._place)"} <= texts
    assert len(SITES) >= 10


@pytest.mark.parametrize("site", SITES, ids=str)
def test_without_it_a_promise_is_broken(site: Site, tmp_path: pathlib.Path) -> None:
    """In one of the scenarios; with the package as it is but for this call."""
    package = copy_package(tmp_path / "package")
    changed = package / f"esmtp_py/queue/{site.module}.py"
    changed.write_text(site.without(changed.read_text(encoding="utf-8")), encoding="utf-8")
    found = [name for name, made in PYTHON.items() if promises(made(package), tmp_path / name)]
    assert found, f"{site} may be missing, and nobody sees it"


SYNCS_IN_SHELL = [
    number for number, line in enumerate(WRAPPER.read_text().splitlines()) if re.search(r"^\s*sync |&& sync ", line)
]


def test_the_sites_of_the_wrapper_are_found() -> None:
    assert len(SYNCS_IN_SHELL) == 3


@pytest.mark.parametrize("number", SYNCS_IN_SHELL)
def test_without_it_a_promise_of_the_wrapper_is_broken(
    number: int, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = WRAPPER.read_text().splitlines()
    lines[number] = re.sub(r"\bsync ", "true ", lines[number])
    changed = tmp_path / "wrapper"
    changed.write_text("\n".join(lines) + "\n")
    monkeypatch.setattr("tests.crash.scenarios.WRAPPER", changed)
    assert promises(Wrapped("dash", first=True), tmp_path / "home")


def test_the_package_that_is_tested_is_the_changed_one(tmp_path: pathlib.Path) -> None:
    """Or the tests above would say nothing."""
    package = copy_package(tmp_path / "package")
    (package / "esmtp_py/queue/writer.py").write_text("raise SystemExit(42)\n")
    home = tmp_path / "home"
    home.mkdir()
    assert Enqueue(first=True, package=package).prepare(home).traced().code == 42
