"""The commands `dead-letters list, show, replay, discard` of every service. Exit codes: see `Exit`."""

import asyncio
import getpass
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from enum import IntEnum
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from chassis.clock import SystemClock
from chassis.dead_letters.desk import Desk, Outcome, Signature, TopicGone
from chassis.dead_letters.letters import Letter, Place, parse_place
from chassis.dead_letters.view import details, plain, summary, time_text
from chassis.logs import configure_logs
from chassis.messaging.producer import producer
from chassis.messaging.topic_reader import BrokerAway, TopicReader
from chassis.settings import KafkaSettings, SettingsInvalid, load_settings
from kundenportal_contracts.topics import dead_letters

NAME_LENGTH, TEXT_LENGTH = 100, 500


class Exit(IntEnum):
    DONE = 0
    NOT_ALL = 1  # a letter is unknown, handled before, or could not be written back; each is named
    USAGE = 2  # the call, or a setting
    AWAY = 3  # the broker does not answer, or the dead-letters topic is missing


Reason = Annotated[str | None, typer.Option("--reason", help="Only those with this reason.")]
FromTopic = Annotated[str | None, typer.Option("--topic", help="Only those that came on this topic.")]
By = Annotated[str | None, typer.Option("--by", metavar="NAME", help="Who does it; else the login name.")]
Because = Annotated[str | None, typer.Option("--because", metavar="TEXT", help="Why, kept with the letter.")]
Stack = Annotated[
    Path | None, typer.Option("--stack", metavar="FILE", help="The file of a running local stack, .local/stack.json.")
]
Letters = Annotated[
    list[str], typer.Argument(metavar="LETTER…", help="OFFSET or PARTITION/OFFSET, as `list` shows it.")
]
SomeLetters = Annotated[
    list[str] | None, typer.Argument(metavar="LETTER…", help="OFFSET or PARTITION/OFFSET, as `list` shows it.")
]


def dead_letters_cli(service: str) -> typer.Typer:
    """Make the commands for one service's dead letters."""
    app = typer.Typer(no_args_is_help=True, help="See what could not be taken, hand it over again, or let it be.")
    _add_looking(app, service)
    _add_handling(app, service)
    return app


def _add_looking(app: typer.Typer, service: str) -> None:
    @app.command("list")
    def list_(
        reason: Reason = None,
        topic: FromTopic = None,
        limit: Annotated[int, typer.Option(min=1, help="At most so many, the oldest first.")] = 100,
        handled: Annotated[bool, typer.Option("--handled", help="Also those that were replayed or discarded.")] = False,
        as_json: Annotated[bool, typer.Option("--json", help="For machines: a JSON list.")] = False,
        stack: Stack = None,
    ) -> None:
        """List the dead letters that wait for a decision."""

        async def work(desk: Desk) -> Exit:
            every = await desk.letters()
            chosen = [each for each in _choose(every, reason, topic) if handled or each.note is None]
            if as_json:
                print(json.dumps([summary(each) for each in chosen[:limit]], ensure_ascii=False, indent=1))
            else:
                _print_table(chosen[:limit], left=len(chosen) - limit)
            return Exit.DONE

        _run(service, stack, work)

    @app.command()
    def show(
        letter: Annotated[str, typer.Argument(metavar="LETTER", help="OFFSET or PARTITION/OFFSET.")],
        raw: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the value's own bytes there.")] = None,
        stack: Stack = None,
    ) -> None:
        """Show one letter: reason, origin, headers and value, made safe for the terminal."""
        (place,) = _places([letter])
        _run(service, stack, lambda desk: _show(desk, place, raw))


def _add_handling(app: typer.Typer, service: str) -> None:
    @app.command()
    def replay(
        letters: SomeLetters = None,
        every: Annotated[bool, typer.Option("--all", help="All that are open.")] = False,
        reason: Reason = None,
        topic: FromTopic = None,
        by: By = None,
        because: Because = None,
        stack: Stack = None,
    ) -> None:
        """Write letters back to where they came from, as they came; the service takes each event once."""
        places, signature = _places(letters or []), _signature(by, because)
        if every == bool(places) or (places and (reason or topic)):
            _refuse("name letters, or say --all, with --reason and --topic to narrow it")

        async def work(desk: Desk) -> Exit:
            found = await desk.letters()
            chosen = [each for each in _choose(found, reason, topic) if each.note is None] if every else found
            named, unknown = _named(chosen, places) if places else (chosen, [])
            return _report([*unknown, *await desk.replay(named, signature)])

        _run(service, stack, work)

    @app.command()
    def discard(letters: Letters, because: Because = None, by: By = None, stack: Stack = None) -> None:
        """Decide that nothing is to be done with letters, and say why."""
        places, signature = _places(letters), _signature(by, because)
        if not signature.because:
            _refuse("--because TEXT is needed: whoever comes later wants to know why")

        async def work(desk: Desk) -> Exit:
            named, unknown = _named(await desk.letters(), places)
            return _report([*unknown, *await desk.discard(named, signature)])

        _run(service, stack, work)


