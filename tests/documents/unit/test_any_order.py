"""Whatever order and repetition billing's events arrive in, the same is shown in the end."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from documents.domain import Arrival, Change, Document, Facts, Published, Removed, Stay

START = datetime(2026, 11, 23, 8, tzinfo=UTC)
STAY = Stay(START, date(2027, 12, 23))
FACTS = Facts("invoice", date(2026, 11, 20), "application/pdf", 10)


@dataclass(frozen=True)
class Issued:
    content: str
    minute: int
    event_id: str


@dataclass(frozen=True)
class Withdrawn:
    minute: int


Said = Issued | Withdrawn
MINUTES = st.integers(0, 6)
SAID = st.one_of(
    st.builds(Issued, st.sampled_from("xyz"), MINUTES, st.sampled_from("abc")),
    st.builds(Withdrawn, MINUTES),
)
HISTORIES = st.lists(SAID, max_size=10)


def tell(document: Document, said: Said) -> list[Change]:
    at = START + timedelta(minutes=said.minute)
    if isinstance(said, Withdrawn):
        return document.withdraw(at)
    return document.file(
        Arrival("4711", "R1", said.content, (at, said.event_id), FACTS, f"4711/{said.content}/k"), STAY
    )


def end_state(history: list[Said]) -> tuple[object, ...]:
    document = Document(UUID(int=1), "4711", "R1")
    for said in history:
        tell(document, said)
    current = document.current
    versions = {
        (sha256, version.first, version.last_said_at, document.is_visible(version))
        for sha256, version in document.versions.items()
    }
    return versions, document.withdrawn_at, current.sha256 if current else None


@given(HISTORIES, st.randoms(use_true_random=False), st.lists(st.integers(0, 9), max_size=5))
def test_any_order_and_repetition_ends_alike(history: list[Said], random: object, repeats: list[int]) -> None:
    """The same words in another order, some of them repeated, show the same versions and the same current one."""
    again = history + [history[index] for index in repeats if index < len(history)]
    random.shuffle(again)  # type: ignore[attr-defined]  # hypothesis' random has no public type
    assert end_state(again) == end_state(history)


@given(HISTORIES)
def test_what_is_said_adds_up_to_what_is_shown(history: list[Said]) -> None:
    """A reader that follows DocumentPublished and DocumentRemoved alone knows what is visible and which is current."""
    document = Document(UUID(int=1), "4711", "R1")
    visible: set[int] = set()
    current: int | None = None
    for said in history:
        for change in tell(document, said):
            match change:
                case Published(version, is_current):
                    visible.add(version.number)
                    current = version.number if is_current else current
                case Removed(None):
                    visible, current = set(), None
                case Removed(number):
                    visible.discard(number or 0)
        shown = document.current
        assert visible == {v.number for v in document.versions.values() if document.is_visible(v)}
        assert current == (shown.number if shown else None)


@given(HISTORIES)
def test_version_numbers_count_arrivals_and_stay(history: list[Said]) -> None:
    """Versions are numbered 1, 2, 3 … in the order in which their bytes first arrived, for ever."""
    document = Document(UUID(int=1), "4711", "R1")
    arrived: list[str] = []
    for said in history:
        tell(document, said)
        if isinstance(said, Issued) and said.content not in arrived:
            arrived.append(said.content)
        assert [document.versions[content].number for content in arrived] == list(range(1, len(arrived) + 1))


@given(HISTORIES, SAID)
def test_a_word_repeated_at_once_says_nothing(history: list[Said], said: Said) -> None:
    """Hearing the same word twice in a row changes and says nothing the second time."""
    document = Document(UUID(int=1), "4711", "R1")
    for earlier in [*history, said]:
        tell(document, earlier)
    assert tell(document, said) == []
