"""The files of grammar/corpus, and what they come to, in the form in which it is written there."""

import pathlib
from typing import Any

import pytest

from esmtp_py.concealed import Secret
from esmtp_py.config.build import SETTINGS
from esmtp_py.config.identity import Identity
from esmtp_py.config.model import Config
from esmtp_py.config.proxy import Proxy
from esmtp_py.config.server import Server
from esmtp_py.config.source import Problem, Source

ROOT = pathlib.Path(__file__).parents[2] / "grammar" / "corpus" / "esmtprc"
ACCEPT = sorted((ROOT / "accept").glob("*.esmtprc"))
REJECT = sorted((ROOT / "reject").glob("*.esmtprc"))

accepted = pytest.mark.parametrize("path", ACCEPT, ids=lambda path: path.stem)
rejected = pytest.mark.parametrize("path", REJECT, ids=lambda path: path.stem)
everything = pytest.mark.parametrize("path", ACCEPT + REJECT, ids=lambda path: f"{path.parent.name}/{path.stem}")


def source_of(content: bytes) -> Source:
    text = content.decode("utf-8", "surrogateescape").removeprefix("\ufeff")
    return Source("rc", text, directory="/rc", home="/home/me")


def described(config: Config) -> dict[str, Any]:
    """A Config as JSON: what was written, what it came to, and the lines it came from."""
    made: dict[str, Any] = {"default": config.identities.index(config.default)}
    for name in config.origin:
        made[name] = getattr(config, name)
    made["identities"] = [_identity(identity) for identity in config.identities]
    return made


def _identity(identity: Identity) -> dict[str, Any]:
    made: dict[str, Any] = {"line": _line(identity.where), "addresses": list(identity.addresses)}
    nothing = Identity()
    for name, (attribute, _) in SETTINGS.items():
        value = getattr(identity, attribute)
        if name in identity.origin:
            made[name] = {"line": _line(identity.origin[name]), "value": _value(value)}
        else:
            assert value == getattr(nothing, attribute), f"{name} without a statement"
    return made


def _line(where: str) -> int:
    return int(where.rpartition(":")[2]) if where else 0


def _value(value: object) -> object:
    if isinstance(value, Secret):
        return value.reveal()
    if isinstance(value, Server):
        place = {"path": value.path} if value.path else {"host": value.host, "service": value.service}
        if value.srv:
            place = {"srv": value.host}
        return {"protocol": value.protocol, **place}
    if isinstance(value, Proxy):
        return str(value)
    if isinstance(value, tuple):
        return list(value)
    return value


def problem_lines(source: Source, problems: list[Problem]) -> str:
    """``line:column: message`` for each."""
    places = [(*source.position(problem.offset), problem.text) for problem in problems]
    return "".join(f"{line}:{column}: {text}\n" for line, column, text in places)
