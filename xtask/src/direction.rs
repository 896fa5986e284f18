//! Who may depend on whom, checked against what cargo knows.

use cargo_metadata::{DependencyKind, MetadataCommand, Package};

const ROLE: &[&str] = &["domain", "wire", "ports", "directory", "http", "meters", "traces"];
const ADAPTER: &[&str] = &["domain", "ports"];

/// The packages of ours that a package may depend on, `twinkle-` left out.
fn allowed(package: &str) -> Option<&'static [&'static str]> {
    Some(match package {
        "domain" | "testbed" | "loadtest" | "oracle" | "msk" => &[],
        "wire" | "ports" => &["domain"],
        "directory" | "audit" => &["domain", "wire", "ports"],
        "traces" => &["ports"],
        "meters" => &["domain", "ports"],
        "http" => &["domain", "wire", "ports", "meters"],
        "kafka" | "redis-view" | "embedded" => ADAPTER,
        "producer-api" | "gateway" | "operator" | "worker" => ROLE,
        "twinkle" => &[
            "domain",
            "wire",
            "ports",
            "directory",
            "audit",
            "meters",
            "traces",
            "http",
            "kafka",
            "msk",
            "redis-view",
            "embedded",
            "producer-api",
            "gateway",
            "operator",
            "worker",
        ],
        "sim" => &[
            "domain",
            "wire",
            "ports",
            "directory",
            "http",
            "producer-api",
            "gateway",
            "operator",
            "worker",
            "oracle",
        ],
        "fuzz" => &["domain", "wire", "ports", "directory", "http", "producer-api"],
        "e2e" | "xtask" => &["testbed"],
        _ => return None,
    })
}

/// Crates of others that only one package of ours may name.
const WRAPPED: [(&str, &str); 3] =
    [("rdkafka", "kafka"), ("redis", "redis-view"), ("redb", "embedded")];

/// What would bring a clock, chance or I/O into the pure crate.
const IMPURE: [&str; 9] = [
    "tokio",
    "getrandom",
    "rand",
    "jiff",
    "chrono",
    "time",
    "tracing",
    "futures-util",
    "async-trait",
];

fn short(name: &str) -> &str {
    name.strip_prefix("twinkle-").unwrap_or(name)
}

/// Every dependency of `package` that breaks a rule, a sentence each.
fn broken(package: &Package) -> Vec<String> {
    let name = short(&package.name);
    let Some(allowed) = allowed(name) else {
        return vec![format!("{name} is not in the table of xtask/src/direction.rs")];
    };
    let mut broken = Vec::new();
    for dependency in &package.dependencies {
        let other = short(&dependency.name);
        let in_tests = dependency.kind == DependencyKind::Development;
        let is_ours = dependency.path.is_some();
        // Tests may start real parts, and use their own package with other features.
        let for_tests = in_tests && (other == "testbed" || other == name);
        if is_ours && !allowed.contains(&other) && !for_tests {
            broken.push(format!("{name} depends on {other}"));
        }
        if WRAPPED.iter().any(|(theirs, owner)| *theirs == dependency.name && *owner != name) {
            broken.push(format!("{name} names {other}, which one crate wraps"));
        }
        if name == "domain" && !in_tests && IMPURE.contains(&other) {
            broken.push(format!("domain is pure and names {other}"));
        }
    }
    broken
}

fn packages() -> Vec<Package> {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml");
    MetadataCommand::new().manifest_path(manifest).no_deps().exec().expect("metadata").packages
}

#[test]
fn dependencies_point_the_right_way() {
    let packages = packages();
    assert!(packages.len() >= 15, "cargo lists {} packages", packages.len());
    let broken: Vec<String> = packages.iter().flat_map(broken).collect();
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn a_wrong_dependency_is_seen() {
    let packages = packages();
    // What would be said if `real` were named `other`.
    let said = |real: &str, other: &str| {
        let found = packages.iter().find(|package| short(&package.name) == real);
        let mut package = found.expect("a package").clone();
        package.name = other.parse().expect("a package name");
        broken(&package).join("\n")
    };
    assert!(said("twinkle", "gateway").contains("gateway depends on worker"));
    assert!(said("worker", "wire").contains("wire depends on ports"));
    assert!(said("worker", "domain").contains("domain is pure and names tokio"));
    assert!(said("kafka", "embedded").contains("embedded names rdkafka"));
    assert!(said("worker", "nobody").contains("nobody is not in the table"));
}
