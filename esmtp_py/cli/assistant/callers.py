"""The programs that call us, as --setup offers to tell them: the name sendmail, and Mutt."""

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmtp_py.cli.assistant.questions import Questions

_MUTT = 'set sendmail = "{} -oi"\nset use_envelope_from = yes\n'
# Where Mutt and NeoMutt look for it.
_MUTTRC = (
    *("~/.muttrc", "~/.mutt/muttrc", "~/.config/mutt/muttrc"),
    *("~/.neomuttrc", "~/.neomutt/neomuttrc", "~/.config/neomutt/neomuttrc"),
)


def offer(questions: "Questions", address: str) -> None:
    """Asks before each; what is there already is left as it is."""
    program = os.path.abspath(sys.argv[0])
    _link(questions, program)
    muttrc = next((path for path in map(os.path.expanduser, _MUTTRC) if os.path.exists(path)), "")
    if muttrc:
        _mutt(questions, program, muttrc)


def _link(questions: "Questions", program: str, link: str = "/usr/sbin/sendmail") -> None:
    """cron and others know no other name; only root can give it."""
    if os.path.lexists(link):
        return
    if not os.access(os.path.dirname(link), os.W_OK):
        questions.tell(f"For cron and other programs, as root: ln -s {program} {link}")
    elif questions.confirm(f"Make {link} a link to this program, for cron and others?", default=False):
        try:
            os.symlink(program, link)
        except OSError as error:
            questions.tell(f"cannot make {link}: {error.strerror}")


def _mutt(questions: "Questions", program: str, path: str) -> None:
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        if "set sendmail" in file.read(1 << 20):
            return
    if questions.confirm(f"Have Mutt send with this program ({path})?", default=True):
        try:
            with open(path, "a", encoding="utf-8") as file:
                file.write("\n" + _MUTT.format(program))
        except OSError as error:
            questions.tell(f"cannot write {path}: {error.strerror}")
