"""From events to queued deliveries: once per document version and address, whatever the order of users and documents."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from chassis.messaging.subscriptions import DeadLetter, Event
from chassis.testing.frozen_clock import FrozenClock
from notifier.domain import Form, Mode, NotificationSettings, Purpose, State
from notifier.ports import Settled
from notifier.subscriptions import subscriptions
from notifier.use_cases.tell_outcome import settled_event
from tests.notifier.fakes import DeliveryRow, MemoryDatabase
from tests.notifier.samples import event, password_issued, published, removed, user_event

DAY = timedelta(days=1)


class Heard:
    """The subscriptions on an in-memory database: events go in as the consumer hands them over."""

    def __init__(self) -> None:
        self.clock = FrozenClock()
        self.database = MemoryDatabase(self.clock)
        wired = subscriptions(self.clock, too_old_after=7 * DAY, waits=30 * DAY)
        self.handlers = {ce_type: handler for each in wired for ce_type, handler in each.handlers.items()}

    async def hear(self, *events: Event) -> list[DeadLetter]:
        """One batch of one type after the other, each in a transaction of its own."""
        return [letter for each in events for letter in await self.hear_batch([each])]

    async def hear_batch(self, events: Sequence[Event]) -> list[DeadLetter]:
        handler: Any = self.handlers[events[0].type]
        verdicts = await handler.prepare(events)
        letters = [verdict for verdict in verdicts if isinstance(verdict, DeadLetter)]
        async with self.database.begin() as work:
            fine = [verdict for verdict in verdicts if not isinstance(verdict, DeadLetter)]
            return [*letters, *await handler.apply(fine, work)]

    @property
    def deliveries(self) -> list[DeliveryRow]:
        return list(self.database.rows.deliveries.values())

    def queued_to(self) -> list[str]:
        return sorted(row.new.address for row in self.deliveries if row.state is State.QUEUED)


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.mark.parametrize(
    "bad",
    [
        event("documents.DocumentPublished.v1", {"document_id": "x"}),
        event("documents.DocumentRemoved.v1", {}),
        event("identity.InitialPasswordIssued.v1", {"secret": "x"}),
        event("identity.UserCreated.v1", {"user_id": "1"}),
        published(document_number="a\r\nBcc: x@y.example"),
        published(document_number="=?utf-8?q?hi=0D=0ABcc:_e@x.y?="),
        user_event("UserCreated", email="a@b.example\r\nBcc: c@d.example"),
        user_event("UserCreated", email="grün@hof.example"),
    ],
)
async def test_what_cannot_be_read_is_a_dead_letter(heard: Heard, bad: Event) -> None:
    """With a reason, and without the value in what is logged."""
    [letter] = await heard.hear(bad)
    assert letter.reason == "invalid_field"
    assert "Bcc" not in letter.detail
    assert heard.deliveries == []


async def test_a_published_document_is_mailed_once(heard: Heard) -> None:
    """The same event twice in a batch, and again later, is one mail."""
    await heard.hear(user_event("UserCreated"))
    said = published()
    assert await heard.hear_batch([said, said]) == []
    assert await heard.hear(said) == []
    assert heard.queued_to() == ["max@hof.example"]
    assert heard.database.woken >= 1


async def test_a_document_that_becomes_visible_again_is_not_mailed_again(heard: Heard) -> None:
    """The same version under another event id is no second mail, also not for users who came since."""
    document_id = str(uuid4())
    await heard.hear(user_event("UserCreated"), published(document_id=document_id))
    await heard.hear(user_event("UserCreated", first=False, email="neu@hof.example"))
    await heard.hear(published(document_id=document_id))
    assert heard.queued_to() == ["max@hof.example"]


async def test_another_version_is_another_mail(heard: Heard) -> None:
    """Exactly one per version and address."""
    document_id = str(uuid4())
    await heard.hear(user_event("UserCreated"))
    await heard.hear(published(document_id=document_id), published(document_id=document_id, version=2))
    assert heard.queued_to() == ["max@hof.example"] * 2


async def test_an_id_with_another_value_is_refused(heard: Heard) -> None:
    """It is somebody's mistake and nobody's second mail."""
    await heard.hear(user_event("UserCreated"), published(id="same"))
    [letter] = await heard.hear(published(id="same"))
    assert letter.reason == "event_id_reused"
    assert len(heard.deliveries) == 1


async def test_what_is_not_current_causes_no_mail(heard: Heard) -> None:
    """A version that arrives after a newer one is filed and nothing else."""
    await heard.hear(user_event("UserCreated"), published(current=False))
    assert heard.deliveries == []


async def test_an_old_event_is_suppressed(heard: Heard) -> None:
    """A replayed bus mails nobody; at seven days it still counts."""
    now = heard.clock.now()
    await heard.hear(user_event("UserCreated"))
    await heard.hear(published(time=now - 7 * DAY), published(time=now - 7 * DAY - timedelta(seconds=1)))
    assert [row.state for row in heard.deliveries] == [State.QUEUED, State.SUPPRESSED]
    assert heard.deliveries[1].reason == "too_old"


async def test_an_old_event_of_a_customer_without_user_waits_for_nobody(heard: Heard) -> None:
    """It is judged once, when it is read."""
    await heard.hear(published(time=heard.clock.now() - 8 * DAY), user_event("UserCreated"))
    assert heard.deliveries == []


@pytest.mark.parametrize(
    ("mode", "forms"), [(Mode.NONE, []), (Mode.NOTICE, [Form.NOTICE]), (Mode.ATTACHMENT, [Form.ATTACHMENT])]
)
async def test_the_settings_decide_the_form(heard: Heard, mode: Mode, forms: list[Form]) -> None:
    """None, a notice, or the document itself; chosen even before the user's own event came."""
    user_id = uuid4()
    heard.database.rows.settings[user_id] = NotificationSettings(mode)
    await heard.hear(user_event("UserCreated", user_id=str(user_id)), published())
    assert [row.new.form for row in heard.deliveries] == forms


