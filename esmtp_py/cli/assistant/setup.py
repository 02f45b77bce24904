"""``--setup``: asks what it must, finds out the rest, and writes an rc file that has been seen to work.

    address -> server -> certificate -> log-in -> where the password is kept -> rc file -> who calls us

Nothing is written before the last question about it is answered, and no rc
file is written over: an identity is added to one that is there.
"""

import os

from esmtp_py.cli.assistant.questions import Questions
from esmtp_py.concealed import Secret
from esmtp_py.config import writing
from esmtp_py.config.identity import STARTTLS_DISABLED, STARTTLS_IMPLICIT
from esmtp_py.config.providers import Provider, provider
from esmtp_py.config.rcfile import home_directory
from esmtp_py.config.values import host_and_service
from esmtp_py.config.writing import Section
from esmtp_py.deliver.find_server import candidate, find, look
from esmtp_py.errors import MailError
from esmtp_py.message.address import AddressError, parse_reverse_path
from esmtp_py.outcome import EX_OK

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmtp_py.cli.options import Options
    from esmtp_py.config.identity import Identity
    from esmtp_py.deliver.survey import Survey

_SECRETS = ("password", "client_secret")

# A server may lock an account after a few more.
LOGINS = 3


def setup(options: "Options") -> int:
    """The whole dialogue; 0 when the rc file is written.  MailError when it cannot be, or the terminal is closed."""
    questions = Questions("--setup")
    target = options.rc or os.path.join(home_directory(), ".esmtprc")
    before = _before(target)
    dialogue = Dialogue(questions, options.recipients[0] if options.recipients else "")
    _once(questions, target, before, dialogue.address)
    section = dialogue.section()
    _write(questions, target, before, section)
    from esmtp_py.cli.assistant.callers import offer

    offer(questions, dialogue.address)
    questions.tell(f"Try it: echo hello | esmtp -f {dialogue.address} {dialogue.address}")
    return EX_OK


