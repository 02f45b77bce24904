"""``from`` of an msmtp account: an address, a pattern of the shell, or with ``%U`` and the like for names."""

from esmtp_py.config.foreign.here import Here

# The user, the machine and its canonical name: what ``sender`` and ``force`` have for them.
_FORMS = {"%U": "%u", "%H": "%h", "%C": "%h"}
_MAILNAME = "%M"


def author(settings: dict[str, str]) -> str:
    """What the account says of it, also by the older auto_from and maildomain; "" for nothing."""
    if settings.get("auto_from") in ("on", ""):
        domain = settings.get("maildomain")
        return f"%U@{domain}" if domain else "%U"
    return settings.get("from", "")


def varies(text: str) -> bool:
    """Not everybody has the same address by it."""
    return any(form in text for form in _FORMS)


def is_pattern(text: str) -> bool:
    return any(character in text for character in "*?[")


def address(text: str, here: Here) -> str:
    """For an identity: that of this user on this machine, ``*@DOMAIN`` for a pattern, "" for none."""
    made = expanded(text, here)
    if not is_pattern(made):
        return made
    domain = made.rpartition("@")[2]
    return f"*@{domain}" if "@" in made and domain and not is_pattern(domain) else ""


def template(text: str, here: Here) -> str:
    """For ``sender`` and ``force``, which are looked at for each mail."""
    return _replaced(text, {**_FORMS, _MAILNAME: here.mailname or here.host, "%": "%%"})


def expanded(text: str, here: Here) -> str:
    """For this user on this machine."""
    return _replaced(text, {"%U": here.login, "%H": here.host, "%C": here.host, _MAILNAME: here.mailname or here.host})


def _replaced(text: str, meanings: dict[str, str]) -> str:
    """A ``%`` that means nothing is one, which ``meanings`` may have for itself."""
    made, at = "", 0
    while (percent := text.find("%", at)) >= 0:
        form = text[percent : percent + 2]
        taken = form if form in meanings and len(form) > 1 else "%"
        made += text[at:percent] + meanings.get(taken, taken)
        at = percent + len(taken)
    return made + text[at:]
