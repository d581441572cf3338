"""The fixtures of every test, named for the thing and not for the tool behind it. All start when first asked for."""

import gc

from hypothesis import settings

# The same examples at every run, whatever the machine's speed; `--hypothesis-profile=explore` looks for new ones.
settings.register_profile("repeatable", derandomize=True, deadline=None, database=None)
settings.register_profile("explore", max_examples=2_000, deadline=None)
settings.load_profile("repeatable")

# Thousands of small tests: collecting garbage less often saves a tenth of their time.
gc.set_threshold(100_000, 50, 50)


def pytest_sessionfinish() -> None:
    """Look through everything once; pytest would do it five times more."""
    gc.collect()
    gc.freeze()


pytest_plugins = [
    "tests.fixtures.broker",
    "tests.fixtures.postgres",
    "tests.fixtures.object_store",
    "tests.fixtures.mailbox",
    "tests.fixtures.browser",
    "tests.fixtures.portal",
    "tests.fixtures.billing",  # last, as it builds on others, which must be registered before they are imported
]
