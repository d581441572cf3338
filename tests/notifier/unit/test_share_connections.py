"""A slow domain slows no other: places are earned by being fast, and slow mails stand aside."""

from notifier.use_cases.share_connections import Lanes


def admitted(lanes: Lanes, domain: str, count: int, now: float) -> list[str]:
    keys = [f"{domain}-{now}-{number}" for number in range(count)]
    return [key for key in keys if lanes.admit(key, domain, now)]


def test_a_new_domain_starts_small() -> None:
    """Nobody knows yet whether it is slow."""
    assert len(admitted(Lanes(8), "new.example", 8, 0.0)) == 2


def test_a_fast_domain_earns_every_place() -> None:
    """After a few quick mails one domain alone fills all connections."""
    lanes = Lanes(8)
    for now in (0.0, 0.2):
        for key in admitted(lanes, "fast.example", 8, now):
            lanes.leave(key, now + 0.1)
    assert len(admitted(lanes, "fast.example", 8, 1.0)) == 8
    assert lanes.free == 0


def test_a_slow_domain_frees_its_places() -> None:
    """After a second its mails stand aside and the others go on as if nobody else were there."""
    lanes = Lanes(8)
    slow = [key for domain in "abcd" for key in admitted(lanes, f"{domain}.slow", 2, 0.0)]
    assert (len(slow), lanes.free) == (8, 0)
    lanes.overlook(1.5)
    assert lanes.free == 8
    assert len(admitted(lanes, "fast.example", 8, 1.5)) == 2


def test_a_known_slow_domain_takes_few_places_aside() -> None:
    """Its next mails never stand in the way of others."""
    lanes = Lanes(8)
    [key, other] = admitted(lanes, "slow.example", 8, 0.0)
    lanes.leave(key, 20.0)
    assert len(admitted(lanes, "slow.example", 8, 20.0)) == 1
    assert lanes.free == 7
    lanes.leave(other, 20.0)
    assert len(admitted(lanes, "slow.example", 8, 20.0)) == 1
    assert lanes.free == 8


def test_places_aside_are_bounded() -> None:
    """Never more connections than twice the width, however many domains are slow."""
    lanes = Lanes(4)
    total = 0
    for now in range(0, 100, 2):
        lanes.overlook(float(now))
        total += len(admitted(lanes, f"d{now}.slow", 4, float(now)))
    assert total == 8


def test_a_domain_that_recovers_is_fast_again() -> None:
    """One quick mail, and it earns its places anew."""
    lanes = Lanes(8)
    for key in admitted(lanes, "d.example", 2, 0.0):
        lanes.leave(key, 5.0)
    for now in (6.0, 7.0, 8.0):
        for key in admitted(lanes, "d.example", 8, now):
            lanes.leave(key, now + 0.1)
    assert len(admitted(lanes, "d.example", 8, 9.0)) == 8
