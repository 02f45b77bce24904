"""--explain ADDRESS: the identity and why, each fact with its place in the rc file, no secret, no connection."""

import pathlib
from collections.abc import Callable

import pytest

from tests.conftest import Command

RC = """mda "procmail -d %T"
identity me@example.org, *@example.net
  hostname smtp.example.org
  username me
  password_from keyring
identity b@example.org
  hostname mail.example.org:465 username bob password "canary-1"
  force reverse_path bounces@example.org
  proxy socks5://user:canary-2@127.0.0.1:1080
"""


@pytest.fixture
def facts(esmtp: Command, rc: Callable[[str], pathlib.Path]) -> Callable[[str], dict[str, str]]:
    path = rc(RC)

    def ask(address: str) -> dict[str, str]:
        done = esmtp("--explain", address)
        assert (done.code, done.err) == (0, "")
        assert "canary" not in done.out
        lines = [line.split(":", 1) for line in done.out.replace(str(path), "RC").splitlines()]
        return {label: text.strip() for label, text in lines}

    return ask


@pytest.mark.parametrize(
    ("address", "identity"),
    [
        ("me@example.org", "me@example.org (RC:2), because it names me@example.org"),
        ("ME@EXAMPLE.ORG", "me@example.org (RC:2), because it names ME@EXAMPLE.ORG"),
        ("x@example.net", "me@example.org (RC:2), because it serves *@example.net"),
        ("x@elsewhere.org", "default (RC:1), because no identity names x@elsewhere.org, and it is the default one"),
        ("<>", "default (RC:1), because no identity names the null sender, and it is the default one"),
    ],
)
def test_which_identity_and_why(facts: Callable[[str], dict[str, str]], address: str, identity: str) -> None:
    assert facts(address)["identity"] == identity


def test_each_fact_has_its_place(facts: Callable[[str], dict[str, str]]) -> None:
    told = facts("me@example.org")
    assert told["server"] == "smtp.example.org:587 (RC:3)"
    assert told["TLS"].startswith("by STARTTLS, or nothing is sent, for there is a login")
    assert told["trust"] == "a certificate for smtp.example.org, issued by an authority that the system trusts"
    assert told["login"] == "as me (RC:4), by the best mechanism offered"
    assert told["password"] == "in the keyring, service smtp://smtp.example.org, user me (RC:5)"


def test_another_kind(facts: Callable[[str], dict[str, str]]) -> None:
    told = facts("b@example.org")
    assert told["sender"] == "bounces@example.org, forced (RC:8)"
    assert told["TLS"] == "from the first byte (port 465), version 1.2 or newer"
    assert told["password"] == "in the rc file (RC:7)"
    assert told["proxy"] == "socks5://127.0.0.1:1080 (RC:9)"


@pytest.mark.parametrize(
    ("statements", "told"),
    [
        ("helo x", "recipients without a domain are refused: neither mda nor qualifydomain is written"),
        ("mda 'procmail -d %T' domain d.e", "recipients without a domain go to procmail -d %T (RC:1)"),
        ("mda cat qualifydomain q.r", "recipients without a domain get @q.r (RC:1)"),
        ("domain d.e", "recipients without a domain get @d.e (RC:1)"),
        ("domain d.e qualifydomain q.r", "recipients without a domain get @q.r (RC:1)"),
        (
            "aliases /al",
            "recipients without a domain are looked up in /al (RC:1); "
            "those that have none then are refused: neither mda nor qualifydomain is written",
        ),
        (
            "aliases /al domain d.e",
            "recipients without a domain are looked up in /al (RC:1); those that have none then get @d.e (RC:1)",
        ),
        ("mda cat force_mda me aliases /al", "everything goes to me by cat (RC:1)"),
        ("force_mda me", "everything is refused: there is no mda for me (RC:1)"),
    ],
)
def test_what_it_says_of_local_mail(
    esmtp: Command, rc: Callable[[str], pathlib.Path], statements: str, told: str
) -> None:
    path = rc(f"{statements}\n")
    assert f"\nlocal:     {told}\n" in esmtp("--explain", "me@x.org").out.replace(str(path), "RC")


