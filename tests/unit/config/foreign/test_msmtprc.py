"""msmtp's accounts as identities: what means the same, and what is said of the rest."""

import pytest

from esmtp_py.config.foreign import msmtprc
from esmtp_py.config.foreign.found import Found
from esmtp_py.config.writing import text
from tests.grammar.corpus import described, problem_lines, source_of
from tests.unit.config.foreign import HERE

ACCOUNT = "account a\nhost mx.x.org\nfrom me@x.org\n"


def read(config: str) -> Found:
    return msmtprc.read(config, HERE)


def statements(config: str, number: int = 0) -> dict[str, str]:
    return dict(read(config).sections[number].statements)


def test_the_example_of_its_manual() -> None:
    found = read(
        "defaults\nport 587\ntls on\ntls_trust_file /etc/ca.crt\n"
        "account freemail\nhost mail.freemail.example\nfrom joe_smith@freemail.example\nauth on\nuser joe.smith\n"
        'passwordeval gpg --no-tty -q -d "~/.msmtp.gpg"\n'
        "account freemail2 : freemail\nfrom joey@freemail.example\n"
        "account default : freemail2\n"
    )
    first, second = found.sections
    assert first.addresses == ["joe_smith@freemail.example"]
    assert second.addresses == ["joey@freemail.example"]
    assert dict(first.statements) == {
        "hostname": "mail.freemail.example:587",
        "username": "joe.smith",
        "password_command": 'gpg --no-tty -q -d "~/.msmtp.gpg"',
        "starttls": "required",
        "ca_file": "/etc/ca.crt",
    }
    assert dict(second.statements) == {**dict(first.statements), "default": ""}
    assert found.lost == []


def test_what_is_written_is_a_good_rc_file_and_means_it() -> None:
    found = read('account a\nhost ::1\nport 25\nfrom *@x.org\nauth on\nuser default\npassword "p\\"a \'s#=s"\n')
    source = source_of(text(found.sections, "x").encode())
    from esmtp_py.config.reader import interpret

    _, config, problems = interpret(source)
    assert problem_lines(source, problems) == ""
    [identity] = described(config)["identities"]
    assert identity["addresses"] == ["*@x.org"]
    assert identity["username"]["value"] == "default"
    assert identity["password"]["value"] == "p\\\"a 's#=s"
    assert identity["hostname"]["value"] == {"protocol": "smtp", "host": "::1", "service": "25"}


@pytest.mark.parametrize(
    ("lines", "hostname", "starttls"),
    [
        ("", "mx.x.org:25", None),
        ("tls on", "mx.x.org:25", "required"),
        ("tls on\ntls_starttls off", "mx.x.org:465", "implicit"),
        ("tls on\ntls_starttls off\nport 12", "mx.x.org:12", "implicit"),
        ("protocol lmtp", "lmtp:mx.x.org:24", None),
        ("socket /run/x", "unix:/run/x", None),
    ],
)
def test_server_and_tls(lines: str, hostname: str, starttls: str | None) -> None:
    told = statements(ACCOUNT + lines)
    assert told["hostname"] == hostname
    assert told.get("starttls") == starttls


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        ("set_from_header on", "from_header", "force"),
        ("set_from_header off", "from_header", "keep"),
        ("set_date_header off", "date", "disabled"),
        ("set_msgid_header off", "message_id", "disabled"),
        ("dsn_notify failure,delay", "dsn_notify", "failure,delay"),
        ("syslog LOG_LOCAL3", "syslog", "local3"),
        ("syslog on", "syslog", "user"),
        ("syslog LOG_DAEMON", "syslog", "daemon"),
        ("syslog LOG_CRON", "syslog", "cron"),
        ("logfile ~/log", "log", "~/log"),
        ("maildomain x.org", "domain", "x.org"),
        ("proxy_host 127.0.0.1\nproxy_port 9050", "proxy", "socks5://127.0.0.1:9050"),
        ("proxy_host ::1", "proxy", "socks5://[::1]:1080"),
        ("timeout 30", "timeout", "30"),
        ("tls_host_override y.org", "tls_hostname", "y.org"),
    ],
)
def test_what_has_another_name(line: str, name: str, value: str) -> None:
    assert statements(ACCOUNT + line)[name] == value


@pytest.mark.parametrize(
    "line",
    [
        "auth digest-md5",
        "tls_certcheck off",
        "tls on\ntls_fingerprint 01:02",
        "tls_min_dh_prime_bits 512",
        "dsn_return full",
        "auth on",
        "auth on\nuser me",
    ],
)
def test_what_is_lost_is_said(line: str) -> None:
    assert len(read(ACCOUNT + line).lost) >= 1


def test_accounts_that_cannot_be_identities() -> None:
    found = read("account a\nfrom a@x.org\naccount b\nhost b.org\naccount c : nobody\nhost c.org\nfrom c?@*.org\n")
    assert found.sections == []
    assert [line.partition(":")[0] for line in found.lost] == [
        *("account c", "account a", "account b", "account c", "account c"),
    ]


def shown(config: str) -> list[str]:
    """The statements about senders of the rc file it comes to, which means what it says."""
    from esmtp_py.config.advice import advice
    from esmtp_py.config.reader import interpret

    written = text(read(config).sections, "x")
    source = source_of(written.encode())
    statements, model, problems = interpret(source)
    assert problem_lines(source, problems) == ""
    assert advice(statements, model, source) == []
    kept = ("identity", "default", "sender", "force", "helo", "from_header", "date")
    return [line.strip() for line in written.splitlines() if line.split(None, 1)[:1] and line.split()[0] in kept]