async def _show(desk: Desk, place: Place, raw: Path | None) -> Exit:
    named, unknown = _named(await desk.letters(), [place])
    record = await desk.record(named[0]) if named else None
    if record is None:
        return _report(unknown or [Outcome(place, "not there any more")])
    if raw is None:
        for name, text in details(named[0], record.value):
            print(f"{name}: {text}")
        return Exit.DONE
    if record.value is None:
        return _report([Outcome(place, "its value is null: there are no bytes")])
    try:
        with os.fdopen(os.open(raw, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(record.value)
    except OSError as error:
        return _report([Outcome(place, f"not written to {raw}: {error.strerror}")])
    print(f"{place}: {len(record.value)} bytes in {raw}{', cut: not the whole value' if named[0].truncated else ''}")
    return Exit.DONE


def _run(service: str, stack: Path | None, work: Callable[[Desk], Awaitable[Exit]]) -> None:
    """Open the desk, do the work, exit."""
    settings = _settings(stack)
    configure_logs(f"kundenportal-{service}", "critical")

    async def opened() -> Exit:
        async with _desk(service, settings) as desk:
            return await work(desk)

    try:
        code = asyncio.run(opened())
    except (BrokerAway, TopicGone) as error:
        print(error, file=sys.stderr)
        code = Exit.AWAY
    raise typer.Exit(code)


@asynccontextmanager
async def _desk(service: str, settings: KafkaSettings) -> AsyncIterator[Desk]:
    sender = producer(settings, client_id=f"{service}-dead-letters-operator")
    try:
        async with TopicReader(settings) as reader:
            yield Desk(dead_letters(service), reader, sender, SystemClock())
    finally:
        await sender.close()


def _settings(stack: Path | None) -> KafkaSettings:
    try:
        if stack is None:
            return load_settings(KafkaSettings)
        return KafkaSettings(kafka_bootstrap=json.loads(stack.read_text())["kafka_bootstrap"])
    except SettingsInvalid as error:
        _refuse("\n".join(error.problems))
    except (OSError, ValueError, KeyError, TypeError) as error:
        _refuse(f"{stack} is no stack's file ({type(error).__name__})")


def _signature(by: str | None, because: str | None) -> Signature:
    try:
        name = (by or getpass.getuser()).strip()
    except (OSError, KeyError):
        name = ""
    why = because.strip() if because else None
    if not name or not name.isprintable() or len(name) > NAME_LENGTH:
        _refuse(f"--by NAME: who does it, in 1 to {NAME_LENGTH} printable characters")
    if why and (not why.isprintable() or len(why) > TEXT_LENGTH):
        _refuse(f"--because TEXT: at most {TEXT_LENGTH} printable characters")
    return Signature(name, why)


def _refuse(sentence: str) -> NoReturn:
    print(sentence, file=sys.stderr)
    raise typer.Exit(Exit.USAGE)


def _places(texts: Sequence[str]) -> list[Place]:
    try:
        return list(dict.fromkeys(parse_place(text) for text in texts))
    except ValueError as error:
        _refuse(str(error))


def _choose(letters: Sequence[Letter], reason: str | None, topic: str | None) -> list[Letter]:
    return [
        each
        for each in letters
        if (reason is None or each.reason == reason) and (topic is None or (each.origin and each.origin.topic == topic))
    ]


def _named(letters: Sequence[Letter], places: Sequence[Place]) -> tuple[list[Letter], list[Outcome]]:
    by_place = {each.place: each for each in letters}
    unknown = [Outcome(place, "there is no such letter") for place in places if place not in by_place]
    return [by_place[place] for place in sorted(places) if place in by_place], unknown


def _report(outcomes: Sequence[Outcome]) -> Exit:
    for outcome in outcomes:
        print(f"{outcome.place}: {plain(outcome.words)}", file=sys.stdout if outcome.done else sys.stderr)
    done = sum(outcome.done for outcome in outcomes)
    print(f"{done} done, {len(outcomes) - done} not", file=sys.stderr)
    return Exit.DONE if done == len(outcomes) else Exit.NOT_ALL


def _print_table(letters: Sequence[Letter], left: int) -> None:
    from rich.console import Console  # noqa: PLC0415 - a running service draws no tables and does without its 5 MB
    from rich.table import Table  # noqa: PLC0415 - see above
    from rich.text import Text  # noqa: PLC0415 - see above

    table = Table("letter", "written", "reason", "origin", "key", "type", "bytes", "state", box=None, pad_edge=False)
    for each in letters:
        told = summary(each)
        state = f"{told['state']} by {told['by']}" if each.note else "open"
        origin = plain(str(each.origin)) if each.origin else "unknown"
        cells = (told["letter"], time_text(each.written_at), told["reason"], origin, told["key"], told["ce_type"])
        size = f"{told['bytes']}, cut" if each.truncated else told["bytes"]
        table.add_row(*(Text(str(cell or "–")) for cell in (*cells, size, state)))
    console = Console(width=None if sys.stdout.isatty() else 200)
    console.print(table if letters else "no dead letters are open")
    if left > 0:
        print(f"and {left} more (--limit)", file=sys.stderr)
