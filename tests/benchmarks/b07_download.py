"""B7: downloads through the gateway beside the same bytes straight from the S3 server."""

from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config

from tests.benchmarks.bill import Bill
from tests.benchmarks.harness import Comparison, Lap, compare
from tests.benchmarks.raw_http import get_many
from tests.fixtures.bus import Bus, Data, bus, invoice
from tests.fixtures.customers import registered
from tests.fixtures.papers import pdf
from tests.fixtures.portal import Portal, eventually
from tests.fixtures.visitor import Visitor

CUSTOMER, EMAIL = "9001", "messung@hof-neun.example"
SIZES = {"100 KB": (100_000, 0.25, 400), "10 MB": (10_000_000, 0.5, 16)}


async def measure(portal: Portal) -> list[Comparison]:
    async with bus(portal.stack["kafka_bootstrap"]) as billing:
        visitor = await registered(portal, billing, CUSTOMER, EMAIL)
        return [await one_size(portal, billing, visitor, CUSTOMER, size) for size in SIZES]


async def one_size(portal: Portal, billing: Bus, visitor: Visitor, customer: str, size: str) -> Comparison:
    padding, goal, count = SIZES[size]
    stack = portal.stack
    number = f"B7 {size}"
    direct = await published(portal, billing, invoice_of(portal, customer, number, padding))
    item = eventually(lambda: next(iter(visitor.documents(q=number)), None), number)
    target = f"/api/v1/documents/{item['id']}/content"
    cookie = "; ".join(f"{name}={value}" for name, value in visitor.cookies.items())

    async def raw(lap: Lap) -> None:
        with lap:
            lap.units = await get_many(stack["s3_endpoint"], [direct] * count)

    async def ours(lap: Lap) -> None:
        with lap:
            lap.units = await get_many(stack["gateway_url"], [target] * count, f"Cookie: {cookie}\r\n")

    processes = {name: stack["processes"][name] for name in ("gateway", "documents", "identity", "s3", "postgres")}
    comparison = Comparison(f"B7 download through the gateway, {size}", "GET from the S3 server", goal)
    return await compare(comparison, raw, ours, Bill(processes, inspecting={"documents": "inspection workers"}))


def invoice_of(portal: Portal, customer: str, number: str, padding: int) -> Data:
    """An invoice by reference, its bytes already in the intake bucket."""
    content = pdf(number, padding=padding)
    key = f"billing/sap-1/{number.replace(' ', '-')}.pdf"
    storage(portal).put_object(Bucket=portal.stack["s3_intake_bucket"], Key=key, Body=content)
    return invoice(customer, number, content, content={"object": {"key": key}})


async def published(portal: Portal, billing: Bus, data: Data) -> str:
    """Hand it over; the presigned path and query of its bytes at the S3 server."""
    await billing.issue(data)
    while True:
        heard = await billing.heard("documents.documents.v1")
        for _, event in heard:
            if event.get("sha256") == data["sha256"]:
                place = {"Bucket": portal.stack["s3_documents_bucket"], "Key": event["object_key"]}
                url = urlsplit(storage(portal).generate_presigned_url("get_object", Params=place))
                return f"{url.path}?{url.query}"


def storage(portal: Portal) -> Any:  # boto3 makes its classes at run time
    return boto3.client(
        "s3",
        endpoint_url=portal.stack["s3_endpoint"],
        aws_access_key_id=portal.stack["s3_access_key"],
        aws_secret_access_key=portal.stack["s3_secret_key"],
        region_name="us-east-1",
        config=Config(
            signature_version="s3v4",
            s3={"addressing_style": "path"},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        ),
    )
