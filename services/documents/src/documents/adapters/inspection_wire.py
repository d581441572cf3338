"""What the inspector and its workers say to each other: kind, length, bytes in; verdict, length, detail out."""

import struct
from typing import Final

REQUEST: Final = struct.Struct("!cQ")
REPLY: Final = struct.Struct("!cH")
READY: Final = b"R"

PDF_KIND: Final = b"P"
XML_KIND: Final = b"X"

TAKEN: Final = b"T"
ENCRYPTED: Final = b"E"
UNREADABLE: Final = b"U"
