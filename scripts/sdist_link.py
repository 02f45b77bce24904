"""Build hook: puts the symbolic link esmtp_py/grammar -> ../grammar into the sdist.

hatchling follows links to directories.  Two copies of the rc languages in one
source tree would drift apart as soon as somebody edits one of them.
"""

import gzip
import os
import tarfile
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

LINK, TARGET = "esmtp_py/grammar", "../grammar"


class SdistLink(BuildHookInterface):  # type: ignore[type-arg]
    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Rewrite the finished archive: appending to a compressed one is not possible."""
        rewritten = artifact_path + ".new"
        with (
            tarfile.open(artifact_path) as old,
            gzip.GzipFile(rewritten, "wb", mtime=0) as packed,  # no clock: the same tree gives the same bytes
            tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as new,
        ):
            for member in old:
                new.addfile(member, old.extractfile(member) if member.isfile() else None)
            new.addfile(link_beside(old.getmembers()[0]))
        os.replace(rewritten, artifact_path)


def link_beside(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """The link's entry, in the same top directory and with the same time as another entry."""
    link = tarfile.TarInfo(f"{member.name.split('/')[0]}/{LINK}")
    link.type = tarfile.SYMTYPE
    link.linkname = TARGET
    link.mode = 0o777
    link.mtime = member.mtime
    return link
