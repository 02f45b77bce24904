"""Who an identity is to its OAuth2 provider, and where the provider is asked."""

from esmtp_py.errors import MailError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmtp_py.concealed import Secret
    from esmtp_py.config.identity import Identity


class Provider:
    """What is known of a provider without being told.

    authorization, token, device: endpoints; "" where it has none that is of use.
    loopback:  the host of a redirect to this machine, as the provider wants it registered.
    asks:      further parameters for the authorization endpoint.
    by_device: a code for another device is the usual way to authorise here.
    """

    __slots__ = ("asks", "authorization", "by_device", "device", "loopback", "scope", "token")

    def __init__(
        self,
        *,
        authorization: str = "",
        token: str = "",
        device: str = "",
        scope: str = "",
        loopback: str = "127.0.0.1",
        asks: "dict[str, str] | None" = None,
        by_device: bool = False,
    ) -> None:
        self.authorization = authorization
        self.token = token
        self.device = device
        self.scope = scope
        self.loopback = loopback
        self.asks = asks or {}
        self.by_device = by_device


_MICROSOFT = "https://login.microsoftonline.com/common/oauth2/v2.0/"

PROVIDERS = {
    # No device endpoint: Google's gives no token for this scope.  Without these words it gives a refresh
    # token only the first time that the user agrees.
    "google": Provider(
        authorization="https://accounts.google.com/o/oauth2/v2/auth",
        token="https://oauth2.googleapis.com/token",  # noqa: S106 - where tokens come from, and none itself
        scope="https://mail.google.com/",
        asks={"access_type": "offline", "prompt": "consent"},
    ),
    # Any port goes with http://localhost as the registered redirect, but with no other.
    "microsoft": Provider(
        authorization=_MICROSOFT + "authorize",
        token=_MICROSOFT + "token",
        device=_MICROSOFT + "devicecode",
        scope="https://outlook.office.com/SMTP.Send offline_access",
        loopback="localhost",
        by_device=True,
    ),
    "custom": Provider(),
}


class Client:
    """One identity's registration with its provider.

    provider: its row of PROVIDERS.
    id, secret (None where there is none), authorization_endpoint,
    token_endpoint, device_endpoint, scope: as the rc says, else the provider's own.
    user:     the account.
    remedy:   what to do when the user has to agree.
    identity: for trust, timeout, and where the refresh token is kept.
    """

    __slots__ = (
        "authorization_endpoint",
        "device_endpoint",
        "id",
        "identity",
        "provider",
        "remedy",
        "scope",
        "secret",
        "token_endpoint",
        "user",
    )

    def __init__(self, identity: "Identity") -> None:
        """MailError("config") when the rc lacks something without which no token can be had."""
        if not identity.oauth2:
            raise MailError("config", f"identity {identity.name} does not use OAuth2: write `oauth2` in the rc")
        provider = PROVIDERS[identity.oauth2]
        self.provider = provider
        self.identity = identity
        self.id = _needed("client_id", identity.client_id, identity)
        self.secret: "Secret | None" = identity.client_secret
        self.authorization_endpoint = identity.authorization_endpoint or provider.authorization
        self.token_endpoint = _needed("token_endpoint", identity.token_endpoint or provider.token, identity)
        self.device_endpoint = identity.device_endpoint or provider.device
        self.scope = identity.scope or provider.scope
        self.user = _needed("username", identity.username, identity)
        self.remedy = remedy(identity)


def _needed(name: str, value: str, identity: "Identity") -> str:
    if not value:
        raise MailError("config", f"OAuth2 for {identity.name} needs `{name}` in the rc; see esmtprc(5)")
    return value


def remedy(identity: "Identity") -> str:
    """What to do when the user has to agree, again or for the first time."""
    address = next((a for a in identity.addresses if a and not a.startswith("*@")), identity.username)
    return f"run `esmtp --authorize {address}`"
