"""Becomes a child process that cannot outlive its parent. Run as a script, imports nothing of ours.

    python launch.py PARENT_PID DEATH_SIGNAL IDENTITY /ABSOLUTE/COMMAND…

IDENTITY is `self`, `user:UID:GID` (give up root) or `namespace:UID:GID` (stay the same user for
the kernel, but look like UID from inside). A script of its own instead of a `preexec_fn`: no
Python runs between fork and exec in a process that has threads.

The death signal is Linux only. Elsewhere a child outlives a killed parent until it is stopped by
hand; an ordinary stop ends it everywhere.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1
CLONE_NEWUSER = 0x10000000


def enter_namespace(uid: int, gid: int) -> None:
    """Makes this process look like `uid` and `gid` to itself, with its files unchanged."""
    outer_uid, outer_gid = os.geteuid(), os.getegid()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWUSER) != 0:
        raise OSError(ctypes.get_errno(), "no user namespace")
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{uid} {outer_uid} 1"),
        ("gid_map", f"{gid} {outer_gid} 1"),
    ):
        with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
            file.write(text)


def become(identity: str) -> None:
    """Changes user as told. Raises OSError where the machine does not allow it."""
    kind, *numbers = identity.split(":")
    if kind == "self":
        return
    uid, gid = (int(number) for number in numbers)
    if kind == "namespace":
        enter_namespace(uid, gid)
        return
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)


def die_with(parent: int, death_signal: int) -> None:
    """Asks the kernel for `death_signal` when the parent's thread ends."""
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
    # The parent may have died before the line above.
    if os.getppid() != parent:
        sys.exit(1)


def main() -> None:
    """Becomes the command."""
    parent, death_signal, identity, *command = sys.argv[1:]
    # Changing user clears the death signal, so the user comes first.
    become(identity)
    die_with(int(parent), int(death_signal))
    # Not execvp: as another user this interpreter may no longer reach its own library.
    os.execv(command[0], command)


if __name__ == "__main__":
    main()
