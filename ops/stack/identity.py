"""Which user PostgreSQL runs as: it refuses to be root, and we may be."""

import os
import pwd
import sys
from pathlib import Path

from ops.stack.children import SELF, Identity, run_briefly
from ops.stack.errors import StackError

PROBE_SECONDS = 10.0
STRANGER = "nobody"


def identity_for(data: Path, binaries: Path) -> Identity:
    """Chooses the user for a data directory, made already or not.

    Whoever made the data keeps it. Otherwise an ordinary user is itself; root gives itself up
    for `nobody`, or, where a private folder keeps `nobody` out, hides in a user namespace.
    Raises StackError when none of it is possible.
    """
    owner = data.stat() if data.exists() else None
    if os.geteuid() != 0:
        if owner is not None and owner.st_uid != os.geteuid():
            raise StackError(
                f"The database in {data} belongs to user {_name(owner.st_uid)}: "
                "start as the user who made it, or choose another folder with "
                "DUELINE_DATA_DIR=<folder>."
            )
        return SELF
    if owner is not None:
        return (
            _namespace(data, binaries)
            if owner.st_uid == 0
            else Identity(f"user:{owner.st_uid}:{owner.st_gid}", owner.st_uid, owner.st_gid)
        )
    uid, gid = _stranger()
    stranger = Identity(f"user:{uid}:{gid}", uid, gid)
    if _open_to_all(data.parent.parent) and _open_to_all(binaries) and _works(stranger, binaries):
        return stranger
    return _namespace(data, binaries)


def _namespace(data: Path, binaries: Path) -> Identity:
    uid, gid = _stranger()
    hidden = Identity(f"namespace:{uid}:{gid}")
    if sys.platform == "linux" and _works(hidden, binaries):
        return hidden
    raise StackError(
        "PostgreSQL refuses to run as root, and no other user can reach "
        f"{data.parent}: start as an ordinary user, choose a folder that others can enter with "
        "DUELINE_DATA_DIR=<folder>, or name a server with DATABASE_URL."
    )


def _works(identity: Identity, binaries: Path) -> bool:
    """Tries the identity out: containers forbid either way in many flavours."""
    probe = [str(binaries / "postgres"), "--version"]
    return run_briefly(probe, identity=identity, seconds=PROBE_SECONDS).returncode == 0


def _open_to_all(path: Path) -> bool:
    resolved = path.resolve()
    return all(folder.stat().st_mode & 0o001 for folder in (resolved, *resolved.parents))


def _stranger() -> tuple[int, int]:
    entry = pwd.getpwnam(STRANGER)
    return entry.pw_uid, entry.pw_gid


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
