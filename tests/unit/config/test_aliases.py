"""The alias file: what it means, what is refused and where, and what it may cost."""

import os
import pathlib
import time

import pytest

from esmtp_py.config.aliases import DEEPEST, LONGEST, MOST, Aliases
from esmtp_py.errors import MailError


@pytest.fixture
def path(tmp_path: pathlib.Path) -> pathlib.Path:
    return tmp_path / "aliases"


def aliases(path: pathlib.Path, text: "str | bytes") -> Aliases:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return Aliases(str(path))


def fault(path: pathlib.Path, text: "str | bytes", name: str = "x") -> str:
    """What is said of the file when the name is looked up, without its path."""
    with pytest.raises(MailError) as raised:
        aliases(path, text).expand(name)
    assert raised.value.kind == "config"
    assert raised.value.text.startswith(f"{path}:")
    return raised.value.text.removeprefix(f"{path}:").strip()


FILE = """\
# comment
  # and one with white space
Root: joe , Me <me@x.org>   # why

team: ann, "carl, r"@x.org,

\tbob@Y.org,
 (the boss) dora@x.org
"b b" : a@x.org
ann:joe
self: self, self@x.org
final: \\joe
joe: joe@home.org,
both: root, team, a@x.org, A@X.org
\u00e9: \u00e9t\u00e9@x.org
"""


@pytest.mark.parametrize(
    ("name", "whom"),
    [
        ("root", ["joe@home.org", "me@x.org"]),
        ("ROOT", ["joe@home.org", "me@x.org"]),
        ("team", ["joe@home.org", '"carl, r"@x.org', "bob@Y.org", "dora@x.org"]),
        ('"b b"', ["a@x.org"]),
        ("self", ["self", "self@x.org"]),
        ("final", ["joe"]),
        ("both", ["joe@home.org", "me@x.org", '"carl, r"@x.org', "bob@Y.org", "dora@x.org", "a@x.org", "A@X.org"]),
        ("\u00e9", ["\u00e9t\u00e9@x.org"]),
        ("nobody", None),
    ],
)
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_a_name_and_whom_it_stands_for(path: pathlib.Path, name: str, whom: "list[str] | None", line_end: str) -> None:
    assert aliases(path, FILE.replace("\n", line_end)).expand(name) == whom


def test_default_is_for_names_that_are_not_there(path: pathlib.Path) -> None:
    file = aliases(path, "default: me@x.org, postmaster\nroot: joe\nkeep: \\keep\npostmaster: postmaster, p@x.org\n")
    assert file.expand("nobody") == ["me@x.org", "postmaster", "p@x.org"]
    assert file.expand("root") == ["me@x.org", "postmaster", "p@x.org"]
    assert file.expand("keep") == ["keep"]
    assert aliases(path, "default: joe\n").expand("joe") == ["joe"]
    assert aliases(path, "default: joe\n").expand("ann") == ["joe"]
    assert aliases(path, "default: default\n").expand("ann") == ["default"]
    assert fault(path, "default: a\na: b\n", "c") == "2: an alias loop: default, a, default: break it"


def test_an_empty_file_has_none(path: pathlib.Path) -> None:
    assert aliases(path, "").expand("root") is None
    assert aliases(path, "\ufeff# nothing\n\n").expand("root") is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x: |/bin/cat -f\n", "1: x: |/bin/cat -f: mail goes to addresses here, not to a command"),
        ('\nx: a@x,\n "| cat"\n', '2: x: "| cat": mail goes to addresses here, not to a command'),
        ("x: /var/mail/x\n", "1: x: /var/mail/x: mail goes to addresses here, not to a file"),
        ("x: :Include:/etc/list\n", "1: x: :Include:/etc/list: mail goes to addresses here, not to a file"),
        ("x: y\ny: z\nz: X\n", "3: an alias loop: x, y, z, x: break it"),
        ("x: a b\n", "1: two words where one address is wanted, at character 3 of 'a b'"),
        ("x: a@b@c\n", None),
        ("x:\n", "1: x stands for nobody: correct it"),
        ("x: , ,\n", "1: x stands for nobody: correct it"),
        ("x: <>\n", "1: x: an empty address"),
        ("x: friends: a@x;\n", None),
        ("y: a\nnonsense\n", "2: expected `name: address, address`, or white space before a line that goes on"),
        ("x@y.org: a\n", "1: x@y.org: an alias is a name without a domain"),
        ("y: a\nY: b\n", "2: Y is an alias already, on line 1: put them together"),
        ("y: a\nx: b\0c\n", "2: a control character: remove it"),
        ("x: a\rBcc: evil@x.org\n", "1: a control character: remove it"),
        ("x: a\x1b[2J\n", "1: a control character: remove it"),
        (b"y: a\nx: \xe4\n", "2: this is not UTF-8; save the file as UTF-8"),
        (b"\xff\xfex\0", "1: this is not UTF-8; save the file as UTF-8"),
    ],
)
def test_mistakes_have_their_line(path: pathlib.Path, text: "str | bytes", expected: "str | None") -> None:
    said = fault(path, text)
    assert expected is None or said == expected