async def test_documents_wait_for_the_first_user(heard: Heard) -> None:
    """And go to that one alone, also where somebody else of the customer came before."""
    await heard.hear(published(), user_event("UserCreated", first=False, email="zweite@hof.example"))
    assert heard.deliveries == []
    await heard.hear(user_event("UserCreated", email="erste@hof.example", status="invited"))
    await heard.hear(user_event("UserCreated", first=False, email="dritte@hof.example"))
    assert heard.queued_to() == ["erste@hof.example"]


async def test_a_document_waits_thirty_days(heard: Heard) -> None:
    """Longer it is no news."""
    await heard.hear(published())
    heard.clock.advance(30 * DAY + timedelta(seconds=1))
    await heard.hear(user_event("UserCreated"))
    assert heard.deliveries == []


async def test_a_withdrawn_document_waits_for_nobody(heard: Heard) -> None:
    """Removed before the first user came: no mail; visible again in time: a mail."""
    document_id = str(uuid4())
    await heard.hear(published(document_id=document_id), removed(document_id), user_event("UserCreated"))
    assert heard.deliveries == []


async def test_a_document_visible_again_goes_to_the_first_user_who_came_meanwhile(heard: Heard) -> None:
    """Nobody was there when it was published, and it was withdrawn when the first user came: once back, one mail."""
    document_id = str(uuid4())
    await heard.hear(published(document_id=document_id), removed(document_id), user_event("UserCreated"))
    await heard.hear(user_event("UserCreated", first=False, email="zweite@hof.example"))
    await heard.hear(published(document_id=document_id), published(document_id=document_id))
    assert heard.queued_to() == ["max@hof.example"]


async def test_an_old_event_hands_nothing_over(heard: Heard) -> None:
    """It makes the document visible again and mails nobody."""
    document_id = str(uuid4())
    await heard.hear(published(document_id=document_id), removed(document_id), user_event("UserCreated"))
    await heard.hear(published(document_id=document_id, time=heard.clock.now() - 8 * DAY))
    assert heard.deliveries == []


