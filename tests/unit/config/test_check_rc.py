"""``esmtp --check-rc``."""

import io
import pathlib
from collections.abc import Callable

import pytest

from esmtp_py.cli.assistant.check_rc import check_rc
from tests.server.authority import shared_authority, shared_certificate
from tests.unit.net.certificates import Authority

Write = Callable[..., pathlib.Path]


def check(path: str | None = None) -> tuple[int, str]:
    out = io.StringIO()
    return check_rc(path, out), out.getvalue()


def row(text: str, name: str, number: int = 0) -> list[str]:
    """Value and origin in the n-th row of a name."""
    rows = [line for line in text.split("\n") if line.strip().startswith(name + " ")]
    value, _, origin = rows[number].strip().removeprefix(name).rpartition("#")
    return [value.strip(), origin.strip()]


def test_model_with_the_origin_of_each_value(write: Write) -> None:
    path = write(
        "unmatched refuse\nidentity me@x.org, *@x.org\n  host smtp.x.org:465 user me\n  pass hunter2\n"
        "identity b@x.org\n  default force reverse_path '' message_id disabled auth login\n"
        '  hostname lmtp:/run/lmtp  preconnect "a\\n\\""\n'
    )
    status, text = check()
    assert status == 0
    assert row(text, "select_by") == ["envelope", "default"]
    assert row(text, "unmatched") == ["refuse", f"{path}:1"]
    assert row(text, "identity") == ["me@x.org, *@x.org", f"{path}:2"]
    assert row(text, "hostname") == ["smtp.x.org:465", f"{path}:3"]
    assert row(text, "username") == ["me", f"{path}:3"]
    assert row(text, "password") == ["(hidden)", f"{path}:4"]
    assert row(text, "auth") == ["automatic", "default"]
    assert row(text, "starttls") == ["implicit", "default"]
    assert row(text, "identity", 1) == ["b@x.org (default)", f"{path}:5"]
    assert row(text, "hostname", 1) == ['"lmtp:/run/lmtp"', f"{path}:7"]
    assert row(text, "username", 1) == ["none: no login", "default"]
    assert row(text, "password", 1) == ["none", "default"]
    assert row(text, "auth", 1) == ["LOGIN", f"{path}:6"]
    assert row(text, "force reverse_path", 1) == ['""', f"{path}:6"]
    assert row(text, "force sender", 1) == ["none", "default"]
    assert row(text, "message_id", 0) == ["enabled", "default"]
    assert row(text, "message_id", 1) == ["disabled", f"{path}:6"]
    assert row(text, "preconnect", 1) == ['"a\\x0a\\""', f"{path}:7"]
    assert "hunter2" not in text


def test_columns(home: pathlib.Path) -> None:
    """No default is too long for them, nor any name."""
    rows = [line for line in check()[1].split("\n") if "  # default" in line]
    assert {line.index("  # default") for line in rows} == {69}
    assert {line[28] for line in rows} == {" "}
    assert len(rows) > 60


def test_no_file(home: pathlib.Path) -> None:
    status, text = check()
    assert status == 0
    assert "There is no rc file" in text
    assert row(text, "identity") == ["(default)", "default"]
    assert row(text, "hostname") == ["localhost:25", "default"]


def test_every_problem_is_printed(write: Write) -> None:
    path = write("bogus x\nhelo\npassword hunter2 hunter3\nauth x", 0o644)
    status, text = check()
    assert status == 78
    assert [line.split(" ")[0] for line in text.split("\n") if line.startswith("/")] == [
        f"{path}:", f"{path}:1:1:", f"{path}:3:1:", f"{path}:3:18:", f"{path}:4:6:",
    ]  # fmt: skip
    assert "chmod 600" in text
    assert "hunter" not in text


def test_file_that_cannot_be_read(home: pathlib.Path) -> None:
    assert check(str(home)) == (78, f"{home}: is a directory, but an rc file must be a regular file\n")
    assert check(str(home / "no")) == (78, f"{home}/no: there is no such rc file\n")


