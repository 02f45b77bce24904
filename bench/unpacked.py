"""Debian packages that cannot be installed beside Postfix: unpacked, and run in a mount namespace of their own."""

import pathlib
import shutil
import subprocess


class Unpacked:
    """The programs of a package, as if they were installed, with an /etc and a /var/spool of their own.

    version: Debian's.      etc, spool: what is in these directories beside and instead of the machine's own files.
    RuntimeError when it cannot be had here; its text says why.
    """

    def __init__(self, directory: pathlib.Path, package: str) -> None:
        self._package = package
        self._directory = directory
        self.etc, self.spool = directory / "etc", directory / "spool"
        for path in (self.etc, self.spool):
            path.mkdir(0o755, parents=True)
        deb = self._download()
        self.version = self._run("dpkg-deb", "-f", deb, "Version").strip()
        self._run("dpkg-deb", "-x", deb, str(directory / "files"))
        self._run(*self.argv("true"))

    def _download(self) -> str:
        for program in ("apt-get", "dpkg-deb", "unshare"):
            if not shutil.which(program):
                raise RuntimeError(f"no {program} to unpack it with")
        # apt would like to do it as somebody who cannot write here.
        self._run("apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", self._package)
        return str(next(self._directory.glob("*.deb")))

    def _run(self, *argv: str) -> str:
        done = subprocess.run(
            argv, cwd=self._directory, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL
        )
        if done.returncode:
            raise RuntimeError(f"{argv[0]}: {done.stderr.strip()[-200:]}")
        return done.stdout

    def argv(self, script: str) -> list[str]:
        """The command that runs these lines of sh; whatever they leave in the background ends with them."""
        mounts = (
            f"mount -t overlay none -o lowerdir={self._directory}/files/usr:/usr /usr\n"
            f"mount -t overlay none -o lowerdir={self.etc}:/etc /etc\n"
            f"mount --bind {self.spool} /var/spool\n"
        )
        return ["/usr/bin/unshare", "--mount", "--pid", "--fork", "--kill-child", "/bin/sh", "-ec", mounts + script]
