"""The checker on histories made by hand: each kind of finding once, each allowed case once."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.faults.checker import check, drained_after
from tests.faults.history import History, Poison, ReadHistory, Registered
from tests.faults.outcome import DeadLetterRecord, DocumentRow, ListedItem, Outcome, QuarantineRow, Said, VersionRow
from tests.faults.unit.made import (
    AGAIN,
    BILLING,
    BUS,
    CORRECTED,
    ISSUED,
    POISON,
    WITHDRAWN,
    corrected,
    judged,
    only,
    published,
    removed,
)


def test_all_well(history: History, outcome: Outcome) -> None:
    """A document that was filed, told, listed and mailed once leaves nothing to say."""
    verdict = judged(history, outcome)
    verdict.assert_clean()
    assert verdict.line().startswith(
        "f00 seed 7: kills 0, acknowledged 2, lost 0, doubled 0, unseen 0, late 0, copies 0"
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


def test_what_waits_in_the_outbox_is_late_not_lost(history: History, outcome: Outcome) -> None:
    """Not on the bus yet, but written: whoever says drained while it waits is wrong."""
    outcome.bus.clear()
    outcome.said[0] = replace(outcome.said[0], waiting=True)
    assert "waits in the outbox" in only(judged(history, outcome), "late")


def test_visible_again_is_told_again(history: History, outcome: Outcome) -> None:
    """Withdrawn and issued again: the same version is told under a second event id, without a second mail."""
    later = replace(ISSUED, ce_id="e-5", ce_time="2026-11-23T12:20:00+00:00", place=(BILLING, 0, 5))
    outcome.documents[0] = replace(outcome.documents[0], withdrawn_at=WITHDRAWN.ce_time)
    outcome.bus += [removed("p-3", 1), published("p-2", 2)]
    judged(history, outcome, ISSUED, WITHDRAWN, later).assert_clean()


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
    assert ["is not remembered" in finding for finding in verdict.lost] == [True, False]
    assert ["removed, was never told" in finding for finding in verdict.lost] == [False, True]
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


def test_doubled_document(history: History, outcome: Outcome) -> None:
    """Two rows of one number."""
    outcome.documents.append(replace(outcome.documents[0], document_id="d-2"))
    assert "2 documents" in only(judged(history, outcome), "doubled")


def test_doubled_version(history: History, outcome: Outcome) -> None:
    """Two versions of the same bytes."""
    outcome.versions.append(replace(outcome.versions[0], version=2))
    outcome.bus.append(published("p-2", 1, 2))
    outcome.listed = [ListedItem("4711", "d-1", "R1", 1)]
    assert any("2 versions" in finding for finding in judged(history, outcome).doubled)


def test_doubled_event(history: History, outcome: Outcome) -> None:
    """One version told under two event ids, and nothing in billing's words that asked for it."""
    outcome.bus.append(published("p-2", 1))
    assert "2 event ids" in only(judged(history, outcome), "doubled")


def test_doubled_quarantine(history: History, outcome: Outcome) -> None:
    """One record kept twice."""
    outcome.quarantine += [QuarantineRow(BILLING, 0, 4, "hash_mismatch")] * 2
    assert "2 quarantine rows" in only(judged(history, outcome, ISSUED, POISON), "doubled")


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
    outcome.said.append(Said("documents", 2, "p-2", "documents.RetentionEnding.v1", BUS, "4711", waiting=False))
    outcome.bus = [replace(published("p-2", 0), ce_type="documents.RetentionEnding.v1"), published("p-1", 1)]
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


def test_nothing_handed_over_shows_nothing(history: History) -> None:
    """A run without a word of anybody is not clean."""
    history.inputs.clear()
    verdict = check(history, Outcome(listed=[]), mails=False)
    assert verdict.lost == ["nothing was handed over, so nothing was shown"]


def test_lost_lists_of_nobody(history: History, outcome: Outcome) -> None:
    """Where documents were issued, somebody has to be asked for the lists."""
    outcome.listed = None
    assert "could be asked" in only(judged(history, outcome), "unseen")


def test_filed_and_refused(history: History, outcome: Outcome) -> None:
    """A good document that is filed and lies in quarantine besides."""
    outcome.quarantine.append(QuarantineRow(*ISSUED.place, "unreadable_content", "e-1"))
    assert "is filed but refused as unreadable_content" in only(judged(history, outcome), "lost")


def test_a_repeat_that_is_refused(history: History, outcome: Outcome) -> None:
    """The same event again changes nothing; refused as a reused id it bothers billing for nothing."""
    outcome.quarantine.append(QuarantineRow(*AGAIN.place, "event_id_reused", "e-1"))
    assert "refused as event_id_reused" in only(judged(history, outcome, ISSUED, AGAIN), "lost")


def test_a_dead_letter_of_a_good_record(history: History, outcome: Outcome) -> None:
    """However often it is one: of billing's record, and of what a service said to another."""
    outcome.dead_letters += [DeadLetterRecord(*ISSUED.place, "malformed_event", "e-1")] * 2
    verdict = judged(history, outcome)
    assert ["refused as malformed_event" in finding for finding in verdict.lost] == [True]
    outcome.dead_letters[:] = [DeadLetterRecord(BUS, 0, 0, "invalid_field", "p-1")]
    assert "nobody made bad" in check(history, outcome, mails=True).lost[0]


