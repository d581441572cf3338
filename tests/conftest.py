"""The fixtures of every test, named for the thing and not for the tool behind it. All start when first asked for."""

pytest_plugins = [
    "tests.fixtures.broker",
    "tests.fixtures.postgres",
    "tests.fixtures.object_store",
    "tests.fixtures.mailbox",
    "tests.fixtures.browser",
    "tests.fixtures.portal",
    "tests.fixtures.billing",  # last, as it builds on others, which must be registered before they are imported
]
