//! The committed schemas of `helm/schemas`, laid out as kubeconform looks for them.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};

use crate::commands::{root, target};

/// Versions of Kubernetes that the chart is checked against.
pub(crate) const VERSIONS: [&str; 2] = ["1.34", "1.36"];
/// Words of the schema language below which a list of properties does not mean "only these".
const ALTERNATIVES: [&str; 4] = ["anyOf", "oneOf", "allOf", "not"];

/// Where kubeconform finds a kind, below a folder of [`layout`].
pub(crate) const TEMPLATE: &str = "{{.Group}}/{{.ResourceKind}}_{{.ResourceAPIVersion}}.json";

/// Writes a folder for each version of Kubernetes and `crds`; returns their parent.
///
/// # Errors
/// When a committed schema is malformed.
pub(crate) fn layout() -> Result<PathBuf> {
    let out = target().join("chart/schemas");
    for version in VERSIONS {
        kubernetes(version, &out.join(version)).with_context(|| format!("Kubernetes {version}"))?;
    }
    for file in crds()? {
        crd(&read(&file)?, &out.join("crds")).with_context(|| file.display().to_string())?;
    }
    Ok(out)
}

/// The custom resource definitions: as published, and those written by hand.
///
/// # Errors
/// When a folder is missing.
pub(crate) fn crds() -> Result<Vec<PathBuf>> {
    let mut all = Vec::new();
    for folder in ["crds", "by-hand"] {
        for entry in fs::read_dir(root().join("helm/schemas").join(folder))? {
            let path = entry?.path();
            all.extend(path.extension().is_some_and(|kind| kind == "json").then_some(path));
        }
    }
    all.sort();
    Ok(all)
}

fn read(file: &Path) -> Result<Value> {
    Ok(serde_json::from_str(&fs::read_to_string(file)?)?)
}

fn kubernetes(version: &str, out: &Path) -> Result<()> {
    let mut all = read(&root().join(format!("helm/schemas/kubernetes-{version}.json")))?;
    loosen(&mut all["definitions"]);
    strict(&mut all["definitions"], true);
    let definitions = all["definitions"].as_object().context("definitions")?;
    for (name, schema) in definitions {
        for id in schema["x-kubernetes-group-version-kind"].as_array().into_iter().flatten() {
            let reference = format!("#/definitions/{name}");
            write(out, id, &json!({ "$ref": reference, "definitions": definitions }))?;
        }
    }
    Ok(())
}

/// Types that take more than their schema says.
fn loosen(definitions: &mut Value) {
    let scalar = json!({ "type": ["string", "number"] });
    definitions["io.k8s.apimachinery.pkg.util.intstr.IntOrString"] = scalar.clone();
    definitions["io.k8s.apimachinery.pkg.api.resource.Quantity"] = scalar;
}

fn crd(definition: &Value, out: &Path) -> Result<()> {
    let spec = &definition["spec"];
    for version in spec["versions"].as_array().context("versions")? {
        let mut schema = version["schema"]["openAPIV3Schema"].clone();
        strict(&mut schema, false);
        let properties = schema["properties"].as_object_mut().context("properties")?;
        for name in ["apiVersion", "kind"] {
            properties.insert(name.to_owned(), json!({ "type": "string" }));
        }
        properties.insert("metadata".to_owned(), json!({ "type": "object", "required": ["name"] }));
        let id = json!({ "group": spec["group"], "version": version["name"], "kind": spec["names"]["kind"] });
        write(out, &id, &schema)?;
    }
    Ok(())
}

/// What an object's schema does not name is an error, as it is for `kubectl --validate=strict`.
/// With `names`, the keys of `node` are names of properties.
fn strict(node: &mut Value, names: bool) {
    if let Value::Array(items) = node {
        return items.iter_mut().for_each(|item| strict(item, false));
    }
    let Value::Object(object) = node else { return };
    for (key, value) in object.iter_mut() {
        if names || !ALTERNATIVES.contains(&key.as_str()) {
            strict(value, !names && key == "properties");
        }
    }
    if !names {
        close(object);
    }
}

fn close(object: &mut Map<String, Value>) {
    if object.contains_key("x-kubernetes-int-or-string") {
        object.remove("type");
    }
    let open = ["additionalProperties", "x-kubernetes-preserve-unknown-fields"];
    let embedded = object.contains_key("x-kubernetes-embedded-resource");
    if object.contains_key("properties")
        && !embedded
        && !open.iter().any(|key| object.contains_key(*key))
    {
        object.insert("additionalProperties".to_owned(), Value::Bool(false));
    }
}

fn write(out: &Path, id: &Value, schema: &Value) -> Result<()> {
    let text = |name: &str| id[name].as_str().unwrap_or_default().to_owned();
    // The core group has no name: kubeconform looks for its version instead.
    let group = if text("group").is_empty() { text("version") } else { text("group") };
    let folder = out.join(group);
    fs::create_dir_all(&folder)?;
    let file = format!("{}_{}.json", text("kind").to_lowercase(), text("version"));
    Ok(fs::write(folder.join(file), serde_json::to_string(schema)?)?)
}