@pytest.mark.parametrize(
    ("server", "told"),
    [
        ("smtp.x.org", "smtp.x.org:587"),
        ("[::1]:25", "[::1]:25"),
        ("lmtp:x.org", "lmtp:x.org:24"),
        ("lmtp:/run/x", "lmtp:/run/x"),
        ("/run/x", "unix:/run/x"),
        ("srv:x.org", "srv:x.org"),
    ],
)
def test_a_server_as_the_rc_writes_it(
    esmtp: Command, rc: Callable[[str], pathlib.Path], server: str, told: str
) -> None:
    path = rc(f"hostname {server}\n")
    assert f"\nserver:    {told} ({path}:1)\n" in esmtp("--explain", "me@x.org").out


@pytest.mark.parametrize(
    ("statements", "label", "told"),
    [
        ("hostname x.org starttls disabled", "TLS", "none (RC:1)"),
        ("hostname x.org username me auth external", "password", None),
        ("hostname x.org username me password x", "password", "in the rc file (RC:1)"),
        ("hostname x.org auth external", "login", "by EXTERNAL (RC:1)"),
        ("hostname x.org", "login", "none, for no username is written"),
        (
            "hostname x.org password x",
            "login",
            "impossible, and nothing is sent: password (RC:1), but no username",
        ),
        (
            "hostname srv:x.org",
            "TLS",
            "from the first byte, or else by STARTTLS, or nothing is sent, for the DNS can be forged, "
            "version 1.2 or newer",
        ),
        (
            "hostname srv:x.org starttls required",
            "TLS",
            "from the first byte, or else by STARTTLS, or nothing is sent (RC:1), version 1.2 or newer",
        ),
        ("hostname srv:x.org starttls implicit", "TLS", "from the first byte (RC:1), version 1.2 or newer"),
        ("hostname srv:x.org starttls disabled", "TLS", "none (RC:1)"),
        ("proxy socks5://127.0.0.1", "TLS", "none, for no hostname is written"),
        (
            "hostname x.org username me certificate /c",
            "login",
            "as me (RC:1), by EXTERNAL, with the certificate /c (RC:1)",
        ),
        ("hostname x.org username me certificate /c", "password", None),
        (
            "hostname /run/x username me password_from keyring",
            "password",
            "in the keyring, service smtp://localhost, user me (RC:1)",
        ),
        (
            "hostname x.org auth external",
            "TLS",
            "by STARTTLS, or nothing is sent, for there is a login, version 1.2 or newer",
        ),
        (
            f"hostname x.org fingerprint SHA256:{'0' * 64}",
            "TLS",
            "by STARTTLS, or nothing is sent, for there is a fingerprint, version 1.2 or newer",
        ),
    ],
)
def test_ways_in(
    esmtp: Command, rc: Callable[[str], pathlib.Path], statements: str, label: str, told: "str | None"
) -> None:
    path = rc(f"identity me@x.org {statements}\n")
    lines = esmtp("--explain", "me@x.org").out.replace(str(path), "RC").splitlines()
    assert [line.partition(":")[2].strip() for line in lines if line.startswith(f"{label}:")] == (
        [told] if told else []
    )


def test_without_an_rc_file(esmtp: Command) -> None:
    done = esmtp("--explain", "me@example.org")
    assert done.code == 0
    assert "because there is no rc file" in done.out


def test_a_sender_that_nobody_serves(esmtp: Command, rc: Callable[[str], pathlib.Path]) -> None:
    rc("unmatched refuse\nidentity me@example.org\n")
    done = esmtp("--explain", "you@example.org")
    assert done.code == 78
    assert "no identity serves you@example.org" in done.err


@pytest.mark.parametrize("words", [["--explain"], ["--explain", "a@x", "b@x"]])
def test_it_wants_one_address(esmtp: Command, words: list[str]) -> None:
    done = esmtp(*words)
    assert done.code == 64
    assert "--explain" in done.err


def test_a_sender_without_domain_gets_the_one_that_smtp_would(
    esmtp: Command, rc: Callable[[str], pathlib.Path]
) -> None:
    rc("identity me@example.org\nhostname localhost:25\ndomain example.net\n")
    assert "\nsender:    foo@example.net\n" in esmtp("--explain", "foo").out


@pytest.mark.parametrize("flag", ["--explain", "--serverinfo"])
@pytest.mark.parametrize("word", ["a@@b", "a b", '"a'])
def test_what_is_no_address_is_said_of_the_flag_that_was_given(esmtp: Command, flag: str, word: str) -> None:
    done = esmtp(flag, word)
    assert (done.code, done.out) == (65, "")
    assert done.err.startswith(f"esmtp: {flag} {word}: ")
