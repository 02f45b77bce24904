"""Exim: CHUNKING, and strict about what may come before its reply."""

import os

from tests.interop.maildir import Mail
from tests.interop.overlaid import FIRST_ID, PASSWORD, Overlaid, files_in

CONF = r"""
primary_hostname = localhost
spool_directory = {dir}/spool
log_file_path = {dir}/%slog
pid_file_path = {dir}/exim.pid
local_interfaces = <; {interfaces}
tls_on_connect_ports = {implicit}
tls_certificate = /etc/exim4/server.pem
tls_privatekey = /etc/exim4/server.pem
tls_advertise_hosts = ${{if eq{{$received_port}}{{{starttls}}}{{*}}}}
auth_advertise_hosts = ${{if def:tls_in_cipher{{*}}}}
chunking_advertise_hosts = ${{if match{{$received_port}}{{^({data}|{lockstep})\$}}{{}}{{*}}}}
pipelining_advertise_hosts = ${{if eq{{$received_port}}{{{lockstep}}}{{}}{{*}}}}
smtputf8_advertise_hosts = *
dsn_advertise_hosts = *
prdr_enable = true
host_lookup =
rfc1413_hosts =
message_size_limit = 1M
recipients_max = 4
smtp_accept_queue_per_connection = 0
log_selector = +smtp_protocol_error +smtp_syntax_error
acl_smtp_rcpt = rcpt
acl_smtp_data = data
acl_not_smtp = data

begin acl
rcpt:
  deny   local_parts = ^ghost
         message = 5.1.1 nobody of that name
  defer  local_parts = ^later
         message = 4.2.0 come back in five minutes
  accept authenticated = *
  accept condition = ${{if match{{$received_port}}{{^({starttls}|{implicit})\$}}{{no}}{{yes}}}}
  deny   message = 5.7.1 who are you?
data:
  deny   condition = ${{if def:h_X-Unwanted:}}
         message = 5.7.1 we do not want this
  accept

begin routers
all:
  driver = accept
  transport = mail

begin transports
mail:
  driver = appendfile
  directory = {dir}/mail
  maildir_format
  user = mail
  group = mail
  envelope_to_add

begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${{if and{{{{eq{{$auth2}}{{{login}}}}}{{eq{{$auth3}}{{{password}}}}}}}}}
  server_set_id = $auth2
login:
  driver = plaintext
  public_name = LOGIN
  server_prompts = <| Username: | Password:
  server_condition = ${{if and{{{{eq{{$auth1}}{{{login}}}}}{{eq{{$auth2}}{{{password}}}}}}}}}
  server_set_id = $auth1
"""


class Exim(Overlaid):
    name = "exim"
    listeners = ("starttls", "implicit", "data", "lockstep")
    users = ("Debian-exim",)

    def prepare(self) -> None:
        interfaces = " ; ".join(f"[127.0.0.1]:{port}" for port in self.ports.values())
        password = PASSWORD.replace("$", r"\$")
        words = {"dir": self.directory, "interfaces": interfaces, "login": self.login, "password": password}
        self.file("etc/exim4/exim4.conf", CONF.format(**words, **self.ports))
        self.certificate("etc/exim4/server.pem")
        os.mkdir(f"{self.directory}/spool")
        for name in ("spool", "etc/exim4/server.pem"):
            os.chown(f"{self.directory}/{name}", FIRST_ID, FIRST_ID)
        for name in ("mainlog", "rejectlog", "paniclog"):
            os.chown(self.file(name, ""), FIRST_ID, FIRST_ID)

    def command(self) -> str:
        return "/usr/sbin/exim4 -bdf -q1s"

    def queued(self) -> bool:
        return any(name.endswith("-H") for name in files_in(f"{self.directory}/spool/input"))

    def recipient(self, mail: Mail) -> str:
        return mail.get("Envelope-to")

    def log(self) -> str:
        logs = [f"{self.directory}/{name}" for name in ("log", "mainlog", "rejectlog", "paniclog")]
        return "".join(open(path, encoding="utf-8", errors="replace").read() for path in logs)
