"""Fetches Kafka's jars into the folder named on the command line; a process of its own, so that Ctrl-C need not wait."""

import sys
from pathlib import Path

from kundenportal_local.errors import LocalTroubleError
from kundenportal_local.jars import fetch_jars, read_list


def main() -> None:
    try:
        fetch_jars(Path(sys.argv[1]), read_list())
    except LocalTroubleError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
