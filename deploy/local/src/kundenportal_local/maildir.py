"""A Maildir written by hand: each message is the bytes that came over SMTP, under two lines that show its envelope."""

import itertools
import os
import socket
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

FOLDERS = ("tmp", "new", "cur")
_counter = itertools.count()


class Maildir:
    """Messages are written to tmp/ and renamed to new/, so a reader sees whole ones only. Nothing here moves or deletes any."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in FOLDERS:
            (folder / name).mkdir(parents=True, exist_ok=True)

    def add(self, content: bytes, *, sender: str, recipients: Sequence[str]) -> Path:
        """Store one message; its file is there, whole, when this returns. OSError when the disk is full."""
        now = time.time_ns()
        host = socket.gethostname().replace("/", "-").replace(":", "-")
        name = f"{now // 10**9}.M{now // 1000 % 10**6:06}P{os.getpid()}Q{next(_counter)}.{host}"
        envelope = b"".join([_line(b"X-MailFrom", sender), *(_line(b"X-RcptTo", to) for to in recipients)])
        written = self.folder / "tmp" / name
        try:
            written.write_bytes(envelope + content)
            return written.rename(self.folder / "new" / name)
        except OSError:
            written.unlink(missing_ok=True)
            raise

    def newest_first(self) -> list[Path]:
        """The message files of new/ and cur/, by the time they arrived."""
        return sorted(self._files(), key=lambda file: (file.stat().st_mtime_ns, file.name), reverse=True)

    def find(self, name: str) -> Path | None:
        """The message file of this name; a name that is not one of the folder's own finds nothing."""
        return next((file for file in self._files() if file.name == name), None)

    def _files(self) -> Iterator[Path]:
        for folder in ("new", "cur"):
            yield from (file for file in (self.folder / folder).iterdir() if file.is_file())


def _line(name: bytes, value: str) -> bytes:
    printable = "".join(letter if letter.isprintable() else "?" for letter in value)
    return b"%s: %s\r\n" % (name, printable.encode("utf-8", "replace"))
