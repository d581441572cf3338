"""The checker on histories made by hand: each kind of finding once, each allowed case once."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.faults.checker import PUBLISHED, Verdict, check, drained_after
from tests.faults.history import History, Issued, Poison, ReadHistory, Withdrawn
from tests.faults.outcome import (
    BusRecord,
    DeadLetterRecord,
    DeliveryRow,
    DocumentRow,
    ListedItem,
    MailTaken,
    Outcome,
    QuarantineRow,
    Said,
    VersionRow,
)

BILLING, BUS = "billing.documents.v1", "documents.documents.v1"
ISSUED = Issued("4711", "R1", "aa", "e-1", "2026-11-23T12:00:00+00:00", (BILLING, 0, 0))
AGAIN = replace(ISSUED, place=(BILLING, 0, 1))
CORRECTED = Issued("4711", "R1", "bb", "e-2", "2026-11-23T12:05:00+00:00", (BILLING, 0, 2))
WITHDRAWN = Withdrawn("4711", "R1", "e-3", "2026-11-23T12:10:00+00:00", (BILLING, 0, 3))
POISON = Poison("hash_mismatch", "e-4", (BILLING, 0, 4))


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    with History(tmp_path / "history.jsonl", "f00", 7) as history:
        history.happened("healed")
        history.happened("drained")
        yield history


@pytest.fixture
def outcome() -> Outcome:
    """What has to come of ISSUED, to the mail."""
    return Outcome(
        documents=[DocumentRow("d-1", "4711", "R1", 1, None)],
        versions=[VersionRow("d-1", 1, "aa", "aa")],
        said=[Said("documents", 1, "p-1", PUBLISHED, BUS, "4711", waiting=False)],
        bus=[published("p-1", 0)],
        deliveries=[DeliveryRow("m-1", "document_published", "d-1/1", "a@hof.example", "sent", "d-1", 1)],
        mails=[MailTaken("<m-1@portal.example>", "a@hof.example", "Rechnung R1")],
        users=["4711"],
        listed=[ListedItem("4711", "d-1", "R1", 1)],
    )


def published(ce_id: str, offset: int, version: int = 1, current: bool = True) -> BusRecord:
    return BusRecord(BUS, 0, offset, ce_id, PUBLISHED, "4711", "d-1", version, current)


def corrected(outcome: Outcome) -> Outcome:
    """CORRECTED came, too."""
    outcome.versions.append(VersionRow("d-1", 2, "bb", "bb"))
    outcome.bus.append(published("p-2", 1, 2))
    outcome.deliveries.append(DeliveryRow("m-2", "document_published", "d-1/2", "a@hof.example", "sent", "d-1", 2))
    outcome.mails.append(MailTaken("<m-2@portal.example>", "a@hof.example", "Rechnung R1"))
    outcome.listed = [ListedItem("4711", "d-1", "R1", 2)]
    return outcome


def judged(history: History, outcome: Outcome, *inputs: Issued | Withdrawn | Poison) -> Verdict:
    for given in inputs or (ISSUED,):
        history.acknowledged(given)
    return check(history, outcome, mails=True)


def only(verdict: Verdict, kind: str) -> str:
    """The one finding there is."""
    kinds = ("lost", "doubled", "unseen", "late", "copies", "unknown", "disordered", "crashed")
    found = {name: getattr(verdict, name) for name in kinds if getattr(verdict, name)}
    assert list(found) == [kind], found
    [finding] = found[kind]
    assert isinstance(finding, str)
    return finding


def test_all_well(history: History, outcome: Outcome) -> None:
    """A document that was filed, told, listed and mailed once leaves nothing to say."""
    verdict = judged(history, outcome)
    verdict.assert_clean()
    assert verdict.line().startswith(
        "f00 seed 7: kills 0, acknowledged 1, lost 0, doubled 0, unseen 0, late 0, copies 0"
    )


def test_repeats_and_corrections_are_allowed(history: History, outcome: Outcome) -> None:
    """The same words again change nothing; other bytes are a version of their own, and the listed one."""
    judged(history, corrected(outcome), ISSUED, AGAIN, CORRECTED).assert_clean()


def test_poison_in_quarantine_is_allowed(history: History, outcome: Outcome) -> None:
    """A bad record kept with its reason is as it should be."""
    outcome.quarantine.append(QuarantineRow(BILLING, 0, 4, "hash_mismatch"))
    judged(history, outcome, ISSUED, POISON).assert_clean()


def test_poison_of_other_topics_is_a_dead_letter(history: History, outcome: Outcome) -> None:
    """What is not billing's is looked for among the dead letters."""
    outcome.dead_letters.append(DeadLetterRecord(BUS, 2, 9, "invalid_event"))
    judged(history, outcome, ISSUED, Poison("invalid_event", "e-9", (BUS, 2, 9))).assert_clean()


