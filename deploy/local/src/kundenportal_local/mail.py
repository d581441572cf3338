"""The local mail server: takes every message for anyone, keeps it in a Maildir, and shows it on the inbox page."""

import argparse
import asyncio
import contextlib
import errno
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import uvicorn
from aiosmtpd.smtp import SMTP, Envelope, Session

from kundenportal_local.inbox.page import create_page
from kundenportal_local.maildir import Maildir
from kundenportal_local.ports import HOST

LARGEST_MESSAGE = 50_000_000


class MaildirHandler:
    """Says 250 once the message is in the Maildir."""

    def __init__(self, maildir: Maildir) -> None:
        self._maildir = maildir

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802  aiosmtpd's name
        content = envelope.original_content or b""
        try:
            self._maildir.add(content, sender=envelope.mail_from or "<>", recipients=envelope.rcpt_tos)
        except OSError as error:
            print(f"a message could not be stored: {error}", file=sys.stderr, flush=True)
            full = error.errno in {errno.ENOSPC, errno.EDQUOT}
            return "452 4.3.1 Insufficient system storage" if full else "451 4.3.0 The message could not be stored"
        return "250 2.0.0 Stored"


class _PageServer(uvicorn.Server):
    """The signals belong to the process, not to the page."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve_mail(*, smtp_port: int, page_port: int, folder: Path) -> None:
    """Both servers, until SIGTERM or SIGINT."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for one in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(one, stop.set)
    maildir = Maildir(folder)
    handler = MaildirHandler(maildir)
    smtp = await loop.create_server(
        lambda: SMTP(handler, data_size_limit=LARGEST_MESSAGE, enable_SMTPUTF8=True, hostname="localhost", loop=loop),
        HOST,
        smtp_port,
    )
    config = uvicorn.Config(
        create_page(maildir), host=HOST, port=page_port, log_level="warning", proxy_headers=False, lifespan="off"
    )
    page = _PageServer(config)
    showing = asyncio.create_task(page.serve())
    await asyncio.wait([showing, asyncio.create_task(stop.wait())], return_when=asyncio.FIRST_COMPLETED)
    page.should_exit = page.force_exit = True
    smtp.close()
    await showing


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m kundenportal_local.mail", description=__doc__)
    parser.add_argument("--smtp-port", type=int, required=True)
    parser.add_argument("--page-port", type=int, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    chosen = parser.parse_args()
    asyncio.run(serve_mail(smtp_port=chosen.smtp_port, page_port=chosen.page_port, folder=chosen.folder))


if __name__ == "__main__":
    main()
