"""The one way to the Temporal server, for worker, API and operations alike."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from temporalio.client import Client, Interceptor, TLSConfig
from temporalio.contrib.pydantic import pydantic_data_converter

from domain.errors import DuelineError
from settings import Settings


class NotReadable(DuelineError):  # noqa: N818  a fact
    """A certificate or key that the settings name cannot be read. Its text says which."""


@dataclass(frozen=True)
class Access:
    """What a Temporal server wants to see before it talks; by default nothing, in plain text."""

    tls: TLSConfig | bool = field(default=False, repr=False)
    api_key: str | None = field(default=None, repr=False)


PLAIN = Access()
"""For a server on loopback."""


def access_of(settings: Settings) -> Access:
    """Returns the access that the settings name; files are read anew at each call.

    An API key never goes out in plain text: any of the settings means TLS. Raises NotReadable.
    """
    config = TLSConfig(
        server_root_ca_cert=_read("DUELINE_TEMPORAL_TLS_CA", settings.temporal_tls_ca),
        domain=settings.temporal_tls_server_name,
        client_cert=_read("DUELINE_TEMPORAL_TLS_CERT", settings.temporal_tls_cert),
        client_private_key=_read("DUELINE_TEMPORAL_TLS_KEY", settings.temporal_tls_key),
    )
    wanted = settings.temporal_tls or settings.temporal_api_key or config != TLSConfig()
    return Access(config if wanted else False, settings.temporal_api_key)


async def connect(
    address: str,
    namespace: str,
    access: Access = PLAIN,
    *,
    lazy: bool = False,
    interceptors: Sequence[Interceptor] = (),
) -> Client:
    """A client that speaks our models; a lazy one connects at its first call.

    Raises RuntimeError when nobody answers, or somebody whom the certificates do not fit.
    """
    return await Client.connect(
        address,
        namespace=namespace,
        data_converter=pydantic_data_converter,
        tls=access.tls,
        api_key=access.api_key,
        lazy=lazy,
        interceptors=interceptors,
    )


def _read(name: str, file: Path | None) -> bytes | None:
    if file is None:
        return None
    try:
        return file.read_bytes()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise NotReadable(
            f"{file} cannot be read ({reason}): mount the file there, or correct {name}."
        ) from error
