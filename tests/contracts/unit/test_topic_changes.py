"""What a broker may answer to a change of topics, and what is said about it."""

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import InvalidPartitionsError, TopicAuthorizationFailedError
from typer.testing import CliRunner

from kundenportal_contracts.cli import contracts
from kundenportal_contracts.topic_admin import states_of
from kundenportal_contracts.topic_changes import TopicsUnavailable, add_partitions, create, entries, set_settings
from kundenportal_contracts.topics import DOCUMENTS, settings_of

NOT_ALLOWED, EXISTS, INVALID = 29, 36, 40


@dataclass
class Answers:
    """A broker that gives these answers; `asked` are the settings it was told to set, `made` those of new topics."""

    code: int = 0
    text: str | None = None
    error: Exception | None = None
    settings: list[tuple[Any, ...]] = field(default_factory=list)
    looking: int = 0
    asked: dict[str, str] = field(default_factory=dict)
    made: dict[str, str] = field(default_factory=dict)
    replicas: int = 1

    async def describe_topics(self) -> Any:
        partition = {"leader": 1, "replicas": list(range(1, self.replicas + 1))}
        return [{"topic": DOCUMENTS.name, "partitions": [partition] * DOCUMENTS.partitions}]

    async def create_topics(self, topics: Any, **_: Any) -> Any:
        self.made = topics[0].topic_configs
        return SimpleNamespace(topic_errors=[(topic.name, self.code, self.text) for topic in topics])

    async def create_partitions(self, _: Any) -> None:
        if self.error:
            raise self.error

    async def describe_configs(self, resources: Any) -> Any:
        return [SimpleNamespace(resources=[(self.looking, None, 2, one.name, self.settings) for one in resources])]

    async def alter_configs(self, resources: Any) -> Any:
        self.asked = resources[0].configs
        return [SimpleNamespace(resources=[(self.code, self.text, 2, one.name) for one in resources])]

    @property
    def admin(self) -> AIOKafkaAdminClient:
        return cast("AIOKafkaAdminClient", self)


async def refused(change: Any) -> str:
    with pytest.raises(TopicsUnavailable) as told:
        await change
    return str(told.value)


async def test_what_a_client_may_not_do_is_said() -> None:
    """Without the right to create, alter or describe, the topic, the deed and the reason stand in one sentence."""
    name, why = DOCUMENTS.name, "the broker does not allow it to this client (TopicAuthorizationFailedError)"
    answers = Answers(code=NOT_ALLOWED, error=TopicAuthorizationFailedError())
    assert await refused(create(answers.admin, [DOCUMENTS], 1, 1)) == f"topic {name} cannot be made: {why}"
    more = await refused(add_partitions(answers.admin, [DOCUMENTS]))
    assert more == f"topic {name} cannot be given more partitions: {why}"
    assert await refused(set_settings(answers.admin, [DOCUMENTS])) == f"topic {name} cannot be set: {why}"
    hidden = Answers(looking=NOT_ALLOWED)
    assert await refused(entries(hidden.admin, [DOCUMENTS])) == f"topic {name} cannot be looked at: {why}"


async def test_any_other_refusal_is_passed_on() -> None:
    """The broker's own words, or the error's name where it has none."""
    told = await refused(set_settings(Answers(code=INVALID, text="retention.ms: too small").admin, [DOCUMENTS]))
    assert told.endswith("cannot be set: retention.ms: too small")
    silent = await refused(create(Answers(code=INVALID).admin, [DOCUMENTS], 1, 1))
    assert silent.endswith("cannot be made: InvalidConfigurationError")
    fewer = await refused(add_partitions(Answers(error=InvalidPartitionsError()).admin, [DOCUMENTS]))
    assert fewer.endswith("more partitions: InvalidPartitionsError")


async def test_a_topic_that_somebody_else_made_meanwhile_is_no_error() -> None:
    """Two operators at once: the second finds it there."""
    await create(Answers(code=EXISTS).admin, [DOCUMENTS], 1, 1)


async def test_settings_of_others_are_repeated_and_no_defaults() -> None:
    """The request replaces all that is set for a topic: what is set stays, what is default or read-only is left out."""
    answers = Answers(
        settings=[
            ("segment.ms", "5", False, 1, False, []),
            ("retention.ms", "7", False, 1, False, []),
            ("segment.bytes", "9", False, 5, False, []),
            ("compression.type", "gzip", True, 1, False, []),
        ]
    )
    await set_settings(answers.admin, [DOCUMENTS])
    assert answers.asked == {
        "segment.ms": "5",
        "retention.ms": "2592000000",
        "cleanup.policy": "delete",
        "max.message.bytes": "1048576",
    }


INSYNC = "min.insync.replicas"


@pytest.mark.parametrize(("replicas", "wanted"), [(1, None), (2, None), (3, "2"), (5, "2")])
async def test_with_three_replicas_two_must_have_a_record(replicas: int, wanted: str | None) -> None:
    """A leader without followers confirms nothing; with fewer replicas one that is out would stop all."""
    answers = Answers(replicas=replicas)
    await create(answers.admin, [DOCUMENTS], replicas, 1)
    await set_settings(answers.admin, [DOCUMENTS])
    assert (answers.made.get(INSYNC), answers.asked.get(INSYNC)) == (wanted, wanted)


@pytest.mark.parametrize(("replicas", "told"), [(2, ()), (3, ("min.insync.replicas is 1 instead of 2",))])
async def test_a_topic_whose_leader_may_confirm_alone_is_told(replicas: int, told: tuple[str, ...]) -> None:
    """It differs as any other setting does, where it has three replicas."""
    there = {**settings_of(DOCUMENTS), INSYNC: "1"}
    answers = Answers(replicas=replicas, settings=[(name, value, False, 5, False, []) for name, value in there.items()])
    [state] = await states_of(answers.admin, [DOCUMENTS])
    assert (state.state, state.differences) == ("different" if told else "present", told)


def test_a_broker_that_is_away_is_told_by_the_command() -> None:
    """One sentence with the address, exit 2, in either form."""
    for more in ([], ["--apply"]):
        done = CliRunner().invoke(contracts, ["topics", "--bootstrap", "127.0.0.1:1", *more])
        assert (done.exit_code, "the broker at 127.0.0.1:1 does not answer" in done.output) == (2, True)


@pytest.mark.parametrize("bootstrap", ["localhost:abc", "[::1", "localhost:"])
def test_an_address_that_is_none_is_told_by_the_command(bootstrap: str) -> None:
    """A misspelt port or bracket: one sentence, exit 2, in either form."""
    for more in ([], ["--apply"]):
        done = CliRunner().invoke(contracts, ["topics", "--bootstrap", bootstrap, *more])
        assert (done.exit_code, done.output.count("\n")) == (2, 1)
        assert done.output == f"The topics cannot be looked after: {bootstrap} is no address of a broker (host:port).\n"
