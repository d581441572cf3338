"""`kundenportal-contracts topics`: which topics are there, which are missing, which are set otherwise."""

import asyncio
import logging
from typing import Annotated

import typer

from kundenportal_contracts.cli.connection import UNUSABLE, ConnectionUnknown, console, encryption, errors
from kundenportal_contracts.topic_admin import TopicState, TopicsUnavailable, apply_topics, topic_states
from kundenportal_contracts.topics import MEBIBYTE, Topic


def topics(
    bootstrap: Annotated[str, typer.Option(envvar="KUNDENPORTAL_KAFKA_BOOTSTRAP", help="host:port of a broker.")],
    apply: Annotated[
        bool, typer.Option("--apply", help="Make what is missing and mend what is set otherwise.")
    ] = False,
    replication_factor: Annotated[
        int | None, typer.Option(min=1, help="Of new topics; without it three, or as many as there are brokers.")
    ] = None,
) -> None:
    """List the topics and how they stand on the broker; nothing is changed without --apply.

    --apply makes topics, adds partitions and sets retention, clean-up and the largest record, and with three replicas or
    more that two must have a record (min.insync.replicas). A shorter retention lets the broker drop older records;
    partitions beyond those wanted stay, as Kafka takes none away. Exits 1 where a topic is missing or set otherwise at the
    end, 2 where the broker does not answer or refuses.
    """
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    try:
        tls = encryption()
        asked = (
            apply_topics(bootstrap, replication_factor=replication_factor, ssl=tls)
            if apply
            else topic_states(bootstrap, ssl=tls)
        )
        states = asyncio.run(asked)
    except (TopicsUnavailable, ConnectionUnknown) as error:
        errors.print(f"The topics cannot be looked after: {error}.")
        raise typer.Exit(UNUSABLE) from None
    for state in states:
        console.print(_line(state))
    for state in states:
        for difference in state.differences:
            errors.print(f"{state.topic.name}: {difference}{', mended' if state.state == 'mended' else ''}")
    if any(state.state in {"missing", "different"} for state in states):
        raise typer.Exit(1)


def _line(state: TopicState) -> str:
    topic = state.topic
    partitions = f"{topic.partitions} partition{'s' if topic.partitions > 1 else ''}"
    size = f"{topic.max_message_bytes // MEBIBYTE} MiB"
    return f"{topic.name:<28}{state.state:<11}{partitions:<14}{_keeps(topic):<11}{size:<7}key: {topic.key}"


def _keeps(topic: Topic) -> str:
    return "compacted" if topic.retention is None else f"{topic.retention.days} days"
