"""Whether everybody got the mails that billing's and identity's words owe: to the right address, and each once."""

from collections import Counter

from tests.faults.history import IN_FLIGHT, AnyHistory, Known
from tests.faults.outcome import DeliveryRow, Outcome
from tests.faults.verdict import Verdict, repeated
from tests.faults.words import CURRENT, Name, expected, tellings, withdrawals

DOCUMENTS, PASSWORDS = "document_published", "initial_password"
UNDER_WAY = {"queued", "sending", "dot_pending", "delayed"}


def check_mails(history: AnyHistory, outcome: Outcome, verdict: Verdict) -> None:
    """For a notifier whose mail server takes everything: each mail is `sent`, but where the history names a reason.

    `unknown` needs a dot that was in flight, `suppressed` a document that was withdrawn and is not shown any more.
    """
    known = [given for given in history.inputs if isinstance(given, Known)]
    if not known:
        verdict.lost.append("nobody has a user, so no mail was owed")
    verdict.lost += [f"{given} is not remembered" for given in known if given.customer_number not in outcome.users]
    _deliveries(history, outcome, verdict, {(given.customer_number, given.email.casefold()) for given in known})
    taken = Counter(_delivery_id(mail.message_id) for mail in outcome.mails)
    flying = {each for event in history.events if event.what == IN_FLIGHT for each in event.facts["deliveries"]}
    gone = _gone(history, outcome)
    for row in outcome.deliveries:
        _state(row, taken[row.id], flying, gone, verdict)
    _mails(outcome, verdict)


def _deliveries(history: AnyHistory, outcome: Outcome, verdict: Verdict, users: set[tuple[str, str]]) -> None:
    """One for each version that was told as the current one and each user of its customer, and no other."""
    told = {(name, sha256) for name, sha256, as_what in tellings(history) if as_what == CURRENT}
    names, owed = outcome.names, set[tuple[str | None, int | None, str]]()
    for row in outcome.versions:
        name: Name = names.get(row.document_id, ("", ""))
        if (name, row.sha256) in told:
            owed |= {(row.document_id, row.version, email) for customer, email in users if customer == name[0]}
    there = {(row.document_id, row.version, _key(row)) for row in outcome.deliveries if row.purpose == DOCUMENTS}
    verdict.lost += [f"{each} has no delivery" for each in owed - there]
    verdict.doubled += [f"{each} has a delivery that nobody is owed" for each in there - owed]
    for key, times in repeated((row.purpose, row.subject_id, _key(row)) for row in outcome.deliveries):
        verdict.doubled.append(f"{times} deliveries are {key}")


def _gone(history: AnyHistory, outcome: Outcome) -> set[tuple[str | None, int | None]]:
    """The versions of withdrawn documents that are not what their lists show."""
    names, shown = outcome.names, expected(history)
    hidden = {name: shown.get(name) for name in withdrawals(history)}
    return {
        (row.document_id, row.version)
        for row in outcome.versions
        if names.get(row.document_id) in hidden and hidden[names[row.document_id]] != row.sha256
    }


def _state(
    row: DeliveryRow,
    mails: int,
    flying: set[str],
    gone: set[tuple[str | None, int | None]],
    verdict: Verdict,
) -> None:
    """The state that a delivery ended in fits the mails that came of it."""
    if row.state == "sent":
        verdict.lost += [f"{row} has no mail"] if not mails else []
    elif row.state == "unknown":
        verdict.unknown.append(f"{row} has {mails} mails")
        verdict.lost += [f"{row} is unknown, and its dot was not in flight"] if row.id not in flying else []
    elif row.state in UNDER_WAY:
        verdict.late.append(f"{row} is still under way")
    elif mails:
        verdict.doubled.append(f"{row} says that nobody got a mail, and {mails} came")
    elif row.reason != "document_removed" or (row.document_id, row.version) not in gone:
        verdict.lost.append(f"{row} ended without a mail")


def _mails(outcome: Outcome, verdict: Verdict) -> None:
    """Each goes to its delivery's address, and once; an `unknown` first password goes out again by design."""
    rows = {row.id: row for row in outcome.deliveries}
    for mail in outcome.mails:
        row = rows.get(_delivery_id(mail.message_id))
        if row is None:
            verdict.doubled.append(f"the mail {mail.message_id} belongs to no delivery")
        elif mail.to.casefold() != row.address.casefold():
            verdict.lost.append(f"{mail} went astray, it is for {row.address}")
    for id_, times in Counter(_delivery_id(mail.message_id) for mail in outcome.mails).items():
        row = rows.get(id_)
        if row and times > 1 and (row.state, row.purpose) != ("unknown", PASSWORDS):
            verdict.doubled.append(f"the mail of {id_} ({row.state}) came {times} times")


def _key(row: DeliveryRow) -> str:
    return row.address.casefold()


def _delivery_id(message_id: str) -> str:
    return message_id.strip("<>").partition("@")[0]