def test_open_file_is_a_problem_if_it_holds_a_password(write: Write, home: pathlib.Path) -> None:
    path = write("helo x", 0o644, home / "named")
    assert check(str(path))[0] == 0
    write("certificate_passphrase x", 0o644, path)
    status, text = check(str(path))
    assert (status, text.count("chmod 600")) == (78, 1)


@pytest.mark.parametrize(
    ("text", "line", "warning"),
    [
        ("scope x\n", 1, "has no effect without oauth2"),
        ("token_file x\n", 1, "has no effect without oauth2"),
        ("oauth2 google\nclient_id c\n", 1, "no username"),
        ("username u\noauth2 microsoft\n", 2, "no client_id"),
        ("username u\noauth2 custom\nclient_id c\n", 2, "no token_endpoint"),
        ("username u\noauth2 custom\nclient_id c\ntoken_endpoint https://x.org/\n", 2, "--authorize cannot work"),
        ("username u\noauth2 google\nclient_id c\npassword p\n", 4, "has no effect with oauth2"),
        ("username u\noauth2 google\nclient_id c\ntoken_file t\nkeyring_backend a.B\n", 5, "with token_file"),
        ("helo a\nhelo b", 1, "helo has no effect: the one on line 2 wins"),
        ("identity a\ndefault\nidentity b\ndefault", 2, "default has no effect: the one on line 4 wins"),
        ("identity a@x.org, c\nidentity b\nidentity A@x.org", 1, "a@x.org is served by the later identity at"),
        ("identity *@x.org\nidentity *@X.org", 1, "*@x.org is served by the later identity at"),
        ("helo a\nidentity b\ndefault", 1, "nothing uses the statements before the first identity"),
        ("identity @x.org", 1, "for a whole domain write *@x.org"),
        ("identity a@x.org, *", 1, "* is nobody's address; the only pattern is *@DOMAIN"),
        ("identity me*@x.org", 1, "`default` serves all that no identity names"),
        ("identity b@", 1, "b@ is nobody's address"),
        ("\nlog x\nidentity b\nhost h", 2, "for nobody else; their mail goes to localhost:25"),
        ("unmatched refuse\nlog x\nidentity b\nhost h", 2, "senders that no identity names are refused"),
        ("hostname x.org\nusername a\npassword b\nstarttls disabled", 4, "in clear text; write: starttls required"),
        ("host x:465 user a pass b\nstarttls disabled", 2, "in clear text; write: starttls implicit"),
        ("host x:465\nstarttls disabled", 2, "port 465 speaks nothing but TLS"),
        ("\npassword b", 2, "a password, but no username"),
        ("\nusername b", 2, "a username, but no password"),
        ("\nauth plain", 2, "no username: no mail can leave"),
        ("\nauth external", 2, "external, but no certificate to show"),
        ("user a pass b starttls disabled\nauth scram-sha-1-plus", 2, "scram-sha-1-plus needs TLS"),
        ("certificate /dev/null starttls disabled\nauth external", 2, "external needs TLS"),
        ("user a oauth2 google client_id c\nauth plain", 2, "plain takes no token; with oauth2 write: auth automatic"),
        ("auth gssapi user a\npassword b", 2, "has no effect with auth gssapi"),
        ("auth anonymous\npassword_file ~/b", 2, "has no effect with auth anonymous"),
        ("certificate_passphrase x", 1, "a passphrase, but no certificate"),
        ("force_mda me", 1, "force_mda, but no mda"),
        ("\nmda '/nowhere/procmail -d %T'", 2, "/nowhere/procmail is not there or cannot be run"),
        ("mda /etc/passwd", 1, "/etc/passwd is not there or cannot be run"),
        ("mda /etc", 1, "/etc is not there or cannot be run"),
        ("mda 'procmial -d %T'", 1, "procmial is not found on PATH"),
        ("\nmda cat\nqualifydomain x.org", 2, "has no effect: with qualifydomain no recipient is local"),
        ("ca_file /nowhere/ca.pem", 1, "no mail can leave: cannot use ca_file /nowhere/ca.pem: No such file"),
        ("ca_dir /etc/passwd", 1, "no mail can leave: ca_dir /etc/passwd is no directory"),
        ("\ncertificate /etc", 2, "no mail can leave: certificate /etc is no regular file"),
        ("ca_file /etc/passwd\nstarttls disabled", 1, "has no effect with starttls disabled"),
        ("fingerprint SHA256:" + "0" * 64 + "\nstarttls disabled", 1, "has no effect with starttls disabled"),
        ("\nmin_tls 1.3 starttls disabled", 2, "has no effect with starttls disabled"),
        ("tls_required_ext enabled\nstarttls disabled", 1, "no mail can leave: it needs TLS"),
        ("ca_dir /etc fingerprint SHA256:" + "0" * 64, 1, "has no effect with fingerprint"),
        ("\nciphers HIGH\nmin_tls 1.3", 2, "has no effect with min_tls 1.3"),
        ("certificate_key /etc/passwd", 1, "a key, but no certificate"),
        (
            "certificate /etc/passwd\ncertificate_key /nowhere/key",
            2,
            "no mail can leave: cannot read certificate_key /nowhere/key",
        ),
        ("hostname x.org\nproxy socks5://a:b@proxy.x.org", 2, "its password goes over the network in clear text"),
        ("proxy socks5://proxy.x.org\nhostname unix:/run/smtp", 1, "has no effect: the server is reached by"),
        ("hostname srv:x.org\nproxy socks5://127.0.0.1", 2, "no mail can leave: srv: in hostname asks the DNS"),
        ("source_address ::1\nhostname /run/smtp", 1, "has no effect: the server is reached by a unix socket"),
        ("connect_timeout 5\nhostname lmtp:/run/lmtp", 1, "has no effect: the server is reached by a unix socket"),
        ("source_address ::1\nhostname 192.0.2.1", 1, "no connection leads from it to 192.0.2.1"),
        ("from_header keep\nfull_name Me", 2, "has no effect with from_header keep"),
        ("aliases /nowhere/aliases", 1, "/nowhere/aliases: the alias file cannot be read"),
        ("\nmda cat\nforce_mda me\naliases /nowhere/aliases", 4, "has no effect: with force_mda"),
        ("record imap", 1, "no username: the IMAP server lets nobody in"),
        ("hostname /run/smtp\nrecord imap", 2, "hostname is a socket: write imap_server"),
        ("\nimap_server x.org", 2, "has no effect without record imap"),
        ("record sent/\nsent_folder x", 2, "has no effect without record imap"),
        ("crl_file /nowhere/crl", 1, "no mail can leave: cannot use crl_file /nowhere/crl"),
        ("\nciphers NONSENSE", 2, "no mail can leave: no cipher is left by ciphers in the rc"),
        ("\nca_file /etc/passwd", 2, "no mail can leave: cannot use ca_file /etc/passwd: "),
        ("\ncertificate /etc/passwd", 2, "no mail can leave: cannot use certificate /etc/passwd: "),
        ("\ncrl_file /etc/passwd", 2, "no mail can leave: cannot use crl_file /etc/passwd: "),
        ("ca_file /etc/passwd\nciphers NONSENSE\ncertificate /etc/passwd", 2, "no cipher is left"),
        ("ca_file /etc/passwd\nciphers NONSENSE\ncertificate /etc/passwd", 3, "cannot use certificate"),
    ],
)
def test_warnings(write: Write, text: str, line: int, warning: str) -> None:
    path = write(text)
    status, shown = check()
    warnings = [line for line in shown.split("\n") if line.startswith("warning: ")]
    assert status == 0
    assert any(w.startswith(f"warning: {path}:{line}: ") and warning in w for w in warnings), shown


