"""Any alias file: it is read, or refused with a line; what a name comes to can stand in an envelope."""

import os
import pathlib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from esmtp_py.config.aliases import MOST, Aliases
from esmtp_py.errors import MailError
from esmtp_py.message.address import parse_reverse_path

NAMES = st.sampled_from(["a", "b", "C", "default", '"q q"', "\u00e9"])
TARGETS = st.sampled_from(
    [
        "a",
        "B",
        "c",
        "\\a",
        "x@y.org",
        "X <x@Y.org>",
        "|cat",
        "/f",
        ":include:/f",
        '"q q"',
        "(c) b",
        "d e",
        "<>",
        "@",
        "\0",
    ]
)
LINES = st.one_of(
    st.builds(lambda name, targets: f"{name}: {', '.join(targets)}", NAMES, st.lists(TARGETS, max_size=4)),
    st.builds(lambda target: f" ,{target}", TARGETS),
    st.sampled_from(["# a: b", "", "   ", "a", ":", "a:b # c", "\tx", '"', "a: \r"]),
    st.text(max_size=12),
)


def looked_up(path: pathlib.Path, name: str) -> "tuple[list[str] | None, MailError | None]":
    try:
        return Aliases(str(path)).expand(name), None
    except MailError as error:
        return None, error


@given(st.lists(LINES, max_size=8).map("\n".join), st.sampled_from(["a", "b", "C", "nobody", '"q q"', "\u00c9"]))
@example("default: default", "x")
@example("a: b\nb: a", "A")
def test_any_file(tmp_path_factory: pytest.TempPathFactory, text: str, name: str) -> None:
    path = tmp_path_factory.getbasetemp() / "aliases"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    os.chmod(path, 0o600)
    found, fault = looked_up(path, name)
    if fault:
        assert fault.kind == "config"
        assert fault.text.startswith(f"{path}:")
        assert fault.text.removeprefix(f"{path}:").split(":")[0].isdigit()
        assert "\n" not in fault.text
    if found is None:
        return
    assert 1 <= len(found) <= MOST
    assert len(set(found)) == len(found)
    for address in found:
        mailbox = parse_reverse_path(address.encode())
        assert mailbox is not None
        assert mailbox.address == address
        assert address.isprintable()
