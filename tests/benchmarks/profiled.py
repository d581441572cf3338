"""Runs a console script under cProfile: `python -m tests.benchmarks.profiled FILE SCRIPT ARGUMENTS…`; the profile is written at the end."""

import cProfile
import runpy
import sys


def main() -> None:
    file, script, sys.argv = sys.argv[1], sys.argv[2], sys.argv[2:]
    profile = cProfile.Profile()
    try:
        profile.runcall(runpy.run_path, script, run_name="__main__")
    finally:
        profile.dump_stats(file)


if __name__ == "__main__":
    main()
