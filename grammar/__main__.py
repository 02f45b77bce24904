"""The generator: ``python -m esmtp_py.grammar`` writes the committed tables anew."""

import os

import esmtp_py
from esmtp_py.grammar import esmtprc
from esmtp_py.grammar.tables import render

TABLES = os.path.join(os.path.dirname(esmtp_py.__file__), "config", "_esmtprc_tables.py")
TITLE = "Tables of the language of ~/.esmtprc, walked by esmtp_py.config.driver."


def main() -> None:
    source = render(esmtprc, TITLE)
    with open(TABLES, "w", encoding="utf-8", newline="\n") as file:
        file.write(source)
    print(f"{TABLES}: {len(source)} bytes")


if __name__ == "__main__":
    main()
