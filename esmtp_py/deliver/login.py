"""The AUTH exchange of a session (RFC 4954): the server's offer and our credentials in, logged in out.

``sasl`` says what is answered to a challenge; this asks for the secrets, and
moves the lines.
"""

from esmtp_py.errors import MailError
from esmtp_py.sasl import mechanism
from esmtp_py.sasl.mechanism import Credentials
from esmtp_py.smtp import command


def log_in(talk: "Conversation", identity: "Identity", extensions: "Extensions", *, secure: bool) -> None:
    """Returns when the server has let us in; MailError when it has not, or when that would expose a secret.

    secure: the channel is encrypted and verified.
    """
    credentials = _credentials(identity)
    name = mechanism.choose(extensions.mechanisms, identity.auth, credentials, secure=secure)
    try:
        _exchange(talk, name, credentials)
    except MailError as error:
        if error.kind == "auth" and credentials.password and not identity.password:
            from esmtp_py.secret.password import forget

            forget(identity)
        if not (error.kind == "auth" and error.reply and _another_token(identity, credentials)):
            raise
        _exchange(talk, name, credentials)


def _credentials(identity: "Identity") -> Credentials:
    credentials = Credentials(
        identity.username,
        certificate=bool(identity.certificate),
        host=identity.server.host,
    )
    if identity.oauth2:
        from esmtp_py.secret.oauth2 import access_token

        credentials.token = access_token(identity)
    else:
        credentials.password = identity.password or _password(identity)
    return credentials


def _another_token(identity: "Identity", credentials: Credentials) -> bool:
    """After the server has refused one, which may have been withdrawn before its time: is there another to try?"""
    refused = credentials.token
    if refused is None:
        return False
    from esmtp_py.secret.oauth2 import access_token

    credentials.token = access_token(identity, refused=refused)
    return credentials.token != refused


def _password(identity: "Identity") -> "Secret":
    """From wherever else the rc says."""
    from esmtp_py.secret.password import password

    return password(identity)


def _exchange(talk: "Conversation", name: str, credentials: Credentials) -> None:
    for secret in (credentials.password, credentials.token):
        if secret:
            talk.veil(secret)
    exchange = mechanism.start(name, credentials)
    response = mechanism.encoded(next(exchange))
    held = None if command.fits_auth(name, response) else response
    ask = command.auth(name, None if held else response)
    while (reply := talk.ask(ask)).code == 334:
        if held:
            ask, held = command.auth_response(held), None
            continue
        try:
            answer = exchange.send(mechanism.challenge(name, reply.lines[0]))
        except (StopIteration, ValueError) as error:
            _cancel(talk)
            raise MailError("auth", f"{talk.remote} does not follow {name}: {reply}", remote=talk.remote) from error
        ask = command.auth_response(mechanism.encoded(answer) or b"")
    if not reply.positive:
        raise talk.refused(ask.verb, reply)


def _cancel(talk: "Conversation") -> None:
    """Ends an exchange that leads nowhere (RFC 4954 section 4)."""
    try:
        talk.ask(command.auth_response(b"*"))
    except MailError:
        pass  # we were leaving anyway


TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmtp_py.concealed import Secret
    from esmtp_py.config.identity import Identity
    from esmtp_py.deliver.conversation import Conversation
    from esmtp_py.smtp.extensions import Extensions
