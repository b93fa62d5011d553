"""What can be set from outside, read from the environment once at start."""

import os
import re
from base64 import b64decode
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qsl, urlencode

from pydantic import AliasChoices, Field, ValidationInfo, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SecretsSettingsSource,
    SettingsConfigDict,
)

# The engine writes a version as `deployment:build`, and `deployment.build` in older calls.
DEPLOYMENT_NAME = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$"
BUILD_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"
SENDER_NAME = re.compile(r"[a-z][a-z0-9-]{0,31}")
SECRETS_MAX = 2  # for each sender: the new one and the one it replaces
SECRET_BYTES_MIN, SECRET_BYTES_MAX = 24, 64  # as Standard Webhooks has it
POSTGRES_SCHEMES = ("postgresql", "postgres", "postgresql+asyncpg")


def sqlalchemy_url(url: str) -> str:
    """Turns a PostgreSQL URL as people write it into the one that SQLAlchemy's asyncpg wants.

    Raises ValueError for any other database.
    """
    scheme, separator, rest = url.partition("://")
    if not separator or scheme not in POSTGRES_SCHEMES:
        raise ValueError("DATABASE_URL must begin with postgresql://")
    base, _, query = rest.partition("?")
    # asyncpg calls libpq's `sslmode` `ssl` and refuses the other spelling.
    renamed = [
        ("ssl" if name == "sslmode" else name, value)
        for name, value in parse_qsl(query, keep_blank_values=True)
    ]
    return f"postgresql+asyncpg://{base}" + (f"?{urlencode(renamed, safe='/')}" if renamed else "")


def payment_senders(text: str) -> tuple[tuple[str, str], ...]:
    """Senders and secrets from `bank:whsec_…,card:whsec_…`; one without a name is `bank`.

    Raises ValueError, without the secret, for what is none.
    """
    found: list[tuple[str, str]] = []
    for entry in text.replace(",", " ").split():
        name, _, secret = entry.rpartition(":")
        name = name or "bank"
        if not SENDER_NAME.fullmatch(name) or name == "finance":
            raise ValueError("a sender's name has lower-case letters and digits, and is no finance")
        try:
            key = b64decode(secret.removeprefix("whsec_") + "==", validate=False)
        except ValueError:
            key = b""
        if not secret.startswith("whsec_") or not SECRET_BYTES_MIN <= len(key) <= SECRET_BYTES_MAX:
            rule = f"whsec_ and {SECRET_BYTES_MIN} to {SECRET_BYTES_MAX} bytes in base64"
            raise ValueError(f"a secret of {name} is not {rule}; make one with openssl")
        found.append((name, secret))
        if [sender for sender, _ in found].count(name) > SECRETS_MAX:
            raise ValueError(f"{name} has more than {SECRETS_MAX} secrets; drop the oldest")
    return tuple(found)


