"""Compares what was acknowledged with what came out: lost, doubled, unseen, late. Pure; works from files as well."""

from collections import Counter, defaultdict
from datetime import datetime

from tests.faults.history import AnyHistory, Event, Issued, Poison, Registered, Withdrawn
from tests.faults.mail_checks import check_mails
from tests.faults.outcome import Outcome
from tests.faults.verdict import Verdict, repeated
from tests.faults.words import CURRENT, REMOVED, SUPERSEDED, Name, expected, name_of, tellings, words

DRAINED_SECONDS = 60.0
PUBLISHED, GONE = "documents.DocumentPublished.v1", "documents.DocumentRemoved.v1"
BILLING = "billing.documents.v1"


def check(history: AnyHistory, outcome: Outcome, *, mails: bool) -> Verdict:
    """Judge one run. `mails`: whether a notifier was part of it, so that each published document owes a mail."""
    drained = drained_after(history)
    verdict = Verdict(history.fault, history.seed, len(history.inputs), history.count("killed"), drained)
    verdict.crashed += [f"{event.what} with {event.facts['code']}" for event in history.events if _is_crash(event)]
    if not history.inputs:
        verdict.lost.append("nothing was handed over, so nothing was shown")
    _inputs(history, outcome, verdict)
    _kept(history, outcome, verdict)
    _rows(history, outcome, verdict)
    _events(outcome, verdict)
    _tellings(history, outcome, verdict)
    _order(outcome, verdict)
    _lists(history, outcome, verdict)
    if mails:
        check_mails(history, outcome, verdict)
    if drained is None:
        verdict.late.append("not drained at all")
    elif drained > DRAINED_SECONDS:
        verdict.late.append(f"drained {drained:.1f} s after the healing")
    return verdict


def drained_after(history: AnyHistory) -> float | None:
    """Seconds from the last `healed` (without one, from the last `load ended`, else the begin) to the last `drained`.

    None where that never came, or a later look said `not drained`.
    """
    ends = [event for event in history.events if event.what in {"drained", "not drained"}]
    for mark in ("healed", "load ended", "began"):
        begins = [event.at for event in history.events if event.what == mark]
        if begins:
            came = ends and ends[-1].what == "drained" and ends[-1].at >= begins[-1]
            return ends[-1].at - begins[-1] if came else None
    return None


def _is_crash(event: Event) -> bool:
    """A process that nobody killed ended by itself, and not well."""
    return event.what.startswith("ended") and event.facts["code"] != 0


def _inputs(history: AnyHistory, outcome: Outcome, verdict: Verdict) -> None:
    """Each acknowledged input took effect, and was not refused besides."""
    names = outcome.names
    filed = {(names[row.document_id], row.sha256) for row in outcome.versions if row.document_id in names}
    withdrawn = {
        (row.customer_number, row.document_number): datetime.fromisoformat(row.withdrawn_at)
        for row in outcome.documents
        if row.withdrawn_at
    }
    registered = Counter(outcome.customers)
    refused = {row.place: row.reason for row in (*outcome.dead_letters, *outcome.quarantine)}
    for given in history.inputs:
        if isinstance(given, Poison):
            continue
        done, what = True, "taken"
        if isinstance(given, Issued):
            done, what = (name_of(given), given.sha256) in filed, "filed"
        elif isinstance(given, Withdrawn):
            at = withdrawn.get(name_of(given))
            done, what = at is not None and at >= datetime.fromisoformat(given.ce_time), "remembered"
        elif isinstance(given, Registered):
            done, what = registered[given.customer_number] > 0, "registered"
        why = refused.get(given.place)
        if not done or why:
            verdict.lost.append(
                f"{given} is {what if done else f'not {what}'}" + (f" but refused as {why}" if why else "")
            )
    for customer, times in repeated(outcome.customers):
        verdict.doubled.append(f"{customer} is registered {times} times")


def _kept(history: AnyHistory, outcome: Outcome, verdict: Verdict) -> None:
    """What is kept was bad and is kept once, in the right place, for the right reason."""
    poison = {given.place: given for given in history.inputs if isinstance(given, Poison)}
    # Billing says again what was not confirmed, so a bad record may stand on the topic once more than in the history.
    bad_ids = {given.ce_id for given in poison.values()} - {""}
    inputs = {given.place for given in history.inputs}
    quarantine = {row.place: row.reason for row in outcome.quarantine}
    buried = {row.place: row.reason for row in outcome.dead_letters}
    for place, given in poison.items():
        where, elsewhere = (quarantine, buried) if place[0] == BILLING else (buried, quarantine)
        if where.get(place) != given.expected_reason:
            verdict.lost.append(f"{given} is not kept as {given.expected_reason} but as {where.get(place)}")
        if place in elsewhere:
            verdict.doubled.append(f"{given} is in quarantine and a dead letter")
    for row in (*outcome.quarantine, *outcome.dead_letters):
        if row.place not in inputs and row.ce_id not in bad_ids:
            verdict.lost.append(f"{row} is of a record that nobody made bad")
    for place, times in repeated(row.place for row in outcome.quarantine):
        verdict.doubled.append(f"{times} quarantine rows are of {place}")
    for place, times in repeated(row.place for row in outcome.dead_letters):
        verdict.copies += [f"{times} dead letters are of {place}"] * (times - 1)


