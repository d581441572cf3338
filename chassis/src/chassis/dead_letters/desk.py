"""The desk at which an operator handles dead letters. Everything done here may be repeated: what was half done is done.

A letter goes back to where it came from first, then the note is written; interrupted between the two it is still open,
and goes back once more, where the service's inbox knows it.
"""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from chassis.clock import Clock
from chassis.dead_letters.letters import Action, Letter, Note, Origin, Place, fold, note_message, original, read
from chassis.messaging.clients import Message
from chassis.messaging.producer import Answer
from chassis.messaging.records import Record
from chassis.messaging.topic_reader import TopicReader
from kundenportal_contracts.topics import Topic

CHUNK_LETTERS = 100
CHUNK_BYTES = 4 * 1_048_576

NOT_WRITTEN: Mapping[Answer, str] = {
    Answer.UNKNOWN: "no answer from the broker; it may have been written, repeating it is safe",
    Answer.REFUSED: "the broker refuses it as it is: too large",
    Answer.NO_TOPIC: "its topic is missing, or there is no right to write there",
}
NOT_NOTED: Mapping[Action, str] = {
    "replayed": "written back, but not noted: repeating it is safe",
    "discarded": "not noted: repeat it",
}


class Sends(Protocol):
    async def send(self, messages: Sequence[Message]) -> Sequence[Answer]: ...


class TopicGone(Exception):
    """The dead-letters topic itself is missing."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one letter; `words` say it to the operator. `silent`: the broker did not answer."""

    place: Place
    words: str
    done: bool = False
    silent: bool = False


@dataclass(frozen=True, slots=True)
class Signature:
    """Who does it, and why."""

    by: str
    because: str | None = None