def test_copies_are_allowed_and_counted(history: History, outcome: Outcome) -> None:
    """At least once: the same event id again is no fault."""
    outcome.bus += [published("p-1", 1), published("p-1", 2)]
    verdict = judged(history, outcome)
    verdict.assert_clean()
    assert verdict.copies == ["p-1 is 3 times on the bus"] * 2


def test_a_second_mail_is_allowed_where_nobody_knows(history: History, outcome: Outcome) -> None:
    """A delivery in state unknown may have been mailed by hand again; it is counted."""
    outcome.deliveries[0] = replace(outcome.deliveries[0], state="unknown")
    outcome.mails *= 2
    verdict = judged(history, outcome)
    verdict.assert_clean()
    assert "2 mails" in only(verdict, "unknown")


def test_what_waits_in_the_outbox_is_not_lost(history: History, outcome: Outcome) -> None:
    """Not on the bus yet, but written."""
    outcome.bus.clear()
    outcome.said[0] = replace(outcome.said[0], waiting=True)
    assert not judged(history, outcome).lost


def test_visible_again_is_told_again(history: History, outcome: Outcome) -> None:
    """Withdrawn and issued again: the same version is told under a second event id, without a second mail."""
    later = replace(ISSUED, ce_id="e-5", ce_time="2026-11-23T12:20:00+00:00", place=(BILLING, 0, 5))
    outcome.documents[0] = replace(outcome.documents[0], withdrawn_at=WITHDRAWN.ce_time)
    outcome.bus.append(published("p-2", 1))
    judged(history, outcome, ISSUED, WITHDRAWN, later).assert_clean()


def test_customers_without_a_user_owe_no_mail(history: History, outcome: Outcome) -> None:
    """Their documents wait; so does a version that came after a newer one."""
    outcome.deliveries.clear()
    outcome.mails.clear()
    outcome.users.clear()
    judged(history, outcome).assert_clean()


def test_lost_not_filed(history: History, outcome: Outcome) -> None:
    """An acknowledged document without a row."""
    other = replace(ISSUED, document_number="R2", ce_id="e-8")
    assert "R2" in only(judged(history, outcome, ISSUED, other), "lost")


def test_lost_refused_although_good(history: History, outcome: Outcome) -> None:
    """A good document in quarantine is lost, and the reason is told."""
    other = replace(ISSUED, document_number="R2", place=(BILLING, 0, 6), ce_id="e-8")
    outcome.quarantine.append(QuarantineRow(BILLING, 0, 6, "unreadable_content"))
    assert "refused as unreadable_content" in only(judged(history, outcome, ISSUED, other), "lost")


def test_lost_bytes(history: History, outcome: Outcome) -> None:
    """A row whose bytes the object store does not have."""
    outcome.versions[0] = replace(outcome.versions[0], content=None)
    assert "bytes" in only(judged(history, outcome), "lost")


def test_lost_withdrawal(history: History, outcome: Outcome) -> None:
    """A withdrawal that nobody remembers; so the document is also listed where it should not be."""
    verdict = judged(history, outcome, ISSUED, WITHDRAWN)
    assert ["is not remembered" in finding for finding in verdict.lost] == [True]
    assert ["although it is withdrawn" in finding for finding in verdict.unseen] == [True]


def test_lost_poison(history: History, outcome: Outcome) -> None:
    """A bad record that is not kept, or for another reason than its own."""
    outcome.quarantine.append(QuarantineRow(BILLING, 0, 4, "malformed_event"))
    assert "malformed_event" in only(judged(history, outcome, ISSUED, POISON), "lost")


def test_lost_never_told(history: History, outcome: Outcome) -> None:
    """A row without its event, on the bus or in the outbox."""
    outcome.bus.clear()
    outcome.said.clear()
    assert "never told" in only(judged(history, outcome), "lost")


def test_lost_on_the_way_to_the_bus(history: History, outcome: Outcome) -> None:
    """Said in a committed transaction, deleted from the outbox, not on the bus."""
    outcome.said.append(Said("documents", 2, "p-9", "documents.DocumentRemoved.v1", BUS, "4711", waiting=False))
    assert "p-9" in only(judged(history, outcome), "lost")


def test_lost_without_delivery(history: History, outcome: Outcome) -> None:
    """Told to a notifier that knows the customer's user, and no delivery."""
    outcome.deliveries.clear()
    outcome.mails.clear()
    assert "no delivery" in only(judged(history, outcome), "lost")


def test_lost_mail(history: History, outcome: Outcome) -> None:
    """A delivery that says sent, and no mail."""
    outcome.mails.clear()
    assert "no mail" in only(judged(history, outcome), "lost")


