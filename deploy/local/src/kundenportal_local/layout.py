"""Where things lie below `.local`: data that `clean` removes, and downloads that every local stack of a checkout shares."""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from kundenportal_local.errors import LocalTroubleError

LOCAL_DIR_VARIABLE = "KUNDENPORTAL_LOCAL_DIR"
NEEDED_BYTES = 500_000_000
AWKWARD = frozenset(',:\\"\n')  # they separate paths in Kafka's settings and on Java's class path


@dataclass(frozen=True)
class Layout:
    """The paths of one local stack."""

    root: Path
    cache: Path

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def mailbox(self) -> Path:
        return self.root / "mailbox"

    @property
    def secrets(self) -> Path:
        return self.root / "secrets.json"

    @property
    def samples(self) -> Path:
        return self.root / "samples"

    @property
    def stack_file(self) -> Path:
        return self.root / "stack.json"

    @property
    def lock(self) -> Path:
        return self.root / "run.lock"

    def prepare(self, needed_bytes: int = NEEDED_BYTES) -> None:
        """Make the folders; LocalTroubleError where they cannot be written or the disk is nearly full."""
        if awkward := AWKWARD & set(f"{self.root}{self.cache}"):
            raise LocalTroubleError(
                f"Kafka cannot work in {self.root}, because of the {' and '.join(sorted(awkward))} in the path. "
                f"Name another folder with {LOCAL_DIR_VARIABLE}=/some/folder."
            )
        try:
            for folder in (self.root, self.data, self.logs, self.cache):
                folder.mkdir(parents=True, exist_ok=True)
            probe = self.root / ".writable"
            probe.write_text("")
            probe.unlink()
        except OSError as error:
            raise LocalTroubleError(
                f"{self.root} cannot be written ({error.strerror}). Give yourself the right to write there, "
                f"or name another folder with {LOCAL_DIR_VARIABLE}=/some/folder."
            ) from error
        free = shutil.disk_usage(self.root).free
        if free < needed_bytes:
            raise LocalTroubleError(
                f"Only {free // 1_000_000} MB are free at {self.root}; the local stack needs {needed_bytes // 1_000_000} MB. "
                f"Free some space, or name a folder on another disk with {LOCAL_DIR_VARIABLE}=/some/folder."
            )


def checkout() -> Path | None:
    """The checkout this package is installed from, if it is an editable install."""
    for folder in Path(__file__).resolve().parents:
        if (folder / "workspace.in").is_file():
            return folder
    return None


def find_layout(environ: Mapping[str, str] = os.environ) -> Layout:
    """`.local` of the checkout, or what KUNDENPORTAL_LOCAL_DIR names; downloads stay with the checkout."""
    home = (checkout() or Path.cwd()) / ".local"
    named = environ.get(LOCAL_DIR_VARIABLE)
    root = Path(named).expanduser().absolute() if named else home
    shared = home if os.access(home if home.exists() else home.parent, os.W_OK) else root
    return Layout(root=root, cache=shared / "cache")
