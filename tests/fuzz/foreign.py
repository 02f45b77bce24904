"""Invariant: whatever another mailer's file says, what is made of it is an rc file that means what was found in it.

That is: it is in the language, each value is read as itself, and all that people see of it is printable.
"""

from esmtp_py.config.driver import Unexpected, parse
from esmtp_py.config.foreign import msmtprc, muttrc, ssmtp
from esmtp_py.config.foreign.here import Here
from esmtp_py.config.writing import text
from esmtp_py.grammar.esmtprc import ALL_KEYWORDS
from tests.fuzz.driver import main

SEEDS = [
    b'defaults\ntls on\naccount a\nhost x.org\nfrom me@x.org\nauth on\nuser me\npassword "x y"\n'
    b"dsn_notify success,delay\n",
    b"account a\nhost ::1\nport 25\nsocket /x\nproxy_host p\nlogfile ~/l\nsyslog LOG_MAIL\ntimeout 30\n"
    b"account b : a\ntls_fingerprint " + b"AB:" * 31 + b"AB\nset_from_header on\naccount default : b\n",
    b"set smtp_url=smtps://me%40x:pa%22ss@x.org:465/ from='me@x.org' realname=\"M # E\"\nset smtp_pass=`cat x`\n",
    b"set my_a='x y' smtp_url=smtp://$my_a@x.org from=me@x.org\nset smtp_pass=\"$my_a$HOME\"\nsource z\nunset from\n",
    b'hostname=x.org\nmailhub=x.org:465\nUseTLS=yes\nAuthUser=me\nAuthPass=a#b"c\nrewriteDomain=x.org\nroot=me\n',
]

HERE = Here(login="alice", host="box.here.org", mailname="mail.here.org", home="/nowhere/alice")


def target(data: bytes) -> None:
    written = data.decode("utf-8", "surrogateescape")
    made_by = (msmtprc.read(written, HERE), muttrc.read(written, "/nowhere/muttrc", HERE), ssmtp.read(written, HERE))
    for found in made_by:
        assert all(isinstance(line, str) for line in found.lost)
        made = text(found.sections, "x\nmda evil")
        assert all(line.isprintable() for line in made.split("\n"))
        meant = []
        for section in sorted(found.sections, key=lambda section: bool(section.addresses)):
            meant += [("identity", section.addresses)] if section.addresses else []
            for name, value in section.statements:
                assert name in ALL_KEYWORDS
                words = [each.strip() for each in value.split(",")] if name == "dsn_notify" else [value]
                meant.append((name, words if name != "default" else []))
        try:
            statements = parse(made)
        except Unexpected as error:
            raise AssertionError(made) from error
        faulty = any(value and value.fault for statement in statements for value in statement.values)
        said = [(statement.name, [value.text for value in statement.values if value]) for statement in statements]
        # no value can have a NUL, and that is said
        assert faulty == any("\0" in word for _, words in meant for word in words)
        assert faulty or said == meant, (said, meant)


if __name__ == "__main__":
    main(target, SEEDS)
