"""Compares what was acknowledged with what came out: lost, doubled, unseen, late. Pure; works from files as well."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from tests.faults.history import AnyHistory, Event, Issued, Poison, Withdrawn
from tests.faults.outcome import BusRecord, Outcome

DRAINED_SECONDS = 60.0
PUBLISHED = "documents.DocumentPublished.v1"
BILLING = "billing.documents.v1"
SHOWN_FINDINGS = 10

Name = tuple[str, str]
"""customer_number, document_number"""


@dataclass(slots=True)
class Verdict:
    """Findings in plain text. The first four are never allowed; the others are counted, for a test to judge."""

    fault: str
    seed: int
    acknowledged: int
    kills: int
    drained: float | None
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)
    late: list[str] = field(default_factory=list)
    copies: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    disordered: list[str] = field(default_factory=list)
    crashed: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        return not (self.lost or self.doubled or self.unseen or self.late)

    def line(self) -> str:
        counts = ", ".join(
            f"{name} {len(getattr(self, name))}"
            for name in ("lost", "doubled", "unseen", "late", "copies", "unknown", "disordered", "crashed")
        )
        drained = "not drained" if self.drained is None else f"drained {self.drained:.1f} s"
        return (
            f"{self.fault} seed {self.seed}: kills {self.kills}, acknowledged {self.acknowledged}, {counts}, {drained}"
        )

    def assert_clean(self) -> None:
        """Nothing lost, doubled, unseen or late."""
        bad = {name: getattr(self, name) for name in ("lost", "doubled", "unseen", "late")}
        told = [f"{name}: {one}" for name, findings in bad.items() for one in findings[:SHOWN_FINDINGS]]
        assert self.clean, "\n".join([self.line(), *told])


def check(history: AnyHistory, outcome: Outcome, *, mails: bool) -> Verdict:
    """Judge one run. `mails`: whether a notifier was part of it, so that each published document owes a mail."""
    drained = drained_after(history)
    verdict = Verdict(history.fault, history.seed, len(history.inputs), history.count("killed"), drained)
    verdict.crashed += [f"{event.what} with {event.facts['code']}" for event in history.events if _is_crash(event)]
    _inputs(history, outcome, verdict)
    _rows(outcome, verdict)
    _events(history, outcome, verdict)
    _lists(history, outcome, verdict)
    if mails:
        _mails(outcome, verdict)
    if drained is None:
        verdict.late.append("not drained at all")
    elif drained > DRAINED_SECONDS:
        verdict.late.append(f"drained {drained:.1f} s after the healing")
    return verdict


def drained_after(history: AnyHistory) -> float | None:
    """Seconds from the last `healed` (without one, from the last `load ended`, else the begin) to the last `drained`."""
    ends = [event.at for event in history.events if event.what == "drained"]
    for mark in ("healed", "load ended", "began"):
        begins = [event.at for event in history.events if event.what == mark]
        if begins:
            return ends[-1] - begins[-1] if ends and ends[-1] >= begins[-1] else None
    return None


def _is_crash(event: Event) -> bool:
    """A process that nobody killed ended by itself, and not well."""
    return event.what.startswith("ended") and event.facts["code"] != 0


def _inputs(history: AnyHistory, outcome: Outcome, verdict: Verdict) -> None:
    """Each acknowledged input took effect, or was refused for the reason that it deserves."""
    names = {row.document_id: (row.customer_number, row.document_number) for row in outcome.documents}
    filed = {(*names[row.document_id], row.sha256) for row in outcome.versions if row.document_id in names}
    withdrawn = {
        (row.customer_number, row.document_number): datetime.fromisoformat(row.withdrawn_at)
        for row in outcome.documents
        if row.withdrawn_at
    }
    kept = {(row.topic, row.partition, row.offset): row.reason for row in outcome.quarantine}
    buried = {(row.topic, row.partition, row.offset): row.reason for row in outcome.dead_letters}
    for given in history.inputs:
        why = kept.get(given.place) or buried.get(given.place)
        if isinstance(given, Poison):
            where = kept if given.place[0] == BILLING else buried
            if where.get(given.place) != given.expected_reason:
                verdict.lost.append(f"{given} is not kept as {given.expected_reason} but as {where.get(given.place)}")
        elif isinstance(given, Issued):
            if (given.customer_number, given.document_number, given.sha256) not in filed:
                verdict.lost.append(f"{given} is not filed" + (f" but refused as {why}" if why else ""))
        elif isinstance(given, Withdrawn):
            at = withdrawn.get((given.customer_number, given.document_number))
            if at is None or at < datetime.fromisoformat(given.ce_time):
                verdict.lost.append(f"{given} is not remembered" + (f" but refused as {why}" if why else ""))


def _rows(outcome: Outcome, verdict: Verdict) -> None:
    """One row for each natural key, and behind each version its very bytes."""
    verdict.lost += [f"the bytes of {row} are not there" for row in outcome.versions if row.content != row.sha256]
    names = {row.document_id: (row.customer_number, row.document_number) for row in outcome.documents}
    for name, times in _repeated(names.values()):
        verdict.doubled.append(f"{times} documents are {name}")
    versions = ((names.get(row.document_id), row.sha256) for row in outcome.versions)
    for key, times in _repeated(versions):
        verdict.doubled.append(f"{times} versions are {key}")
    for place, times in _repeated((row.topic, row.partition, row.offset) for row in outcome.quarantine):
        verdict.doubled.append(f"{times} quarantine rows are of {place}")


def _events(history: AnyHistory, outcome: Outcome, verdict: Verdict) -> None:
    """What was said in a committed transaction is on the bus or waits; once, and in order for each key."""
    on_bus = Counter(record.ce_id for record in outcome.bus)
    waiting = {said.ce_id for said in outcome.said if said.waiting}
    for said in outcome.said:
        if said.ce_id not in on_bus and not said.waiting:
            verdict.lost.append(f"{said} is neither on the bus nor in the outbox")
    for ce_id, times in on_bus.items():
        verdict.copies += [f"{ce_id} is {times} times on the bus"] * (times - 1)
    published = [record for record in outcome.bus if record.ce_type == PUBLISHED]
    _published(history, outcome, published, waiting, verdict)
    _order(outcome, verdict)


def _published(
    history: AnyHistory, outcome: Outcome, published: list[BusRecord], waiting: set[str], verdict: Verdict
) -> None:
    """Each version is told once; again only where several words about the document could change what is visible."""
    names = {row.document_id: (row.customer_number, row.document_number) for row in outcome.documents}
    words = Counter((given.customer_number, given.document_number) for given in _distinct(history))
    changing = {name for name, count in words.items() if count > 1}
    told: dict[tuple[str | None, int | None], set[str]] = defaultdict(set)
    for record in published:
        told[record.document_id, record.version].add(record.ce_id)
    still = Counter(said.key for said in outcome.said if said.waiting and said.ce_type == PUBLISHED)
    for row in outcome.versions:
        name = names.get(row.document_id)
        times = len(told[row.document_id, row.version])
        if not times and name not in changing and not (name and still[name[0]]):
            verdict.lost.append(f"{row} of {name} was never told")
        if times > (words[name] if name in changing and name else 1):
            verdict.doubled.append(f"{row} of {name} is told under {times} event ids")


def _order(outcome: Outcome, verdict: Verdict) -> None:
    """The first copies of one key's events stand on the bus in the order in which they were written."""
    place = {said.ce_id: ((said.service, said.topic, said.key), said.id) for said in outcome.said}
    last: dict[tuple[str, str, str], int] = {}
    seen: set[str] = set()
    for record in sorted(outcome.bus, key=lambda record: (record.topic, record.partition, record.offset)):
        if record.ce_id in seen or record.ce_id not in place:
            continue
        seen.add(record.ce_id)
        key, number = place[record.ce_id]
        if number < last.get(key, -1):
            verdict.disordered.append(f"{record} came after a later one of its key")
        last[key] = max(number, last.get(key, -1))


