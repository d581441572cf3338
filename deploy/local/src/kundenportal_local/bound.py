"""Becomes the program named on its command line (PARENT_PID USER COMMAND ARGUMENTS), bound to its parent.

Started by its path with `python -I -S`, so it imports the standard library alone. The kernel kills what it becomes when
the parent dies, however that happens. USER is the user to become first, or `-`. A SIGINT that came ignored (a background
job of a shell) is heard again.
"""

import ctypes
import os
import pwd
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    parent, user, command = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
    if user != "-":
        entry = pwd.getpwnam(user)
        os.setgroups([])
        os.setgid(entry.pw_gid)
        os.setuid(entry.pw_uid)
    # After the change of user, which would undo it.
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        sys.exit(f"prctl: {os.strerror(ctypes.get_errno())}")
    if os.getppid() != parent:
        sys.exit("the parent is gone")
    for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(one, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    try:
        os.execvpe(command[0], command, os.environ)  # noqa: S606  becoming that program is what this is for
    except OSError as error:
        sys.exit(f"{command[0]}: {error.strerror}")


if __name__ == "__main__":
    main()
