"""All machines by name, those of broken builds too, and the quiet in which thousands of histories are played."""

import logging

import structlog

from chassis.testing.simulation.world import Story
from tests.simulation import consumer, mailer, relay

MACHINES: dict[str, Story] = {
    "consumer": consumer.ConsumerMachine.story,
    "consumer-acknowledges-first": consumer.AcknowledgesFirst.story,
    "consumer-without-inbox": consumer.HasNoInbox.story,
    "relay": relay.RelayMachine.story,
    "relay-forgets-before-the-answer": relay.ForgetsBeforeTheAnswer.story,
    "relay-without-lock": relay.HasNoLock.story,
    "mailer": mailer.MailerMachine.story,
    "mailer-without-mark": mailer.DoesNotMarkTheDot.story,
    "mailer-goes-on-after-its-lease": mailer.GoesOnAfterItsLease.story,
    "mailer-forgets-answers": mailer.ForgetsAnswers.story,
}


def quiet() -> None:
    """No log line: a history is told by its trace."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
