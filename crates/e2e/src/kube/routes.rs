//! Which role the front of the cluster gives a request to.

use anyhow::{Context, Result, ensure};
use reqwest::Method;
use serde::Deserialize;

use super::manifests::Manifests;
use crate::calls::Role;

#[derive(Debug, Clone, Deserialize)]
pub struct Spec {
    rules: Vec<Rule>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    matches: Vec<Match>,
    backend_refs: Vec<Backend>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Match {
    path: PathMatch,
    method: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
struct PathMatch {
    value: String,
}

#[derive(Debug, Clone, Deserialize)]
struct Backend {
    name: String,
}

/// The rules of the only HTTPRoute.
#[derive(Debug)]
pub struct Routes(Vec<(Match, Role)>);

impl Routes {
    pub fn of(manifests: &Manifests) -> Result<Self> {
        ensure!(manifests.routes.len() == 1, "{} HTTPRoutes, not one", manifests.routes.len());
        let mut all = Vec::new();
        for rule in &manifests.routes[0].spec.rules {
            let [backend] = rule.backend_refs.as_slice() else {
                anyhow::bail!("a rule has {} backends", rule.backend_refs.len());
            };
            let role = role(&backend.name).with_context(|| format!("who is {}?", backend.name))?;
            all.extend(rule.matches.iter().map(|matching| (matching.clone(), role)));
        }
        Ok(Self(all))
    }

    /// The longest path wins, and among equals the one that names the method.
    pub fn role(&self, method: &Method, path: &str) -> Option<Role> {
        let fits = |matching: &Match| {
            let prefix = matching.path.value.trim_end_matches('/');
            let below = path
                .strip_prefix(prefix)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']));
            below && matching.method.as_deref().is_none_or(|wanted| wanted == method.as_str())
        };
        let found = self.0.iter().filter(|(matching, _)| fits(matching));
        let found = found.max_by_key(|(m, _)| (m.path.value.len(), m.method.is_some()));
        found.map(|(_, role)| *role)
    }
}

fn role(service: &str) -> Option<Role> {
    let name = service.rsplit('-').next()?;
    [("api", Role::Api), ("gateway", Role::Gateway), ("operator", Role::Operator)]
        .into_iter()
        .find_map(|(known, role)| (known == name).then_some(role))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kube::manifests::tests::POD;

    #[test]
    fn longer_paths_and_methods_come_first() {
        let text = format!(
            "{POD}---
kind: HTTPRoute
spec:
  rules:
    - {{matches: [{{path: {{value: /}}}}], backendRefs: [{{name: twinkle-gateway}}]}}
    - matches: [{{path: {{value: /}}, method: POST}}, {{path: {{value: /}}, method: PUT}}]
      backendRefs: [{{name: twinkle-api}}]
    - {{matches: [{{path: {{value: /operator}}}}], backendRefs: [{{name: twinkle-operator}}]}}
"
        );
        let routes = Routes::of(&Manifests::parse(&text).unwrap()).unwrap();
        assert_eq!(routes.role(&Method::GET, "/api/v1?a"), Some(Role::Gateway));
        assert_eq!(routes.role(&Method::POST, "/api/v1"), Some(Role::Api));
        assert_eq!(routes.role(&Method::PUT, "/operator/v1"), Some(Role::Operator));
        assert_eq!(routes.role(&Method::PUT, "/operators"), Some(Role::Api));
    }
}
