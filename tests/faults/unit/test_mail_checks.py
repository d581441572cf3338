"""The checker on mails: each way in which one is lost, doubled or astray, and what the history has to say to excuse it."""

from dataclasses import replace

import pytest

from tests.faults.checker import check
from tests.faults.history import IN_FLIGHT, History, Known
from tests.faults.outcome import MailTaken, Outcome
from tests.faults.unit.made import ISSUED, KNOWN, WITHDRAWN, corrected, judged, only, removed
from tests.faults.words import tellings


def test_lost_without_delivery(history: History, outcome: Outcome) -> None:
    """Told to a notifier that knows the customer's user, and no delivery."""
    outcome.deliveries.clear()
    outcome.mails.clear()
    assert "no delivery" in only(judged(history, outcome), "lost")


def test_lost_mail(history: History, outcome: Outcome) -> None:
    """A delivery that says sent, and no mail."""
    outcome.mails.clear()
    assert "no mail" in only(judged(history, outcome), "lost")


def test_doubled_delivery(history: History, outcome: Outcome) -> None:
    """Two deliveries of one reason to one mailbox, however it is spelled."""
    twin = replace(outcome.deliveries[0], id="m-2", address="A@Hof.example")
    outcome.deliveries.append(twin)
    outcome.mails.append(MailTaken("<m-2@portal.example>", "a@hof.example", "Rechnung R1"))
    assert "2 deliveries" in only(judged(history, outcome), "doubled")


def test_doubled_mail(history: History, outcome: Outcome) -> None:
    """A second mail of one Message-ID whose delivery says sent."""
    outcome.mails *= 2
    assert "came 2 times" in only(judged(history, outcome), "doubled")


def test_doubled_mail_of_nobody(history: History, outcome: Outcome) -> None:
    """A mail that no delivery knows."""
    outcome.mails.append(MailTaken("<m-7@portal.example>", "a@hof.example", "Rechnung R1"))
    assert "no delivery" in only(judged(history, outcome), "doubled")


def in_state(outcome: Outcome, state: str, reason: str | None = None) -> Outcome:
    """The one delivery ended so, and no mail came."""
    outcome.deliveries[0] = replace(outcome.deliveries[0], state=state, reason=reason)
    outcome.mails.clear()
    return outcome


@pytest.mark.parametrize("state", ["failed", "bounced", "suppressed"])
def test_lost_in_an_end_state(history: History, outcome: Outcome, state: str) -> None:
    """The mail server takes everything, so no other end than sent is right."""
    assert "ended without a mail" in only(judged(history, in_state(outcome, state, "too_old")), "lost")


@pytest.mark.parametrize("state", ["failed", "suppressed"])
def test_mailed_though_the_row_denies_it(history: History, outcome: Outcome, state: str) -> None:
    """Operators would send it once more."""
    outcome.deliveries[0] = replace(outcome.deliveries[0], state=state)
    assert "nobody got a mail, and 1 came" in only(judged(history, outcome), "doubled")


@pytest.mark.parametrize("state", ["queued", "sending", "dot_pending", "delayed"])
def test_late_under_way(history: History, outcome: Outcome, state: str) -> None:
    """Drained is nothing that still has its mails to send."""
    assert "under way" in only(judged(history, in_state(outcome, state)), "late")


def test_a_mail_to_another_address(history: History, outcome: Outcome) -> None:
    """The right Message-ID at the wrong mailbox, and a delivery to a mailbox that is not the user's."""
    outcome.mails[0] = replace(outcome.mails[0], to="b@hof.example")
    assert "went astray" in only(judged(history, outcome), "lost")
    outcome.deliveries[0] = replace(outcome.deliveries[0], address="b@hof.example")
    verdict = check(history, outcome, mails=True)
    assert ["has no delivery" in finding for finding in verdict.lost] == [True]
    assert ["nobody is owed" in finding for finding in verdict.doubled] == [True]


