"""A Temporal behind TLS: who has the certificates and the key gets in, and nobody sees them."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme

import worker
from api.problems import Problem
from api.temporal import Temporal
from connecting import NotReadable, access_of, connect
from ops.stack import StackError, namespace
from ops.stack.preflight import free_port
from settings import Settings
from tests.deploy.terminator import serving
from tests.stack.conftest import is_one_sentence

API_KEY = "the-key-of-the-orders-namespace"
# The certificate is for a name that no address on this machine has.
SERVER_NAME = "temporal.example.com"

CADDYFILE = """
{{
    admin off
    persist_config off
    auto_https off
    default_sni {name}
}}
https://:{port} {{
    tls {folder}/server.pem {folder}/server.pem {{
        client_auth {{
            mode require_and_verify
            trust_pool file {folder}/ca.pem
        }}
    }}
    @stranger not header Authorization "Bearer {key}"
    respond @stranger 401
    reverse_proxy h2c://{upstream}
}}
"""


@dataclass(frozen=True)
class Guarded:
    """Where the guarded server is, and the files that open it."""

    address: str
    folder: Path

    def settings(self, **changed: object) -> Settings:
        """What opens it, with some of it changed."""
        right = {
            "temporal_address": self.address,
            "temporal_tls_ca": self.folder / "ca.pem",
            "temporal_tls_cert": self.folder / "client.pem",
            "temporal_tls_key": self.folder / "client.key",
            "temporal_tls_server_name": SERVER_NAME,
            "temporal_api_key": API_KEY,
        }
        return Settings.model_validate(right | changed)


@pytest.fixture(scope="module")
async def guarded(
    temporal: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Guarded]:
    """The tests' Temporal behind mTLS and an API key, as a hosted one is."""
    folder = tmp_path_factory.mktemp("guarded")
    ca = trustme.CA()
    ca.cert_pem.write_to_path(folder / "ca.pem")
    ca.issue_cert(SERVER_NAME).private_key_and_cert_chain_pem.write_to_path(folder / "server.pem")
    client = ca.issue_cert("worker.example.com")
    client.cert_chain_pems[0].write_to_path(folder / "client.pem")
    client.private_key_pem.write_to_path(folder / "client.key")
    trustme.CA().cert_pem.write_to_path(folder / "another-ca.pem")
    port = free_port()
    caddyfile = folder / "Caddyfile"
    caddyfile.write_text(
        CADDYFILE.format(name=SERVER_NAME, port=port, folder=folder, key=API_KEY, upstream=temporal)
    )
    async with serving(caddyfile, port):
        yield Guarded(f"127.0.0.1:{port}", folder)


async def test_the_worker_the_api_and_the_operations_get_in_by_the_same_settings(
    guarded: Guarded,
) -> None:
    settings = guarded.settings()
    access = access_of(settings)

    client = await worker.connect(guarded.address, "default", access)
    assert await client.service_client.check_health()
    await Temporal(settings).ping()
    found = await namespace.connect(guarded.address, "default", access)
    assert found.namespace == "default"


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"temporal_tls_cert": None, "temporal_tls_key": None}, id="no certificate"),
        pytest.param({"temporal_tls_server_name": None}, id="another name"),
        pytest.param({"temporal_api_key": "somebody-else"}, id="another key"),
        pytest.param({"temporal_tls_ca": "another-ca.pem"}, id="another authority"),
    ],
)
async def test_whoever_lacks_one_of_them_is_told_in_one_sentence_without_secrets(
    guarded: Guarded, changed: dict[str, object]
) -> None:
    if "temporal_tls_ca" in changed:
        changed = {"temporal_tls_ca": guarded.folder / "another-ca.pem"}
    settings = guarded.settings(**changed)

    with pytest.raises(StackError) as refused:
        await namespace.connect(guarded.address, "default", access_of(settings))
    with pytest.raises(Problem):
        await Temporal(settings).ping()

    assert is_one_sentence(str(refused.value))
    assert API_KEY not in str(refused.value)
    assert "PRIVATE KEY" not in str(refused.value)


async def test_nothing_goes_out_in_plain_text_where_a_key_is_set(temporal: str) -> None:
    access = access_of(Settings(temporal_address=temporal, temporal_api_key=API_KEY))

    with pytest.raises(RuntimeError):  # the server of the tests speaks no TLS
        await connect(temporal, "default", access)


def test_what_opens_the_server_is_in_no_repr(guarded: Guarded) -> None:
    settings = guarded.settings()

    shown = repr(settings) + str(settings) + repr(access_of(settings))

    assert API_KEY not in shown
    assert "PRIVATE KEY" not in shown


def test_a_certificate_that_is_not_there_is_named_with_its_setting(tmp_path: Path) -> None:
    settings = Settings(temporal_address="t:7233", temporal_tls_ca=tmp_path / "gone.pem")

    with pytest.raises(NotReadable) as refused:
        access_of(settings)

    assert is_one_sentence(str(refused.value))
    assert "gone.pem" in str(refused.value)
    assert "DUELINE_TEMPORAL_TLS_CA" in str(refused.value)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"temporal_tls": True}, "needs TEMPORAL_ADDRESS"),
        ({"temporal_address": "t:1", "temporal_tls_key": "k.pem"}, "go together"),
        ({"temporal_address": "t:1", "temporal_tls_cert": "c.pem"}, "go together"),
    ],
)
def test_settings_that_cannot_work_are_refused(given: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Settings.model_validate(given)
