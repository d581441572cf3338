"""Brings the services' databases to their newest revision, in one process that imports Alembic once.

The environment's DATABASES is a JSON object of service and URL, so that no password shows in the process list.
"""

import json
import os
import sys

from chassis.migrations import upgrade


def main() -> None:
    for service, url in json.loads(os.environ["DATABASES"]).items():
        print(f"{service}: to the newest revision", file=sys.stderr)
        upgrade(url, f"{service}.migrations")


if __name__ == "__main__":
    main()