class Settings(BaseSettings):
    """The platform's settings: `DUELINE_<NAME>`, and two names that every deployment knows.

    `DATABASE_URL` and `TEMPORAL_ADDRESS` choose servers that others run; without them the
    platform starts its own below `data_dir`. With `DUELINE_SECRETS_DIR` each file of that folder
    that has a setting's name, such as `database_url` or `dueline_temporal_api_key`, is its value;
    a variable of the environment goes before it.
    """

    model_config = SettingsConfigDict(
        env_prefix="DUELINE_",
        env_ignore_empty=True,
        frozen=True,
        populate_by_name=True,
        hide_input_in_errors=True,  # a wrong database URL still holds a password
    )

    secrets_dir: Path | None = None
    database_url: str | None = Field(
        default=None,
        validation_alias=AliasChoices("database_url", "DUELINE_DATABASE_URL"),
        repr=False,
    )
    temporal_address: str | None = Field(
        default=None, validation_alias=AliasChoices("temporal_address", "DUELINE_TEMPORAL_ADDRESS")
    )
    temporal_namespace: str = "default"  # the one that every Temporal server brings along
    # For a Temporal of others: TLS by the machine's roots or a CA file, a client's certificate
    # (mTLS) with its key, the name in the server's certificate, an API key. Any of them means TLS.
    temporal_tls: bool = False
    temporal_tls_ca: Path | None = None
    temporal_tls_cert: Path | None = None
    temporal_tls_key: Path | None = Field(default=None, validate_default=True)
    temporal_tls_server_name: str | None = None
    temporal_api_key: str | None = Field(default=None, repr=False)
    task_queue: str = "orders"
    relay_in_worker: bool = True  # false where `dueline relay` runs as a process of its own
    # Workers of a deployment are versions of each other; with a build this one is a version of it,
    # without one it works unversioned (docs/versions.md).
    deployment: str = Field(default="dueline", pattern=DEPLOYMENT_NAME)
    build: str | None = Field(default=None, pattern=BUILD_NAME)
    data_dir: Path = Path(".dueline")
    api_host: str = "127.0.0.1"  # nobody else's machine reaches it unless somebody says so
    api_port: int = Field(default=8000, ge=1, le=65535)  # where uvicorn is looked for first
    temporal_port: int = Field(default=7233, ge=1, le=65535)  # Temporal's own default
    ui_port: int = Field(default=8233, ge=1, le=65535)  # Temporal's own default
    ui_url: str | None = None  # where people find the Web UI, when it is not the embedded one
    # What Prometheus presents for /metrics; it is asked while the database is away, too.
    metrics_key: str | None = Field(default=None, min_length=32, repr=False)
    # Who may sign payment notices, such as `bank:whsec_…,bank:whsec_…`: two while one is replaced.
    payment_secrets: str | None = Field(default=None, repr=False)
    # What the secrets of customers' webhooks are made of; without it none can be made or sent.
    webhook_key: str | None = Field(default=None, min_length=32, repr=False)
    # Lets webhooks lead into the private network, and to this machine without TLS: where both are
    # one's own. Elsewhere a customer's address could reach what no customer may.
    webhook_private: bool = False
    log_format: Literal["console", "json"] = "console"
    metrics_address: str | None = None  # of the worker, 127.0.0.1:9464; none serves none
    channels: Path | None = None  # who is told where; without the file the log has every notice
    # The id of a closed order refuses a second start this long; complaints come within a quarter.
    retention_days: int = Field(default=90, ge=1)

    @property
    def payment_senders(self) -> tuple[tuple[str, str], ...]:
        """The name of each sender of payment notices with one of its secrets."""
        return payment_senders(self.payment_secrets or "")

    @field_validator("payment_secrets")
    @classmethod
    def _of_senders(cls, secrets: str | None) -> str | None:
        payment_senders(secrets or "")
        return secrets

    @field_validator("database_url")
    @classmethod
    def _for_sqlalchemy(cls, url: str | None) -> str | None:
        return None if url is None else sqlalchemy_url(url)

    @property
    def web_ui_url(self) -> str:
        """Where people find the Web UI."""
        return (self.ui_url or f"http://127.0.0.1:{self.ui_port}").rstrip("/")

    @field_validator("metrics_address")
    @classmethod
    def _listenable(cls, address: str | None) -> str | None:
        if address is None:
            return None
        host, _, port = address.rpartition(":")
        try:
            ip_address(host.removeprefix("[").removesuffix("]"))
            known = 0 < int(port) < 65_536
        except ValueError:
            known = False
        if not known:
            raise ValueError("write an IP address and a port, such as 127.0.0.1:9464")
        return address

    @field_validator(
        "temporal_tls",
        "temporal_tls_ca",
        "temporal_tls_cert",
        "temporal_tls_key",
        "temporal_tls_server_name",
        "temporal_api_key",
    )
    @classmethod
    def _for_a_foreign_server(cls, value: Any, info: ValidationInfo) -> Any:
        if value and not info.data.get("temporal_address"):
            raise ValueError("it needs TEMPORAL_ADDRESS, for the platform's own speaks no TLS")
        return value

    @field_validator("temporal_tls_key")
    @classmethod
    def _pair(cls, key: Path | None, info: ValidationInfo) -> Path | None:
        if (key is None) != (info.data.get("temporal_tls_cert") is None):
            raise ValueError("a certificate and its key go together, set both or none")
        return key

    @field_validator(
        "secrets_dir",
        "data_dir",
        "channels",
        "temporal_tls_ca",
        "temporal_tls_cert",
        "temporal_tls_key",
    )
    @classmethod
    def _absolute(cls, path: Path | None) -> Path | None:
        # Children may run in another working directory.
        return None if path is None else path.expanduser().absolute()

    @field_validator("secrets_dir")
    @classmethod
    def _there(cls, folder: Path | None) -> Path | None:
        if folder is not None and not folder.is_dir():
            raise ValueError("it names no folder, mount the secrets there or leave it out")
        return folder

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Adds the files of `DUELINE_SECRETS_DIR`, which pydantic would want named in code."""
        folder = os.environ.get("DUELINE_SECRETS_DIR")
        if folder and Path(folder).is_dir():
            files = SecretsSettingsSource(settings_cls, secrets_dir=folder)
            return init_settings, env_settings, files
        return init_settings, env_settings
