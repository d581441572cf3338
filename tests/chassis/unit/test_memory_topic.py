"""What retention and compaction leave of a partition in memory."""

from chassis.messaging.clients import Message
from chassis.testing.memory_topic import MemoryLog


def log_of(*records: tuple[bytes | None, bytes | None]) -> MemoryLog:
    log = MemoryLog("t", 0)
    for key, value in records:
        log.append(Message("t", key, value))
    return log


def left(log: MemoryLog) -> list[tuple[int, bytes | None]]:
    return [(record.offset, record.value) for record in log.records]


def test_compaction_keeps_the_last_of_each_key() -> None:
    """Offsets stay as they were; readers pass over what is gone."""
    log = log_of((b"a", b"1"), (b"b", b"1"), (b"a", b"2"), (None, b"x"), (b"b", b"2"), (b"c", b"1"))
    log.compact()
    assert left(log) == [(2, b"2"), (3, b"x"), (4, b"2"), (5, b"1")]
    assert [record.offset for record in log.read(0, 2)] == [2, 3]
    assert [record.offset for record in log.read(4, 9)] == [4, 5]
    assert log.append(Message("t", b"a", b"3")).offset == 6


def test_tombstones_go_when_their_time_is_over() -> None:
    """Before that they stand for what was forgotten; the newest record always stays."""
    log = log_of((b"a", b"1"), (b"a", None), (b"b", b"1"), (b"c", None))
    log.compact()
    assert left(log) == [(1, None), (2, b"1"), (3, None)]
    log.compact(tombstones=True)
    assert left(log) == [(2, b"1"), (3, None)]


def test_retention_moves_the_start() -> None:
    """Never back, and not past the end."""
    log = log_of((b"a", b"1"), (b"a", b"2"), (b"a", b"3"))
    log.expire(2)
    assert (log.start, left(log)) == (2, [(2, b"3")])
    log.expire(1)
    assert log.start == 2
    log.expire(99)
    assert (log.start, log.end, left(log)) == (3, 3, [])
