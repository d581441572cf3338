"""Judges a run once more from its files: `python -m tests.faults.again .local/faults/f01-123 [--mails]`."""

import sys
from pathlib import Path

from tests.faults.checker import check
from tests.faults.history import ReadHistory
from tests.faults.outcome import Outcome
from tests.faults.verdict import SHOWN_FINDINGS


def main(folder: Path, *, mails: bool) -> int:
    """Print the verdict with its findings; 1 where it is not clean."""
    verdict = check(ReadHistory(folder / "history.jsonl"), Outcome.load(folder / "outcome.json"), mails=mails)
    kinds = ("lost", "doubled", "unseen", "late", "unknown", "disordered", "crashed")
    found = [f"{kind}: {finding}" for kind in kinds for finding in getattr(verdict, kind)[:SHOWN_FINDINGS]]
    sys.stdout.write("\n".join([verdict.line(), *found]) + "\n")
    return 0 if verdict.clean else 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), mails="--mails" in sys.argv))