def test_poison_in_both_places(history: History, outcome: Outcome) -> None:
    """Billing's bad record is quarantined, and is no dead letter besides."""
    outcome.quarantine.append(QuarantineRow(*POISON.place, "hash_mismatch", "e-4"))
    outcome.dead_letters.append(DeadLetterRecord(*POISON.place, "hash_mismatch", "e-4"))
    assert "and a dead letter" in only(judged(history, outcome, ISSUED, POISON), "doubled")


def test_poison_that_is_filed(history: History, outcome: Outcome) -> None:
    """Kept with its reason, and taken besides: rows and a list entry of nobody's words."""
    outcome.quarantine.append(QuarantineRow(*POISON.place, "hash_mismatch", "e-4"))
    outcome.documents.append(DocumentRow("d-2", "4711", "R1-bad", 1, None))
    outcome.versions.append(VersionRow("d-2", 1, "cc", "cc"))
    outcome.listed = [*(outcome.listed or []), ListedItem("4711", "d-2", "R1-bad", 1)]
    verdict = judged(history, outcome, ISSUED, POISON)
    assert any("nobody's words" in finding for finding in verdict.doubled)
    assert any("issued by nobody" in finding for finding in verdict.doubled)
    assert any("is listed, and nobody" in finding for finding in verdict.doubled)


def test_bad_records_that_billing_said_again(history: History, outcome: Outcome) -> None:
    """A copy that nobody confirmed is known by the id of the one that somebody did; nobody else's is."""
    outcome.quarantine += [QuarantineRow(BILLING, 0, offset, "hash_mismatch", "e-4") for offset in (3, 4)]
    judged(history, outcome, ISSUED, POISON).assert_clean()
    outcome.quarantine[0] = replace(outcome.quarantine[0], ce_id="e-0")
    assert "nobody made bad" in check(history, outcome, mails=True).lost[0]


def test_a_version_of_nobody(history: History, outcome: Outcome) -> None:
    """Other bytes under a good number, though billing said no such thing."""
    outcome.versions.append(VersionRow("d-1", 2, "bb", "bb"))
    assert "issued by nobody" in only(judged(history, outcome), "doubled")


def test_told_of_nothing(history: History, outcome: Outcome) -> None:
    """An event about a version that no row has."""
    outcome.bus.append(published("p-2", 1, 7))
    assert "not there" in only(judged(history, outcome), "doubled")


@pytest.mark.parametrize("version", [1, 2])
def test_lost_never_told_though_corrected(history: History, outcome: Outcome, version: int) -> None:
    """Several words about a document excuse no version: each of them was the current one for a while."""
    outcome = corrected(outcome)
    outcome.bus = [record for record in outcome.bus if record.version != version]
    outcome.said.clear()
    assert "never told" in only(judged(history, outcome, ISSUED, CORRECTED), "lost")


def test_lost_not_told_again(history: History, outcome: Outcome) -> None:
    """Visible again after a withdrawal: told once is one time too few, three times one too many."""
    later = replace(ISSUED, ce_id="e-5", ce_time="2026-11-23T12:20:00+00:00", place=(BILLING, 0, 5))
    outcome.documents[0] = replace(outcome.documents[0], withdrawn_at=WITHDRAWN.ce_time)
    outcome.bus.append(removed("p-4", 4))
    assert "told 1 times, not 2" in only(judged(history, outcome, ISSUED, WITHDRAWN, later), "lost")
    outcome.bus += [published("p-2", 1), published("p-3", 2)]
    assert "3 event ids, not 2" in check(history, outcome, mails=True).doubled[0]


def test_lost_told_as_old(history: History, outcome: Outcome) -> None:
    """The current version told as a superseded one: nobody would be mailed."""
    outcome.bus = [published("p-1", 0, current=False)]
    verdict = judged(history, outcome)
    assert ["current, was never told" in finding for finding in verdict.lost] == [True]
    assert ["superseded, is told" in finding for finding in verdict.doubled] == [True]


def test_a_version_that_is_gone_is_told(history: History, outcome: Outcome) -> None:
    """Of two versions the older one is withdrawn: it is told as removed, alone, and once."""
    outcome = corrected(outcome)
    early = replace(WITHDRAWN, ce_time=ISSUED.ce_time)
    outcome.documents[0] = replace(outcome.documents[0], withdrawn_at=early.ce_time)
    assert "aa, removed, was never told" in only(judged(history, outcome, ISSUED, CORRECTED, early), "lost")
    outcome.bus.append(removed("p-3", 2, 1))
    check(history, outcome, mails=True).assert_clean()
    outcome.bus += [removed("p-4", 3, 1), removed("p-5", 4)]
    told = check(history, outcome, mails=True).doubled
    assert sorted(finding.partition(" as ")[2] for finding in told) == [
        "None, removed, is told under 1 event ids, not 0",
        "aa, removed, is told under 2 event ids, not 1",
    ]


def test_a_later_not_drained_counts(history: History, outcome: Outcome) -> None:
    """Whatever was drained earlier, the last look is the one that is believed."""
    history.happened("not drained", after=60)
    assert only(judged(history, outcome), "late") == "not drained at all"


def test_customers_are_registered_once(history: History, outcome: Outcome) -> None:
    """Each that billing registered has a row, and one."""
    history.acknowledged(Registered("4712", "r-1", ("billing.customers.v1", 0, 0)))
    assert "is not registered" in only(judged(history, outcome), "lost")
    outcome.customers += ["4712", "4712"]
    assert check(history, outcome, mails=True).doubled == ["4712 is registered 2 times"]
