"""SASLprep (RFC 4013): one spelling for each user name and password, so that both ends hash the same octets.

As a stored string (RFC 5802 section 2.2): what Unicode 3.2 does not know is
not taken.  ASCII, that is nearly always, needs no table and imports none.
"""

from esmtp_py.sasl.mechanism import Unable


def saslprep(text: str) -> bytes:
    """The prepared text in UTF-8.  Raises Unable for what must not be in it."""
    if not text.isascii():
        text = _prepared(text)
    elif not text.isprintable():
        raise _unable("no control characters")
    return text.encode("utf-8")


def _prepared(text: str) -> str:
    import stringprep
    from unicodedata import ucd_3_2_0

    mapped = (" " if stringprep.in_table_c12(c) else c for c in text if not stringprep.in_table_b1(c))  # section 2.1
    text = ucd_3_2_0.normalize("NFKC", "".join(mapped))
    prohibited = (
        stringprep.in_table_c12, stringprep.in_table_c21_c22, stringprep.in_table_c3, stringprep.in_table_c4,
        stringprep.in_table_c5, stringprep.in_table_c6, stringprep.in_table_c7, stringprep.in_table_c8,
        stringprep.in_table_c9, stringprep.in_table_a1,
    )  # fmt: skip
    if any(table(c) for c in text for table in prohibited):
        raise _unable("only characters of Unicode 3.2 that are to be seen")
    if any(stringprep.in_table_d1(c) for c in text) and not _one_direction(text):
        raise _unable("no mixture of writing directions")
    return text


def _one_direction(text: str) -> bool:
    """RFC 3454 section 6: text with letters that run from right to left begins and ends with such."""
    from stringprep import in_table_d1, in_table_d2

    return in_table_d1(text[0]) and in_table_d1(text[-1]) and not any(in_table_d2(c) for c in text)


def _unable(what: str) -> Unable:
    return Unable(f"SCRAM takes {what} in username and password (RFC 4013): write `auth plain` in the rc")
