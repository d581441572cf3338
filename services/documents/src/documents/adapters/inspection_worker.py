"""The process in which hostile PDFs and XML are opened: little memory, bounded time, no secrets, gone with its parent.

Speaks over the socket on its standard input, as inspection_wire says.
"""

import ctypes
import io
import logging
import os
import resource
import signal
import socket
import sys
from collections.abc import Callable
from typing import Final

import pikepdf
from lxml import etree

from documents.adapters.inspection_wire import ENCRYPTED, PDF_KIND, READY, REPLY, REQUEST, TAKEN, UNREADABLE, XML_KIND

_PR_SET_PDEATHSIG: Final = 1
_MAX_DETAIL: Final = 300
_OPEN_FILES: Final = 32

Verdict = tuple[bytes, str]


def inspect_pdf(content: bytes) -> Verdict:
    """Take what pikepdf opens, also repaired; a file that only restricts its use opens without a password."""
    try:
        with pikepdf.open(io.BytesIO(content)):
            return TAKEN, ""
    except pikepdf.PasswordError:
        return ENCRYPTED, "the PDF needs a password to be opened"
    except pikepdf.PdfError as error:
        if "encrypt" in str(error):
            return ENCRYPTED, "the PDF is encrypted in a way that no empty password opens"
        return UNREADABLE, f"not a PDF: {_told(error)}"


class _DoctypeFound(Exception):
    """Stops the parser before it reads a declaration inside the document type."""


class _WellFormed:
    """A parser target that builds no tree: well-formedness costs no memory."""

    def doctype(self, *_: object) -> None:
        raise _DoctypeFound

    def close(self) -> None:
        pass


def inspect_xml(content: bytes) -> Verdict:
    """Take well-formed XML without a document type, hence without entities of its own."""
    parser = etree.XMLParser(
        target=_WellFormed(),  # type: ignore[arg-type]  # lxml calls what a target has; the stubs want everything
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
    )
    try:
        etree.fromstring(content, parser)
    except _DoctypeFound:
        return UNREADABLE, "XML with a document type declaration"
    except (etree.XMLSyntaxError, ValueError) as error:
        return UNREADABLE, f"not well-formed XML: {_told(error)}"
    return TAKEN, ""


_INSPECTIONS: Final[dict[bytes, Callable[[bytes], Verdict]]] = {PDF_KIND: inspect_pdf, XML_KIND: inspect_xml}


def _told(error: Exception) -> str:
    """Shorten a library's message: without the name of its stream, on one line."""
    text = " ".join(str(error).split())
    return text.rpartition(">: ")[2][:_MAX_DETAIL] or type(error).__name__


def _inspect(kind: bytes, content: bytes) -> Verdict:
    try:
        return _INSPECTIONS[kind](content)
    except MemoryError:
        return UNREADABLE, "needs more memory than an inspection gets"
    except Exception as error:  # noqa: BLE001 - whatever hostile content makes a library raise is a verdict about it
        return UNREADABLE, f"cannot be read: {_told(error)}"


def serve(requests: io.BufferedIOBase, reply: Callable[[bytes], object], cpu_seconds: float) -> None:
    """Answer one request after the other until the other side closes."""
    while len(header := requests.read(REQUEST.size)) == REQUEST.size:
        kind, length = REQUEST.unpack(header)
        content = requests.read(length)
        # SIGPROF keeps its default action, which ends the process even inside a library's loop.
        signal.setitimer(signal.ITIMER_PROF, cpu_seconds)
        verdict, detail = _inspect(kind, content)
        signal.setitimer(signal.ITIMER_PROF, 0)
        text = detail.encode("utf-8", "replace")
        reply(REPLY.pack(verdict, len(text)) + text)
        del content


def confine(parent: int, memory_bytes: int) -> None:
    """Die with the parent, take no more than this memory, write no file, leave no core."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(0)
    for kind, limit in (
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, _OPEN_FILES),
    ):
        resource.setrlimit(kind, (limit, limit))
    # The parent alone decides when to end; a Ctrl-C at the terminal reaches the whole group.
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def main() -> None:
    parent, memory_bytes, cpu_seconds = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    confine(parent, memory_bytes)
    logging.disable()
    channel = socket.socket(fileno=0)
    channel.sendall(READY)
    with channel.makefile("rb") as requests:
        serve(requests, channel.sendall, cpu_seconds)


if __name__ == "__main__":
    main()