class Desk:
    """Over one service's dead-letters topic."""

    def __init__(self, topic: Topic, reader: TopicReader, sender: Sends, clock: Clock) -> None:
        self._topic = topic.name
        self._reader = reader
        self._sender = sender
        self._clock = clock

    async def letters(self) -> list[Letter]:
        """Every letter that the topic still holds, handled ones with their note."""
        read_in_order: list[Letter | Note] = []
        for partition in range(await self._partitions()):
            begin, end = await self._reader.bounds(self._topic, partition)
            found = self._reader.read(self._topic, partition, begin, end)
            read_in_order += [read(each.record, each.at) async for each in found]
        return fold(read_in_order)

    async def record(self, letter: Letter) -> Record | None:
        """The letter's record, with its value; None where it has meanwhile been dropped."""
        async for each in self._records([letter]):
            return each[1]
        return None

    async def discard(self, letters: Sequence[Letter], signature: Signature) -> list[Outcome]:
        """Note that nothing is to be done with these."""
        open_, outcomes = _only_open(letters)
        for start in range(0, len(open_), CHUNK_LETTERS):
            outcomes += await self._note(open_[start : start + CHUNK_LETTERS], "discarded", signature)
        return outcomes

    async def replay(self, letters: Sequence[Letter], signature: Signature) -> list[Outcome]:
        """Write these back to where they came from, in their order, and note it. Ends early when the broker falls silent."""
        open_, outcomes = _only_open(letters)
        fit, unfit = await self._fit(open_)
        outcomes += unfit
        left = {letter.place for letter in fit}
        async for chunk in self._chunks(fit):
            outcomes += (done := await self._replay_chunk(chunk, signature))
            left -= {outcome.place for outcome in done}
            if any(outcome.silent for outcome in done):
                break
        return outcomes + [Outcome(place, "not tried") for place in sorted(left)]

    async def _replay_chunk(self, chunk: Sequence[tuple[Letter, Record]], signature: Signature) -> list[Outcome]:
        answers = await self._sender.send([original(letter, record.value) for letter, record in chunk])
        told = [(letter, answer) for (letter, _), answer in zip(chunk, answers, strict=True)]
        failed = [
            Outcome(letter.place, NOT_WRITTEN[answer], silent=answer is Answer.UNKNOWN)
            for letter, answer in told
            if not answer
        ]
        return failed + await self._note([letter for letter, answer in told if answer], "replayed", signature)

    async def _note(self, letters: Sequence[Letter], action: Action, signature: Signature) -> list[Outcome]:
        if not letters:
            return []
        by, at, because = signature.by, self._clock.now(), signature.because
        notes = [note_message(self._topic, letter, action, by=by, at=at, because=because) for letter in letters]
        answers = await self._sender.send(notes)
        return [
            _noted(letter, action) if answer else Outcome(letter.place, NOT_NOTED[action], silent=True)
            for letter, answer in zip(letters, answers, strict=True)
        ]

    async def _fit(self, letters: Sequence[Letter]) -> tuple[list[Letter], list[Outcome]]:
        """Sort out what cannot be written back, or would undo what is newer."""
        topics = {letter.origin.topic for letter in letters if letter.origin}
        partitions = await self._reader.partitions(topics) if topics else {}
        there = {topic for topic in topics if partitions[topic]}
        compacted = await self._reader.compacted(there) if there else set()
        overtaken = await self._overtaken([each for each in letters if each.origin and each.origin.topic in compacted])
        fit: list[Letter] = []
        outcomes: list[Outcome] = []
        for letter in letters:
            if words := _unfit(letter, partitions) or overtaken.get(letter.place):
                outcomes.append(Outcome(letter.place, words))
            else:
                fit.append(letter)
        return fit, outcomes

    async def _overtaken(self, letters: Sequence[Letter]) -> dict[Place, str]:
        """Those of compacted topics behind which the same key was said again: written back they would replace that."""
        by_partition: dict[tuple[str, int], list[tuple[Letter, Origin]]] = {}
        for letter in letters:
            if origin := letter.origin:
                by_partition.setdefault((origin.topic, origin.partition), []).append((letter, origin))
        found: dict[Place, str] = {}
        for (topic, partition), theirs in by_partition.items():
            first = min(origin.offset for _, origin in theirs) + 1
            last = await self._last_of({letter.key for letter, _ in theirs}, topic, partition, first)
            for letter, origin in theirs:
                if (newer := last.get(letter.key, 0)) > origin.offset:
                    found[letter.place] = f"{topic} keeps the last record of a key, and {newer} is newer: discard it"
        return found

    async def _last_of(
        self, keys: Collection[bytes | None], topic: str, partition: int, first: int
    ) -> dict[bytes | None, int]:
        begin, end = await self._reader.bounds(topic, partition)
        found = self._reader.read(topic, partition, max(first, begin), end)
        return {each.record.key: each.record.offset async for each in found if each.record.key in keys}

    async def _chunks(self, letters: Sequence[Letter]) -> AsyncIterator[list[tuple[Letter, Record]]]:
        chunk: list[tuple[Letter, Record]] = []
        size = 0
        async for letter, record in self._records(letters):
            chunk.append((letter, record))
            size += len(record.value or b"")
            if len(chunk) >= CHUNK_LETTERS or size >= CHUNK_BYTES:
                yield chunk
                chunk, size = [], 0
        if chunk:
            yield chunk

    async def _records(self, letters: Sequence[Letter]) -> AsyncIterator[tuple[Letter, Record]]:
        by_partition: dict[int, dict[int, Letter]] = {}
        for letter in letters:
            by_partition.setdefault(letter.place.partition, {})[letter.place.offset] = letter
        for partition, wanted in sorted(by_partition.items()):
            async for each in self._reader.read(self._topic, partition, min(wanted), max(wanted) + 1):
                if each.record.offset in wanted:
                    yield wanted[each.record.offset], each.record

    async def _partitions(self) -> int:
        partitions = (await self._reader.partitions([self._topic]))[self._topic]
        if not partitions:
            raise TopicGone(f"the topic {self._topic} is missing: run `kundenportal-contracts topics --apply`")
        return partitions


def handled_words(note: Note) -> str:
    """Who did what, when and why."""
    because = f": {note.because}" if note.because else ""
    return f"{note.action} by {note.by} at {note.at}{because}"


def _noted(letter: Letter, action: Action) -> Outcome:
    return Outcome(letter.place, f"replayed to {letter.origin}" if action == "replayed" else action, done=True)


def _unfit(letter: Letter, partitions: Mapping[str, int]) -> str | None:
    origin = letter.origin
    if origin is None:
        return "nothing says where it came from (no dlq_topic, dlq_partition, dlq_offset): show it, discard it"
    if letter.truncated is not None:
        return (
            "it was too large, only its beginning was kept (`show` says of what): whoever said it has to say it again"
        )
    if letter.odd_names:
        return "a header name is not UTF-8, which this client cannot write: whoever said it has to say it again"
    if not partitions[origin.topic]:
        return f"its topic {origin.topic} is missing"
    if origin.partition >= partitions[origin.topic]:
        return f"there is no partition {origin.partition} of {origin.topic}"
    return None


def _only_open(letters: Sequence[Letter]) -> tuple[list[Letter], list[Outcome]]:
    handled = [Outcome(each.place, f"already {handled_words(each.note)}") for each in letters if each.note]
    return [letter for letter in letters if letter.note is None], handled