class Dialogue:
    """One identity, question by question.  address: whose it is."""

    def __init__(self, questions: Questions, address: str) -> None:
        self._questions = questions
        self.address = _checked(address) if address else self._ask_address()
        self._provider = provider(self.address) or Provider("")
        self._known: dict[str, object] = {}  # statements of the identity, as its attributes
        self._place = ""
        self._mechanisms: tuple[str, ...] = ()

    def section(self) -> Section:
        """What the answers come to."""
        section = Section(self.address)
        self._place = self._server()
        section.say("hostname", self._place)
        if self._known.get("fingerprint"):
            section.say("fingerprint", f"SHA256:{self._known['fingerprint']}")
        if self._known.get("starttls"):
            section.say("starttls", str(self._known["starttls"]))
        self._login(section)
        return section

    def _ask_address(self) -> str:
        while True:
            answer = self._questions.ask("Your mail address")
            try:
                return _checked(answer)
            except MailError as error:
                self._questions.tell(error.text)

    # -- server -------------------------------------------------------------------

    def _server(self) -> str:
        """HOST:PORT, seen to answer, with a certificate that is good or that the user trusts."""
        proposed = self._provider.server or self._found()
        while True:
            for place in self._places(self._questions.ask("Server, with its port", proposed)):
                try:
                    seen = self._seen(place)
                except MailError as error:
                    self._questions.tell(error.text)
                    continue
                if self._accepted(place, seen):
                    return place
                break
            proposed = ""

    def _seen(self, place: str) -> "Survey":
        """Either way where the port does not say how TLS begins; MailError when there is no server."""
        self._questions.tell(f"trying {place}")
        self._known.pop("starttls", None)  # of a place that was not taken
        seen = look(place)
        if seen.implicit and not candidate(place).implicit_tls:
            self._known["starttls"] = STARTTLS_IMPLICIT
            seen = look(place, starttls=STARTTLS_IMPLICIT)
        return seen

    def _found(self) -> str:
        domain = self.address.rpartition("@")[2]
        try:
            found = find(domain, lambda place: self._questions.tell(f"trying {place}"))
        except MailError as error:
            self._questions.tell(error.text)
            return ""
        if not found:
            self._questions.tell(f"None of them is the mail server of {domain}; your provider's help pages name it.")
        return found

    def _places(self, typed: str) -> list[str]:
        """HOST:PORT of what was typed; without a port, those that RFC 8314 wants and allows."""
        try:
            host, service = host_and_service(typed, "")
        except ValueError as error:
            self._questions.tell(str(error))
            return []
        shown = f"[{host}]" if ":" in host else host
        return [f"{shown}:{port}" for port in ([service] if service else ["465", "587"])]

    def _accepted(self, place: str, seen: "Survey") -> bool:
        if seen.fault and seen.certificate:
            self._questions.tell(seen.fault.text)
            for label, text in seen.certificate.facts():
                self._questions.tell(f"  {label}: {text}")
            if not self._questions.confirm(
                "Is this the server's own certificate, to be trusted from now on?", default=False
            ):
                return False
            self._known["fingerprint"] = seen.certificate.fingerprint.partition(":")[2]
        elif not seen.certificate:
            return self._without_tls(place, seen)
        self._mechanisms = seen.mechanisms
        how = "from the first byte" if seen.implicit else "by STARTTLS"
        self._questions.tell(f"{place} answers, {seen.tls}, {how}")
        return True

    def _without_tls(self, place: str, seen: "Survey") -> bool:
        """Only where no packet leaves the machine a server without TLS will do."""
        if candidate(place).server.loopback:
            self._questions.tell(f"{place} answers, without TLS, which is all right on this machine")
            self._known["starttls"] = STARTTLS_DISABLED
            self._mechanisms = seen.mechanisms
            return True
        self._questions.tell(f"{place} offers no TLS; a password would cross the network for all to read")
        return False

    # -- log-in -------------------------------------------------------------------

    def _login(self, section: Section) -> None:
        if self._provider.hint:
            self._questions.tell(f"Note: {self._provider.hint}")
        if self._provider.oauth2 and self._questions.confirm(
            f"Log in with OAuth2 ({self._provider.oauth2})?", default=self._provider.oauth2 == "microsoft"
        ):
            self._oauth2(section)
            return
        if not self._mechanisms:
            self._questions.tell("It lets nobody log in, so no user name is asked for.")
            return
        for _ in range(LOGINS):
            user = self._questions.ask("User name, or - for none", self.address)
            if user == "-":
                return
            password = self._password(user)
            if self._works(user, password):
                section.say("username", user)
                self._keep(section, user, password)
                return
        raise MailError(
            "auth", f"{LOGINS} log-ins have failed; nothing was written. Run --setup again when you know more"
        )

    def _oauth2(self, section: Section) -> None:
        section.say("username", self._questions.ask("User name", self.address))
        section.say("oauth2", self._provider.oauth2)
        section.say("client_id", self._questions.ask("Client id, from the provider's console for developers"))
        secret = self._password("the client, empty for none")
        if secret.reveal():
            section.say("client_secret", secret.reveal())
        section.remarks.append(f"run: esmtp --authorize {self.address}")

    def _password(self, whose: str) -> Secret:
        from esmtp_py.secret.terminal import Terminal

        terminal = Terminal.open()
        if terminal is None:
            raise MailError("usage", "there is no terminal to type a password at; nothing was written")
        try:
            typed = terminal.ask(f"Password of {whose} (not shown): ", 600)
        finally:
            terminal.close()
        return Secret(typed.decode("utf-8", "surrogateescape"))

    def _identity(self, **more: object) -> "Identity":
        return candidate(self._place, addresses=(self.address,), **{**self._known, **more})

    def _works(self, user: str, password: Secret) -> bool:
        from esmtp_py.deliver.session import Session
        from esmtp_py.deliver.survey import LOGIN_SECONDS, hurried

        identity = self._identity(username=user, password=password)
        try:
            Session(hurried(identity, LOGIN_SECONDS)).close()
        except MailError as error:
            self._questions.tell(error.text)
            return False
        self._questions.tell(f"{user} is let in")
        return True

    def _keep(self, section: Section, user: str, password: Secret) -> None:
        """In the keyring, or, where there is none or the user wants it so, in the rc file."""
        if self._questions.confirm(
            "Keep the password in the keyring? (else in the rc file, which only you can read)", default=True
        ):
            from esmtp_py.secret import keyring
            from esmtp_py.secret.service import service

            identity = self._identity(username=user)
            try:
                name = keyring.store(identity, service(identity), password)
            except MailError as error:
                self._questions.tell(f"{error.text}; so it goes into the rc file")
            else:
                self._questions.tell(f"stored in {name}")
                section.say("password_from", "keyring")
                return
        section.say("password", password.reveal())


def _checked(text: str) -> str:
    """The address in what was typed; MailError("bad_address") for none."""
    try:
        mailbox = parse_reverse_path(os.fsencode(text))
    except AddressError as error:
        raise MailError("bad_address", f"{text}: {error.text}") from error
    if not mailbox or "@" not in mailbox.address:
        raise MailError("bad_address", f"{text and text + ': '}an address such as me@example.org is expected")
    return mailbox.address


# -- the file -------------------------------------------------------------------------------------


def _before(target: str) -> str:
    """What is in the file; MailError if it has mistakes, for nobody can add to it then."""
    from esmtp_py.config.reader import load

    if not os.path.exists(target):
        return ""
    load(target)
    with open(target, encoding="utf-8", errors="surrogateescape") as file:
        return file.read()


def _once(questions: Questions, target: str, before: str, address: str) -> None:
    """Of two identities for an address the later one counts; MailError if that is not wanted."""
    from esmtp_py.config import load
    from esmtp_py.config.choose import choose

    there = choose(load(target), address) if before else None
    if there is None or address.lower() not in map(str.lower, there.addresses):
        return
    if not questions.confirm(f"{there.where} has {address} already. Write another, to be used instead?", default=False):
        raise MailError("usage", "nothing was written")


def _write(questions: Questions, target: str, before: str, section: Section) -> None:
    questions.tell(f"This {'is added to' if before else 'goes into'} {target}:")
    for line in section.lines():
        name, _, value = line.strip().partition(" ")
        questions.tell(f"    {line.replace(value, '(hidden)') if name in _SECRETS else line}")
    if not questions.confirm("Write it?", default=True):
        raise MailError("usage", "nothing was written")
    if before:
        writing.replace(target, before.rstrip("\n") + "\n\n" + "\n".join(section.lines()) + "\n")
    else:
        writing.write(target, writing.text([section], "Written by esmtp --setup"))
