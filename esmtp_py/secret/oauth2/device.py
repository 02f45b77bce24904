"""Authorisation by a code that the user types into a browser on whatever device (RFC 8628)."""

import time

from esmtp_py.concealed import Secret
from esmtp_py.errors import MailError
from esmtp_py.net.post import Url
from esmtp_py.secret.oauth2.grant import Refused, asked, fields, meaning
from esmtp_py.secret.oauth2.tokens import Tokens, seconds, token

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from esmtp_py.secret.oauth2.client import Client

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:device_code"
# RFC 8628 section 3.2, where nothing is said; and what "slow_down" adds (section 3.5).
INTERVAL = 5
SLOWER = 5
# No user waits longer between agreeing and being told; no server has a reason to be asked more often.
LONGEST_INTERVAL, SHORTEST_INTERVAL = 60, 1
# Microsoft's codes live for 15 minutes, Google's for 30.
UNSAID_LIFETIME, LONGEST_LIFETIME = 900, 1800
# RFC 8628 section 6.1 suggests 8 to 10 characters.
LONGEST_CODE, LONGEST_URL = 64, 2000


class Device:
    """One authorisation.

    url, code: what the user opens and types there.  whole_url: an address that needs no typing, "" if there is none.
    lifetime:  seconds until the code is of no use.
    """

    def __init__(self, client: "Client") -> None:
        """Asks for a code.  Raises MailError."""
        if not client.device_endpoint:
            text = f"OAuth2 for {client.identity.name} needs `device_endpoint` in the rc for a code"
            raise MailError("config", text + "; with google only a browser works")
        self._client = client
        try:
            found = fields(client, client.device_endpoint, {"scope": client.scope} if client.scope else {})
        except Refused as refused:
            raise meaning(client, refused) from None
        self._secret = token(found.get("device_code"))
        self.code = _shown(found.get("user_code"), LONGEST_CODE)
        # Google's name for it is older than the RFC
        self.url = _shown_url(found.get("verification_uri") or found.get("verification_url"))
        self.whole_url = _shown_url(found.get("verification_uri_complete"))
        self.lifetime = seconds(found.get("expires_in"), UNSAID_LIFETIME, LONGEST_LIFETIME)
        self._interval = max(seconds(found.get("interval"), INTERVAL, LONGEST_INTERVAL), SHORTEST_INTERVAL)
        if not (self._secret and self.code and self.url):
            host = Url(client.device_endpoint).host
            raise MailError("protocol", f"{host} gave no code that can be shown: check device_endpoint in the rc")

    def tokens(
        self, sleep: "Callable[[float], None]" = time.sleep, clock: "Callable[[], float]" = time.monotonic
    ) -> Tokens:
        """Asks again and again whether the user has agreed, no faster than the server wants it.  Raises MailError."""
        form: "dict[str, str | Secret]" = {"grant_type": GRANT_TYPE, "device_code": self._secret or Secret("")}
        end = clock() + self.lifetime
        while clock() + self._interval < end:
            sleep(self._interval)
            try:
                return asked(self._client, form)
            except Refused as refused:
                if refused.error == "slow_down":
                    self._interval = min(self._interval + SLOWER, LONGEST_INTERVAL)
                elif refused.error != "authorization_pending":
                    raise meaning(self._client, refused) from None
            except MailError as error:
                if error.kind not in ("try_again", "connection_lost", "unreachable", "dns"):
                    raise
                # the network comes and goes; RFC 8628 section 3.5: ask more slowly
                self._interval = min(self._interval * 2, LONGEST_INTERVAL)
        raise MailError("try_again", f"nobody agreed before the code expired: {self._client.remedy} again")


def _shown(value: "Any", limit: int) -> str:
    return value if isinstance(value, str) and 0 < len(value) <= limit and value.isprintable() else ""


def _shown_url(value: "Any") -> str:
    """An address that a person may be sent to: https, or this machine."""
    from esmtp_py.config.login import endpoint
    from esmtp_py.config.source import Source

    try:
        return endpoint(_shown(value, LONGEST_URL), Source("", ""))
    except ValueError:
        return ""
