"""The billing system's command line, as samples and smoke call it."""

import subprocess
import sys
from pathlib import Path

from kundenportal_local.environment import base_environment
from kundenportal_local.errors import LocalTroubleError

SOURCE = "billing/sap-1"
SECONDS = 60.0


def billing(stack_file: Path, *arguments: str) -> None:
    """Run `kundenportal-billing` on this stack; LocalTroubleError with its words when it fails."""
    command = [str(Path(sys.executable).with_name("kundenportal-billing")), *arguments, "--stack", str(stack_file)]
    environment = {**base_environment(), "KUNDENPORTAL_BILLING_SOURCE": SOURCE, "COLUMNS": "200"}
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise LocalTroubleError(f"`kundenportal-billing {arguments[0]}` took longer than {SECONDS:.0f} s.") from error
    if done.returncode != 0:
        said = (done.stderr + done.stdout).strip()
        raise LocalTroubleError(f"`kundenportal-billing {arguments[0]}` failed:\n{said}")
