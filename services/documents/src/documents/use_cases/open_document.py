"""Hands out one version of a document by a link that lives for a minute, and remembers who has it."""

from dataclasses import dataclass
from uuid import UUID

from documents.domain import file_name
from documents.ports import ContentLinks, DocumentShelf, Reader


@dataclass(frozen=True, slots=True)
class OpenedDocument:
    url: str
    filename: str
    size: int
    sha256: str
    media_type: str
    version: int


class OpenDocument:
    def __init__(self, *, shelf: DocumentShelf, links: ContentLinks) -> None:
        self._shelf = shelf
        self._links = links

    async def __call__(
        self, reader: Reader, document_id: UUID, version: int | None = None, *, record: bool = True
    ) -> OpenedDocument:
        """DocumentUnknown where this customer does not see it. Without `record` it stays as new as it was."""
        shown = await self._shelf.open_version(reader, document_id, version, record=record)
        name = file_name(
            shown.document_type,
            shown.document_number,
            shown.media_type,
            older_version=None if shown.current else shown.version,
        )
        url = self._links.link(shown.object_key, shown.media_type)
        return OpenedDocument(url, name, shown.size, shown.sha256, shown.media_type, shown.version)