def _lists(history: AnyHistory, outcome: Outcome, verdict: Verdict) -> None:
    """The list shows each document in the version that billing's words make the current one, and nothing else."""
    if outcome.listed is None:
        return
    listed = {(item.customer_number, item.document_number): item.version for item in outcome.listed}
    names = {row.document_id: (row.customer_number, row.document_number) for row in outcome.documents}
    numbers = {
        (names[row.document_id], row.sha256): row.version for row in outcome.versions if row.document_id in names
    }
    for name, sha256 in expected(history).items():
        if sha256 is None:
            if name in listed:
                verdict.unseen.append(f"{name} is listed although it is withdrawn")
        elif (name, sha256) in numbers and listed.get(name) != numbers[name, sha256]:
            verdict.unseen.append(f"{name} is listed as {listed.get(name)}, not as version {numbers[name, sha256]}")
    for twice, times in _repeated((item.customer_number, item.document_number) for item in outcome.listed):
        verdict.doubled.append(f"{twice} is listed {times} times")


def expected(history: AnyHistory) -> dict[Name, str | None]:
    """The bytes that each document shows by the rules of interfaces: billing's order, and the latest withdrawal."""
    said: dict[Name, dict[str, list[tuple[datetime, str]]]] = defaultdict(lambda: defaultdict(list))
    withdrawn: dict[Name, datetime] = {}
    for given in _distinct(history):
        name, at = (given.customer_number, given.document_number), datetime.fromisoformat(given.ce_time)
        if isinstance(given, Issued):
            said[name][given.sha256].append((at, given.ce_id))
        else:
            withdrawn[name] = max(at, withdrawn.get(name, at))
    shown: dict[Name, str | None] = {}
    for name, versions in said.items():
        visible = {
            sha256: min(moments)
            for sha256, moments in versions.items()
            if name not in withdrawn or max(moments)[0] > withdrawn[name]
        }
        shown[name] = max(visible, key=lambda sha256: (*visible[sha256], sha256), default=None)
    return shown


