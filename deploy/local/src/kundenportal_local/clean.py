"""`kundenportal clean`: removes what a local stack kept, and keeps the downloads."""

import shutil

from kundenportal_local.errors import LocalTroubleError
from kundenportal_local.layout import Layout
from kundenportal_local.lock import exclusive


def clean(layout: Layout) -> None:
    """Remove data, mails, logs and secrets; LocalTroubleError while a stack uses them."""
    if not layout.root.exists():
        return
    with exclusive(layout.lock):
        try:
            for folder in (layout.data, layout.logs, layout.mailbox, layout.samples):
                if folder.exists():
                    shutil.rmtree(folder)
            for file in (layout.secrets, layout.stack_file):
                file.unlink(missing_ok=True)
        except OSError as error:
            raise LocalTroubleError(f"{error.filename} could not be removed: {error.strerror}.") from error
    layout.lock.unlink(missing_ok=True)