def test_each_mistake_in_the_aliases_is_a_warning(write: Write, home: pathlib.Path) -> None:
    file = home / "aliases"
    file.write_text("nonsense\na: b\nb: a\nm:\n, more\n")
    path = write(f"aliases {file}")
    status, shown = check()
    warnings = [line for line in shown.split("\n") if line.startswith("warning: ")]
    assert status == 0
    assert [warning.removeprefix(f"warning: {path}:1: {file}:").split(":")[0] for warning in warnings] == list("1534")


@pytest.mark.parametrize(
    "text",
    [
        "username u\nhost h\noauth2 google\nclient_id c\n",
        "username u\nhost h\noauth2 microsoft\nclient_id c\nkeyring_backend a.B\n",
        "username a password b starttls disabled",
        "hostname unix:/run/smtp username a password b starttls disabled",
        "identity a helo x identity b helo y",
        "identity a@x.org identity *@x.org",
        "helo x hostname x.org identity a helo y",
        "mda cat identity a helo y",
        "unmatched refuse identity a helo y",
        "hostname x:465 username a password b",
        "mda cat force_mda me",
        "mda '/bin/cat >/dev/null'",
        "mda 'exit 75'",
        "mda ' cd /nowhere && nowhere'",
        "mda 'A=1 nowhere'",
        "mda '$HOME/nowhere'",
        "mda '~/nowhere'",
        "mda 'bin/nowhere'",
        "mda '(nowhere)'",
        "mda '\"/nowhere/pro cmail\" -d %T'",
        "mda '/nowhere/x;cat'",
        "mda ''",
        "mda cat qualifydomain x.org force_mda me",
        "ca_file {ca} ca_dir /etc",
        "ca_file {ca} certificate {own} tls_hostname mx min_tls 1.2 ciphers HIGH",
        "hostname 192.0.2.1 source_address 192.0.2.2 connect_timeout 5",
        "hostname mx.example.org source_address ::1",
        "hostname srv:example.org username a password b tls_hostname mx.example.net source_address ::1",
        "hostname 192.0.2.1 source_address ::1 proxy socks5://me:secret@127.0.0.1",
        "tls_hostname mx min_tls 1.3 fingerprint SHA256:" + "0" * 64,
    ],
)
def test_no_warning_without_cause(write: Write, text: str) -> None:
    write(text.format(ca=shared_authority().file, own=shared_certificate().pem))
    assert "\nwarning: " not in check()[1]


