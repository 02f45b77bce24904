"""OAuth2: from a refresh token, which the user has once agreed to, to an access token to log in with.

``access_token`` is all that a log-in needs; ``redirect`` and ``device`` are
the two ways to a refresh token, for ``esmtp --authorize``.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmtp_py.concealed import Secret
    from esmtp_py.config.identity import Identity
    from esmtp_py.secret.oauth2.cache import Cache
    from esmtp_py.secret.oauth2.client import Client
    from esmtp_py.secret.oauth2.store import Store
    from esmtp_py.secret.oauth2.tokens import Tokens


def access_token(identity: "Identity", *, refused: "Secret | None" = None) -> "Secret":
    """A token to log in with as this identity; from the cache until shortly before it ends.

    refused: the one that the mail server did not take.  Another is fetched,
    unless it is so young that this would be in vain: then it is returned again.

    However many processes and threads need one at once, the provider is asked
    once.  Raises MailError, always a temporary one, that says what to do.
    """
    from esmtp_py.secret.oauth2.cache import Cache
    from esmtp_py.secret.oauth2.client import Client
    from esmtp_py.secret.oauth2.store import store

    client = Client(identity)
    kept = store(client)
    cache = Cache(client, kept.key)
    found = cache.read()
    if found and found.token != refused:
        return found.token
    with cache.locked() as lock:
        found = cache.read()  # whoever had the lock before us may have fetched it
        if found and (found.token != refused or found.young):
            return found.token
        if lock.failure:
            raise lock.failure
        return _fetched(client, kept, cache)


def expect_room(client: "Client") -> None:
    """MailError when ``authorized`` could keep nothing, so that nobody agrees in vain."""
    from esmtp_py.secret.oauth2.cache import Cache
    from esmtp_py.secret.oauth2.store import store

    kept = store(client)
    Cache(client, kept.key)
    kept.ready()


def authorized(client: "Client", tokens: "Tokens") -> str:
    """Keeps what the user has agreed to.  Returns where, for people.  Raises MailError."""
    from esmtp_py.errors import MailError
    from esmtp_py.secret.oauth2.cache import Cache
    from esmtp_py.secret.oauth2.store import store

    if tokens.refresh is None:
        raise MailError(
            "auth",
            f"{client.identity.oauth2} gave no refresh token for {client.user}: check scope in the rc, "
            "or withdraw the permission in the settings of the account and authorise again",
        )
    kept = store(client)
    cache = Cache(client, kept.key)
    with cache.locked():
        kept.write(tokens.refresh)
        cache.write(tokens)
    return kept.name


def _fetched(client: "Client", kept: "Store", cache: "Cache") -> "Secret":
    from esmtp_py.secret.oauth2.grant import refreshed

    old = kept.read()
    tokens = refreshed(client, old)
    if tokens.refresh and tokens.refresh != old:
        kept.write(tokens.refresh)  # before anything else: the old one may be dead by now
    cache.write(tokens)
    return tokens.access
