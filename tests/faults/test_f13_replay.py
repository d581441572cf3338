"""F13: groups back to earliest: nothing is filed, said or sent again; a bus heard for the first time mails nobody."""

from datetime import UTC, datetime, timedelta
from uuid import NAMESPACE_DNS, uuid5

import pytest

from kundenportal_contracts.topics import DOCUMENTS
from tests.faults.replay import handed_over_long_ago, replayed, state_of
from tests.faults.scale import LONG, TIMEOUT_SECONDS, scale
from tests.faults.servers import Servers
from tests.faults.sink import Sink
from tests.faults.sleepers import MEMBER
from tests.faults.stand import CUSTOMERS, Stand, stand
from tests.fixtures.bus import headers
from tests.notifier.samples import published, removed

pytestmark = [pytest.mark.fault, pytest.mark.timeout(TIMEOUT_SECONDS)]
STRANGERS = tuple(f"F{number:03}" for number in range(108))
OLD_DAYS = 20
MOST_SESSIONS = 12  # the largest pool, the relay's and the wake-ups'
MANY_SECONDS = 1200.0 if LONG else 60.0
SUPPRESS = "KUNDENPORTAL_SUPPRESS_AFTER_DAYS"
EVER = {SUPPRESS: "365"}
FORGET = "DELETE FROM inbox"
RESTORED = "TRUNCATE delivery, published_document, inbox"
STATES = "SELECT state, reason, count(*) AS n FROM delivery GROUP BY 1, 2"


async def test_a_replay_changes_nothing(fault_servers: Servers) -> None:
    """Both groups hear all of it again, once as it is and once with inboxes that have forgotten it."""
    records, members = scale("f13").rounds, {"documents": MEMBER, "notifier": MEMBER}
    async with Sink() as sink, stand("f13", servers=fault_servers, smtp=sink, environment=members) as s:
        await handed_over_long_ago(s, records, (*CUSTOMERS, *STRANGERS), OLD_DAYS)
        s.history.happened("handed over")
        print(f"filed and mailed in {await s.drained(MANY_SECONDS):.1f} s")  # noqa: T201 - what was seen
        before = await state_of(s, len(sink.taken))
        assert before.mails > 0
        for service in ("documents", "notifier"):
            heard, _ = await replayed(s, service)
            assert heard >= records
        s.history.happened("healed")
        await s.drained(60)
        assert await state_of(s, len(sink.taken)) == before
        (await s.verdict(mails=True)).assert_clean()
        sessions, resident = await s.pools(), {name: each.rss() >> 20 for name, each in s.services.items()}
        print(f"sessions {sessions}, resident MiB {resident}")  # noqa: T201 - what was seen
        assert max(sessions.values()) <= MOST_SESSIONS


async def said_long_ago(s: Stand, documents: int) -> None:
    """Documents published weeks ago; some were withdrawn then, and some of these came back."""
    at = datetime.now(UTC) - timedelta(days=OLD_DAYS)
    for number in range(documents):
        customer, names = CUSTOMERS[number % len(CUSTOMERS)], {"document_number": f"ALT{number:06}"}
        names["customer_number"], names["document_id"] = customer, str(uuid5(NAMESPACE_DNS, f"document {number}"))
        events = [published(**names)]
        if number % 4 == 0:
            events.append(removed(version=None, **names))
        if number % 8 == 0:
            events.append(published(**names))
        for place, event in enumerate(events):
            ce_id, time = str(uuid5(NAMESPACE_DNS, f"{number}/{place}")), (at + timedelta(seconds=place)).isoformat()
            told = headers(event.envelope.type, ce_id, ce_source="documents", ce_time=time)
            await s.billing.raw(DOCUMENTS.name, customer.encode(), event.record.value, told)


async def test_an_old_bus_mails_nobody(fault_servers: Servers) -> None:
    """Heard by a notifier that has forgotten its events, and by one that has forgotten its mails, too."""
    documents, weeks = scale("f13").documents, {"notifier": {**MEMBER, **EVER}}
    async with (
        Sink() as sink,
        stand("f13-old", services=("notifier",), servers=fault_servers, smtp=sink, environment=weeks) as s,
    ):
        notifier = s.services["notifier"]
        await said_long_ago(s, documents)
        await s.drained(60)
        before = (await state_of(s, len(sink.taken))).besides("notifier.inbox")
        assert before.mails >= documents * 3 // 4
        del notifier.environment[SUPPRESS]
        assert await notifier.stop() == 0
        await s.sql("notifier", FORGET)
        await replayed(s, "notifier")
        await s.drained(60)
        assert (await state_of(s, len(sink.taken))).besides("notifier.inbox") == before
        assert await notifier.stop() == 0
        await s.sql("notifier", RESTORED)
        await replayed(s, "notifier")
        await s.drained(60)
        found = {(row["state"], row["reason"]): row["n"] for row in await s.sql("notifier", STATES)}
        assert found == {("suppressed", "too_old"): documents}
        assert len(sink.taken) == before.mails
