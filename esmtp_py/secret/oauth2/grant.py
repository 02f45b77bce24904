"""What the token endpoint is asked, and what its answers mean (RFC 6749 sections 4.1.3, 5 and 6).

Whatever it says, or does not say, becomes Tokens, a Refused, or a MailError
that is temporary: the mail waits, and its sender is told what to do.
"""

import time

from esmtp_py.concealed import Secret
from esmtp_py.errors import MailError
from esmtp_py.net.post import Answer, post
from esmtp_py.printable import printable
from esmtp_py.secret.oauth2.tokens import LONGEST_LIFETIME, UNSAID_LIFETIME, Tokens, seconds, token
from esmtp_py.smtp.veil import Veil

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from esmtp_py.config.identity import Identity
    from esmtp_py.config.server import Server
    from esmtp_py.net.post import Reach
    from esmtp_py.net.stream import Stream
    from esmtp_py.net.tls import Trust
    from esmtp_py.secret.oauth2.client import Client

# For one question and its answer; a provider needs a second, and everybody else waits behind the lock.
ANSWER_SECONDS = 60
# The user has to agree again.  The second line is Microsoft's and OpenID Connect's.
_AGREE_AGAIN = {
    *("invalid_grant", "access_denied", "authorization_declined", "expired_token"),
    *("interaction_required", "consent_required", "login_required", "invalid_token"),
}
# The rc is wrong, and what in it.
_WRONG = {
    "invalid_client": "client_id and client_secret",
    "unauthorized_client": "client_id",
    "invalid_scope": "scope",
    "unsupported_grant_type": "token_endpoint and device_endpoint",
    "invalid_resource": "scope",
}
_LATER = {"temporarily_unavailable", "server_error", "slow_down", "authorization_pending"}


class Refused(Exception):
    """The endpoint answered as RFC 6749 section 5.2 says.  error: its word for it.  text: its words, made safe."""

    def __init__(self, error: str, text: str) -> None:
        super().__init__(error)
        self.error = error
        self.text = text


def refreshed(client: "Client", token: Secret) -> Tokens:
    """A new access token for a refresh token.  Raises MailError."""
    form: "dict[str, str | Secret]" = {"grant_type": "refresh_token", "refresh_token": token}
    if client.scope:
        form["scope"] = client.scope
    return granted(client, form)


def granted(client: "Client", form: "dict[str, str | Secret]") -> Tokens:
    """What the token endpoint gives for this form.  Raises MailError."""
    try:
        return asked(client, form)
    except Refused as refused:
        raise meaning(client, refused) from None


def asked(client: "Client", form: "dict[str, str | Secret]") -> Tokens:
    """As ``granted``, but the endpoint's refusals are Refused."""
    return _tokens(fields(client, client.token_endpoint, form), client)


def fields(client: "Client", url: str, form: "dict[str, str | Secret]") -> "dict[str, Any]":
    """The JSON object that an endpoint answers with.  Raises Refused, and MailError for everything else."""
    identity = client.identity
    form = {"client_id": client.id, **({"client_secret": client.secret} if client.secret else {}), **form}
    seconds = min(identity.timeout or ANSWER_SECONDS, ANSWER_SECONDS)
    try:
        answer = post(url, form, _way(identity), _trust(identity), time.monotonic() + seconds)
    except MailError as error:
        # the remedies of net/ are about the mail server
        text = error.text.replace("hostname in the rc", "the endpoints in the rc")
        raise MailError(error.kind, f"no access token for {client.user}: {text}", remote=error.remote) from error
    return _object(answer, url, client, Veil(*(value for value in form.values() if isinstance(value, Secret))))


def _way(identity: "Identity") -> "Reach":
    """The way to the provider is that to the mail server: who needs a proxy for one, needs it for the other."""
    from esmtp_py.net.connect import connect
    from esmtp_py.net.proxy import through

    def reach(server: "Server", deadline: float) -> "Stream":
        way = (server, deadline, identity.source_address, identity.connect_timeout)
        # what this machine's own provider is told may be in clear, so that it does not leave the machine
        return through(identity.proxy, *way) if identity.proxy and not server.loopback else connect(*way)

    return reach


def _trust(identity: "Identity") -> "Trust":
    """The authorities of the rc; not what it says of the mail server's own certificate, or of ours."""
    from esmtp_py.net.tls import Trust

    return Trust(identity.ca_file, identity.ca_dir, min_tls=identity.min_tls)


def meaning(client: "Client", refused: Refused) -> MailError:
    """A refusal as the fate of a mail."""
    said = f"{client.identity.oauth2} refuses a token for {client.user} ({refused.text})"
    if refused.error in _AGREE_AGAIN:
        return MailError("auth", f"{said}: {client.remedy}")
    if refused.error in _WRONG:
        return MailError("config", f"{said}: check {_WRONG[refused.error]} in the rc")
    if refused.error in _LATER:
        return MailError("try_again", said)
    return MailError("auth", f"{said}: check the OAuth2 statements in the rc, or {client.remedy}")


def _object(answer: Answer, url: str, client: "Client", veil: Veil) -> "dict[str, Any]":
    import json

    host = url.partition("://")[2].partition("/")[0]
    if 300 <= answer.status < 400:
        raise _odd(host, f"sends us elsewhere (HTTP {answer.status}), which is not followed")
    try:
        found = json.loads(answer.body)
    except (ValueError, RecursionError):
        found = None
    error = found.get("error") if isinstance(found, dict) else None
    if isinstance(error, str) and error and answer.status < 500:
        raise Refused(error, _words(found, veil))
    if answer.status == 429 or answer.status >= 500:
        raise MailError("try_again", f"{host} gives no token for {client.user} now (HTTP {answer.status})", remote=host)
    if not isinstance(found, dict) or answer.status != 200:
        raise _odd(host, f"gave no answer of OAuth2 (HTTP {answer.status}, {answer.kind or 'of no type'})")
    return found


def _tokens(found: "dict[str, Any]", client: "Client") -> Tokens:
    host = client.token_endpoint.partition("://")[2].partition("/")[0]
    kind = found.get("token_type", "Bearer")
    if not isinstance(kind, str) or kind.lower() != "bearer":
        raise _odd(host, "gave a token that is not of type Bearer")
    access = token(found.get("access_token"))
    if access is None:
        raise _odd(host, "gave no access token, or none that can be used")
    refresh = found.get("refresh_token")
    if refresh is not None and token(refresh) is None:
        raise _odd(host, "gave a refresh token that cannot be used")
    return Tokens(access, token(refresh), seconds(found.get("expires_in"), UNSAID_LIFETIME, LONGEST_LIFETIME))


def _words(found: "dict[str, Any]", veil: Veil) -> str:
    """The error and its description, one line, without what we sent."""
    description = found.get("error_description")
    text = found["error"] + (f": {description}" if isinstance(description, str) and description else "")
    return printable(veil.over_text(text), 200)


def _odd(host: str, what: str) -> MailError:
    text = f"{host} {what}: check the endpoints in the rc"
    return MailError("protocol", printable(text, 300), remote=host)
