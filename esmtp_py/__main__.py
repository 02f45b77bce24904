"""``python -m esmtp_py`` is the command ``esmtp``."""

from esmtp_py.cli.main import run

run()
