//! Where Alertmanager sends each alert.

use anyhow::{Context, Result};
use yaml_serde::Value;

use crate::commands::root;

const ROUTES: &str = "k8s/monitoring/routes.yaml";
/// The channel for each severity.
const CHANNELS: [(&str, &str); 2] = [("critical", "#sale-pages"), ("warning", "#sale-tickets")];

/// What is wrong with the way of these alerts (name, severity) to their channels.
///
/// # Errors
/// When the routes can't be read.
pub(super) fn check<'a>(alerts: impl Iterator<Item = (&'a str, &'a str)>) -> Result<Vec<String>> {
    let text = std::fs::read_to_string(root().join(ROUTES)).context(ROUTES)?;
    let config: Value = yaml_serde::from_str(&text).context(ROUTES)?;
    let spec = config.get("spec").context("AlertmanagerConfig has a spec")?;
    let wrong = alerts.filter_map(|(name, severity)| {
        let wanted =
            CHANNELS.iter().find(|(known, _)| *known == severity).map(|(_, channel)| *channel);
        let found = channel(spec, severity);
        (wanted.is_none() || found != wanted)
            .then(|| format!("{name} ({severity}) goes to {found:?}, not to {wanted:?}: {ROUTES}"))
    });
    let mut wrong: Vec<_> = wrong.collect();
    for rule in list(spec, "inhibitRules") {
        for side in ["sourceMatch", "targetMatch"] {
            let known = |(severity, _): &(&str, &str)| matches(&list(rule, side), severity);
            if !CHANNELS.iter().any(known) {
                wrong.push(format!("no alert is like the {side} of a rule of {ROUTES}"));
            }
        }
    }
    Ok(wrong)
}

/// The Slack channel for alerts of this severity: of the first route that takes them, else of the root.
fn channel<'a>(spec: &'a Value, severity: &str) -> Option<&'a str> {
    let root = spec.get("route")?;
    let route =
        list(root, "routes").into_iter().find(|route| matches(&list(route, "matchers"), severity));
    let receiver = route.unwrap_or(root).get("receiver")?;
    let receivers = list(spec, "receivers");
    let found = receivers.into_iter().find(|one| one.get("name") == Some(receiver))?;
    list(found, "slackConfigs").first()?.get("channel")?.as_str()
}

fn matches(matchers: &[&Value], severity: &str) -> bool {
    let is = |matcher: &&Value, key, value| matcher.get(key).and_then(Value::as_str) == Some(value);
    matchers.iter().all(|matcher| {
        is(matcher, "name", "severity")
            && is(matcher, "matchType", "=")
            && is(matcher, "value", severity)
    })
}

fn list<'a>(value: &'a Value, name: &str) -> Vec<&'a Value> {
    let items = value.get(name).and_then(Value::as_sequence);
    items.map(|items| items.iter().collect()).unwrap_or_default()
}
