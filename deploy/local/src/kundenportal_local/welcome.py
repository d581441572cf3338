"""What stands on the console once everything is ready."""

from kundenportal_local.stack import Stack

TEXT = """
The Kundenportal is ready after {seconds:.1f} s. Ctrl-C ends it.

  Portal         {gateway_url}/
  Mails it sent  {mailbox_url}
  For programs   {stack_file}
  Logs           {logs}
"""


def welcome(stack: Stack, seconds: float) -> str:
    """The addresses that a person wants now."""
    layout = stack.layout
    return TEXT.format(seconds=seconds, stack_file=layout.stack_file, logs=layout.logs, **stack.describe({}))
