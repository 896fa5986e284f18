//! The environment of a container, as a kubelet makes it out of the manifest.

use std::{
    net::{IpAddr, SocketAddr},
    path::Path,
};

use anyhow::{Context, Result, bail, ensure};

use super::{
    container::{ValueFrom, Variable},
    manifests::Deployment,
    secrets::Store,
};

/// What a pod is, and where.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    pub pod: &'a str,
    pub ip: IpAddr,
    /// Stands for the root of its file system.
    pub root: &'a Path,
    /// `host:port` of what the names in the manifests stand for.
    pub kafka: &'a str,
    pub redis: &'a str,
    pub secrets: &'a Store,
}

/// Every variable, with its value in this place.
pub fn resolve(deployment: &Deployment, place: &Place<'_>) -> Result<Vec<(String, String)>> {
    let mut all = Vec::new();
    for variable in &deployment.container().env {
        let value = value(deployment, variable, place);
        let value = value.with_context(|| format!("{} of {}", variable.name, place.pod))?;
        all.push((variable.name.clone(), here(deployment, &variable.name, value, place)?));
    }
    Ok(all)
}

fn value(deployment: &Deployment, variable: &Variable, place: &Place<'_>) -> Result<String> {
    match &variable.value_from {
        None => {
            ensure!(!variable.value.contains("$("), "it refers to others: can't be done here");
            Ok(variable.value.clone())
        }
        Some(ValueFrom::Field { field_path }) => field(deployment, field_path, place),
        Some(ValueFrom::Resource { resource }) => quantity(deployment, resource),
        Some(ValueFrom::Secret { name, key }) => {
            Ok(String::from_utf8(place.secrets.get(name, key)?.to_vec())?)
        }
    }
}

fn field(deployment: &Deployment, path: &str, place: &Place<'_>) -> Result<String> {
    let metadata = &deployment.spec.template.metadata;
    let of = |map: &std::collections::BTreeMap<String, String>, key: &str| {
        map.get(key).cloned().with_context(|| format!("the pod has no {path}"))
    };
    if let Some((map, key)) = path.strip_suffix("']").and_then(|path| path.split_once("['")) {
        return match map {
            "metadata.labels" => of(&metadata.labels, key),
            "metadata.annotations" => of(&metadata.annotations, key),
            _ => bail!("no pod has {path}"),
        };
    }
    Ok(match path {
        "metadata.name" => place.pod.to_owned(),
        "metadata.namespace" => deployment.metadata.namespace.clone(),
        "spec.serviceAccountName" => deployment.pod().service_account_name.clone(),
        "status.podIP" | "status.podIPs" => place.ip.to_string(),
        _ => bail!("{path} is not known here"),
    })
}

/// CPUs are rounded up to whole ones, memory is in bytes, as with a divisor of 1.
fn quantity(deployment: &Deployment, resource: &str) -> Result<String> {
    let (kind, name) = resource.split_once('.').context("neither requests nor limits")?;
    let resources = &deployment.container().resources;
    let map = if kind == "limits" { &resources.limits } else { &resources.requests };
    let text = map.get(name).with_context(|| format!("there is no {resource}"))?;
    let number = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[number.len()..] {
        "" => 1.0,
        "m" => 0.001,
        "Ki" => 1_024.0,
        "Mi" => 1_048_576.0,
        "Gi" => 1_073_741_824.0,
        unit => bail!("{resource} is in {unit:?}"),
    };
    Ok((number.parse::<f64>()? * unit).ceil().to_string())
}

/// What can't be as it is in a cluster, and why.
fn here(deployment: &Deployment, name: &str, value: String, place: &Place<'_>) -> Result<String> {
    // No network of its own: to listen everywhere is to listen on the pod's address.
    if let Ok(address) = value.parse::<SocketAddr>()
        && address.ip().is_unspecified()
    {
        return Ok(SocketAddr::new(place.ip, address.port()).to_string());
    }
    // No names: Kafka and Redis are where they happen to be.
    if name == "TWINKLE_KAFKA" {
        return Ok(place.kafka.to_owned());
    }
    if name == "TWINKLE_REDIS" {
        return at(&value, place.redis).with_context(|| format!("{name} is {value:?}"));
    }
    // No mounts: a folder stands for the root.
    let mounts = &deployment.container().volume_mounts;
    let mounted = mounts.iter().any(|mount| Path::new(&value).starts_with(&mount.mount_path));
    Ok(if mounted { format!("{}{value}", place.root.display()) } else { value })
}

/// The same URL with another host and port.
fn at(url: &str, host: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let (authority, path) = rest.split_once('/')?;
    let user = authority.rsplit_once('@').map(|(user, _)| format!("{user}@")).unwrap_or_default();
    Some(format!("{scheme}://{user}{host}/{path}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kube::manifests::{Manifests, tests::POD};

    fn resolved(yaml: &str) -> Result<Vec<(String, String)>> {
        let deployment = Manifests::parse(yaml)?.deployments.remove(0);
        let mut secrets = Store::default();
        secrets.put("k", "cookie-keys", "c1:x");
        let place = Place {
            pod: "twinkle-api-1",
            ip: [127, 9, 9, 1].into(),
            root: Path::new("/tmp/root"),
            kafka: "127.0.0.1:1",
            redis: "127.0.0.1:2",
            secrets: &secrets,
        };
        resolve(&deployment, &place)
    }

    fn as_keys(how: &str) -> Result<String> {
        let all = resolved(&POD.replace("value: /etc/keys/cookie", how))?;
        Ok(all.into_iter().find(|(name, _)| name == "KEYS").context("no KEYS")?.1)
    }

    #[test]
    fn addresses_and_folders_are_those_of_this_place() {
        let all = resolved(POD).unwrap();
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(all[0], pair("TWINKLE_LISTEN", "127.9.9.1:8080"));
        assert_eq!(all[1], pair("KEYS", "/tmp/root/etc/keys/cookie"));
        let url = at("rediss://twinkle@valkey:6379/0", "127.0.0.1:2").unwrap();
        assert_eq!(url, "rediss://twinkle@127.0.0.1:2/0");
    }

    #[test]
    fn references_are_resolved_as_by_a_kubelet() {
        let field =
            |path: &str| as_keys(&format!("valueFrom: {{fieldRef: {{fieldPath: {path}}}}}"));
        assert_eq!(field("metadata.name").unwrap(), "twinkle-api-1");
        assert_eq!(field("status.podIP").unwrap(), "127.9.9.1");
        assert_eq!(field("spec.serviceAccountName").unwrap(), "twinkle-api");
        assert_eq!(field(r#""metadata.labels['zone']""#).unwrap(), "a");
        let resource =
            |name: &str| as_keys(&format!("valueFrom: {{resourceFieldRef: {{resource: {name}}}}}"));
        assert_eq!(resource("requests.cpu").unwrap(), "2");
        assert_eq!(resource("requests.memory").unwrap(), "268435456");
        let secret = as_keys("valueFrom: {secretKeyRef: {name: k, key: cookie-keys}}");
        assert_eq!(secret.unwrap(), "c1:x");
    }

    #[test]
    fn what_cannot_be_resolved_is_an_error() {
        for how in [
            "valueFrom: {fieldRef: {fieldPath: spec.nodeName}}",
            "valueFrom: {fieldRef: {fieldPath: \"metadata.labels['none']\"}}",
            "valueFrom: {resourceFieldRef: {resource: limits.cpu}}",
            "valueFrom: {secretKeyRef: {name: k, key: none}}",
            "value: $(OTHER)",
        ] {
            as_keys(how).expect_err(how);
        }
    }
}
