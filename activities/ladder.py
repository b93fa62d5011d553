"""Whom a rung of the profile's ladder tells (catalogue 4.4)."""

from activities.order_file import OrderFile
from domain.roles import Role
from domain.windows import Mark
from policy.ladder import Rung
from store import tasks


def rung_of(file: OrderFile, mark: Mark) -> Rung | None:
    """The rung that the profile has for this mark."""
    return next((rung for rung in file.profile.ladder if rung.mark is mark), None)


async def listeners(file: OrderFile, rung: Rung | None, owner: Role | None = None) -> list[Role]:
    """The roles that the rung names, each once; without an owner, nobody in its place."""
    found: list[Role] = []
    for listener in rung.tell if rung else ():
        if listener == "departments":
            involved = await tasks.roles_on(file.conn, file.id)
            found += [role for role in involved if role is not Role.CUSTOMER]
        elif listener != "owner":
            found.append(Role(listener))
        elif owner is not None:
            found.append(owner)
    return list(dict.fromkeys(found))