def _rows(history: AnyHistory, outcome: Outcome, verdict: Verdict) -> None:
    """One row for each natural key that billing named, and behind each version its very bytes."""
    verdict.lost += [f"the bytes of {row} are not there" for row in outcome.versions if row.content != row.sha256]
    names, said = outcome.names, words(history)
    versions = [(names.get(row.document_id), row.sha256) for row in outcome.versions]
    for name, times in repeated(names.values()):
        verdict.doubled.append(f"{times} documents are {name}")
    for key, times in repeated(versions):
        verdict.doubled.append(f"{times} versions are {key}")
    for name in sorted(set(names.values()) - {name_of(word) for word in said}):
        verdict.doubled.append(f"the document {name} is of nobody's words")
    issued = {(name_of(word), word.sha256) for word in said if isinstance(word, Issued)}
    verdict.doubled += [f"the version {key} was issued by nobody" for key in set(versions) - issued]


def _events(outcome: Outcome, verdict: Verdict) -> None:
    """What was said in a committed transaction is on the bus, and nothing waits any more."""
    on_bus = Counter(record.ce_id for record in outcome.bus)
    for said in outcome.said:
        if said.waiting:
            verdict.late.append(f"{said} waits in the outbox")
        elif said.ce_id not in on_bus:
            verdict.lost.append(f"{said} is neither on the bus nor in the outbox")
    for ce_id, times in on_bus.items():
        verdict.copies += [f"{ce_id} is {times} times on the bus"] * (times - 1)


def _tellings(history: AnyHistory, outcome: Outcome, verdict: Verdict) -> None:
    """Each version is told as often as billing's words make it visible, current or gone; what waits is late, not lost."""
    versions = {(row.document_id, row.version): row.sha256 for row in outcome.versions}
    told: dict[tuple[str, str | None, str], set[str]] = defaultdict(set)
    for record in outcome.bus:
        if record.ce_type not in {PUBLISHED, GONE} or record.document_id is None:
            continue
        sha256 = versions.get((record.document_id, record.version or 0))
        if sha256 is None and record.version is not None:
            verdict.doubled.append(f"{record} tells of a version that is not there")
            continue
        as_what = REMOVED if record.ce_type == GONE else CURRENT if record.current else SUPERSEDED
        told[record.document_id, sha256, as_what].add(record.ce_id)
    owed = _owed(history, outcome)
    waiting = {said.key for said in outcome.said if said.waiting}
    names = outcome.names
    for key in told.keys() | owed.keys():
        name, times = names.get(key[0], ("", "")), len(told[key])
        what = f"{name} as {key[1]}, {key[2]},"
        if times < owed[key] and name[0] not in waiting:
            verdict.lost.append(f"{what} was " + (f"told {times} times, not {owed[key]}" if times else "never told"))
        if times > owed[key]:
            verdict.doubled.append(f"{what} is told under {times} event ids, not {owed[key]}")


def _owed(history: AnyHistory, outcome: Outcome) -> Counter[tuple[str, str | None, str]]:
    """What has to be told of each row that is there, and how often."""
    ids = defaultdict[Name, list[str]](list)
    for document_id, name in outcome.names.items():
        ids[name].append(document_id)
    there = {(row.document_id, row.sha256) for row in outcome.versions}
    owed = Counter[tuple[str, str | None, str]]()
    for (name, sha256, as_what), times in tellings(history).items():
        for document_id in ids[name]:
            if sha256 is None or (document_id, sha256) in there:
                owed[document_id, sha256, as_what] = times
    return owed


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
    shown = expected(history)
    if outcome.listed is None:
        verdict.unseen += ["nobody could be asked for the lists"] if shown else []
        return
    listed = {(item.customer_number, item.document_number): item.version for item in outcome.listed}
    names = outcome.names
    numbers = {
        (names[row.document_id], row.sha256): row.version for row in outcome.versions if row.document_id in names
    }
    for name, sha256 in shown.items():
        if sha256 is None:
            if name in listed:
                verdict.unseen.append(f"{name} is listed although it is withdrawn")
        elif (name, sha256) in numbers and listed.get(name) != numbers[name, sha256]:
            verdict.unseen.append(f"{name} is listed as {listed.get(name)}, not as version {numbers[name, sha256]}")
    verdict.doubled += [f"{name} is listed, and nobody issued it" for name in listed if name not in shown]
    for twice, times in repeated((item.customer_number, item.document_number) for item in outcome.listed):
        verdict.doubled.append(f"{twice} is listed {times} times")
