"""Finding the records that cannot be handled, so that all others of their batch take effect."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from chassis.messaging.retry import classify

T = TypeVar("T")


async def bisect(
    items: Sequence[T],
    attempt: Callable[[Sequence[T]], Awaitable[None]],
    bury: Callable[[T, Exception], None],
) -> None:
    """Attempt all items at once; where something among them is poison, halve until it stands alone and bury it.

    An attempt takes effect as a whole or not at all. Halves are attempted in order, each one entirely before what
    follows it. A failure that may pass is raised at once: what has taken effect or was buried by then stays so.
    """
    waiting = [items] if items else []
    while waiting:
        part = waiting.pop()
        try:
            await attempt(part)
        except Exception as error:
            if classify(error) == "retry":
                raise
            if len(part) == 1:
                bury(part[0], error)
            else:
                middle = len(part) // 2
                waiting += [part[middle:], part[:middle]]
