"""The simulation can fail: each mechanism left out is found within few histories."""

from chassis.testing.simulation.explore import History, at_every_commit, at_every_step, play, report
from chassis.testing.simulation.plan import Plan
from tests.simulation.machines import MACHINES

CALM = Plan(0)


def first_failure(machine: str, *, within: int, pause: bool = False) -> History:
    """Of the histories that crash, or pause, a process at each step in turn, the first one that goes wrong."""
    histories = at_every_step(MACHINES[machine], pause=pause)
    found = report(machine, (history for _, history in zip(range(within), histories, strict=False)), most_failures=1)
    assert found.failed, f"{machine} passed {found.histories} histories"
    return found.failed[0]


def test_an_offset_committed_before_the_effect_is_found() -> None:
    """Even where nothing crashes: at that moment the effect is not there."""
    findings = play(MACHINES["consumer-acknowledges-first"], CALM).findings
    assert any("acknowledged before it took effect" in finding for finding in findings)


def test_an_offset_committed_before_the_effect_loses() -> None:
    """With a crash in between, the records are gone for good."""
    findings = first_failure("consumer-acknowledges-first", within=40).findings
    assert findings


def test_a_missing_inbox_is_found() -> None:
    """All is well until a crash between commit and acknowledgement brings the records again."""
    assert not play(MACHINES["consumer-without-inbox"], CALM).findings
    findings = first_failure("consumer-without-inbox", within=80).findings
    assert any("filed" in finding for finding in findings)


def test_a_delete_before_the_answer_is_found() -> None:
    """Events of one key change places although nothing goes wrong; a crash in between would lose one."""
    failed = first_failure("relay-forgets-before-the-answer", within=60)
    assert any("lost" in finding or "out of order" in finding for finding in failed.findings)


def test_a_relay_without_its_lock_is_found() -> None:
    """Two relays send everything twice, although nothing goes wrong."""
    findings = play(MACHINES["relay-without-lock"], CALM).findings
    assert any("copies although nothing went wrong" in finding for finding in findings)
    assert not play(MACHINES["relay"], CALM).findings


def test_a_dot_that_nobody_wrote_down_is_found() -> None:
    """The mail server takes it while the row says sending; and after a crash it takes it twice."""
    failed = first_failure("mailer-without-mark", within=1)
    assert any("taken while its row says sending" in finding for finding in failed.findings)
    histories = at_every_step(MACHINES["mailer-without-mark"], every=3)
    assert any("was taken twice" in finding for history in histories for finding in history.findings)


def test_an_answer_that_is_not_kept_is_found() -> None:
    """A mail that was taken stays unknown because the database was away for a moment."""
    assert not play(MACHINES["mailer-forgets-answers"], CALM).findings
    found = report("mailer-forgets-answers", at_every_commit(MACHINES["mailer-forgets-answers"]), most_failures=1)
    assert any("unknown without a cause" in finding for finding in found.failed[0].findings)


def test_a_sender_that_never_doubts_its_lease_is_found() -> None:
    """All is well until it sleeps longer than its lease: it finishes what somebody else has sent meanwhile."""
    assert not play(MACHINES["mailer-goes-on-after-its-lease"], CALM).findings
    failed = first_failure("mailer-goes-on-after-its-lease", within=120, pause=True)
    assert any("was taken twice" in finding for finding in failed.findings)
