"""Address literals, as in ``joe@[192.0.2.1]`` (RFC 5321 section 4.1.3).  Imported only when one comes."""

_HEX = frozenset("0123456789abcdefABCDEF")
_TAG = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-")
_LIMIT = 253  # with its brackets a domain, which has at most 255 octets


def is_literal(inside: str) -> bool:
    """True for an IPv4 address, ``IPv6:`` and an address, or another tag and anything printable without white space."""
    tag, colon, rest = inside.partition(":")
    if not colon:
        return _is_ipv4(inside)
    if tag.lower() == "ipv6":
        return _is_ipv6(rest)
    printable = rest.isascii() and rest.isprintable() and " " not in rest
    return bool(tag and rest) and _TAG.issuperset(tag) and printable and len(inside) <= _LIMIT


def _is_ipv4(text: str) -> bool:
    octets = text.split(".")
    return len(octets) == 4 and all(o.isascii() and o.isdigit() and len(o) < 4 and int(o) < 256 for o in octets)


def _is_ipv6(text: str) -> bool:
    """RFC 4291 section 2.2: eight groups, ``::`` once for any number of them, IPv4 as the last two."""
    head, gap, tail = text.partition("::")
    groups = [group for half in (head, tail) if half for group in half.split(":")]
    width = len(groups)
    if groups and "." in groups[-1]:
        if not _is_ipv4(groups.pop()) or (gap and not tail):
            return False
        width += 1
    if not all(group and len(group) <= 4 and _HEX.issuperset(group) for group in groups):
        return False
    return width <= 7 if gap else width == 8
