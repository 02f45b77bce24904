"""Identity and envelope sender: from -f, From: and the rc's statements."""

import pytest

from esmtp_py.config.identity import Identity
from esmtp_py.config.model import Config
from esmtp_py.deliver.caller import Caller
from esmtp_py.deliver.select import forced_sender, qualified, select
from esmtp_py.errors import MailError


class Somebody(Caller):
    login = "joe"
    host = "box.example.org"
    full_name = "Joe Doe"


JOE = Somebody()

HOME = Identity(addresses=("me@home.org", "*@family.org"), where="rc:1")
WORK = Identity(addresses=("me@work.com", "sales@work.com"), where="rc:5")
GLOBAL = Identity(is_default=True, where="rc:0")


def config(*identities: Identity, default: Identity | None = None, **said: str) -> Config:
    everybody = identities or (HOME, WORK)
    return Config(everybody, default or everybody[0], path="rc", **said)


TWO = config()


@pytest.mark.parametrize(
    ("given", "header", "identity", "sender"),
    [
        ("me@work.com", "", WORK, "me@work.com"),
        ("me@work.com", "me@home.org", WORK, "me@work.com"),
        ("ME@Work.COM", "", WORK, "ME@Work.COM"),
        ("aunt@family.org", "", HOME, "aunt@family.org"),
        ("who@else.net", "", HOME, "who@else.net"),
        ("who@else.net", "me@work.com", HOME, "who@else.net"),
        (None, "sales@work.com", WORK, "sales@work.com"),
        (None, "aunt@family.org", HOME, "aunt@family.org"),
        (None, "who@else.net", HOME, "me@home.org"),
        (None, "", HOME, "me@home.org"),
        ("", "me@work.com", WORK, ""),
        ("", "who@else.net", HOME, ""),
        ("", "", HOME, ""),
        ("joe", "", HOME, "joe"),
    ],
)
def test_f_decides_then_from(given: str | None, header: str, identity: Identity, sender: str) -> None:
    choice = select(TWO, JOE, given, header)
    assert choice.identity is identity
    assert choice.sender == sender


@pytest.mark.parametrize(
    ("given", "header", "identity", "sender"),
    [
        ("me@home.org", "me@work.com", WORK, "me@home.org"),
        ("me@work.com", "who@else.net", WORK, "me@work.com"),
        ("me@work.com", "", WORK, "me@work.com"),
        (None, "me@work.com", WORK, "me@work.com"),
        ("", "me@work.com", WORK, ""),
        ("who@else.net", "other@else.net", HOME, "who@else.net"),
    ],
)
def test_select_by_header(given: str | None, header: str, identity: Identity, sender: str) -> None:
    choice = select(config(select_by="header"), JOE, given, header)
    assert choice.identity is identity
    assert choice.sender == sender


@pytest.mark.parametrize(
    ("given", "header"), [("me@else.net", "me@home.org"), (None, "me@else.net"), ("", "me@else.net")]
)
def test_unmatched_refuse_says_what_to_write(given: str | None, header: str) -> None:
    with pytest.raises(MailError) as caught:
        select(config(unmatched="refuse"), JOE, given, header)
    assert caught.value.kind == "config"
    assert "`identity me@else.net`" in caught.value.text
    assert caught.value.text.startswith("rc: ")


@pytest.mark.parametrize(
    ("given", "header", "sender"),
    [
        ("me@work.com", "", "me@work.com"),
        (None, "aunt@family.org", "aunt@family.org"),
        (None, "", "me@home.org"),
        ("", "", ""),
    ],
)
def test_unmatched_refuse_lets_the_others_pass(given: str | None, header: str, sender: str) -> None:
    assert select(config(unmatched="refuse"), JOE, given, header).sender == sender


def test_unmatched_refuse_also_for_an_address_made_up_here() -> None:
    with pytest.raises(MailError, match=r"joe@box\.example\.org"):
        select(config(GLOBAL, unmatched="refuse"), JOE, None, "")


@pytest.mark.parametrize(("header", "sender"), [("", "joe@box.example.org"), ("who@else.net", "who@else.net")])
def test_default_identity_without_address_of_its_own(header: str, sender: str) -> None:
    choice = select(config(GLOBAL), JOE, None, header)
    assert choice.sender == sender
    assert choice.author == "joe@box.example.org"


