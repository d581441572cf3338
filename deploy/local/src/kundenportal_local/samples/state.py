"""What the sample data has done so far, so that a later or an interrupted start doubles nothing."""

import json
import secrets
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path

from kundenportal_local.samples.customers import ONBOARDED

WORDS = (
    "Kiebitz", "Hafer", "Wiese", "Lerche", "Roggen", "Linde", "Schwalbe", "Gerste", "Weide", "Storch", "Klee", "Ulme",
    "Amsel", "Dinkel", "Birke", "Reiher",
)  # fmt: skip


@dataclass
class State:
    """Steps done, and what must stay the same when they are repeated."""

    today: str = field(default_factory=lambda: date.today().isoformat())  # noqa: DTZ011  a paper's date is the person's own
    passwords: dict[str, str] = field(default_factory=dict)
    usernames: dict[str, str] = field(default_factory=dict)
    registered: bool = False
    handed_over: bool = False

    @property
    def is_done(self) -> bool:
        return self.handed_over and len(self.usernames) == len(ONBOARDED)


def load(path: Path) -> State:
    """The state of an earlier start, or a new one with fresh passwords."""
    if path.exists():
        return State(**json.loads(path.read_text(encoding="utf-8")))
    state = State(passwords={customer.number: _password() for customer in ONBOARDED})
    save(path, state)
    return state


def save(path: Path, state: State) -> None:
    """Replace the file as a whole; it has passwords, so it is for this user alone."""
    temporary = path.with_suffix(".new")
    temporary.touch(mode=0o600)
    temporary.write_text(json.dumps(asdict(state), indent=2, ensure_ascii=False), encoding="utf-8")
    temporary.replace(path)


def _password() -> str:
    return f"{secrets.choice(WORDS)}-{secrets.choice(WORDS)}-{1000 + secrets.randbelow(9000)}"