def test_a_mistake_that_is_not_looked_up_stops_nobody(path: pathlib.Path) -> None:
    file = aliases(path, 'list: "|/usr/bin/majordomo"\na: b\nb: a\nroot: me@x.org\nbad: a b\n')
    assert file.expand("root") == ["me@x.org"]
    problems = [error.text.removeprefix(f"{path}:") for error in file.problems()]
    assert [text.split(":")[0] for text in problems] == ["1", "3", "5"]


def test_all_that_is_wrong_is_told_once(path: pathlib.Path) -> None:
    file = aliases(
        path,
        "nonsense\nteam: m, pipe, ann\nm:\npipe: |cat, /f, team\nann: bob\nm: x\nbob: carl\ncarl: ann\nlast: team\n",
    )
    assert [error.text.removeprefix(f"{path}:") for error in file.problems()] == [
        "1: expected `name: address, address`, or white space before a line that goes on",
        "6: m is an alias already, on line 3: put them together",
        "3: m stands for nobody: correct it",
        "4: pipe: |cat: mail goes to addresses here, not to a command",
        "4: pipe: /f: mail goes to addresses here, not to a file",
        "4: an alias loop: team, pipe, team: break it",
        "8: an alias loop: ann, bob, carl, ann: break it",
    ]
    with pytest.raises(MailError, match=f"{path}:1: expected"):
        file.expand("other")


def test_a_name_for_nobody_is_wrong_also_among_others(path: pathlib.Path) -> None:
    assert fault(path, "x: m, a@x.org\nm: ,\n") == "2: m stands for nobody: correct it"


@pytest.mark.parametrize("kind", ["missing", "directory", "fifo", "writable", "closed", "huge"])
def test_a_file_that_cannot_be_used(path: pathlib.Path, kind: str) -> None:
    if kind == "directory":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind != "missing":
        path.write_text("x: a\n")
        path.chmod({"writable": 0o666, "closed": 0, "huge": 0o600}[kind])
    if kind == "huge":
        os.truncate(path, LONGEST + 1)
    if kind == "closed" and os.geteuid() == 0:
        os.chown(path, 1, -1)
    with pytest.raises(MailError) as raised:
        Aliases(str(path)).expand("x")
    assert raised.value.kind == "config"
    assert raised.value.text.startswith(f"{path}: ")


def test_chains_and_lists_have_an_end(path: pathlib.Path) -> None:
    chain = "".join(f"n{number}: n{number + 1}\n" for number in range(5000))
    assert "deep" in fault(path, chain, "n0")
    assert aliases(path, chain).expand(f"n{5000 - DEEPEST + 1}") == ["n5000"]
    assert f"more than {MOST}" in fault(path, "x: " + ",".join(f"a{n}" for n in range(MOST + 1)))
    ring = "".join(f"n{number}: n{(number + 1) % 40}\n" for number in range(40))
    assert "alias loop" in fault(path, ring, "n7")


def test_aliases_that_double_at_each_step_do_not_double_the_work(path: pathlib.Path) -> None:
    text = "".join(f"n{n}: n{n + 1}, m{n + 1}\nm{n}: m{n + 1}, n{n + 1}\n" for n in range(DEEPEST - 2))
    start = time.process_time()
    assert aliases(path, text).expand("n0") == [f"n{DEEPEST - 2}", f"m{DEEPEST - 2}"]
    assert time.process_time() - start < 1


def test_a_long_file_takes_linear_time(path: pathlib.Path) -> None:
    def seconds(count: int) -> float:
        text = "default: me@x.org\n" + "".join(f"name{n}: someone{n}@example.org, name{n + 1}\n" for n in range(count))
        path.write_text(text)
        start = time.process_time()
        assert Aliases(str(path)).expand("root") == ["me@x.org"]
        return time.process_time() - start

    small, large = min(seconds(2500) for _ in range(3)), min(seconds(25000) for _ in range(2))  # 1.2 MB
    assert large < small * 40
    start = time.process_time()
    many = aliases(path, "x: " + "(" * 500_000 + "\ny: " + '"' * 500_001 + "\nz: " + "\\" * 500_000 + "\nr: a\n")
    assert many.expand("r") == ["a"]
    assert len(list(many.problems())) == 3
    assert time.process_time() - start < 5
