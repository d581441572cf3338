"""Links to bytes in S3, signed for a minute (botocore's signer); making one takes no request."""

from typing import Final
from urllib.parse import quote

from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from documents.settings import DocumentsSettings

LIFETIME_SECONDS: Final = 60


class S3ContentLinks:
    """Path-style links into our own bucket."""

    def __init__(self, settings: DocumentsSettings) -> None:
        self._prefix = f"{settings.s3_endpoint}/{settings.s3_documents_bucket}/"
        self._credentials = Credentials(settings.s3_access_key, settings.s3_secret_key)
        self._region = settings.s3_region

    def link(self, object_key: str, media_type: str) -> str:
        """Sign a link that answers with this media type, whatever the store remembers of the object."""
        request = AWSRequest(
            "GET", self._prefix + quote(object_key, safe="/"), params={"response-content-type": media_type}
        )
        S3SigV4QueryAuth(self._credentials, "s3", self._region, expires=LIFETIME_SECONDS).add_auth(request)
        return str(request.prepare().url)
