"""What every implementation of the notifier's ports does, be it PostgreSQL or memory; a subclass gives the `store`."""

from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol
from uuid import uuid4

import pytest

from chassis.messaging.subscriptions import Event
from chassis.testing.frozen_clock import FrozenClock
from notifier.domain import Form, Mode, NotificationSettings, Purpose, State, try_again_after
from notifier.ports import DueMail, Result, Ticket
from notifier.subscriptions import subscriptions
from tests.notifier.samples import (
    credential_delivery,
    delivery,
    document,
    published,
    removed,
    user,
    user_event,
)

SOON = datetime.now(UTC) + timedelta(days=30)


class Store(Protocol):
    def begin(self) -> AbstractAsyncContextManager[Any]: ...

    async def pass_time(self, by: timedelta) -> None: ...

    async def state_of(self, ticket: Ticket) -> State: ...

    async def secret_of(self, ticket: Ticket) -> str | None: ...

    def now(self) -> datetime: ...


async def queued(store: Store, *deliveries: Any) -> None:
    async with store.begin() as work:
        await work.documents.remember([each.document for each in deliveries if each.document])
        await work.deliveries.queue(list(deliveries))


async def claim(store: Store, limit: int = 10, besides: tuple[str, ...] = ()) -> list[DueMail]:
    async with store.begin() as work:
        return list(await work.deliveries.claim(limit, besides))


async def claimed(store: Store) -> DueMail:
    await queued(store, delivery())
    [mail] = await claim(store)
    return mail


async def mark(store: Store, ticket: Ticket) -> bool:
    async with store.begin() as work:
        return ticket in await work.deliveries.mark_dot_pending([ticket])


async def settle(store: Store, result: Result) -> bool:
    async with store.begin() as work:
        return result.ticket in await work.deliveries.settle([result])


async def hear(store: Store, *events: Event) -> None:
    """Each event in a transaction of its own, none of them too old."""
    wired = subscriptions(FrozenClock(store.now()), too_old_after=timedelta.max, waits=timedelta(days=30))
    handlers: dict[str, Any] = {ce_type: handler for each in wired for ce_type, handler in each.handlers.items()}
    for event in events:
        prepared = await handlers[event.type].prepare([event])
        async with store.begin() as work:
            assert await handlers[event.type].apply(prepared, work) == []


async def recover(store: Store) -> list[Any]:
    async with store.begin() as work:
        return [*await work.deliveries.release_expired_leases(), *await work.deliveries.expire_credentials()]


class AddressBookContract:
    async def test_a_lower_version_changes_nothing(self, store: Store) -> None:
        """Readers of identity.users apply a higher user_version only."""
        known = user(user_version=3, email="neu@hof.example")
        async with store.begin() as work:
            assert await work.address_book.keep([known]) == {known.user_id}
            old = user(user_id=known.user_id, user_version=2, email="alt@hof.example", first=False)
            assert await work.address_book.keep([old]) == set()
            [recipient] = await work.address_book.recipients(["4711"])
        assert recipient.address == "neu@hof.example"

    async def test_the_highest_of_one_batch_wins(self, store: Store) -> None:
        """Several versions of one user in a batch are folded, and the first user stays the first."""
        created = user(status="invited")
        changed = user(user_id=created.user_id, user_version=2, email="neu@hof.example", first=None)
        async with store.begin() as work:
            await work.address_book.keep([changed, created])
            [recipient] = await work.address_book.recipients(["4711"])
            assert await work.address_book.first_users(["4711"]) == {"4711": created.user_id}
        assert recipient.address == "neu@hof.example"

    async def test_only_active_users_and_the_invited_first_one_get_mail(self, store: Store) -> None:
        """An invitation that nobody used and a deactivated account get none."""
        first = user(status="invited", email="erste@hof.example")
        later = [user(status=status, first=False) for status in ("invited", "deactivated")]
        active = user(first=False, email="zweite@hof.example")
        foreign = user(customer_number="4712")
        async with store.begin() as work:
            await work.address_book.lock_customers(["4712", "4711"])
            await work.address_book.keep([first, *later, active, foreign])
            found = await work.address_book.recipients(["4711"])
        assert {recipient.address for recipient in found} == {"erste@hof.example", "zweite@hof.example"}

    async def test_settings_may_precede_the_user(self, store: Store) -> None:
        """What a user chose holds although the event of that user comes later; without a choice it is the notice."""
        chosen, plain = user(email="a@hof.example"), user(email="b@hof.example", first=False)
        settings = NotificationSettings(Mode.ATTACHMENT, {"invoice": Mode.NONE})
        async with store.begin() as work:
            await work.settings.put(chosen.user_id, "4711", NotificationSettings(Mode.NONE))
            await work.settings.put(chosen.user_id, "4711", settings)
            await work.address_book.keep([chosen, plain])
            found = {who.address: who.settings for who in await work.address_book.recipients(["4711"])}
            assert await work.settings.get(chosen.user_id) == settings
            assert await work.settings.get(plain.user_id) is None
        assert found == {"a@hof.example": settings, "b@hof.example": NotificationSettings()}

    async def test_a_forgotten_user_stays_forgotten(self, store: Store) -> None:
        """Of a deleted user only the version remains, so an older event brings nobody back."""
        gone = user(user_version=4)
        async with store.begin() as work:
            await work.address_book.keep([gone])
            await work.settings.put(gone.user_id, "4711", NotificationSettings(Mode.NONE))
            await work.address_book.forget({gone.user_id})
            await work.address_book.keep([user(user_id=gone.user_id, user_version=3)])
            assert await work.address_book.recipients(["4711"]) == []
            assert await work.settings.get(gone.user_id) is None
            assert await work.address_book.address_of(gone.user_id) is None


