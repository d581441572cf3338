"""Shows the pages on http://127.0.0.1:8099 with services in memory: `python -m tests.gateway.dev_server [port]`.

Names: s8u8i1 (documents), neu (first login), english; the password of each is `ein langer Satz`.
"""

import asyncio
import sys

from chassis.clock import SystemClock
from chassis.lifecycle import HttpServer
from tests.gateway.fakes.documents import item
from tests.gateway.fakes.identity import Account
from tests.gateway.fakes.notifier import delivery
from tests.gateway.fakes.portal import FakePortal

PASSWORD = "ein langer Satz"


def sample_portal(port: int, **environ: str) -> FakePortal:
    portal = FakePortal(
        {"KUNDENPORTAL_PUBLIC_URL": f"http://127.0.0.1:{port}", **environ},
        SystemClock(),
    )
    portal.identity.add(Account("neu", PASSWORD, ["change_password", "accept_privacy_notice"], first_name="Łucja"))
    portal.identity.add(Account("english", PASSWORD, language="en"))
    portal.documents.items = [item(number) for number in range(64)]
    portal.documents.items[1].update(corrected=True, version=2)
    portal.documents.versions = [
        {"version": 2, "current": True, "published_at": "2018-03-02T07:15:00Z", "size": 81_234, "due_on": "2018-03-16"},
        {"version": 1, "current": False, "published_at": "2018-02-19T12:01:00Z", "size": 79_001},
    ]
    portal.notifier.deliveries = [
        delivery("max.mustermann@mail.de", "sent"),
        delivery("buchhaltung@hof-mustermann.de", "delayed", form="notice", reason="451 Bitte später"),
        delivery("alt@hof-mustermann.de", "bounced", reason="550 Postfach unbekannt"),
    ]
    return portal


if __name__ == "__main__":
    PORT = int(sys.argv[1]) if len(sys.argv) > 1 else 8099
    asyncio.run(HttpServer("http", sample_portal(PORT).app, "127.0.0.1", PORT).run())
