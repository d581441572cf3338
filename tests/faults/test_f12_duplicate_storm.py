"""F12: one event many times, one document under many ids, versions and withdrawals out of order: one row, one mail."""

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from tests.faults.history import Issued, Poison
from tests.faults.load import ISSUED, TOPIC, digest, small_pdf
from tests.faults.scale import TIMEOUT_SECONDS, scale
from tests.faults.servers import Servers
from tests.faults.stand import Stand, stand
from tests.faults.verdict import Verdict
from tests.faults.words import expected
from tests.fixtures.bus import invoice

pytestmark = [pytest.mark.fault, pytest.mark.timeout(TIMEOUT_SECONDS)]
LONG_AGO = datetime.now(UTC) - timedelta(hours=20)
STATES = """
SELECT p.sha256, d.state FROM delivery d
JOIN published_document p ON p.document_id = d.document_id AND p.version = d.document_version
WHERE p.document_number = $1
"""


async def one_event_again_and_again(s: Stand, times: int) -> None:
    """The same record, byte for byte."""
    first = await s.billing.issue("K01", "STURM", small_pdf("Sturm"))
    again = {"ce_id": first.ce_id, "ce_time": first.ce_time}
    await asyncio.gather(*(s.billing.issue("K01", "STURM", small_pdf("Sturm"), **again) for _ in range(times - 1)))


async def one_document_under_many_ids(s: Stand, times: int) -> None:
    """The same bytes, each time as a new event."""
    await asyncio.gather(*(s.billing.issue("K02", "ECHO", small_pdf("Echo")) for _ in range(times)))


async def one_id_for_many_documents(s: Stand, times: int) -> None:
    """Somebody's mistake: the first keeps the id, the others are refused."""
    first = await s.billing.issue("K03", "DIEB-0", small_pdf("Dieb 0"))
    for number in range(1, times):
        data = invoice("K03", f"DIEB-{number}", small_pdf(f"Dieb {number}"))
        place = await s.billing.say(TOPIC, ISSUED, data, first.ce_id, first.ce_time)
        s.history.acknowledged(Poison("event_id_reused", first.ce_id, place))


@dataclass
class Tangle:
    """One document whose versions and withdrawals arrive in any order, some of them twice."""

    number: str
    chance: random.Random
    versions: int
    told: list[Issued] = field(default_factory=list)

    async def hand_over(self, s: Stand) -> None:
        """One word after the other, so that the order of arrival is the order written down."""
        words = [("issue", place) for place in range(self.versions)]
        words += [("withdraw", place) for place in range(1, self.versions, 7)]
        words += self.chance.choices(words, k=self.versions // 2)
        self.chance.shuffle(words)
        for what, place in words:
            if what == "issue":
                # Bytes come back under a later time now and then: what was withdrawn is shown again.
                at = self._time(place + self.chance.choice([0, 0, 0, self.versions]))
                content = small_pdf(f"{self.number} {place}")
                self.told.append(await s.billing.issue("K04", self.number, content, ce_time=at))
            else:
                await s.billing.withdraw("K04", self.number, ce_time=self._time(place + 0.5))

    def _time(self, place: float) -> str:
        return (LONG_AGO + timedelta(minutes=place)).isoformat()


async def mails_of(s: Stand, number: str) -> dict[str, list[str]]:
    """The states of a document's deliveries by the bytes that they are about."""
    found: dict[str, list[str]] = {}
    for row in await s.sql("notifier", STATES, number):
        found.setdefault(row["sha256"], []).append(row["state"])
    return found


async def mails_about(s: Stand, number: str) -> int:
    return sum(number in mail.subject for mail in await s.smtp.mails())


async def finished(s: Stand) -> Verdict:
    s.history.happened("healed")
    await s.drained(60)
    verdict = await s.verdict(mails=True)
    verdict.assert_clean()
    return verdict


async def test_a_storm_of_repeats_is_one_document_and_one_mail(fault_servers: Servers) -> None:
    """The same event, the same document under new ids, one id for many: the first of each counts."""
    times = scale("f12").rounds
    async with stand("f12", servers=fault_servers) as s:
        await asyncio.gather(
            one_event_again_and_again(s, times),
            one_document_under_many_ids(s, times),
            one_id_for_many_documents(s, times // 10),
        )
        await finished(s)
        for number, content in {"STURM": "Sturm", "ECHO": "Echo", "DIEB-0": "Dieb 0"}.items():
            assert await mails_of(s, number) == {digest(small_pdf(content)): ["sent"]}
            assert await mails_about(s, number) == 1
        metrics = await s.services["notifier"].metrics()
        assert metrics['kundenportal_mails_total{outcome="sent"}'] == 3
        assert metrics["kundenportal_mails_in_hand"] == 0
        [refused] = await s.sql("documents", "SELECT count(*) AS n FROM quarantine WHERE reason = 'event_id_reused'")
        assert refused["n"] == times // 10 - 1
        [rows] = await s.sql("documents", "SELECT count(*) AS n FROM document_version")
        assert rows["n"] == 3


async def test_the_latest_version_wins_whatever_the_order(fault_servers: Servers) -> None:
    """Versions and withdrawals shuffled: the list shows what billing said last, and whoever is shown was mailed once."""
    size = scale("f12")
    async with stand("f12-order", servers=fault_servers) as s:
        chance = random.Random(s.seed)
        tangles = [Tangle(f"KNOTEN-{n}", random.Random(chance.random()), 15) for n in range(size.documents)]
        await asyncio.gather(*(tangle.hand_over(s) for tangle in tangles))
        await finished(s)
        shown, out = expected(s.history), Counter[str]()
        for tangle in tangles:
            mails = await mails_of(s, tangle.number)
            assert all(len(states) == 1 for states in mails.values()), mails
            sha256 = shown["K04", tangle.number]
            assert sha256 is None or mails[sha256] == ["sent"], (tangle.number, sha256, mails)
            out.update(state for [state] in mails.values())
        assert set(out) <= {"sent", "suppressed"}
        print(f"versions {15 * size.documents}, mails by state {dict(out)}")  # noqa: T201 - what was seen
