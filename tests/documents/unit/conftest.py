"""Intake on memory: the handlers as the wiring makes them, over fakes."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from chassis.messaging.subscriptions import DeadLetter, Event, Handler, Malformed, MalformedHandler, Record
from chassis.testing.frozen_clock import FrozenClock
from documents.domain import Document
from documents.ports import DocumentsWork, QuarantinedRecord
from documents.settings import DocumentsSettings
from documents.wiring import intake_subscriptions
from tests.documents.making import said, settings
from tests.documents.memory import MemoryContent, MemoryTransactions, PlainInspector


@dataclass
class Intake:
    """What billing hands over goes in at `take`; what came of it is found in `transactions` and `content`."""

    clock: FrozenClock
    settings: DocumentsSettings = field(default_factory=settings)
    content: MemoryContent = field(default_factory=MemoryContent)
    inspector: PlainInspector = field(default_factory=PlainInspector)

    def __post_init__(self) -> None:
        self.transactions = MemoryTransactions(self.clock)
        [self._subscription] = intake_subscriptions(
            self.settings,
            before=self.transactions,
            intake=self.content,
            inspector=self.inspector,
            store=self.content,
            clock=self.clock,
        )

    def handler(self, ce_type: str) -> Handler[Any, DocumentsWork]:
        return self._subscription.handlers[ce_type]

    async def take(self, *events: Event) -> None:
        """Settle runs of events of one type in one transaction each, as the consumer does."""
        run: list[Event] = []
        for event in [*events, None]:
            if run and (event is None or event.type != run[0].type):
                await self._settle(self.handler(run[0].type), run)
                run = []
            if event is not None:
                run.append(event)

    async def take_malformed(self, record: Record, detail: str = "header ce_id is missing") -> None:
        malformed: MalformedHandler[Any, DocumentsWork] | None = self._subscription.malformed
        assert malformed is not None
        await self._settle(malformed, [Malformed(record, detail)])

    async def _settle(self, handler: Any, run: list[Any]) -> None:
        prepared = await handler.prepare(run)
        assert not [one for one in prepared if isinstance(one, DeadLetter)]
        async with self.transactions.begin() as work:
            assert not await handler.apply(prepared, work)

    def document(self, number: str = "R0099901888", customer: str = "4711") -> Document:
        return self.transactions.documents[customer, number]

    def said(self, name: str) -> list[dict[str, Any]]:
        return said(self.transactions.outbox, name)

    @property
    def reasons(self) -> list[str]:
        return [rejected["reason"] for rejected in self.said("DocumentRejected")]

    @property
    def quarantined(self) -> list[QuarantinedRecord]:
        return list(self.transactions.quarantined.values())


@pytest.fixture
def intake(clock: FrozenClock) -> Intake:
    return Intake(clock)