class DocumentsContract:
    async def test_a_version_is_new_once(self, store: Store) -> None:
        """The second hearing of a version is no news."""
        about = document()
        async with store.begin() as work:
            assert await work.documents.remember([about, about]) == {about.subject_id}
            assert await work.documents.remember([about]) == set()

    async def test_waiting_documents_are_released_once(self, store: Store) -> None:
        """The first user's documents are handed over, those of other customers wait on."""
        own, foreign = document(), document(customer_number="4712")
        async with store.begin() as work:
            await work.documents.remember([own, foreign])
            await work.documents.wait({own.subject_id, foreign.subject_id}, SOON)
        async with store.begin() as work:
            assert await work.documents.release(["4711"]) == [own]
            assert await work.documents.release(["4711"]) == []

    async def test_a_removed_document_is_not_released(self, store: Store) -> None:
        """While it is not visible it waits on, within its time."""
        about = document()
        async with store.begin() as work:
            await work.documents.remember([about])
            await work.documents.wait({about.subject_id}, SOON)
            await work.documents.remove(about.document_id, None)
            assert await work.documents.release(["4711"]) == []
            await work.documents.remember([about])
            assert await work.documents.release(["4711"]) == [about]

    async def test_a_document_waits_no_longer_than_its_time(self, store: Store) -> None:
        """After that it belongs to nobody's mail."""
        about = document()
        async with store.begin() as work:
            await work.documents.remember([about])
            await work.documents.wait({about.subject_id}, store.now() - timedelta(seconds=1))
        async with store.begin() as work:
            assert await work.documents.release(["4711"]) == []
            await work.documents.stop_waiting()


class HistoryContract:
    """What the events of users and documents come to, as the subscriptions take them."""

    async def test_withdrawn_while_the_first_user_came_it_is_mailed_once_it_is_back(self, store: Store) -> None:
        """The version is known and waits: visible again it goes to the first user, once."""
        document_id = str(uuid4())
        await hear(store, published(document_id=document_id), removed(document_id), user_event("UserCreated"))
        assert await claim(store) == []
        await hear(store, published(document_id=document_id))
        assert [mail.address for mail in await claim(store)] == ["max@hof.example"]
        await hear(store, removed(document_id), published(document_id=document_id))
        assert await claim(store) == []


