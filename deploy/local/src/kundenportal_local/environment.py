"""The environment a started program gets: a clean one, so that nothing of the caller's shell changes how the stack runs."""

import os
from collections.abc import Mapping

KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "USER", "LOGNAME", "SSL_CERT_FILE", "SSL_CERT_DIR")
# What a download needs of the caller's way to the network.
NETWORK = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
# What a caller may set for the services; everything else that begins with KUNDENPORTAL_ stays outside.
PASSED_ON = (
    "KUNDENPORTAL_LOG_LEVEL",
    "KUNDENPORTAL_OTLP_ENDPOINT",
    "KUNDENPORTAL_BILLING_SOURCES",
    "KUNDENPORTAL_PRIVACY_NOTICES_DIR",
    "KUNDENPORTAL_MAX_DOCUMENT_BYTES",
    "KUNDENPORTAL_RETENTION_MONTHS",
    "KUNDENPORTAL_MAX_MAIL_BYTES",
    "KUNDENPORTAL_SMTP_FROM",
    "KUNDENPORTAL_SMTP_TLS",
)
PASSED_ON_PREFIX = "KUNDENPORTAL_BRAND_"


def base_environment(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """What any child gets; proxies, PYTHON*, JAVA* and PG* variables stay outside, as all traffic is local."""
    kept = {name: environ[name] for name in KEPT if name in environ}
    kept.setdefault("PATH", "/usr/local/bin:/usr/bin:/bin")
    if not {"LANG", "LC_ALL"} & set(kept):
        kept["LANG"] = "C.UTF-8"  # or Java could not open a path with an umlaut
    return {**kept, "PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": environ.get("PYTHONDONTWRITEBYTECODE", "")}


def network(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The caller's proxies and certificates, in the spelling they came."""
    return {name: value for name, value in environ.items() if name.upper() in NETWORK}


def passed_on(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The caller's own settings that reach the services."""
    return {
        name: value
        for name, value in environ.items()
        if value and (name in PASSED_ON or name.startswith(PASSED_ON_PREFIX))
    }
