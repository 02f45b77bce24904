"""Names beyond ASCII as A-labels: of the domain that was written, and of no other."""

import pytest

from esmtp_py.errors import MailError
from esmtp_py.message.domain import ascii_domain


@pytest.mark.parametrize(
    ("domain", "made"),
    [
        ("example.org", "example.org"),
        ("[192.0.2.1]", "[192.0.2.1]"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("BÜCHER。example", "xn--bcher-kva.example"),
        ("例え.example", "xn--r8jz45g.example"),
    ],
)
def test_a_labels(domain: str, made: str) -> None:
    assert ascii_domain(domain) == made


@pytest.mark.parametrize(
    ("domain", "made", "of_another"),
    [
        ("straße.de", "xn--strae-oqa.de", "strasse.de"),
        ("mail.STRAßE.Bücher.example", "mail.xn--strae-oqa.xn--bcher-kva.example", "mail.strasse.bücher.example"),
        ("βόλος.com", "xn--nxasmm1c.com", "βόλοσ.com"),
        ("نامه\u200cای.com", "xn--mgba3gch31f060k.com", "نامهای.com"),
    ],
)
def test_letters_that_idna_2003_did_not_know_are_not_those_of_another_domain(
    domain: str, made: str, of_another: str
) -> None:
    """RFC 5894 section 7.2; the names are those of UTS 46."""
    assert ascii_domain(domain) == made
    assert ascii_domain(of_another) != made


@pytest.mark.parametrize("domain", ["ß" * 60 + ".de", "ß..de", "ü..de", "\u2028ß.de", "ü" * 64])
def test_what_has_no_such_form(domain: str) -> None:
    with pytest.raises(MailError) as caught:
        ascii_domain(domain)
    assert (caught.value.kind, caught.value.status) == ("bad_address", "5.1.2")
