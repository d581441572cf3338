"""S3 by `rclone serve s3`: objects are files below one folder, buckets are its folders. Path style, us-east-1."""

import contextlib
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from kundenportal_local.ports import HOST
from kundenportal_local.probes import answers_http
from kundenportal_local.program import Program

REGION = "us-east-1"
UPLOAD_LEFTOVERS = ".rclone_temp_put_*"


@dataclass(frozen=True)
class S3:
    """One object store: its folder, its port, its one key pair."""

    data: Path
    port: int
    access_key: str
    secret_key: str
    buckets: tuple[str, ...] = ()

    @property
    def endpoint(self) -> str:
        return f"http://{HOST}:{self.port}"

    def prepare(self) -> None:
        """Make the buckets, and clear what uploads cut off by a kill left behind."""
        self.data.mkdir(parents=True, exist_ok=True)
        for bucket in self.buckets:
            self.make_bucket(bucket)
        for leftover in self.data.rglob(UPLOAD_LEFTOVERS):
            with contextlib.suppress(OSError):
                leftover.unlink()

    def make_bucket(self, name: str) -> None:
        (self.data / name).mkdir(exist_ok=True)

    def program(self, environment: Mapping[str, str]) -> Program:
        return Program(
            name="s3",
            command=(str(rclone()), "serve", "s3", "--addr", f"{HOST}:{self.port}", str(self.data)),
            environment={
                **environment,
                "RCLONE_AUTH_KEY": f'"{self.access_key},{self.secret_key}"',
                "RCLONE_CONFIG": "/dev/null",
            },
            is_ready=lambda: answers_http(self.port, "/", 400, 403),
            prepare=self.prepare,
        )


def rclone() -> Path:
    """The program beside this Python, where its package puts it."""
    return Path(sys.executable).with_name("rclone")
