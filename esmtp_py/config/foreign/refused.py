"""What another mailer takes and an rc file does not: it is left out, and said, so that the rest can be used."""

from esmtp_py.config import writing
from esmtp_py.config.foreign.found import Found
from esmtp_py.config.writing import Section


def leave_out(found: Found) -> None:
    """Statements that are refused, and the whole section where that is the server or an address."""
    if not _problem(*found.sections):
        return
    for section in list(found.sections):
        if not (_addresses(section, found) and _statements(section, found)):
            found.sections.remove(section)


def _addresses(section: Section, found: Found) -> bool:
    """Whether it serves whom it did."""
    problem = _problem(Section(*section.addresses)) if section.addresses else ""
    if problem:
        found.lose(_called(section), problem)
    return not problem


def _statements(section: Section, found: Found) -> bool:
    """Whether it has its server."""
    for name, value in list(section.statements):
        alone = Section("me@example.org")
        alone.say(name, value)
        problem = _problem(alone)
        if problem:
            section.statements.remove((name, value))
            found.lose(_called(section), problem)
            if name == "hostname":
                return False
    return True


def _called(section: Section) -> str:
    return section.remarks[0] if section.remarks else "a section"


def _problem(*sections: Section) -> str:
    """The first one of a file that has these, "" if it is good."""
    from esmtp_py.config.reader import interpret
    from esmtp_py.config.source import Source

    problems = interpret(Source("", writing.text(list(sections), "this"), home="/"))[2]
    return problems[0].text if problems else ""
