"""The AUTH exchange of a session (RFC 4954): the server's offer and our credentials in, logged in out.

``sasl`` says what is answered to a challenge; this asks for the secrets, and
moves the lines.
"""

from os import urandom

from esmtp_py.errors import MailError
from esmtp_py.sasl import mechanism
from esmtp_py.sasl.mechanism import Broken, Credentials, Refused
from esmtp_py.smtp import command

# -PLUS, SCRAM, and what is left.  No account is locked by it, for none but the last has shown a password.
MOST_ATTEMPTS = 3
AUTOMATIC = "automatic"


def log_in(
    talk: "Conversation",
    identity: "Identity",
    extensions: "Extensions",
    tls: "TlsStream | None",
    place: "Place | None" = None,
) -> None:
    """Returns when the server has let us in; MailError when it has not, or when that would expose a secret.

    tls: the channel is encrypted and verified, and a login can be bound to it.
    place: where the DNS says that the server is, if the rc leaves that to it.
    """
    secure = tls is not None
    if not secure and identity.tls_demanded:
        raise MailError("tls", f"no login at {talk.remote} without TLS", remote=talk.remote)
    credentials = credentials_of(identity, tls, place)
    try:
        _with(credentials, talk, identity, extensions.mechanisms, secure)
    except MailError as error:
        if error.kind == "auth":
            _forget(identity, credentials)
        if not (error.kind == "auth" and error.reply and another_token(identity, credentials)):
            raise
        _with(credentials, talk, identity, extensions.mechanisms, secure)


def _with(
    credentials: Credentials, talk: "Conversation", identity: "Identity", offered: tuple[str, ...], secure: bool
) -> None:
    """With the best mechanism that the server really has; which it has, it says as long as no password is shown.

    A server may offer SCRAM and keep, for this user, a password that it can
    only compare with one in clear.  It says so before we have proved
    anything, so that trying the next mechanism is no second guess at the password.
    """
    left = offered
    for attempt in range(MOST_ATTEMPTS):
        name = mechanism.choose(left, identity.auth, credentials, secure=secure)
        refusal = Exchange(talk, name, credentials, offered, identity).run()
        if refusal is None:
            return
        left = mechanism.without(name, left)
        if identity.auth != AUTOMATIC or not secure or attempt == MOST_ATTEMPTS - 1 or not _goes_on(left, credentials):
            raise refusal
        talk.note(f"{name} is offered, but refused: trying another mechanism")


def _goes_on(left: tuple[str, ...], credentials: Credentials) -> bool:
    try:
        return bool(mechanism.choose(left, AUTOMATIC, credentials, secure=True))
    except MailError:
        return False


class Exchange:
    """One AUTH command and what follows it."""

    def __init__(
        self,
        talk: "Conversation",
        name: str,
        credentials: Credentials,
        offered: tuple[str, ...],
        identity: "Identity",
    ) -> None:
        self._talk = talk
        self._name = name
        self._credentials = credentials
        self._identity = identity
        self._exchange = mechanism.start(name, credentials, offered)
        self._said = 0  # responses that the server has

    def run(self) -> "MailError | None":
        """None when we are in; an error when the server does not want the mechanism; else it is raised."""
        reply = self._begin()
        while reply.code == 334:
            try:
                response = self._answer(reply)
            except Refused as error:
                self._cancel()
                return self._failed(str(error))
            reply = self._talk.ask(command.auth_response(response))
        if reply.positive:
            if not mechanism.concluded(self._exchange):
                raise self._failed("it says yes too early, and has not proved that it knows the password")
            return None
        verb = command.RESPONSE if self._said > 1 else command.AUTH
        refusal = self._talk.refused(verb, reply, advice=self._advice())
        if self._unwanted(reply):
            return refusal
        raise refusal

    def _begin(self) -> "Reply":
        """The reply to AUTH with its initial response, which goes a line later where the command would be too long."""
        for secret in (self._credentials.password, self._credentials.token):
            if secret:
                self._talk.veil(secret)
        initial = mechanism.encoded(next(self._exchange))
        if initial is None or command.fits_auth(self._name, initial):
            self._said = int(initial is not None)
            return self._talk.ask(command.auth(self._name, initial))
        reply = self._talk.ask(command.auth(self._name, None))
        if reply.code != 334:
            return reply
        self._said = 1
        return self._talk.ask(command.auth_response(initial))

    def _answer(self, reply: "Reply") -> bytes:
        try:
            response = self._exchange.send(mechanism.challenge(self._name, reply.lines[0]))
        except Refused:
            raise
        except Broken as error:
            self._cancel()
            raise self._failed(str(error)) from error
        except (StopIteration, ValueError) as error:
            self._cancel()
            raise self._failed(str(reply)) from error
        except MailError:
            self._cancel()
            raise
        self._said += 1
        return mechanism.encoded(response) or b""

    def _unwanted(self, reply: "Reply") -> bool:
        """It is the mechanism that the server refuses: the password it has not seen yet."""
        if reply.code == 504:  # RFC 4954 section 4
            return self._said <= 1
        return reply.code == 535 and self._name in mechanism.SCRAM_PLUS + mechanism.SCRAM and self._said <= 1

    def _failed(self, why: str) -> MailError:
        remote = self._talk.remote
        return MailError("auth", f"{remote} does not follow {self._name}: {why}", remote=remote)

    def _cancel(self) -> None:
        """Ends an exchange that leads nowhere (RFC 4954 section 4)."""
        try:
            self._talk.ask(command.auth_response(b"*"))
        except MailError:
            pass  # we were leaving anyway

    def _advice(self) -> str:
        if self._identity.oauth2:
            from esmtp_py.secret.oauth2 import client

            return f"if it lasts, {client.remedy(self._identity)}"
        if self._name in mechanism.WITH_TOKEN and self._identity.password:
            return "a token lasts for an hour or so: write oauth2 in the rc, for which esmtp --authorize gets new ones"
        if self._name == "EXTERNAL":
            return "check certificate in the rc"
        if self._name == "GSSAPI":
            return "check your ticket with klist, and username in the rc"
        from esmtp_py.secret.password import remedy

        return remedy(self._identity)


