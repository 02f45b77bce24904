"""The configurations of other mailers, read for ``--import``: facts about their files, and what means the same here."""
