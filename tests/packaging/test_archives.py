"""What is in the archives, before anybody installs them."""

import tarfile
import zipfile
from email.parser import Parser
from pathlib import Path

from tests.packaging.installation import build


def sdist_members(sdist: Path) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(sdist) as archive:
        return {member.name.partition("/")[2]: member for member in archive}


def wheel_names(wheel: Path) -> set[str]:
    return set(zipfile.ZipFile(wheel).namelist())


def test_the_sdist_has_the_grammar_in_both_its_places_and_no_link(sdist: Path) -> None:
    members = sdist_members(sdist)
    assert not [name for name, member in members.items() if member.issym() or member.islnk()]
    in_package = {name for name in members if name.startswith("esmtp_py/grammar/")}
    assert "esmtp_py/grammar/esmtprc.py" in in_package
    assert {name.removeprefix("esmtp_py/") for name in in_package} <= set(members)


def test_the_sdist_has_what_it_takes_to_work_on_it(sdist: Path) -> None:
    members = sdist_members(sdist)
    for name in ("Makefile", "CONTRIBUTING.md", "CHANGELOG.md", "LICENSE", "tests/server/submission.py", "man/esmtp.1"):
        assert name in members
    assert any(name.startswith("grammar/corpus/esmtprc/reject/") for name in members)
    assert not [name for name in members if ".venv" in name or "__pycache__" in name]


def test_the_wheel_of_the_sdist_is_the_wheel_of_the_tree(wheel: Path, tmp_path: Path) -> None:
    [direct] = build(tmp_path, "--wheel")
    assert wheel_names(wheel) == wheel_names(direct)


def test_the_wheel_has_the_program_and_nothing_else(wheel: Path) -> None:
    names = wheel_names(wheel)
    assert "esmtp_py/grammar/esmtprc.py" in names
    assert "esmtp_py/config/_esmtprc_tables.py" in names
    assert "esmtp_py/py.typed" in names
    assert not [name for name in names if "corpus" in name or name.startswith(("tests/", "grammar/", "bench/"))]


def test_the_metadata(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        [name] = [name for name in archive.namelist() if name.endswith("/METADATA")]
        metadata = Parser().parsestr(archive.read(name).decode())
    assert (metadata["Name"], metadata["License-Expression"]) == ("esmtp-py", "MIT")
    assert metadata["Requires-Python"] == ">=3.11"
    needed = [line for line in metadata.get_all("Requires-Dist", []) if "extra ==" not in line]
    assert {line.split("<")[0].split(">")[0] for line in needed} == {"ply", "certifi", "keyring", "importlib-metadata"}
