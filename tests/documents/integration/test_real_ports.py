"""PostgreSQL and S3 keep the contract of the ports."""

import asyncio

import boto3
import pytest
from botocore.config import Config

from chassis.database import Database
from chassis.messaging.retry import TryAgain
from documents.adapters.postgres_work import PostgresEffectsBefore
from documents.adapters.s3_content_store import S3ContentStore, S3IntakeStore, open_bucket
from tests.documents.conftest import PostgresTransactions
from tests.documents.making import event, issued, settings
from tests.documents.ports_contract import STAY, ContentContract, WorkContract, arrival, stored
from tests.fixtures.object_store import ObjectStore

pytestmark = pytest.mark.integration


class TestPostgresWork(WorkContract):
    @pytest.fixture
    def transactions(self, postgres_transactions: PostgresTransactions) -> PostgresTransactions:
        return postgres_transactions

    async def test_a_document_made_by_two_at_once_is_made_once(self, transactions: PostgresTransactions) -> None:
        """Who comes second waits for the first, tries again, and then finds the first one's version."""
        async with transactions.begin() as first:
            document = (await first.documents.lock([("4711", "R1")]))["4711", "R1"]
            document.file(arrival("a"), STAY)
            second = asyncio.create_task(file_another(transactions))
            await asyncio.sleep(0.2)
            await first.documents.save([document])
        with pytest.raises(TryAgain):
            await second
        await file_another(transactions)
        assert [version.number for version in (await stored(transactions)).versions.values()] == [1, 2]


async def test_looks_at_the_inbox_leave_the_pool_to_people(database: Database) -> None:
    """While somebody holds the inbox, the looks of six partitions take one connection: whoever else asks gets one at once."""
    before, asked = PostgresEffectsBefore(database), event(issued())
    async with database.service_transaction() as holder:
        await holder.exec_driver_sql("LOCK TABLE inbox")
        looks = [asyncio.create_task(before.known([asked])) for _ in range(6)]
        await asyncio.sleep(0.2)
        async with asyncio.timeout(1):
            await database.ping()
    assert await asyncio.gather(*looks) == [{}] * 6


async def file_another(transactions: PostgresTransactions) -> None:
    async with transactions.begin() as work:
        document = (await work.documents.lock([("4711", "R1")]))["4711", "R1"]
        await asyncio.sleep(0.4)
        document.file(arrival("b", 1), STAY)
        await work.documents.save([document])


class S3Buckets:
    def __init__(self, object_store: ObjectStore) -> None:
        self.settings = settings(
            s3_endpoint=object_store.endpoint,
            s3_access_key=object_store.access_key,
            s3_secret_key=object_store.secret_key,
        )
        self.documents_bucket, self.intake_bucket = object_store.create_bucket(), object_store.create_bucket()
        self.store = S3ContentStore(open_bucket(self.settings, self.documents_bucket))
        self.intake = S3IntakeStore(open_bucket(self.settings, self.intake_bucket))
        self._client = boto3.client(
            "s3",
            endpoint_url=object_store.endpoint,
            aws_access_key_id=object_store.access_key,
            aws_secret_access_key=object_store.secret_key,
            region_name=object_store.region,
            config=Config(signature_version="s3v4", s3={"addressing_style": "path"}),
        )

    def give(self, key: str, content: bytes) -> None:
        self._client.put_object(Bucket=self.intake_bucket, Key=key, Body=content)

    def kept(self, key: str) -> bytes:
        return bytes(self._client.get_object(Bucket=self.documents_bucket, Key=key)["Body"].read())


@pytest.fixture
def buckets(object_store: ObjectStore) -> S3Buckets:
    return S3Buckets(object_store)


class TestS3Content(ContentContract):
    async def test_a_missing_bucket_is_no_fault_of_the_document(self, buckets: S3Buckets) -> None:
        """A wrong bucket in the settings makes the partition wait and rejects nothing."""
        intake = S3IntakeStore(open_bucket(buckets.settings, "there-is-no-such-bucket"))
        with pytest.raises(TryAgain):
            await intake.read("billing/sap-1/x", 7)

    async def test_a_refused_key_is_no_fault_of_the_document(self, buckets: S3Buckets) -> None:
        """A wrong secret key in the settings makes the partition wait and rejects nothing."""
        wrong = buckets.settings.model_copy(update={"s3_secret_key": "wrong-wrong-wrong"})
        with pytest.raises(TryAgain):
            await S3IntakeStore(open_bucket(wrong, buckets.intake_bucket)).read("billing/sap-1/x", 7)
        with pytest.raises(TryAgain):
            await S3ContentStore(open_bucket(wrong, buckets.documents_bucket)).put("a", b"b", "application/pdf")

    async def test_a_store_that_is_down_is_waited_for(self) -> None:
        """Nobody listening is TryAgain."""
        with pytest.raises(TryAgain):
            await S3IntakeStore(open_bucket(settings(), "intake")).read("billing/sap-1/x", 7)