async def test_a_removed_document_cancels_its_mails(heard: Heard) -> None:
    """All of its versions, or one; visible again the mail that never went is due once more."""
    document_id = str(uuid4())
    await heard.hear(user_event("UserCreated"), published(document_id=document_id), removed(document_id))
    assert [(row.state, row.reason) for row in heard.deliveries] == [(State.SUPPRESSED, "document_removed")]
    await heard.hear(published(document_id=document_id))
    assert heard.queued_to() == ["max@hof.example"]


async def test_who_leaves_gets_nothing_more(heard: Heard) -> None:
    """Deactivated or deleted: what waited for that user alone is not sent."""
    user_id = str(uuid4())
    await heard.hear(user_event("UserCreated", user_id=user_id), published())
    await heard.hear(user_event("UserDeactivated", user_id=user_id, user_version=2, status="deactivated"))
    assert [(row.state, row.reason) for row in heard.deliveries] == [(State.SUPPRESSED, "recipient_gone")]
    await heard.hear(published())
    assert len(heard.deliveries) == 1


async def test_a_deleted_user_is_forgotten(heard: Heard) -> None:
    """The event and the tombstone after it leave nothing personal; an older event changes nothing."""
    user_id = uuid4()
    await heard.hear(user_event("UserCreated", user_id=str(user_id)))
    await heard.hear(user_event("UserDeleted", user_id=str(user_id), user_version=2))
    tombstone = event("identity.UserDeleted.v1", None, key=str(user_id).encode())
    assert await heard.hear(tombstone, event("identity.UserDeleted.v1", None, key=b"no user's")) == []
    await heard.hear(user_event("UserCreated", user_id=str(user_id)), published())
    assert heard.deliveries == []
    assert heard.database.rows.users[user_id].email == ""


async def test_an_administrator_stands_in_for_a_lost_first_event(heard: Heard) -> None:
    """Compaction may keep a first user's later event alone; waiting documents are handed over all the same."""
    await heard.hear(published(), user_event("UserChanged", user_version=3))
    assert heard.queued_to() == ["max@hof.example"]


async def test_a_password_is_queued_sealed(heard: Heard) -> None:
    """It needs no user to be known, and a newer one replaces what was not sent."""
    user_id, first, second = str(uuid4()), "first..iv.text.tag", "second..iv.text.tag"
    await heard.hear(password_issued(first, user_id=user_id), password_issued(second, user_id=user_id))
    states = [(row.state, row.new.credential.secret if row.new.credential else "") for row in heard.deliveries]
    assert states == [(State.SUPPRESSED, None), (State.QUEUED, second)]
    assert "second" not in repr(heard.deliveries[1].new)


async def test_the_trace_stays_with_the_mail(heard: Heard) -> None:
    """What caused a mail is found in its row, for the logs of every try."""
    parent = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    await heard.hear(user_event("UserCreated"), published(headers=[("traceparent", parent)]))
    assert heard.deliveries[0].new.trace == parent.decode()


async def test_a_document_that_waited_keeps_its_own_trace(heard: Heard) -> None:
    """The mail belongs to the document's trace, not to that of the user who came days later."""
    parent = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    await heard.hear(published(headers=[("traceparent", parent)]), user_event("UserCreated"))
    assert heard.deliveries[0].new.trace == parent.decode()


def test_what_became_of_a_mail_is_said_in_its_trace() -> None:
    """Also where nobody of this process sent it; a mail of before traces were kept has none."""
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    facts = (uuid4(), Purpose.DOCUMENT_PUBLISHED, "4711", "a@b.example", Form.NOTICE, State.UNKNOWN, None, None, None)
    said = settled_event(Settled(*facts, parent), FrozenClock().now())
    assert said is not None
    assert said.trace == (("traceparent", parent.encode()),)
    before = settled_event(Settled(*facts), FrozenClock().now())
    assert before is not None
    assert before.trace == ()