OTHER = "account default\nhost o.org\nfrom o@x.org\n"


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ("from %U@x.org", ["sender %u@x.org"]),
        ("from %U%%@%H", ["sender %u%%%%@%h"]),
        ("from %U@%C", ["sender %u@%h"]),
        ("from root@%M", ["identity root@mail.here.org", "default"]),
        ("from %U@%M", ["sender %u@mail.here.org"]),
        ("auto_from on\nmaildomain x.org", ["sender %u@x.org"]),
        ("auto_from on", ["sender %u"]),
        ("auto_from off\nfrom me@x.org", ["identity me@x.org", "default"]),
        ("from m?@x.org", []),
        ("", []),
        ("from me@x.org\nallow_from_override off", ["identity me@x.org", "default", "force reverse_path me@x.org"]),
        ("from %U@x.org\nallow_from_override off", ["sender %u@x.org", "force reverse_path %u@x.org"]),
        ("from %U@x.org\nadd_missing_from_header off", ["sender %u@x.org", "from_header keep"]),
        ("from %U@x.org\nadd_missing_from_header on", ["sender %u@x.org"]),
        ("from %U@x.org\nadd_missing_date_header off", ["sender %u@x.org", "date disabled"]),
        ("from %U@x.org\ndomain %C", ["sender %u@x.org"]),
        ("from %U@x.org\ndomain mx.%H", ["helo mx.box.here.org", "sender %u@x.org"]),
        ("from %U@x.org\ndomain %M", ["helo mail.here.org", "sender %u@x.org"]),
    ],
)
def test_the_default_account_may_be_for_each_user(lines: str, told: list[str]) -> None:
    assert sorted(shown(f"account a\nhost a.org\n{lines}\n")) == sorted(told)


@pytest.mark.parametrize(
    ("lines", "told", "lost"),
    [
        ("from %U@x.org", ["identity alice@x.org"], "alice@x.org is written"),
        ("auto_from on\nmaildomain x.org", ["identity alice@x.org"], "alice@x.org is written"),
        ("from *@x.org", ["identity *@x.org"], ""),
        ("from m?@x.org", ["identity *@x.org"], "*@x.org is written, which serves more senders"),
        ("from *", [], "only -a chooses it"),
        ("", [], "only -a chooses it"),
        ("from O@x.org", [], "its sender is that of account default; only -a chooses it"),
    ],
)
def test_another_account_is_for_the_senders_that_choose_it(lines: str, told: list[str], lost: str) -> None:
    config = OTHER + f"account a\nhost a.org\n{lines}\n"
    assert shown(config) == ["identity o@x.org", "default", *told]
    assert lost in "".join(read(config).lost)
    assert bool(lost) == bool(read(config).lost)


def test_an_account_without_sender_is_not_what_serves_strangers_beside_a_default() -> None:
    found = read("account a\nhost a.org\naccount b\nhost b.org\nfrom b@x.org\naccount default : b\n")
    assert [section.addresses for section in found.sections] == [["b@x.org"]]
    assert found.lost == [
        "account a: it has no `from` to be chosen by; only -a chooses it, which has no counterpart here"
    ]


def test_what_the_default_account_has_of_its_own_is_kept() -> None:
    found = read("account a\nhost a.org\nfrom a@x.org\naccount default : a\nport 26\n")
    a, default = found.sections
    assert a.addresses == ["a@x.org"]
    assert default.addresses == []
    assert dict(default.statements)["hostname"] == "a.org:26"
    assert dict(default.statements)["sender"] == "a@x.org"


@pytest.mark.parametrize(
    ("line", "lost"),
    [
        ("remove_bcc_headers off", "Bcc is always removed"),
        ("remove_bcc_headers on", ""),
        ("logfile -", "with log, or to syslog"),
        ("logfile", ""),
        ("allow_from_override on", ""),
        ("auth on", "there is no `user`, so nobody logs in"),
    ],
)
def test_what_says_nothing_here_is_said(line: str, lost: str) -> None:
    found = read(ACCOUNT + line)
    assert len(found.lost) == bool(lost)
    assert lost in "".join(found.lost)


@pytest.mark.parametrize(
    "lines",
    [
        "tls on\ntls_fingerprint " + ":".join(["0A"] * 32) + "\ntls_trust_file /nowhere",
        "tls_key_file /nowhere",
        "socket /run/x\nproxy_host ::1\nsource_ip 127.0.0.1",
        "auth plain\npassword x",
        "tls on\nauth gssapi\nuser x\npassword x",
        "tls on\nauth on\nuser x\npassword x\npasswordeval y",
        "set_from_header off\nfrom_full_name X",
    ],
)
def test_what_msmtp_does_not_look_at_is_no_statement(lines: str) -> None:
    assert shown(ACCOUNT + lines)


def test_a_login_that_is_switched_off_leaves_no_password() -> None:
    assert "password" not in statements(ACCOUNT + "user me\npassword x")
    assert "username" not in statements(ACCOUNT + "user me\npassword x\nauth off")


def test_a_fingerprint_without_tls_demands_none() -> None:
    """msmtp does not look at it then; here it would demand TLS."""
    line = "tls_fingerprint " + ":".join(["0A"] * 32) + "\n"
    assert "fingerprint" not in statements(ACCOUNT + line + "tls off\n")
    assert "fingerprint" in statements(ACCOUNT + line + "tls on\n")