def test_doubled_document(history: History, outcome: Outcome) -> None:
    """Two rows of one number."""
    outcome.documents.append(replace(outcome.documents[0], document_id="d-2"))
    assert "2 documents" in only(judged(history, outcome), "doubled")


def test_doubled_version(history: History, outcome: Outcome) -> None:
    """Two versions of the same bytes."""
    outcome.versions.append(replace(outcome.versions[0], version=2))
    outcome.bus.append(published("p-2", 1, 2, current=False))
    outcome.listed = [ListedItem("4711", "d-1", "R1", 2)]
    assert "2 versions" in only(judged(history, outcome), "doubled")


def test_doubled_event(history: History, outcome: Outcome) -> None:
    """One version told under two event ids, and nothing in billing's words that asked for it."""
    outcome.bus.append(published("p-2", 1))
    assert "2 event ids" in only(judged(history, outcome), "doubled")


def test_doubled_quarantine(history: History, outcome: Outcome) -> None:
    """One record kept twice."""
    outcome.quarantine += [QuarantineRow(BILLING, 0, 4, "hash_mismatch")] * 2
    assert "2 quarantine rows" in only(judged(history, outcome, ISSUED, POISON), "doubled")


def test_doubled_delivery(history: History, outcome: Outcome) -> None:
    """Two deliveries of one reason to one mailbox, however it is spelled."""
    twin = replace(outcome.deliveries[0], id="m-2", address="A@Hof.example", state="queued")
    outcome.deliveries.append(twin)
    assert "2 deliveries" in only(judged(history, outcome), "doubled")


def test_doubled_mail(history: History, outcome: Outcome) -> None:
    """A second mail of one Message-ID whose delivery says sent."""
    outcome.mails *= 2
    assert "came 2 times" in only(judged(history, outcome), "doubled")


def test_doubled_mail_of_nobody(history: History, outcome: Outcome) -> None:
    """A mail that no delivery knows."""
    outcome.mails.append(MailTaken("<m-7@portal.example>", "a@hof.example", "Rechnung R1"))
    assert "no delivery" in only(judged(history, outcome), "doubled")


def test_unseen(history: History, outcome: Outcome) -> None:
    """Filed and told, and missing in the list."""
    outcome.listed = []
    assert "listed as None" in only(judged(history, outcome), "unseen")


def test_unseen_current_version(history: History, outcome: Outcome) -> None:
    """The list shows the version that was corrected."""
    outcome = corrected(outcome)
    outcome.listed = [ListedItem("4711", "d-1", "R1", 1)]
    assert "not as version 2" in only(judged(history, outcome, ISSUED, CORRECTED), "unseen")


def test_disordered(history: History, outcome: Outcome) -> None:
    """First copies on the bus in another order than they were written."""
    outcome.said.append(Said("documents", 2, "p-2", "documents.DocumentRemoved.v1", BUS, "4711", waiting=False))
    outcome.bus = [replace(published("p-2", 0), ce_type="documents.DocumentRemoved.v1"), published("p-1", 1)]
    assert "p-1" in only(judged(history, outcome), "disordered")


def test_late(history: History, outcome: Outcome) -> None:
    """Healed, and not drained since."""
    history.happened("healed")
    assert only(judged(history, outcome), "late") == "not drained at all"
    history.happened("drained")
    history.events[-1] = replace(history.events[-1], at=history.events[-2].at + 61)
    assert drained_after(history) == 61
    assert check(history, outcome, mails=True).late == ["drained 61.0 s after the healing"]


def test_crashed(history: History, outcome: Outcome) -> None:
    """Who ended by itself is counted; who was killed, or ended as asked, did not crash."""
    for what, code in (("ended documents", -11), ("ended documents", 0), ("killed documents", -9)):
        history.happened(what, code=code)
    assert only(judged(history, outcome), "crashed") == "ended documents with -11"


def test_a_failed_verdict_says_what(history: History, outcome: Outcome) -> None:
    """The assertion carries the line and the findings."""
    outcome.mails *= 2
    with pytest.raises(AssertionError, match=r"seed 7: .*doubled 1(.|\n)*doubled: the mail of m-1"):
        judged(history, outcome).assert_clean()


def test_the_files_are_enough(history: History, outcome: Outcome, tmp_path: Path) -> None:
    """History and outcome read back from their files give the same verdict, a cut-off last line notwithstanding."""
    verdict = judged(history, outcome, ISSUED, WITHDRAWN, POISON)
    outcome.save(tmp_path / "outcome.json")
    history.happened("killed documents", code=-9)
    history.path.write_text(history.path.read_text() + '{"at": 1, "ev')
    read = ReadHistory(history.path)
    again = check(read, Outcome.load(tmp_path / "outcome.json"), mails=True)
    assert again.lost == verdict.lost
    assert again.unseen == verdict.unseen
    assert again.kills == 1