class DeliveriesContract:
    async def test_one_mail_per_purpose_subject_and_address(self, store: Store) -> None:
        """Whoever queues again, with another spelling of the address, finds it there."""
        about = document()
        again = delivery(about, "MAX@Hof.Example", form=Form.ATTACHMENT)
        await queued(store, delivery(about), again)
        await queued(store, again, delivery(about, "erika@hof.example"))
        assert sorted(mail.address for mail in await claim(store)) == ["erika@hof.example", "max@hof.example"]

    async def test_a_claim_takes_what_is_due_once(self, store: Store) -> None:
        """A claimed mail is nobody else's, and carries everything its mail shows."""
        new = delivery()
        await queued(store, new)
        [mail] = await claim(store)
        assert (mail.document, mail.person, mail.ticket) == (new.document, new.person, Ticket(new.delivery_id, 1))
        assert await claim(store) == []

    async def test_a_claim_leaves_out_domains(self, store: Store) -> None:
        """The mails of a domain that has its share in hand stay where they are."""
        about = document()
        await queued(store, delivery(about, "a@slow.example"), delivery(about, "b@fast.example"))
        assert [mail.address for mail in await claim(store, 10, ("slow.example",))] == ["b@fast.example"]

    async def test_a_claim_looks_no_further_back_than_it_is_told(self, store: Store) -> None:
        """What was due before stays where it is; what is due from then on says when it was."""
        await queued(store, delivery())
        async with store.begin() as work:
            assert await work.deliveries.claim(10, (), store.now() + timedelta(minutes=1)) == []
            [mail] = await work.deliveries.claim(10, (), store.now() - timedelta(minutes=1))
        assert abs(mail.due_at - store.now()) < timedelta(minutes=1)

    async def test_a_suppressed_delivery_is_never_due(self, store: Store) -> None:
        """It stands in the log, and waits for an operator's word."""
        await queued(store, delivery(state=State.SUPPRESSED, reason="too_old"))
        assert await claim(store) == []

    async def test_the_steps_to_sent(self, store: Store) -> None:
        """Sending, dot_pending, sent: each step once, in this order."""
        mail = await claimed(store)
        sent = Result(mail.ticket, State.SENT, None, Form.ATTACHMENT)
        assert not await settle(store, sent)
        assert await mark(store, mail.ticket)
        assert not await mark(store, mail.ticket)
        assert await settle(store, sent)
        assert not await settle(store, sent)
        assert await store.state_of(mail.ticket) is State.SENT

    async def test_another_attempt_has_no_right(self, store: Store) -> None:
        """The attempt number is part of every compare-and-set."""
        mail = await claimed(store)
        other = Ticket(mail.ticket.delivery_id, mail.ticket.attempt + 1)
        assert not await mark(store, other)
        assert not await settle(store, Result(other, State.DELAYED, "x", None, 1.0))
        async with store.begin() as work:
            assert await work.deliveries.renew([other]) == set()

    async def test_a_delayed_mail_comes_back_in_time(self, store: Store) -> None:
        """With its reason, and with the next attempt's number."""
        mail = await claimed(store)
        await settle(store, Result(mail.ticket, State.DELAYED, "451 later", None, 60.0))
        assert await claim(store) == []
        await store.pass_time(timedelta(seconds=61))
        [again] = await claim(store)
        assert (again.ticket.attempt, again.reason) == (2, "451 later")

    async def test_an_expired_claim_goes_back_to_the_queue(self, store: Store) -> None:
        """Whoever held it has lost it, even if it lives."""
        mail = await claimed(store)
        await store.pass_time(timedelta(seconds=31))
        assert await recover(store) == []
        assert not await mark(store, mail.ticket)
        assert [again.ticket.attempt for again in await claim(store)] == [2]

    async def test_a_renewed_lease_does_not_expire(self, store: Store) -> None:
        """A live sender keeps what it has."""
        mail = await claimed(store)
        await store.pass_time(timedelta(seconds=20))
        async with store.begin() as work:
            assert await work.deliveries.renew([mail.ticket]) == {mail.ticket}
        await store.pass_time(timedelta(seconds=20))
        await recover(store)
        assert await store.state_of(mail.ticket) is State.SENDING

    async def test_a_lease_far_ahead_counts_as_expired(self, store: Store) -> None:
        """A clock that was set back must not lock a mail up."""
        mail = await claimed(store)
        await store.pass_time(timedelta(hours=-1))
        await recover(store)
        assert await store.state_of(mail.ticket) is State.QUEUED

    @pytest.mark.parametrize("attempts", [0, 1, 20])
    async def test_a_clock_that_is_set_back_delays_nobody(self, store: Store, attempts: int) -> None:
        """What was written to be due by the clock of before would wait an hour longer; it is tried at once instead."""
        await queued(store, delivery())
        for attempt in range(1, attempts + 1):
            [mail] = await claim(store)
            wait = try_again_after(mail.ticket.delivery_id, attempt).total_seconds()
            assert await settle(store, Result(mail.ticket, State.DELAYED, "450 later", again_after=wait))
            await recover(store)
            assert await claim(store) == [], "an honest back-off is kept"
            if attempt < attempts:
                await store.pass_time(timedelta(seconds=wait))
        await store.pass_time(timedelta(hours=-1))
        assert await claim(store) == []
        await recover(store)
        assert len(await claim(store)) == 1

    async def test_dot_pending_that_expires_is_unknown(self, store: Store) -> None:
        """It may have arrived: it is told and not sent again; the answer of the same attempt may still come."""
        mail = await claimed(store)
        await mark(store, mail.ticket)
        await store.pass_time(timedelta(seconds=31))
        [lost] = await recover(store)
        assert (lost.state, lost.document_id) == (State.UNKNOWN, mail.document.document_id if mail.document else None)
        await store.pass_time(timedelta(days=1))
        assert await claim(store) == []
        assert await settle(store, Result(mail.ticket, State.SENT))
        assert await store.state_of(mail.ticket) is State.SENT

    async def test_an_unknown_password_mail_is_sent_again(self, store: Store) -> None:
        """Twice the same password harms nobody; without it nobody gets in."""
        await queued(store, credential_delivery(store.now() + timedelta(days=14)))
        [mail] = await claim(store)
        await mark(store, mail.ticket)
        await store.pass_time(timedelta(seconds=31))
        await recover(store)
        assert await store.state_of(mail.ticket) is State.UNKNOWN
        await store.pass_time(timedelta(seconds=31))
        assert [again.ticket.attempt for again in await claim(store)] == [2]

    async def test_a_removed_document_cancels_what_waits(self, store: Store) -> None:
        """One version or all; visible again, the mail that never went is queued once more."""
        about = document()
        await queued(store, delivery(about))
        async with store.begin() as work:
            await work.deliveries.cancel(about.document_id, 2, "document_removed")
            await work.deliveries.cancel(about.document_id, 1, "document_removed")
        assert await claim(store) == []
        async with store.begin() as work:
            await work.deliveries.revive({about.subject_id})
        assert len(await claim(store)) == 1

    async def test_what_waits_for_a_user_alone_is_cancelled_with_the_user(self, store: Store) -> None:
        """A mailbox shared with somebody who stays still gets its mail."""
        one, other = uuid4(), uuid4()
        await queued(store, delivery(user_ids=(one,)), delivery(user_ids=(one, other), address="hof@hof.example"))
        async with store.begin() as work:
            await work.deliveries.cancel_for_users({one}, {"4711"}, "recipient_gone")
        assert [mail.address for mail in await claim(store)] == ["hof@hof.example"]

    async def test_cancelling_by_purpose_spares_the_others(self, store: Store) -> None:
        """A newer password replaces the older one, not the documents."""
        one = uuid4()
        await queued(store, delivery(user_ids=(one,)), credential_delivery(SOON, one))
        async with store.begin() as work:
            await work.deliveries.cancel_for_users({one}, {"4711"}, "superseded", Purpose.INITIAL_PASSWORD)
        assert [mail.purpose for mail in await claim(store)] == [Purpose.DOCUMENT_PUBLISHED]

    async def test_the_secret_is_dropped_when_the_mail_is_gone(self, store: Store) -> None:
        """Delayed it stays, sent it goes."""
        await queued(store, credential_delivery(store.now() + timedelta(days=14)))
        [mail] = await claim(store)
        await settle(store, Result(mail.ticket, State.DELAYED, "451", None, 0.0))
        [again] = await claim(store)
        assert again.credential is not None
        assert again.credential.secret == "sealed"
        await mark(store, again.ticket)
        await settle(store, Result(again.ticket, State.UNKNOWN, "dot", None, 0.0))
        assert await store.secret_of(again.ticket) == "sealed"
        [last] = await claim(store)
        await mark(store, last.ticket)
        await settle(store, Result(last.ticket, State.SENT))
        assert await store.secret_of(last.ticket) is None

    async def test_an_expired_secret_is_dropped_and_its_mail_fails(self, store: Store) -> None:
        """Nobody gets a password that opens nothing."""
        await queued(store, credential_delivery(store.now() + timedelta(days=14)))
        await store.pass_time(timedelta(days=15))
        [failed] = await recover(store)
        assert (failed.state, failed.reason) == (State.FAILED, "expired before it could be sent")
        assert await recover(store) == []
        assert await claim(store) == []
