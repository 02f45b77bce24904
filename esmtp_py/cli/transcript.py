"""Where the dialogue goes: -v shows it on standard error, -X appends it to a file.

A sink for the Trace of the couriers: "C" and "S" lines, "H" lines of the
header (in the file only), "*" for steps.  Secrets are masked before they come
here, and the body never comes here.
"""

from esmtp_py.cli.terminal import ERR, Stream, complain
from esmtp_py.deliver.logfile import open_log
from esmtp_py.errors import MailError
from esmtp_py.printable import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

# As long as a reply line may be: the transcript shows what was said, not a digest.
_LINE = 8192


class Transcript:
    """Callable as a Trace; shows and stores what it is given."""

    __slots__ = ("_file", "_verbose")

    def __init__(self, verbose: bool, path: "str | None") -> None:
        """MailError as open_log, so that a run without its transcript does not start."""
        self._verbose = verbose
        self._file = None if path is None else Stream(open_log(path), path)

    @property
    def trace(self) -> "Callable[[str, bytes], None] | None":
        """What to hand to the couriers; None when nobody listens."""
        return self if self._verbose or self._file else None

    def __call__(self, tag: str, line: bytes) -> None:
        text = printable(line.decode("utf-8", "surrogateescape"), _LINE)
        shown = f"* {text}\n" if tag == "*" else f"{tag}: {text}\n"
        if self._verbose and tag != "H":
            ERR.write(shown)
        if self._file:
            self._store(self._file, shown)

    def _store(self, file: Stream, shown: str) -> None:
        try:
            file.write(shown)
        except MailError as error:  # the mail is worth more than its transcript
            self._file = None
            complain(f"{error.text}; the transcript ends here")
