"""The ``%`` forms of ``sender`` and ``force``."""

MEANINGS = {"u": "the login name", "h": "the host name", "d": "the domain of the host name", "%": "a percent sign"}


def expand(text: str, *, login: str, host: str, domain: str) -> str:
    """``text`` with %u, %h, %d and %% replaced.  Any other % was refused when the rc file was read."""
    meaning = {"u": login, "h": host, "d": domain, "%": "%"}
    made: list[str] = []
    at = 0
    while (percent := text.find("%", at)) >= 0:
        form = text[percent + 1 : percent + 2]
        made += (text[at:percent], meaning.get(form, "%" + form))
        at = percent + 2
    return "".join((*made, text[at:]))


def unknown_form(text: str) -> str:
    """The first ``%`` form in ``text`` that means nothing, "" if there is none."""
    at = text.find("%")
    while at >= 0:
        if text[at + 1 : at + 2] not in MEANINGS:
            return text[at : at + 2]
        at = text.find("%", at + 2)
    return ""
