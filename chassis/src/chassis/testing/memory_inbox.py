"""An inbox that remembers in a dictionary."""

from collections.abc import Mapping

from chassis.inbox.deduplicate import Identity, InboxMemory


class MemoryInbox(InboxMemory):
    """Behaves like `Inbox`; `taken` outlives it where the same dictionary is handed to the next one."""

    def __init__(self, taken: dict[Identity, bytes] | None = None) -> None:
        super().__init__()
        self.taken: dict[Identity, bytes] = {} if taken is None else taken

    async def _stored(self, asked: set[Identity]) -> Mapping[Identity, bytes]:
        return {identity: self.taken[identity] for identity in asked if identity in self.taken}

    async def _insert(self, rows: Mapping[Identity, bytes]) -> set[Identity]:
        inserted = rows.keys() - self.taken.keys()
        self.taken.update({identity: rows[identity] for identity in inserted})
        return set(inserted)
