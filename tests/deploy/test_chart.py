"""The chart: linted and rendered by Helm itself, and every object checked against Kubernetes."""

from collections.abc import Iterator
from typing import Any

import helm_python as helm
import kubernetes_validate
import pytest
from ruamel.yaml import YAML

from api.health import router
from tests.deploy.composition import COMPOSE, DEPLOY, services
from worker import GRACE

CHART = DEPLOY / "kubernetes" / "dueline"
OLDEST = "1.29"  # as Chart.yaml says
NEWEST = "1.34"

EVERYTHING = {
    "worker": {
        "builds": [{"id": "2026.11.1", "tag": "0.1.0"}, {"id": "2026.11.2", "tag": "0.2.0"}],
        "autoscaling": {"enabled": True},
    },
    "relay": {"channels": {"secret": "dueline-channels"}},
    "temporal": {
        "tls": {"enabled": True, "serverName": "t.example.com", "ca": True, "client": True}
    },
    "ingress": {"enabled": True, "annotations": {"cert-manager.io/cluster-issuer": "letsencrypt"}},
    "image": {"pullSecrets": [{"name": "registry"}]},
    "monitoring": {"enabled": True, "labels": {"release": "prometheus"}},
    "tracing": {"endpoint": "http://collector.monitoring.svc:4318"},
}
VARIANTS = {"as it comes": {}, "with everything": EVERYTHING}
# Kinds that operators bring; Kubernetes' own schemas do not know them.
OF_OPERATORS = {
    "ScaledObject": "keda.sh/v1alpha1",
    "TriggerAuthentication": "keda.sh/v1alpha1",
    "ServiceMonitor": "monitoring.coreos.com/v1",
    "PodMonitor": "monitoring.coreos.com/v1",
    "PrometheusRule": "monitoring.coreos.com/v1",
}

every_variant = pytest.mark.parametrize("variant", VARIANTS)


def rendered(variant: str) -> list[dict[str, Any]]:
    with helm.Chart.load(str(CHART)) as chart:
        files = chart.render(VARIANTS[variant], name="orders", namespace="production")
    texts = [text for path, text in files.items() if path.endswith(".yaml")]
    documents = [doc for text in texts for doc in YAML(typ="safe").load_all(text)]
    return [document for document in documents if document]


