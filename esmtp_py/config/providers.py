"""Servers of large providers, by the domain of the address: what --setup proposes where no name would be guessed.

Facts as the providers publish them; a row that is out of date costs a question.
"""

APP_PASSWORD = "the account's own password does not work; make an app password in its settings"  # noqa: S105


class Provider:
    """server: HOST:PORT.  oauth2: the word of that statement, "" for a password.  hint: for people, "" if none."""

    __slots__ = ("hint", "oauth2", "server")

    def __init__(self, server: str, *, oauth2: str = "", hint: str = "") -> None:
        self.server = server
        self.oauth2 = oauth2
        self.hint = hint


_GOOGLE = Provider("smtp.gmail.com:465", oauth2="google", hint=APP_PASSWORD)
_MICROSOFT = Provider(
    "smtp-mail.outlook.com:587", oauth2="microsoft", hint="passwords are no longer taken, only OAuth2"
)
_APPLE = Provider("smtp.mail.me.com:587", hint=APP_PASSWORD)

PROVIDERS = {
    "gmail.com": _GOOGLE,
    "googlemail.com": _GOOGLE,
    "outlook.com": _MICROSOFT,
    "hotmail.com": _MICROSOFT,
    "live.com": _MICROSOFT,
    "msn.com": _MICROSOFT,
    "icloud.com": _APPLE,
    "me.com": _APPLE,
    "mac.com": _APPLE,
    "yahoo.com": Provider("smtp.mail.yahoo.com:465", hint=APP_PASSWORD),
    "aol.com": Provider("smtp.aol.com:465", hint=APP_PASSWORD),
    "fastmail.com": Provider("smtp.fastmail.com:465", hint=APP_PASSWORD),
    "gmx.de": Provider("mail.gmx.net:465"),
    "gmx.net": Provider("mail.gmx.net:465"),
    "gmx.com": Provider("mail.gmx.com:587"),
    "web.de": Provider("smtp.web.de:587"),
    "t-online.de": Provider(
        "securesmtp.t-online.de:465", hint="there is a password for mail programs, other than that of the web"
    ),
    "posteo.de": Provider("posteo.de:465"),
    "posteo.net": Provider("posteo.de:465"),
    "mailbox.org": Provider("smtp.mailbox.org:465"),
    "zoho.com": Provider("smtp.zoho.com:465"),
    "yandex.com": Provider("smtp.yandex.com:465", hint=APP_PASSWORD),
    "mail.ru": Provider("smtp.mail.ru:465", hint=APP_PASSWORD),
    "riseup.net": Provider("mail.riseup.net:465"),
    "disroot.org": Provider("disroot.org:465"),
    "proton.me": Provider("127.0.0.1:1025", hint="Proton Bridge must be running on this machine"),
}


def provider(address: str) -> "Provider | None":
    """That of the address, if it is a known one."""
    return PROVIDERS.get(address.rpartition("@")[2].lower())


def guesses(domain: str) -> list[str]:
    """Where a domain's submission server usually is (RFC 8314 prefers 465), best first."""
    names = (f"smtp.{domain}", f"mail.{domain}", domain)
    return [f"{name}:{port}" for name in names for port in (465, 587)]
