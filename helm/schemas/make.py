#!/usr/bin/env python3
"""Makes the schemas of this folder anew from what the projects publish as Go modules and Maven artifacts.

Needs Go, Maven, Java 21 (JAVA names another) and PyYAML. Descriptions are dropped: they are nine tenths
of it. `by-hand/` is not made here: those projects publish nothing that can be fetched this way.
"""
import json, os, pathlib, re, subprocess, tempfile, zipfile
import yaml

HERE = pathlib.Path(__file__).parent
KUBERNETES = ["1.34.3", "1.36.3"]
# What the chart and k8s/ use; what these refer to comes along.
KINDS = """ConfigMap Secret Service ServiceAccount Namespace Pod Deployment StatefulSet CronJob Job
HorizontalPodAutoscaler PodDisruptionBudget NetworkPolicy Ingress Role RoleBinding StorageClass
PriorityClass""".split()
MODULES = {
    "github.com/kedacore/keda/v2@v2.21.0": ["config/crd/bases/keda.sh_scaledobjects.yaml",
                                           "config/crd/bases/keda.sh_triggerauthentications.yaml"],
    "github.com/argoproj/argo-rollouts@v1.10.2": ["manifests/crds/rollout-crd.yaml",
                                                  "manifests/crds/analysis-template-crd.yaml"],
    "github.com/argoproj/argo-cd/v3@v3.6.1": ["manifests/crds/application-crd.yaml",
                                              "manifests/crds/applicationset-crd.yaml",
                                              "manifests/crds/appproject-crd.yaml"],
    "github.com/aws/karpenter-provider-aws@v1.14.1": ["pkg/apis/crds/karpenter.sh_nodepools.yaml",
                                                      "pkg/apis/crds/karpenter.k8s.aws_ec2nodeclasses.yaml"],
    "sigs.k8s.io/gateway-api@v1.5.1": ["config/crd/standard/gateway.networking.k8s.io_gateways.yaml",
                                       "config/crd/standard/gateway.networking.k8s.io_httproutes.yaml"],
    "github.com/prometheus-operator/prometheus-operator@v0.85.0": [
        f"example/prometheus-operator-crd/monitoring.coreos.com_{kind}.yaml"
        for kind in ("servicemonitors", "podmonitors", "prometheusrules", "alertmanagerconfigs")],
    "github.com/external-secrets/external-secrets@v1.3.2": [
        "config/crds/bases/external-secrets.io_externalsecrets.yaml",
        "config/crds/bases/external-secrets.io_secretstores.yaml"],
}
STRIMZI = "1.2.0"
STRIMZI_CLASSES = ["kafka.Kafka", "nodepool.KafkaNodePool", "topic.KafkaTopic", "user.KafkaUser"]
# Generators that hold all other generators, twice: only these two make the schema large.
NESTED = {"matrix", "merge"}
# Stores that we do not use.
STORES = {"aws"}


class Plain(yaml.SafeLoader):
    """YAML as Kubernetes reads it: `=`, `on` and `no` are words."""


Plain.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in rules if not tag.endswith((":value", ":bool"))]
    for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()}
Plain.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(true|false)$"), list("tf"))


def lean(node, names=False):
    """Without what no validation needs; `names`: the keys are names of properties, not words of the schema."""
    if isinstance(node, list):
        return [lean(item) for item in node]
    if not isinstance(node, dict):
        return node
    drop = set() if names else {"description", "externalDocs", "example", "title"}
    return {key: lean(value, not names and key in ("properties", "definitions"))
            for key, value in node.items() if key not in drop or not isinstance(value, (str, dict))}


def write(path, value):
    path.write_text(json.dumps(value, separators=(",", ":"), sort_keys=True) + "\n")


def module_zip(module):
    """The zip as the module proxy serves it; its go directive may ask for a newer Go than ours."""
    out = subprocess.run(["go", "mod", "download", "-json", module], stdout=subprocess.PIPE).stdout
    return zipfile.ZipFile(json.loads(out)["Zip"])


def kubernetes(version):
    module = f"k8s.io/kubernetes@v{version}"
    swagger = module_zip(module).read(f"{module}/api/openapi-spec/swagger.json")
    all_of_it, kept = json.loads(swagger)["definitions"], {}
    wanted = [name for name, schema in all_of_it.items()
              for kind in schema.get("x-kubernetes-group-version-kind", [])
              if kind["kind"] in KINDS and "beta" not in kind["version"] and "alpha" not in kind["version"]
              and kind["kind"] == name.rsplit(".", 1)[1] and (kind["group"], kind["version"]) != ("autoscaling", "v1")]
    while wanted:
        name = wanted.pop()
        if name not in kept:
            kept[name] = lean(all_of_it[name])
            wanted += re.findall(r'"#/definitions/([^"]+)"', json.dumps(kept[name]))
    write(HERE / f"kubernetes-{version.rsplit('.', 1)[0]}.json", {"definitions": kept})


def crd(text):
    definition = yaml.load(text, Plain)
    kind = definition["spec"]["names"]["kind"]
    for version in definition["spec"]["versions"]:
        spec = version["schema"]["openAPIV3Schema"]["properties"].get("spec", {})
        if kind == "ApplicationSet":
            each = spec["properties"]["generators"]["items"]["properties"]
            for name in NESTED:
                each[name] = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
        if kind == "SecretStore":
            providers = spec["properties"]["provider"]["properties"]
            for name in set(providers) - STORES:
                del providers[name]
    definition.pop("status", None)
    definition["spec"].pop("conversion", None)
    definition["metadata"] = {"name": definition["metadata"]["name"], "annotations": {
        key: value for key, value in definition["metadata"].get("annotations", {}).items()
        if key.startswith("api-approved")}}
    definition["spec"]["versions"] = [v for v in definition["spec"]["versions"] if v["served"]]
    write(HERE / "crds" / f"{definition['metadata']['name']}.json", lean(definition))


def strimzi():
    with tempfile.TemporaryDirectory() as home:
        home = pathlib.Path(home)
        depends = "".join(f"<dependency><groupId>io.strimzi</groupId><artifactId>{name}</artifactId>"
                          f"<version>{STRIMZI}</version></dependency>" for name in ("api", "crd-generator"))
        (home / "pom.xml").write_text(
            "<project><modelVersion>4.0.0</modelVersion><groupId>x</groupId><artifactId>x</artifactId>"
            f"<version>1</version><dependencies>{depends}</dependencies></project>")
        subprocess.run(["mvn", "-q", "-B", "dependency:copy-dependencies", f"-DoutputDirectory={home}/jars"],
                       cwd=home, check=True)
        files = {f"io.strimzi.api.kafka.model.{name}": home / f"{name}.yaml" for name in STRIMZI_CLASSES}
        subprocess.run([os.environ.get("JAVA", "java"), "-cp", f"{home}/jars/*",
                        "io.strimzi.crdgenerator.CrdGenerator", "--yaml", "--target-kube", "1.27+",
                        "--crd-api-version", "v1", *(f"{name}={file}" for name, file in files.items())], check=True)
        for file in files.values():
            crd(file.read_text())


for version in KUBERNETES:
    kubernetes(version)
for module, paths in MODULES.items():
    with module_zip(module) as archive:
        for path in paths:
            crd(archive.read(f"{module}/{path}"))
strimzi()
