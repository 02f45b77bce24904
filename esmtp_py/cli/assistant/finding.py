"""What a check of --doctor has found."""

OK, NOTE, BAD = "ok", "note", "bad"


class Finding:
    """level: OK, NOTE or BAD.  about: what was looked at.  kind: of a bad one, a row of outcome.TABLE."""

    __slots__ = ("about", "kind", "level", "text")

    def __init__(self, level: str, about: str, text: str, kind: str = "config") -> None:
        self.level = level
        self.about = about
        self.text = text
        self.kind = kind