# -- what we have to show -----------------------------------------------------


def credentials_of(identity: "Identity", tls: "TlsStream | None", place: "Place | None" = None) -> Credentials:
    """Asks for the secret that the identity logs in with, and for no other."""
    service = identity.server.service
    host = place.host if place else identity.server.host
    credentials = Credentials(
        identity.username,
        certificate=tls is not None and bool(identity.certificate),
        host=host,
        port=place.port if place else int(service) if service.isdigit() else 0,
        binding=tls.binding if tls else None,
        random=urandom,
        context=lambda name: _context(name, host, identity, tls),
    )
    if identity.oauth2:
        from esmtp_py.secret.oauth2 import access_token

        credentials.token = access_token(identity)
    elif identity.auth in mechanism.WITH_TOKEN:
        credentials.token = _password(identity)  # what obtains tokens is a password_command, too
    elif identity.auth not in mechanism.WITHOUT_PASSWORD and not _certificate_alone(identity):
        credentials.password = _password(identity)
    return credentials


def _certificate_alone(identity: "Identity") -> bool:
    if identity.auth != AUTOMATIC or not identity.certificate:
        return False
    from esmtp_py.secret.password import has_source

    return not has_source(identity)


def _password(identity: "Identity") -> "Secret":
    """From the rc itself, or from wherever else it says."""
    if identity.password:
        return identity.password
    from esmtp_py.secret.password import password

    return password(identity)


def _forget(identity: "Identity", credentials: Credentials) -> None:
    """The server has refused it: the next mail gets a fresh one."""
    if not identity.password and not identity.oauth2 and (credentials.password or credentials.token):
        from esmtp_py.secret.password import forget

        forget(identity)


def another_token(identity: "Identity", credentials: Credentials) -> bool:
    """After the server has refused one, which may have been withdrawn before its time: is there another to try?"""
    refused = credentials.token
    if refused is None or not identity.oauth2:
        return False
    from esmtp_py.secret.oauth2 import access_token

    credentials.token = access_token(identity, refused=refused)
    return credentials.token != refused


def _context(name: str, host: str, identity: "Identity", tls: "TlsStream | None") -> "Context":
    from esmtp_py.deliver import security_context

    if name == "GSSAPI":
        return security_context.kerberos(host)
    end_point = tls.binding("tls-server-end-point") if tls else None
    return security_context.ntlm(host, identity.username, _password(identity).reveal(), end_point)


TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmtp_py.concealed import Secret
    from esmtp_py.config.identity import Identity
    from esmtp_py.deliver.conversation import Conversation
    from esmtp_py.net.srv import Place
    from esmtp_py.net.tls import TlsStream
    from esmtp_py.sasl.mechanism import Context
    from esmtp_py.smtp.extensions import Extensions
    from esmtp_py.smtp.reply import Reply
