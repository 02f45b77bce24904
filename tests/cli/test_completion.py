"""--completion: what bash, zsh and fish themselves make of the scripts."""

import pathlib
import re
import shutil
from collections.abc import Callable

import pytest

from esmtp_py.cli.assistant.completion import flags
from esmtp_py.cli.flags import FLAGS, LONG
from tests.conftest import SCRIPTS, Command

RC = "identity me@example.org, *@example.net\nidentity you@example.org\n"

BASH = """eval "$(esmtp --completion bash)"
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_esmtp
printf '%s\\n' "${COMPREPLY[@]}"
"""
FISH = 'esmtp --completion fish | source; complete -C "$argv[1]" | string split -f 1 \\t'
# the specifications are read by zsh itself; what is not one ends with a message of _arguments
ZSH = """autoload -U compinit; compinit -u -D; eval "$(esmtp --completion zsh)"
[ "$_comps[esmtp]" = _esmtp ] && [ "$_comps[sendmail]" = _esmtp ] || exit 3
_arguments() { print -rl -- "$@" }
compadd() { shift; print -rl -- "$@" }
$1
"""


@pytest.fixture
def shell(esmtp: Command, rc: Callable[[str], pathlib.Path]) -> Callable[..., list[str]]:
    rc(RC)
    esmtp.environ["PATH"] = f"{SCRIPTS}:{esmtp.environ['PATH']}"

    def run(*argv: str) -> list[str]:
        if not shutil.which(argv[0]):
            pytest.skip(f"{argv[0]} is not installed")
        done = esmtp.run(*argv)
        assert (done.code, done.err) == (0, ""), done
        return done.out.split("\n")[:-1]

    return run


Shell = Callable[..., list[str]]


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        (["--serv"], ["--serverinfo"]),
        (["--explain", ""], ["me@example.org", "you@example.org"]),
        (["-f", "you"], ["you@example.org"]),
        (["-N", ""], ["never", "success", "failure", "delay"]),
        (["-bm"], ["-bm"]),
        (["-od"], ["-odq", "-odb", "-odi"]),
        (["--completion", "z"], ["zsh"]),
        (["--cancel", ""], ["ALL"]),
    ],
)
def test_bash(shell: Shell, words: list[str], completed: list[str]) -> None:
    assert shell("bash", "-c", BASH, "bash", "esmtp", *words) == completed


@pytest.mark.parametrize(
    ("line", "completed"),
    [
        ("esmtp --serv", {"--serverinfo"}),
        ("esmtp --explain ", {"me@example.org", "you@example.org"}),
        ("sendmail -N ", {"never", "success", "failure", "delay"}),
        ("esmtp --hold ", {"ALL"}),
    ],
)
def test_fish(shell: Shell, line: str, completed: set[str]) -> None:
    assert set(shell("fish", "--no-config", "-c", FISH, line)) == completed


@pytest.mark.parametrize(
    "address",
    [
        "`touch${IFS}canary`@x.org",
        "$HOME@x.org",
        "*@x.org",
        "?*@x.org",
        "-Xcanary@x.org",
        "a{1..2}@x.org",
        "~root@x.org",
    ],
)
@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_an_address_is_never_evaluated_nor_taken_for_an_option(
    esmtp: Command, rc: Callable[[str], pathlib.Path], shell: Shell, name: str, address: str
) -> None:
    rc(f"identity me@x.org, '{address}'\n")
    before = sorted(esmtp.home.iterdir())
    if name == "bash":
        found = shell("bash", "-c", BASH, "bash", "esmtp", "--explain", "")
    elif name == "zsh":
        found = shell("zsh", "-f", "-c", ZSH, "zsh", "_esmtp_addresses")
    else:
        found = shell("fish", "--no-config", "-c", FISH, "esmtp --explain ")
    assert found == ["me@x.org"]
    assert [path for path in sorted(esmtp.home.iterdir()) if path not in before and "canary" in path.name] == []


@pytest.mark.parametrize(
    ("address", "quoted"),
    [("o'neil@x.org", "o\\'neil@x.org"), ("r&d@x.org", "r\\&d@x.org"), ("a/b@x.org", "a/b@x.org")],
)
def test_an_address_that_has_to_be_quoted(
    rc: Callable[[str], pathlib.Path], shell: Shell, address: str, quoted: str
) -> None:
    """Bash takes a word as it is given; the others quote it themselves."""
    rc(f'identity me@x.org, "{address}", "a#b@x.org"\n')
    assert shell("bash", "-c", BASH, "bash", "esmtp", "--explain", "") == ["me@x.org", quoted]
    assert shell("bash", "-c", BASH, "bash", "esmtp", "--explain", quoted[:3]) == [quoted]
    assert shell("zsh", "-f", "-c", ZSH, "zsh", "_esmtp_addresses") == ["me@x.org", address]
    assert set(shell("fish", "--no-config", "-c", FISH, "esmtp --explain ")) == {"me@x.org", address}


def test_zsh(shell: Shell) -> None:
    specifications = shell("zsh", "-f", "-c", ZSH, "zsh", "_esmtp")
    assert specifications[0] == "-s"
    assert specifications[-1] == "*:recipient:_esmtp_addresses"
    assert len(specifications) == len(flags()) + 2
    assert shell("zsh", "-f", "-c", ZSH, "zsh", "_esmtp_addresses") == ["me@example.org", "you@example.org"]
    assert shell("zsh", "-f", "-c", ZSH, "zsh", "_esmtp_ids") == ["ALL"]


def test_ids_of_the_queue(esmtp: Command, shell: Shell) -> None:
    esmtp("-odq", "you@example.net", stdin=b"Subject: x\n\ny\n")
    [name] = [path.name for path in (esmtp.home / ".esmtp_queue" / "new").iterdir()]
    assert shell("bash", "-c", BASH, "bash", "esmtp", "--show", "") == [name, "ALL"]


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_every_flag_with_a_meaning_is_there(esmtp: Command, name: str) -> None:
    script = esmtp("--completion", name).out
    for flag in flags():
        assert re.search(rf"-[sl]? ?{flag.name}[ '\[+-]", script), flag.name
    assert {flag.name for flag in flags()} < {*FLAGS, *LONG}


def test_another_shell(esmtp: Command) -> None:
    done = esmtp("--completion", "csh")
    assert done.code == 64
    assert "one of bash, zsh, fish is expected" in done.err