def test_unknown_needs_a_dot_in_flight(history: History, outcome: Outcome) -> None:
    """Excused, with or without its mail, where the history names the delivery; else it is lost."""
    in_state(outcome, "unknown")
    assert ["not in flight" in finding for finding in judged(history, outcome).lost] == [True]
    history.happened(IN_FLIGHT, deliveries=["m-1"])
    verdict = check(history, outcome, mails=True)
    verdict.assert_clean()
    assert "0 mails" in only(verdict, "unknown")


def test_unknown_excuses_no_second_mail(history: History, outcome: Outcome) -> None:
    """Nobody sends a document's mail twice; a first password goes out again by itself."""
    history.happened(IN_FLIGHT, deliveries=["m-1", "m-2"])
    outcome.deliveries[0] = replace(outcome.deliveries[0], state="unknown")
    password = replace(outcome.deliveries[0], id="m-2", purpose="initial_password", document_id=None, version=None)
    outcome.deliveries.append(password)
    outcome.mails = [outcome.mails[0], *[MailTaken("<m-2@portal.example>", KNOWN.email, "Zugang")] * 2]
    judged(history, outcome).assert_clean()
    outcome.mails *= 2
    assert check(history, outcome, mails=True).doubled == ["the mail of m-1 (unknown) came 2 times"]


def test_suppressed_is_what_was_withdrawn(history: History, outcome: Outcome) -> None:
    """A mail that had not gone when its document was withdrawn, and only while the list does not show it."""
    in_state(outcome, "suppressed", "document_removed").listed = []
    outcome.documents[0] = replace(outcome.documents[0], withdrawn_at=WITHDRAWN.ce_time)
    outcome.bus.append(removed("p-3", 1))
    judged(history, outcome, ISSUED, WITHDRAWN).assert_clean()
    again = replace(ISSUED, ce_id="e-5", ce_time="2026-11-23T12:20:00+00:00", place=(*ISSUED.place[:2], 5))
    assert any("ended without a mail" in finding for finding in judged(history, outcome, again).lost)


def test_a_user_of_whom_the_notifier_knows_nothing(history: History, outcome: Outcome) -> None:
    """A lost UserCreated does not excuse the mails that are owed to that user."""
    outcome.users.clear()
    outcome.deliveries.clear()
    outcome.mails.clear()
    verdict = judged(history, outcome)
    assert ["is not remembered" in finding for finding in verdict.lost] == [True, False]
    assert ["has no delivery" in finding for finding in verdict.lost] == [False, True]


def test_customers_without_a_user_owe_no_mail(history: History, outcome: Outcome) -> None:
    """Their documents wait."""
    history.inputs[:] = [Known("4712", "c@hof.example", "u-2", ("identity.users.v1", 0, 1))]
    outcome.users[:] = ["4712"]
    outcome.deliveries.clear()
    outcome.mails.clear()
    judged(history, outcome).assert_clean()


def test_without_any_user_nothing_is_shown(history: History, outcome: Outcome) -> None:
    """A run that should have mails and knows nobody is not clean."""
    history.inputs.clear()
    outcome.users.clear()
    outcome.deliveries.clear()
    outcome.mails.clear()
    assert "nobody has a user" in only(judged(history, outcome), "lost")


def test_each_version_owes_a_mail_of_its_own(history: History, outcome: Outcome) -> None:
    """A correction is mailed as well, and what the bus forgot of it excuses nothing."""
    outcome = corrected(outcome)
    correction = replace(
        ISSUED, sha256="bb", ce_id="e-2", ce_time="2026-11-23T12:05:00+00:00", place=(*ISSUED.place[:2], 2)
    )
    judged(history, outcome, ISSUED, correction).assert_clean()
    assert sum(tellings(history).values()) == 2
    del outcome.deliveries[1], outcome.mails[1]
    assert "has no delivery" in only(check(history, outcome, mails=True), "lost")