def _mails(outcome: Outcome, verdict: Verdict) -> None:
    """Each published document owes a delivery, each `sent` a mail, and no mail goes out twice."""
    names = {row.document_id: row.customer_number for row in outcome.documents}
    delivered = {(row.document_id, row.version) for row in outcome.deliveries}
    for record in outcome.bus:
        due = record.ce_type == PUBLISHED and record.current and names.get(record.document_id or "") in outcome.users
        if due and (record.document_id, record.version) not in delivered:
            verdict.lost.append(f"{record} has no delivery")
            delivered.add((record.document_id, record.version))
    for key, times in _repeated((row.purpose, row.subject_id, row.address.casefold()) for row in outcome.deliveries):
        verdict.doubled.append(f"{times} deliveries are {key}")
    taken = Counter(mail.message_id.strip("<>").partition("@")[0] for mail in outcome.mails)
    states = {row.id: row.state for row in outcome.deliveries}
    for row in outcome.deliveries:
        if row.state == "sent" and not taken[row.id]:
            verdict.lost.append(f"{row} has no mail")
        if row.state == "unknown":
            verdict.unknown.append(f"{row} has {taken[row.id]} mails")
    for id_, times in taken.items():
        if id_ not in states:
            verdict.doubled.append(f"the mail {id_} belongs to no delivery")
        elif times > 1 and states[id_] != "unknown":
            verdict.doubled.append(f"the mail of {id_} ({states[id_]}) came {times} times")


def _distinct(history: AnyHistory) -> list[Issued | Withdrawn]:
    """Billing's words about documents, each event id once."""
    words = {given.ce_id: given for given in history.inputs if not isinstance(given, Poison)}
    return list(words.values())


def _repeated(keys: Iterable[object]) -> list[tuple[object, int]]:
    return [(key, times) for key, times in Counter(keys).items() if times > 1]
