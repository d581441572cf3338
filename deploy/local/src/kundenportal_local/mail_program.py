"""The mail server as a program of the stack."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from kundenportal_local.maildir import Maildir
from kundenportal_local.ports import HOST
from kundenportal_local.probes import answers_http, greets_smtp
from kundenportal_local.program import Program


@dataclass(frozen=True)
class Mail:
    """One mail server: its Maildir, its two ports."""

    folder: Path
    smtp_port: int
    page_port: int

    @property
    def page_url(self) -> str:
        return f"http://{HOST}:{self.page_port}/"

    def program(self, environment: Mapping[str, str]) -> Program:
        ports = ("--smtp-port", str(self.smtp_port), "--page-port", str(self.page_port))
        return Program(
            name="smtp",
            command=(sys.executable, "-m", "kundenportal_local.mail", *ports, "--folder", str(self.folder)),
            environment=environment,
            is_ready=lambda: greets_smtp(self.smtp_port) and answers_http(self.page_port, "/alive", 200),
            prepare=lambda: _prepare(self.folder),
        )


def _prepare(folder: Path) -> None:
    Maildir(folder)
