"""One attempt at one delivery: make the mail, hand it to the mail server, write down what became of it."""

import asyncio
from collections.abc import Awaitable
from datetime import timedelta

from chassis.clock import Clock
from chassis.logs import get_logger
from notifier import metrics
from notifier.domain import GIVE_UP_AFTER, Answer, Form, State, deliverable, judge, try_again_after
from notifier.ports import (
    AttachmentUnavailable,
    DueMail,
    Mailer,
    MailUnsafe,
    Outcome,
    Result,
    SecretUnreadable,
    Withdrawn,
)
from notifier.use_cases.compose_mail import Composed, ComposeMail
from notifier.use_cases.record_progress import Lease, Mark, RecordProgress
from notifier.use_cases.tell_outcome import LOG_WORDS, outcome_event

log = get_logger()


class AttemptDelivery:
    def __init__(self, *, compose: ComposeMail, mailer: Mailer, progress: RecordProgress, clock: Clock) -> None:
        self._compose = compose
        self._mailer = mailer
        self._progress = progress
        self._clock = clock
        self._late: set[asyncio.Task[None]] = set()

    async def __call__(self, mail: DueMail, lease: Lease) -> Answer | None:
        """Carry the mail as far as it gets; the mail server's answer comes back, None where it was not asked."""
        composed = await self._composed(mail)
        if isinstance(composed, Result):
            self._settle(mail, composed)
            return None
        try:
            outcome = await self._send(composed, lease)
        except Withdrawn:
            self._withdrawn(mail, lease)
            return None
        except MailUnsafe as error:
            self._settle(mail, Result(mail.ticket, State.FAILED, f"mail: {error}"))
            return None
        self._settle(mail, self._judged(mail, outcome.answer, composed.form))
        self._await_late_answer(mail, outcome, composed.form)
        return outcome.answer

    def broke_off(self, mail: DueMail, lease: Lease) -> None:
        """A fault of our own. Once the dot was asked for the lease runs out and tells; before, it is tried again."""
        if lease.marked:
            self._progress.drop(lease)
        else:
            self._settle(mail, self._delayed(mail, "sender: internal error"))

    def stop(self) -> None:
        for task in self._late:
            task.cancel()

    def _overtaken(self, mail: DueMail) -> Result | None:
        """What happened since the mail was queued may have made it pointless."""
        if mail.document_is_gone:
            return Result(mail.ticket, State.SUPPRESSED, "document_removed")
        if mail.credential is not None and mail.credential.expires_at <= self._clock.now():
            return Result(mail.ticket, State.FAILED, "expired before it could be sent")
        return None

    async def _composed(self, mail: DueMail) -> Composed | Result:
        if (overtaken := self._overtaken(mail)) is not None:
            return overtaken
        if not deliverable(mail.address):
            return Result(mail.ticket, State.FAILED, "address: not one plain mailbox in ASCII")
        try:
            return await self._compose(mail)
        except AttachmentUnavailable as error:
            return self._delayed(mail, str(error))
        except SecretUnreadable as error:
            log.error("secret_unreadable", delivery_id=str(mail.ticket.delivery_id), error=str(error))  # noqa: TRY400 -- no trace near secrets
            return Result(mail.ticket, State.FAILED, "mail: no key of this service opens its secret")
        except MailUnsafe as error:
            return Result(mail.ticket, State.FAILED, f"mail: {error}")

    async def _send(self, composed: Composed, lease: Lease) -> Outcome:
        async def may_finish() -> bool:
            mark = await self._progress.mark_dot_pending(lease)
            return mark is Mark.GRANTED and lease.allows_dot(self._clock.monotonic())

        with metrics.STEP_SECONDS.time():
            return await self._mailer.send(
                composed.message, still_mine=lambda: lease.holds(self._clock.monotonic()), may_finish=may_finish
            )

    def _withdrawn(self, mail: DueMail, lease: Lease) -> None:
        """Nothing was accepted. Whoever lost the row leaves it alone; else it is tried again soon."""
        if lease.lost:
            self._progress.drop(lease)
        else:
            self._settle(mail, self._delayed(mail, "sender: the lease ran short before the final dot"))

    def _judged(self, mail: DueMail, answer: Answer, form: Form) -> Result:
        state = judge(answer)
        if state is State.DELAYED:
            return self._delayed(mail, answer.words, relay_is_away=answer.relay_is_away)
        again = None
        if state is State.UNKNOWN and mail.purpose.resends_alone:
            again = 30 + try_again_after(mail.ticket.delivery_id, mail.ticket.attempt).total_seconds()
        return Result(mail.ticket, state, None if state is State.SENT else answer.words, form, again)

    def _delayed(self, mail: DueMail, reason: str, *, relay_is_away: bool = False) -> Result:
        if self._clock.now() - mail.queued_at > GIVE_UP_AFTER:
            days = GIVE_UP_AFTER // timedelta(days=1)
            return Result(mail.ticket, State.FAILED, f"given up after {days} days: {reason}")
        wait = try_again_after(mail.ticket.delivery_id, mail.ticket.attempt, relay_is_away=relay_is_away)
        return Result(mail.ticket, State.DELAYED, reason, None, wait.total_seconds())

    def _settle(self, mail: DueMail, result: Result) -> None:
        now = self._clock.now()
        self._progress.settle(result, outcome_event(mail, result, now))
        if result.state is State.SENT:
            metrics.MAIL_SECONDS.observe(max(0.0, (now - mail.queued_at).total_seconds()))
        log.info(
            LOG_WORDS[result.state],
            delivery_id=str(mail.ticket.delivery_id),
            purpose=mail.purpose,
            attempt=mail.ticket.attempt,
            reason=result.reason,
        )

    def _await_late_answer(self, mail: DueMail, outcome: Outcome, form: Form) -> None:
        if outcome.late is not None:
            task = asyncio.create_task(self._late_answer(mail, outcome.late, form))
            self._late.add(task)
            task.add_done_callback(self._late.discard)

    async def _late_answer(self, mail: DueMail, late: Awaitable[Answer | None], form: Form) -> None:
        answer = await late
        if answer is not None:
            self._settle(mail, self._judged(mail, answer, form))
