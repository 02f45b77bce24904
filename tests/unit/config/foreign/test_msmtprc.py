"""msmtp's accounts as identities: what means the same, and what is said of the rest."""

import pytest

from esmtp_py.config.foreign.msmtprc import read
from esmtp_py.config.writing import text
from tests.grammar.corpus import described, problem_lines, source_of

ACCOUNT = "account a\nhost mx.x.org\nfrom me@x.org\n"


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
    found = read("account a\nfrom a@x.org\naccount b\nhost b.org\naccount c : nobody\nhost c.org\nfrom c?@x.org\n")
    assert [section.addresses for section in found.sections] == [[], ["c@x.org"]]
    assert [line.partition(":")[0] for line in found.lost] == ["account c", "account a", "account b", "account c"]


def test_a_login_that_is_switched_off_leaves_no_password() -> None:
    assert "password" not in statements(ACCOUNT + "user me\npassword x")
    assert "username" not in statements(ACCOUNT + "user me\npassword x\nauth off")


def test_a_fingerprint_without_tls_demands_none() -> None:
    """msmtp does not look at it then; here it would demand TLS."""
    line = "tls_fingerprint " + ":".join(["0A"] * 32) + "\n"
    assert "fingerprint" not in statements(ACCOUNT + line + "tls off\n")
    assert "fingerprint" in statements(ACCOUNT + line + "tls on\n")