def pods(variant: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each pod template, under its component."""
    for document in rendered(variant):
        if document["kind"] in {"Deployment", "Job"}:
            template = document["spec"]["template"]
            yield template["metadata"]["labels"]["app.kubernetes.io/component"], template["spec"]


def only(variant: str, kind: str) -> list[dict[str, Any]]:
    return [document for document in rendered(variant) if document["kind"] == kind]


def variables(pod: dict[str, Any]) -> dict[str, str]:
    [container] = pod["containers"]
    return {entry["name"]: entry["value"] for entry in container["env"]}


def test_helm_finds_nothing_wrong() -> None:
    found = helm.lint(str(CHART))

    assert found["errors"] == []
    assert [message["error"] for message in found["messages"]] == ["icon is recommended"]


@every_variant
@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_kubernetes_takes_every_object(variant: str, version: str) -> None:
    objects = rendered(variant)

    for document in objects:
        if document["kind"] in OF_OPERATORS:
            assert document["apiVersion"] == OF_OPERATORS[document["kind"]]
        else:
            kubernetes_validate.validate(document, version, strict=True)
    names = [(document["kind"], document["metadata"]["name"]) for document in objects]
    assert len(names) == len(set(names))


@every_variant
def test_a_pod_has_no_more_rights_and_no_more_room_than_it_needs(variant: str) -> None:
    for component, pod in pods(variant):
        [container] = pod["containers"]
        assert pod["automountServiceAccountToken"] is False, component
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert set(container["resources"]) == {"requests", "limits"}
        assert not container["image"].endswith(":latest")


@every_variant
def test_secrets_come_as_files_and_in_no_variable(variant: str) -> None:
    for component, pod in pods(variant):
        [container] = pod["containers"]
        assert all("valueFrom" not in entry for entry in container["env"]), component
        assert "DATABASE_URL" not in variables(pod)
        folder = variables(pod)["DUELINE_SECRETS_DIR"]
        mounts = {mount["mountPath"]: mount for mount in container["volumeMounts"]}
        assert mounts[folder]["readOnly"] is True


@every_variant
def test_a_pod_gets_longer_to_leave_than_it_takes(variant: str) -> None:
    for component, pod in pods(variant):
        if component == "worker":
            assert pod["terminationGracePeriodSeconds"] > GRACE.total_seconds()
        if component == "relay":
            assert pod["terminationGracePeriodSeconds"] > 50


@every_variant
def test_a_pod_starts_as_in_compose(variant: str) -> None:
    seen = set()
    for component, pod in pods(variant):
        [container] = pod["containers"]
        inside = services()[component]
        assert container["args"] == inside["command"]
        # The places differ; the variables are the same, but for a queue and guarded engines.
        more = {name for name in variables(pod) if "TLS" in name} | {"DUELINE_TASK_QUEUE"}
        more |= {"OTEL_EXPORTER_OTLP_ENDPOINT"}
        assert set(variables(pod)) - more == set(inside["environment"]) - more
        seen.add(component)
    assert seen == {"api", "worker", "relay", "migrate"}


def test_the_probes_ask_what_the_api_answers() -> None:
    known = {route.path for route in router.routes}  # type: ignore[attr-defined]  # all are APIRoutes
    [api] = [pod for component, pod in pods("as it comes") if component == "api"]
    [container] = api["containers"]

    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container[probe]["httpGet"]["path"] in known
    # A database that is away is no reason to kill the process.
    assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"


def test_each_build_has_workers_a_budget_and_a_scaler_of_its_own() -> None:
    builds = {"2026.11.1": "0.1.0", "2026.11.2": "0.2.0"}
    workers = {
        variables(pod)["DUELINE_BUILD"]: pod["containers"][0]["image"].rpartition(":")[2]
        for component, pod in pods("with everything")
        if component == "worker"
    }
    scalers = only("with everything", "ScaledObject")

    assert workers == builds
    assert {
        s["spec"]["triggers"][0]["metadata"]["workerDeploymentBuildId"] for s in scalers
    } == set(builds)
    assert all(s["spec"]["minReplicaCount"] >= 1 for s in scalers)
    targets = {s["spec"]["scaleTargetRef"]["name"] for s in scalers}
    assert targets <= {d["metadata"]["name"] for d in only("with everything", "Deployment")}
    # Who scales sets no replicas: an upgrade would reset them.
    for deployment in only("with everything", "Deployment"):
        assert ("replicas" in deployment["spec"]) is (deployment["metadata"]["name"] not in targets)


def test_the_scaler_gets_in_with_the_same_certificates() -> None:
    [auth] = only("with everything", "TriggerAuthentication")
    given = {ref["parameter"]: ref["key"] for ref in auth["spec"]["secretTargetRef"]}

    assert given == {
        "ca": "temporal-ca.pem",
        "cert": "temporal-cert.pem",
        "key": "temporal-key.pem",
    }


def fits(selector: dict[str, Any], labels: dict[str, str]) -> bool:
    wanted = selector.get("matchLabels", {})
    among = selector.get("matchExpressions", [])
    return all(labels.get(k) == v for k, v in wanted.items()) and all(
        labels.get(rule["key"]) in rule["values"] for rule in among
    )


def test_nothing_goes_in_or_out_but_what_each_needs() -> None:
    labels = {
        component: {
            "app.kubernetes.io/name": "dueline",
            "app.kubernetes.io/instance": "orders",
            "app.kubernetes.io/component": component,
        }
        for component in ("api", "worker", "relay", "migrate")
    }
    policies = only("as it comes", "NetworkPolicy")

    def reached(component: str, side: str) -> set[Any]:
        specs = [p["spec"] for p in policies if fits(p["spec"]["podSelector"], labels[component])]
        return {
            port["port"] for spec in specs for rule in spec.get(side, []) for port in rule["ports"]
        }

    assert reached("api", "egress") == {53, 5432, 7233}
    assert reached("worker", "egress") == {53, 5432, 7233}
    assert reached("migrate", "egress") == {53, 5432, 7233}
    assert reached("relay", "egress") == {53, 5432, 443, 465, 587}
    assert reached("api", "ingress") == {"http"}
    assert reached("worker", "ingress") == {"metrics"}
    assert reached("migrate", "ingress") == set()
    denied = [p for p in policies if p["metadata"]["name"] == "orders-deny"]
    assert [p["spec"]["policyTypes"] for p in denied] == [["Ingress", "Egress"]]


def test_every_budget_and_service_finds_its_pods() -> None:
    templates = [
        document["spec"]["template"]["metadata"]["labels"]
        for document in only("with everything", "Deployment")
    ]
    budgets = only("with everything", "PodDisruptionBudget")

    assert len(budgets) == len(templates)
    for budget in budgets:
        assert any(fits(budget["spec"]["selector"], labels) for labels in templates)
    [service] = only("with everything", "Service")
    assert any(fits({"matchLabels": service["spec"]["selector"]}, labels) for labels in templates)


def test_the_migration_runs_before_the_new_version() -> None:
    [job] = only("as it comes", "Job")

    assert job["metadata"]["annotations"]["helm.sh/hook"] == "pre-install,pre-upgrade"
    assert "serviceAccountName" not in job["spec"]["template"]["spec"]  # made later than the hook


def test_the_alerts_are_the_ones_that_are_tested() -> None:
    [rule] = only("with everything", "PrometheusRule")
    alerts = DEPLOY / "prometheus" / "alerts.yml"

    assert (CHART / "files" / "alerts.yml").read_text() == alerts.read_text()
    assert rule["spec"] == YAML(typ="safe").load(alerts)


@pytest.mark.parametrize(
    ("values", "about"),
    [
        ({"image": {"tag": "latest"}}, "tag"),
        ({"temporal": {"address": "temporal"}}, "address"),
        ({"worker": {"terminationGracePeriodSeconds": 10}}, "terminationGracePeriodSeconds"),
        ({"worker": {"autoscaling": {"minReplicas": 0}}}, "minReplicas"),
        ({"worker": {"builds": [{"name": "x"}]}}, "builds"),
    ],
)
def test_values_that_would_hurt_are_refused(values: dict[str, Any], about: str) -> None:
    with helm.Chart.load(str(CHART)) as chart, pytest.raises(helm.HelmError, match=about):
        chart.validate_schema(chart.merge_values(values))


def test_the_engine_in_the_cluster_has_the_flags_and_the_shards_of_the_one_in_compose() -> None:
    values = YAML(typ="safe").load(DEPLOY / "kubernetes" / "temporal-values.yaml")
    flags = YAML(typ="safe").load(COMPOSE / "temporal" / "dynamicconfig.yaml")
    inside = services()["temporal"]

    assert values["server"]["dynamicConfig"] == flags
    shards = values["server"]["config"]["persistence"]["numHistoryShards"]
    assert str(shards) == inside["environment"]["NUM_HISTORY_SHARDS"]
    assert inside["image"].endswith(f":{values['server']['image']['tag']}")
