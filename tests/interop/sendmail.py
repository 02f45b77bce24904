"""Sendmail: PIPELINING without CHUNKING, and the mechanisms of Cyrus SASL.

What it would log goes to nobody, for it knows syslog only.
"""

import os
import socket

from tests.interop.maildir import Mail
from tests.interop.overlaid import PASSWORD, Overlaid, files_in

CONF = """divert(-1)
include(`/usr/share/sendmail/cf/m4/cf.m4')
divert(0)dnl
OSTYPE(`linux')dnl
DOMAIN(`generic')dnl
define(`ALIAS_FILE', `')dnl
define(`HELP_FILE', `')dnl
define(`STATUS_FILE', `')dnl
define(`confHOST_STATUS_DIRECTORY', `')dnl
define(`confPID_FILE', `{dir}/sendmail.pid')dnl
define(`QUEUE_DIR', `{dir}/queue')dnl
define(`confDOMAIN_NAME', `localhost')dnl
define(`confCW_FILE', `-o /dev/null')dnl
define(`confSERVICE_SWITCH_FILE', `/etc/mail/switch')dnl
define(`confTO_IDENT', `0')dnl
define(`confQUEUE_LA', `1000')dnl
define(`confREFUSE_LA', `1000')dnl
define(`confMAX_MESSAGE_SIZE', `1000000')dnl
define(`confMAX_RCPTS_PER_MESSAGE', `4')dnl
define(`confDONT_BLAME_SENDMAIL', `GroupReadableSASLDBFile')dnl
define(`confCACERT_PATH', `/etc/mail')dnl
define(`confCACERT', `/etc/mail/ca.pem')dnl
define(`confSERVER_CERT', `/etc/mail/server.pem')dnl
define(`confSERVER_KEY', `/etc/mail/server.pem')dnl
define(`confAUTH_MECHANISMS', `{mechanisms}')dnl
TRUST_AUTH_MECH(`{mechanisms}')dnl
FEATURE(`no_default_msa')dnl
FEATURE(`nocanonify')dnl
FEATURE(`accept_unresolvable_domains')dnl
FEATURE(`greet_pause', `100')dnl
DAEMON_OPTIONS(`Name=starttls, Addr=127.0.0.1, Port={starttls}, M=Ea')dnl
DAEMON_OPTIONS(`Name=implicit, Addr=127.0.0.1, Port={implicit}, M=Eas')dnl
MAILER_DEFINITIONS
Mkeep, P=/etc/mail/keep, F=lsDFMqSn, S=0, R=0, U=mail:mail, T=DNS/RFC822/X-Unix, A=keep $u
MAILER(`smtp')dnl
LOCAL_CONFIG
Kghost regex -a@YES ^<?ghost
Klater regex -a@YES ^<?later
HX-Unwanted: $>Unwanted
LOCAL_RULE_0
R$* < @ $* example.test . > $*	$#keep $: $1@example.test
R$* < @ $* example.test > $*	$#keep $: $1@example.test
LOCAL_RULESETS
SLocal_check_rcpt
R$*	$: $1 $| $(ghost $1 $)
R$* $| $*@YES	$#error $@ 5.1.1 $: "550 nobody of that name"
R$* $| $*	$: $1 $| $(later $1 $)
R$* $| $*@YES	$#error $@ 4.2.0 $: "451 come back in five minutes"
R$* $| $*	$#OK
SUnwanted
R$*	$#error $@ 5.7.1 $: "550 we do not want this"
"""

MECHANISMS = "PLAIN LOGIN CRAM-MD5 SCRAM-SHA-256"
SASL = f"pwcheck_method: auxprop\nauxprop_plugin: sasldb\nsasldb_path: /etc/sasldb2\nmech_list: {MECHANISMS}\n"
KEEP = """#!/bin/sh
made=$(mktemp {dir}/mail/XXXXXXXXXX)
{{ echo "X-Original-To: $1"; cat; }} >"$made" && mv "$made" {dir}/mail/new/
"""


class Sendmail(Overlaid):
    name = "sendmail"
    listeners = ("starttls", "implicit")
    users = ("smmta", "smmsp")
    login = "alice@localhost"

    def prepare(self) -> None:
        own = socket.gethostname()  # a name without a dot would be waited for
        self.file("etc/hosts", f"127.0.0.1 localhost\n127.0.1.1 {own}.example.test {own}\n")
        self.file("etc/mail/switch", "hosts files\naliases files\n")
        self.file("etc/mail/keep", KEEP.format(dir=self.directory), 0o755)
        self.file("etc/mail/sasl/Sendmail.conf.2", SASL)
        self.certificate("etc/mail/server.pem")
        with open(self.authority.file, encoding="utf-8") as file:
            self.file("etc/mail/ca.pem", file.read())
        words = {"dir": self.directory, "mechanisms": MECHANISMS, **self.ports}
        source = self.file("etc/mail/sendmail.mc", CONF.format(**words))
        self.file("etc/mail/sendmail.cf", self.run(f"m4 {source}"))
        self.run(f"saslpasswd2 -p -c -f {self.directory}/etc/sasldb2 -u localhost alice", PASSWORD)
        os.mkdir(f"{self.directory}/queue", 0o700)

    def command(self) -> str:
        return "/usr/libexec/sendmail/sendmail -bD -q1s -C /etc/mail/sendmail.cf"

    def queued(self) -> bool:
        return any(name.startswith("qf") for name in files_in(f"{self.directory}/queue"))

    def recipient(self, mail: Mail) -> str:
        return mail.get("X-Original-To")
