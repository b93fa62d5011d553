"""Profiles: how orders are handled, and which regulations cannot be read at the moment."""

from fastapi import APIRouter

from api.access import Caller
from api.services import Wired, plausible
from domain.base import Record
from domain.errors import UnknownThing
from policy.model import Profile

router = APIRouter(tags=["profiles"])


class ProfileItem(Record):
    """A profile in the list."""

    id: str
    version: int
    title: str
    title_zh: str
    source: str
    required_fields: tuple[str, ...]
    links: dict[str, str]


class ProfileFault(Record):
    """Where a profile is wrong and how to mend it. Other profiles work on."""

    file: str
    line: int
    column: int
    field: str
    what: str
    cure: str


class Profiles(Record):
    """The profiles that orders can name; `errors` is for staff."""

    items: tuple[ProfileItem, ...]
    errors: tuple[ProfileFault, ...] = ()


@router.get("/profiles")
async def list_all(services: Wired, caller: Caller) -> Profiles:
    """Lists the profiles that orders can name."""
    loaded = services.loaded
    faults = loaded.errors if caller.is_staff else ()
    return Profiles(
        items=tuple(_item(loaded.profiles[name]) for name in sorted(loaded.profiles)),
        errors=tuple(
            ProfileFault(
                file=fault.file,
                line=fault.line,
                column=fault.column,
                field=fault.field,
                what=fault.what,
                cure=fault.cure,
            )
            for fault in faults
        ),
    )


@router.get("/profiles/{profile_id}")
async def show(profile_id: str, services: Wired, _: Caller) -> Profile:
    """Shows a whole profile: steps, windows, ladder."""
    profile = services.loaded.profiles.get(plausible("profile", profile_id))
    if profile is None:
        raise UnknownThing("profile", profile_id, known=tuple(sorted(services.loaded.profiles)))
    return profile


def _item(profile: Profile) -> ProfileItem:
    shown = profile.model_dump(include=set(ProfileItem.model_fields))
    return ProfileItem(**shown, links={"self": f"/profiles/{profile.id}"})
