"""``python -m esmtp_py`` is the command ``esmtp``."""

import sys

from esmtp_py.cli.main import main

sys.exit(main())
