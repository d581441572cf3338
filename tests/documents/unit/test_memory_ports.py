"""The fakes keep the contract of the ports."""

import pytest

from chassis.testing.frozen_clock import FrozenClock
from documents.ports import ContentStore, IntakeStore
from tests.documents.memory import MemoryContent, MemoryTransactions, PlainInspector
from tests.documents.ports_contract import ContentContract, InspectorContract, WorkContract


class TestMemoryWork(WorkContract):
    @pytest.fixture
    def transactions(self, clock: FrozenClock) -> MemoryTransactions:
        return MemoryTransactions(clock)


class MemoryBuckets:
    def __init__(self) -> None:
        content = MemoryContent()
        self.store: ContentStore = content
        self.intake: IntakeStore = content
        self.give = content.intake.__setitem__
        self.kept = content.kept.__getitem__


class TestMemoryContent(ContentContract):
    @pytest.fixture
    def buckets(self) -> MemoryBuckets:
        return MemoryBuckets()


class TestPlainInspector(InspectorContract):
    @pytest.fixture
    def inspector(self) -> PlainInspector:
        return PlainInspector()
