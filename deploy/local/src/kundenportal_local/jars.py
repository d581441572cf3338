"""Kafka's jars: the committed list, fetched from Maven Central in parallel, each verified by its SHA-256 before it is used."""

import hashlib
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import truststore

from kundenportal_local.errors import LocalTroubleError
from kundenportal_local.lock import in_turn

LIST = Path(__file__).with_name("kafka.jars")
THREADS = 8
VERIFIED = "verified"
LOCK = ".fetching.lock"


@dataclass(frozen=True)
class Jar:
    """One line of the list."""

    group: str
    artifact: str
    version: str
    sha256: str

    @property
    def file_name(self) -> str:
        return f"{self.artifact}-{self.version}.jar"


Fetch = Callable[[Jar, Path], Path]


def read_list(path: Path = LIST) -> tuple[Jar, ...]:
    """The jars in class path order."""
    lines = path.read_text(encoding="ascii").splitlines()
    return tuple(Jar(*line.split()) for line in lines if line and not line.startswith("#"))


def are_fetched(folder: Path) -> bool:
    """Whether every jar of the list is in `folder`, verified and not touched since."""
    return _is_verified(folder, [folder / jar.file_name for jar in read_list()])


def fetch_jars(
    folder: Path, jars: tuple[Jar, ...], fetch: Fetch | None = None, say: Callable[[str], None] = print
) -> list[Path]:
    """The verified jars below `folder`, fetching what is missing or damaged.

    Each arrives beside its place and is renamed once its hash is right, so an interrupted download leaves no half jar.
    A stamp with names, sizes and times spares hashing 45 MB at every later start. Who comes while another process fetches
    waits for it.
    """
    paths = [folder / jar.file_name for jar in jars]
    if not _is_verified(folder, paths):
        folder.mkdir(parents=True, exist_ok=True)
        with in_turn(folder / LOCK):
            if not _is_verified(folder, paths):
                _fetch_missing(folder, jars, fetch or fetch_from_central, say)
                (folder / VERIFIED).write_text(_fingerprint(paths), encoding="utf-8")
    return paths


def _is_verified(folder: Path, paths: list[Path]) -> bool:
    stamp = folder / VERIFIED
    return stamp.exists() and stamp.read_text(encoding="utf-8") == _fingerprint(paths)


def _fetch_missing(folder: Path, jars: tuple[Jar, ...], fetch: Fetch, say: Callable[[str], None]) -> None:
    missing = [jar for jar in jars if _sha256(folder / jar.file_name) != jar.sha256]
    if missing:
        say(f"Fetching {len(missing)} jars of Apache Kafka from Maven Central (45 MB in all, once) ...")
        with _certificates_of_the_machine(), ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(lambda jar: _fetch_one(folder, jar, fetch), missing))


@contextmanager
def _certificates_of_the_machine() -> Iterator[None]:
    """Trust what this machine trusts: jgo's requests know the public authorities alone, no company's own."""
    truststore.inject_into_ssl()
    try:
        yield
    finally:
        truststore.extract_from_ssl()


def fetch_from_central(jar: Jar, staging: Path) -> Path:
    """Download one jar with jgo into `staging`."""
    from jgo.maven import MavenContext  # noqa: PLC0415  0.4 s of import, needed by the first start alone

    context = MavenContext(repo_cache=staging, timeout=30)
    return Path(context.project(jar.group, jar.artifact).at_version(jar.version).artifact().resolve())


def _fetch_one(folder: Path, jar: Jar, fetch: Fetch) -> None:
    staging = folder / f".{jar.file_name}.fetching"
    shutil.rmtree(staging, ignore_errors=True)
    try:
        fetched = fetch(jar, staging)
        digest = _sha256(fetched)
        if digest == jar.sha256:
            fetched.replace(folder / jar.file_name)
    except Exception as error:
        raise LocalTroubleError(
            f"{jar.file_name} could not be fetched from Maven Central ({type(error).__name__}: {error}). "
            "The first start needs the network (and room on the disk); later ones do not. Check both and start again."
        ) from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    if digest != jar.sha256:
        raise LocalTroubleError(
            f"{jar.file_name} arrived with SHA-256 {digest} instead of {jar.sha256}, so it is not used. "
            "Something between here and Maven Central changes files; try again, or another network."
        )


def _fingerprint(paths: list[Path]) -> str:
    found = [(path, path.stat()) for path in paths if path.exists()]
    return "\n".join(f"{path.name} {status.st_size} {status.st_mtime_ns}" for path, status in found)


def _sha256(path: Path) -> str | None:
    if not path.is_file():
        return None
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
