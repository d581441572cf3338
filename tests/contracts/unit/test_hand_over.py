"""Handing over a folder: one failure stops nothing, a bus that is gone stops all."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from kundenportal_contracts.billing import DocumentIssued
from kundenportal_contracts.cli import billing
from kundenportal_contracts.cli.connection import Connection, ConnectionUnknown, connection
from kundenportal_contracts.cli.customers import DEFAULTS, customer_steps
from kundenportal_contracts.cli.documents import document_steps
from kundenportal_contracts.cli.hand_over import Failure, Outcome, run_jobs, summary
from kundenportal_contracts.cli.index import COLUMNS, read_entries
from kundenportal_contracts.cli.journal import Journal
from kundenportal_contracts.cli.log import Log
from kundenportal_contracts.cli.tables import Fault, Row, read_table
from kundenportal_contracts.envelope import decode
from kundenportal_contracts.publish import BillingPublisher, BusUnavailable, PublishFailed, S3Target
from kundenportal_contracts.publish.kafka_sender import OutgoingRecord
from tests.contracts.fakes import DOCUMENT, MemoryIntake, MemorySender, publisher

STACK = {
    "kafka_bootstrap": "127.0.0.1:9",
    "s3_endpoint": "http://127.0.0.1:9",
    "s3_access_key": "zugang",
    "s3_secret_key": "geheim",
    "s3_intake_bucket": "intake",
}
runner = CliRunner()


def export(folder: Path, rows: list[dict[str, Any]]) -> None:
    """A folder as billing exports it; each row's file is made unless it is called missing.pdf."""
    for row in rows:
        if row["file"] not in {"missing.pdf", ""} and "/" not in row["file"]:
            (folder / row["file"]).write_bytes(row["file"].encode())
    with (folder / "index.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, ["file", *DOCUMENT], delimiter=";")
        table.writeheader()
        table.writerows(rows)


def row(number: str, **changed: str) -> dict[str, str]:
    return {**DOCUMENT, "file": f"{number}.pdf", "document_number": number, **changed}


async def handed_over(folder: Path, sender: MemorySender, *, again: bool = False, log: Path | None = None) -> Outcome:
    found = list(read_entries(folder, read_table(folder / "index.csv", COLUMNS).rows))
    with Log(log) as said, Journal.open(folder, "cluster-1", "billing/sap-1", again=again) as journal:
        steps = document_steps(found, journal, said)
        outcome = await run_jobs(publisher(sender, MemoryIntake()), steps, lambda: None)
        if outcome.is_complete:
            journal.remove()
    return outcome


async def test_running_again_says_the_same_ids(tmp_path: Path) -> None:
    """A folder handed over twice repeats itself, unless new ids are asked for."""
    export(tmp_path, [row(f"R{number}") for number in range(40)])
    sender = MemorySender()
    for again in (False, False, True):
        await handed_over(tmp_path, sender, again=again)
    ids = sender.header("ce_id")
    assert sorted(ids[:40]) == sorted(ids[40:80])
    assert not set(ids[:40]) & set(ids[80:])


async def test_versions_of_one_document_go_in_the_order_of_the_index(tmp_path: Path) -> None:
    """Of several rows with one number, the last is billing's latest word."""
    export(tmp_path, [row("R1", file=f"{number:02}.pdf") for number in range(20)])
    sender = MemorySender()
    await handed_over(tmp_path, sender)
    assert contents(sender) == [f"{number:02}.pdf" for number in range(20)]


class Picky(MemorySender):
    """Takes no document with this content."""

    bad: bytes | None = None

    async def send(self, record: OutgoingRecord) -> None:
        if decode(DocumentIssued, record.value).content.inline == self.bad:
            raise PublishFailed("too large")
        await super().send(record)


def waiting(outcome: Outcome) -> list[tuple[int, str]]:
    return [(one.line, one.faults[0].problem) for one in outcome.waiting]


def contents(sender: MemorySender) -> list[str]:
    return [(decode(DocumentIssued, record.value).content.inline or b"").decode() for record in sender.records]


async def test_after_a_failure_later_versions_wait_and_come_in_order(tmp_path: Path) -> None:
    """What fails holds up those behind it, and no other document; the next run hands over the rest in order."""
    names = ["1.pdf", "2.pdf", "3.pdf", "4.pdf"]
    export(tmp_path, [*(row("R1", file=name) for name in names), row("R2")])
    sender = Picky()
    sender.bad = b"2.pdf"
    first = await handed_over(tmp_path, sender)
    assert sorted(contents(sender)) == ["1.pdf", "R2.pdf"]
    assert (waiting(first), first.is_complete) == ([(4, "waits for line 3"), (5, "waits for line 3")], False)
    sender.bad = None
    assert (await handed_over(tmp_path, sender)).is_complete
    assert [said for said in contents(sender) if said != "R2.pdf"] == names


async def test_after_a_refused_row_later_versions_wait(tmp_path: Path) -> None:
    """A row that is wrong holds up what stands behind it, not what stands before it."""
    export(tmp_path, [row("R1", file=name) for name in ("1.pdf", "missing.pdf", "3.pdf")])
    sender = MemorySender()
    first = await handed_over(tmp_path, sender)
    assert contents(sender) == ["1.pdf"]
    assert (waiting(first), [failure.line for failure in first.failures]) == ([(4, "waits for line 3")], [3])
    (tmp_path / "missing.pdf").write_bytes(b"2.pdf")
    assert (await handed_over(tmp_path, sender)).is_complete
    assert contents(sender) == ["1.pdf", "2.pdf", "3.pdf"]


async def test_a_row_that_tells_no_document_holds_up_none(tmp_path: Path) -> None:
    """Where the number itself is wrong, nobody knows what would have to wait."""
    export(tmp_path, [row("R1", customer_number=""), row("", file="1.pdf"), row("R1", file="2.pdf")])
    outcome = await handed_over(tmp_path, MemorySender())
    assert (len(outcome.failures), outcome.waiting, outcome.handed_over) == (2, [], 1)


async def test_customers_without_a_number_do_not_wait_for_each_other() -> None:
    """Each is told what is wrong with it; of one customer, the later word waits."""
    rows = [
        Row(line, {"customer_number": number, "company": "A", "email": email})
        for line, number, email in ((2, None, "a@b"), (2, None, "a@b"), (4, "1", "nowhere"), (5, "1", "a@b.example"))
    ]
    steps = customer_steps(BillingPublisher.register_customer, rows, tuple(rows[0].cells), DEFAULTS)
    sender = MemorySender()
    outcome = await run_jobs(publisher(sender), steps, lambda: None)
    assert [failure.line for failure in outcome.failures] == [2, 2, 4]
    assert (waiting(outcome), sender.records) == ([(5, "waits for line 4")], [])


def test_what_waits_is_told_and_counted(capsys: pytest.CaptureFixture[str]) -> None:
    """The list names it, the sum counts it apart from what failed."""
    fault = Fault(None, "waits for line 2")
    outcome = Outcome(1, [Failure(2, "R1 (1.pdf)", (Fault(None, "too large"),))], [Failure(3, "R1 (2.pdf)", (fault,))])
    summary(outcome, 3, "documents", 0)
    out, err = capsys.readouterr()
    assert out == "1 of 3 documents handed over, 1 failed, 1 waiting.\n"
    assert err == "line 2: R1 (1.pdf): too large\nline 3: R1 (2.pdf): waits for line 2\n"


async def test_a_bus_that_is_gone_stops_the_rest(tmp_path: Path) -> None:
    """Three thousand documents do not wait for three thousand time-outs."""
    export(tmp_path, [row("R0", customer_number="1"), *(row(f"R{number}") for number in range(1, 200))])
    sender = MemorySender(refuse={"4711": BusUnavailable("no broker answers")})
    outcome = await handed_over(tmp_path, sender)
    assert outcome.stopped == "no broker answers"
    assert len(outcome.failures) <= 32


async def test_a_single_refusal_stops_nothing(tmp_path: Path) -> None:
    """A record that the broker refuses is listed, and the next one goes on."""
    export(tmp_path, [row("R1", customer_number="1"), row("R2")])
    outcome = await handed_over(tmp_path, MemorySender(refuse={"1": PublishFailed("too large")}))
    assert (outcome.handed_over, [failure.faults[0].problem for failure in outcome.failures]) == (1, ["too large"])


async def test_a_stopped_run_goes_on_where_it_stopped(tmp_path: Path) -> None:
    """What the broker had is not said again; what was mended or changed meanwhile is."""
    export(tmp_path, [row("R1", customer_number="1"), row("R2"), row("R3", customer_number="3")])
    sender = MemorySender(refuse={"4711": PublishFailed("too large")})
    await handed_over(tmp_path, sender)
    sender.refuse = {}
    (tmp_path / "R3.pdf").write_bytes(b"another R3")
    await handed_over(tmp_path, sender)
    said = [decode(DocumentIssued, record.value) for record in sender.records]
    assert sorted(event.document_number for event in said) == ["R1", "R2", "R3", "R3"]
    with Journal.open(tmp_path, "cluster-1", "billing/sap-1", again=False) as journal:
        assert not journal.done


async def test_new_ids_stay_the_same_until_all_is_handed_over(tmp_path: Path) -> None:
    """A run that draws new ids draws them once, however often it is interrupted; the next one draws others."""
    export(tmp_path, [row("R1", customer_number="1"), row("R2")])
    sender = MemorySender(refuse={"4711": BusUnavailable("gone")})
    with Journal.open(tmp_path, "cluster-1", "billing/sap-1", again=True) as journal:
        run = journal.run
    await handed_over(tmp_path, sender, again=True)
    sender.refuse = {}
    await handed_over(tmp_path, sender, again=True)
    assert len(set(sender.header("ce_id"))) == len(sender.records) == 2
    with Journal.open(tmp_path, "cluster-1", "billing/sap-1", again=True) as journal:
        assert journal.run != run


async def test_the_log_has_the_ids_of_each_document(tmp_path: Path) -> None:
    """Event id and trace id of a document, as they stand in the record's headers; a failure with its problem."""
    export(tmp_path, [row("R1", customer_number="1"), row("R2")])
    sender = MemorySender(refuse={"4711": PublishFailed("too large")})
    await handed_over(tmp_path, sender, log=tmp_path / "log.jsonl")
    lines = map(json.loads, (tmp_path / "log.jsonl").read_text().splitlines())
    [one, other] = sorted(lines, key=lambda line: line["line"])
    [trace], [event_id] = sender.header("traceparent"), sender.header("ce_id")
    assert (one["trace_id"], one["event_id"], one["document_number"]) == (trace.split("-")[1], event_id, "R1")
    assert (other["outcome"], other["line"], other["problem"]) == ("failed", 3, "too large")


@pytest.mark.parametrize(
    ("environ", "missing"),
    [
        ({}, ["KAFKA_BOOTSTRAP", "BILLING_SOURCE"]),
        ({"KUNDENPORTAL_KAFKA_BOOTSTRAP": "", "KUNDENPORTAL_BILLING_SOURCE": "b"}, ["KAFKA_BOOTSTRAP"]),
        ({"KUNDENPORTAL_S3_ENDPOINT": "http://x"}, ["S3_INTAKE_BUCKET", "S3_ACCESS_KEY", "S3_SECRET_KEY"]),
    ],
)
def test_what_is_not_configured_is_named(environ: dict[str, str], missing: list[str]) -> None:
    """Every missing variable stands in one sentence."""
    with pytest.raises(ConnectionUnknown) as unknown:
        connection(None, environ)
    assert all(f"KUNDENPORTAL_{name}" in str(unknown.value) for name in missing)


def test_a_stack_brings_everything(tmp_path: Path) -> None:
    """The file of a local stack is enough; the source may be another one."""
    stack = tmp_path / "stack.json"
    stack.write_text(json.dumps(STACK))
    target = S3Target("http://127.0.0.1:9", "intake", "zugang", "geheim")
    assert connection(stack, {}) == Connection("127.0.0.1:9", "billing/sap-1", target, None)
    assert connection(stack, {"KUNDENPORTAL_BILLING_SOURCE": "billing/navision"}).source == "billing/navision"


@pytest.mark.parametrize("content", [None, "", "[]", "{}", '{"kafka_bootstrap": "x"}'])
def test_a_file_that_is_no_stack_is_told(tmp_path: Path, content: str | None) -> None:
    """A stack that does not run, or another file: one sentence, exit 2."""
    stack = tmp_path / "stack.json"
    if content is not None:
        stack.write_text(content)
    done = runner.invoke(
        billing, ["customer", "close", "--customer-number", "1", "--reason", "x", "--stack", str(stack)]
    )
    assert (done.exit_code, "Traceback" in done.output) == (2, False)
    assert "stack.json is not" in done.output


@pytest.mark.parametrize(
    ("names", "told"),
    [
        ([], "no index.csv"),
        (["a.csv", "b.json"], "more than one index: a.csv, b.json"),
        (["index.csv"], "index.csv: is empty"),
    ],
)
def test_a_folder_without_a_clear_index_is_told(tmp_path: Path, names: list[str], told: str) -> None:
    """No index, two of them or one without columns: exit 2 before anything is handed over."""
    (tmp_path / "stack").write_text(json.dumps(STACK))
    folder = tmp_path / "export"
    folder.mkdir()
    for name in names:
        (folder / name).touch()
    done = runner.invoke(billing, ["publish", str(folder), "--stack", str(tmp_path / "stack")], terminal_width=200)
    assert done.exit_code == 2
    assert told in " ".join(done.output.replace("│", "").split())


def test_options_and_a_table_exclude_each_other(tmp_path: Path) -> None:
    """One customer by options or many by a table, never half of both."""
    done = runner.invoke(billing, ["customer", "register", "--company", "A", "--file", str(tmp_path / "x.csv")])
    assert done.exit_code == 2
    assert "goes without company" in done.output


def test_a_broker_whose_address_is_none_is_told(tmp_path: Path) -> None:
    """Exit 1 and a sentence, before anything is handed over."""
    export(tmp_path, [row("R1")])
    (tmp_path / "stack").write_text(json.dumps({**STACK, "kafka_bootstrap": "localhost:abc"}))
    done = runner.invoke(billing, ["publish", str(tmp_path), "--stack", str(tmp_path / "stack")])
    told = "Nothing was handed over: localhost:abc is no address of a broker (host:port).\n"
    assert (done.exit_code, done.output) == (1, told)