@pytest.mark.parametrize(
    ("mode", "locked", "warned"), [(0o644, False, True), (0o640, False, False), (0o644, True, False)]
)
@pytest.mark.parametrize("statement", ["certificate", "certificate_key"])
def test_a_key_that_everybody_may_read(
    write: Write, home: pathlib.Path, statement: str, mode: int, locked: bool, warned: bool
) -> None:
    """Unless it is of no use without its passphrase; a group may be there for such keys."""
    authority = Authority(home)
    path = pathlib.Path(authority.issue("me.x.org", passphrase=b"open sesame" if locked else b""))
    path.chmod(mode)
    key = f"certificate_key {path}\n" if statement == "certificate_key" else ""
    write(f"certificate {path}\n{key}" + "certificate_passphrase 'open sesame'\n" * locked)
    status, text = check()
    said = f"esmtprc:{2 if key else 1}: everybody on this machine may read the key in {path}; run: chmod 600 {path}"
    assert status == 0
    assert (said in text) == warned
    assert ("\nwarning: " in text) == warned


def test_tls_that_is_not_used_is_not_tried(write: Write) -> None:
    write("starttls disabled\nca_file /etc/passwd\nciphers NONSENSE\n")
    assert "no mail can leave" not in check()[1]
    write(f"fingerprint SHA256:{'0' * 64}\nca_file /etc/passwd\n")
    assert "no mail can leave" not in check()[1]
