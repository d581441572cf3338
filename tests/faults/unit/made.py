"""A run made by hand, for the tests of the checker: what billing said, and what has to come of it."""

from dataclasses import replace

from tests.faults.checker import GONE, PUBLISHED, check
from tests.faults.history import History, Issued, Known, Poison, Withdrawn
from tests.faults.outcome import (
    BusRecord,
    DeliveryRow,
    DocumentRow,
    ListedItem,
    MailTaken,
    Outcome,
    Said,
    VersionRow,
)
from tests.faults.verdict import Verdict

BILLING, BUS = "billing.documents.v1", "documents.documents.v1"
ISSUED = Issued("4711", "R1", "aa", "e-1", "2026-11-23T12:00:00+00:00", (BILLING, 0, 0))
AGAIN = replace(ISSUED, place=(BILLING, 0, 1))
CORRECTED = Issued("4711", "R1", "bb", "e-2", "2026-11-23T12:05:00+00:00", (BILLING, 0, 2))
WITHDRAWN = Withdrawn("4711", "R1", "e-3", "2026-11-23T12:10:00+00:00", (BILLING, 0, 3))
POISON = Poison("hash_mismatch", "e-4", (BILLING, 0, 4))
KNOWN = Known("4711", "a@hof.example", "u-1", ("identity.users.v1", 0, 0))


def well() -> Outcome:
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


def removed(ce_id: str, offset: int, version: int | None = None) -> BusRecord:
    return BusRecord(BUS, 0, offset, ce_id, GONE, "4711", "d-1", version)


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
