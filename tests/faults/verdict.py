"""What is to be said of a run: its findings in plain text, and the one line that sums them up."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeVar

Key = TypeVar("Key")
SHOWN_FINDINGS = 10


@dataclass(slots=True)
class Verdict:
    """Findings in plain text. The first four are never allowed; the others are counted, for a test to judge."""

    fault: str
    seed: int
    acknowledged: int
    kills: int
    drained: float | None
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)
    late: list[str] = field(default_factory=list)
    copies: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    disordered: list[str] = field(default_factory=list)
    crashed: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        return not (self.lost or self.doubled or self.unseen or self.late)

    def line(self) -> str:
        counts = ", ".join(
            f"{name} {len(getattr(self, name))}"
            for name in ("lost", "doubled", "unseen", "late", "copies", "unknown", "disordered", "crashed")
        )
        drained = "not drained" if self.drained is None else f"drained {self.drained:.1f} s"
        return (
            f"{self.fault} seed {self.seed}: kills {self.kills}, acknowledged {self.acknowledged}, {counts}, {drained}"
        )

    def assert_clean(self) -> None:
        """Nothing lost, doubled, unseen or late."""
        bad = {name: getattr(self, name) for name in ("lost", "doubled", "unseen", "late")}
        told = [f"{name}: {one}" for name, findings in bad.items() for one in findings[:SHOWN_FINDINGS]]
        assert self.clean, "\n".join([self.line(), *told])


def repeated(keys: Iterable[Key]) -> list[tuple[Key, int]]:
    """What is there more than once, and how often."""
    return [(key, times) for key, times in Counter(keys).items() if times > 1]