def test_sender_statement_beats_from_but_not_f() -> None:
    own = Identity(addresses=("me@home.org",), sender="%u.%%@%d")
    rc = config(own)
    assert select(rc, JOE, None, "me@home.org").sender == "joe.%@example.org"
    assert select(rc, JOE, None, "").sender == "joe.%@example.org"
    assert select(rc, JOE, "me@home.org", "").sender == "me@home.org"
    assert select(rc, JOE, None, "").author == "joe.%@example.org"
    assert select(rc, JOE, "", "").author == "joe.%@example.org"


def test_host_form_of_sender() -> None:
    assert select(config(Identity(sender="%u@%h")), JOE, None, "").sender == "joe@box.example.org"


def test_forced_reverse_path_leaves_f_for_the_from_line() -> None:
    forced = Identity(addresses=("me@home.org",), force_reverse_path="bounces@home.org")
    choice = select(config(forced), JOE, "alias@home.org", "me@home.org")
    assert choice.sender == "bounces@home.org"
    assert choice.author == "alias@home.org"
    assert select(config(forced), JOE, None, "").author == "me@home.org"


def test_forced_null_reverse_path() -> None:
    assert select(config(Identity(force_reverse_path="")), JOE, "me@home.org", "").sender == ""


def test_pattern_is_nobodys_address() -> None:
    family = Identity(addresses=("*@family.org",))
    assert select(config(family), JOE, None, "").sender == "joe@box.example.org"
    assert select(config(family), JOE, None, "").author == "joe@box.example.org"


def test_bare_name_finds_its_identity_with_and_without_host() -> None:
    root, boxed = Identity(addresses=("root",)), Identity(addresses=("joe@box.example.org",))
    rc = config(HOME, root, boxed)
    assert select(rc, JOE, "root", "").identity is root
    assert select(rc, JOE, "joe", "").identity is boxed
    assert select(rc, JOE, "joe", "").sender == "joe"


@pytest.mark.parametrize(
    ("given", "header", "select_by", "names_null"),
    [
        ("", "", "envelope", True),
        ("", "me@home.org", "envelope", True),
        ("", "", "header", True),
        ("", "me@home.org", "header", False),
        (None, "", "envelope", False),
        ("me@home.org", "", "envelope", False),
    ],
)
def test_an_identity_may_serve_the_null_sender(
    given: str | None, header: str, select_by: str, names_null: bool
) -> None:
    bounces = Identity(addresses=("", "postmaster@x.org"))
    choice = select(config(HOME, bounces, select_by=select_by), JOE, given, header)
    assert (choice.identity is bounces) is names_null
    assert choice.author == ("postmaster@x.org" if names_null else "me@home.org")
    assert choice.sender == (given if given is not None else "me@home.org")


def test_bare_name_gets_a_domain_where_one_is_needed() -> None:
    at_home = Identity(qualifydomain="home.org")
    assert qualified("joe", at_home, JOE) == "joe@home.org"
    assert qualified("joe", HOME, JOE) == "joe@box.example.org"
    assert qualified("joe@x.org", at_home, JOE) == "joe@x.org"
    assert qualified("", at_home, JOE) == ""
    assert select(config(at_home), JOE, "root", "").author == "root@home.org"


def test_forced_sender_is_expanded() -> None:
    assert forced_sender(Identity(force_sender="%u@%h"), JOE) == "joe@box.example.org"
    assert forced_sender(HOME, JOE) is None


@pytest.mark.parametrize("statement", ["sender", "force_reverse_path", "force_sender"])
@pytest.mark.parametrize("text", ["me@", "a@x, b@x", "%u@x\r\nBcc: y"])
def test_statement_that_is_no_address_is_a_mistake_of_the_rc(statement: str, text: str) -> None:
    identity = Identity(**{statement: text}, origin={statement: "rc:7"})  # type: ignore[arg-type]
    use = forced_sender if statement == "force_sender" else choose_default
    with pytest.raises(MailError) as caught:
        use(identity, JOE)
    assert caught.value.kind == "config"
    assert caught.value.text.startswith("rc:7: ")


def choose_default(identity: Identity, caller: Caller) -> None:
    select(config(identity), caller, None, "")


def test_sender_that_looks_like_a_flag_is_refused() -> None:
    with pytest.raises(MailError, match="dash") as caught:
        select(config(GLOBAL), JOE, None, "-oProxy@else.net")
    assert caught.value.kind == "bad_address"
