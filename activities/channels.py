"""Channels: who is told where, in which language. A file says so; without one the log has it all.

`policy.spots` reads the file, so that each fault is said with file, line, column and cure.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError

from activities.messages import FAMILIES, Language, family
from activities.senders import AppriseSender, LogSender, Sender, StraySender, service_at
from domain.base import Line, Record
from domain.roles import Role
from policy.faults import ProfileError, ProfileErrors, said
from policy.spots import Spot, read

LOG = "log"
"""The channel that takes what no other wants, and the address of one that writes into the log."""

BATCH_NOTICES = 50
SECRET_BYTES_MAX = 4_000
DIGEST_MAX = timedelta(days=1)

_NAME = re.compile(r"[a-z][a-z0-9-]{0,39}")
_DIGEST = re.compile(r"([1-9]\d{0,3})([mh])")


@dataclass(frozen=True)
class Channel:
    """A way to some roles. With `digest` it collects for so long and sends one message."""

    name: str
    sender: Sender
    roles: frozenset[Role] = frozenset(Role)
    kinds: frozenset[str] = frozenset()
    language: Language = "both"
    digest: timedelta | None = None

    @property
    def batch(self) -> int:
        """How many notices one claim takes: one where each is a message of its own."""
        alone = self.digest is None and isinstance(self.sender, AppriseSender)
        return 1 if alone else BATCH_NOTICES

    def wants(self, role: Role, kind: str) -> bool:
        """Whether it takes this kind of notice for this role."""
        return role in self.roles and (
            not self.kinds or kind in self.kinds or family(kind) in self.kinds
        )


@dataclass(frozen=True)
class Channels:
    """The channels of a company by name; the log is always among them."""

    named: Mapping[str, Channel]

    @property
    def all(self) -> tuple[Channel, ...]:
        """Every channel, the log last."""
        return (*self.named.values(), Channel(LOG, LogSender(), language="en"))

    def wanting(self, role: Role, kind: str) -> list[tuple[str, timedelta | None]]:
        """Who takes this notice, and how long each collects: the log when nobody else does."""
        wanted = [(c.name, c.digest) for c in self.named.values() if c.wants(role, kind)]
        return wanted or [(LOG, None)]


def stray(name: str) -> Channel:
    """A channel that notices wait for and no file names."""
    return Channel(name, StraySender())


def _every_role(value: Any) -> Any:
    return tuple(Role) if value == "all" else value


def _is_kind(kind: str) -> str:
    if family(kind) not in FAMILIES:
        words = ", ".join(FAMILIES)
        raise ValueError(f"no notice is about {kind!r}; write one of {words}")
    return kind


def _as_length(value: Any) -> Any:
    matched = _DIGEST.fullmatch(value) if isinstance(value, str) else None
    if matched is None:
        raise ValueError("is no length of time; write one such as 30m or 4h")
    length = timedelta(**{{"m": "minutes", "h": "hours"}[matched[2]]: int(matched[1])})
    if length > DIGEST_MAX:
        raise ValueError("is longer than a day; write one such as 30m or 4h")
    return length


class _Entry(Record):
    """A channel as the file has it."""

    url: SecretStr | None = None
    url_file: Line | None = None
    language: Language = "both"
    digest: Annotated[timedelta, BeforeValidator(_as_length)] | None = None
    roles: Annotated[tuple[Role, ...], BeforeValidator(_every_role), Field(min_length=1)]
    kinds: tuple[Annotated[str, AfterValidator(_is_kind)], ...] = ()


class _File(Record):
    channels: Annotated[dict[str, _Entry], Field(min_length=1)]


def load_channels(path: Path | None) -> Channels:
    """The channels of the file at `path`, or none. Raises ProfileErrors with every fault."""
    if path is None:
        return Channels({})
    root = read(path, "channels file", "`channels:`")
    try:
        entries = _File.model_validate(root.plain).channels
    except ValidationError as error:
        raise ProfileErrors(_translated(root, error)) from None
    faults: list[ProfileError] = []
    named = {}
    for name, entry in entries.items():
        spot = root.fields["channels"].fields[name]
        if not _NAME.fullmatch(name) or name == LOG:
            cure = "write a short lower-case name such as wecom-production; log is the platform's"
            faults.append(spot.fault("is no name for a channel", cure))
            continue
        try:
            named[name] = _opened(name, entry, spot, path.parent)
        except ProfileErrors as error:
            faults += error.errors
    if faults:
        raise ProfileErrors(faults)
    return Channels(named)


def _opened(name: str, entry: _Entry, spot: Spot, folder: Path) -> Channel:
    where = spot.fields.get("url") or spot.fields.get("url_file") or spot
    if (entry.url is None) == (entry.url_file is None):
        cure = "write url: log, or url_file: with the file that holds the address"
        raise ProfileErrors([where.fault("needs exactly one of url and url_file", cure)])
    try:
        url = entry.url.get_secret_value() if entry.url else _secret(folder, entry.url_file)
        sender = (
            LogSender(entry.language)
            if url == LOG
            else AppriseSender(service_at(url), entry.language)
        )
    except ValueError as error:
        what, _, cure = str(error).partition("; ")
        # Its cause would print the address.
        raise ProfileErrors([where.fault(what, cure)]) from None
    return Channel(
        name, sender, frozenset(entry.roles), frozenset(entry.kinds), entry.language, entry.digest
    )


def _secret(folder: Path, name: str | None) -> str:
    """The address in a file of its own, beside the channels file or at an absolute path."""
    path = folder / (name or "")
    try:
        with path.open(encoding="utf-8") as file:
            lines = file.read(SECRET_BYTES_MAX).split()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(
            f"{name} cannot be read ({type(error).__name__}); create it with the address inside"
        ) from None
    if len(lines) != 1:
        raise ValueError(f"{name} holds no single address; write the address and nothing else")
    return lines[0]


def _translated(root: Spot, error: ValidationError) -> Iterator[ProfileError]:
    for detail in error.errors(include_url=False):
        spot, rest = _deepest(root, detail["loc"])
        if detail["type"] == "missing" and detail["loc"][-1] == "roles":
            words = "is missing", "write roles: all, or a list such as [sales, production]"
        elif detail["type"] == "model_type" or not root.fields:
            words = "should be fields with names", "see examples/channels.yaml"
        else:
            words = said([detail], _known(detail["loc"]))
        yield spot.fault(*words, rest)


def _deepest(spot: Spot, loc: Iterable[str | int]) -> tuple[Spot, str]:
    """The deepest part of `loc` that is in the file, and the name of what is missing there."""
    for name in loc:
        if isinstance(name, int) and name < len(spot.items):
            spot = spot.items[name]
        elif name in spot.fields:
            spot = spot.fields[str(name)]
        else:
            return spot, f".{name}" if spot.fields else ""
    return spot, ""


def _known(loc: tuple[str | int, ...]) -> Iterable[str]:
    return _File.model_fields if len(loc) == 1 else _Entry.model_fields
