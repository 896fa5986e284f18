//! The dashboards for Grafana, from one description each; `cargo xtask dashboards` writes them.

mod pipeline;
mod platform;
mod sale;

use std::path::PathBuf;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::commands::root;

/// Width of Grafana's grid, and of a panel.
const GRID_WIDTH: usize = 24;
const PANEL_WIDTH: usize = 8;
const PANEL_HEIGHT: usize = 7;

/// A query and how its lines are called.
type Query = (&'static str, &'static str);

/// One graph.
pub(crate) struct Panel {
    title: &'static str,
    /// What a person should know who has never seen it.
    help: &'static str,
    /// A unit of Grafana's: `s`, `reqps`, `short`, …
    unit: &'static str,
    queries: &'static [Query],
}

/// Graphs that belong together.
pub(crate) struct Row {
    title: &'static str,
    panels: &'static [Panel],
}

/// One dashboard.
pub(crate) struct Dashboard {
    pub(crate) name: &'static str,
    title: &'static str,
    rows: &'static [Row],
}

pub(crate) const ALL: [&Dashboard; 3] =
    [&sale::DASHBOARD, &pipeline::DASHBOARD, &platform::DASHBOARD];

impl Dashboard {
    /// Every query with its panel's title.
    pub(crate) fn queries(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let panels = self.rows.iter().flat_map(|row| row.panels);
        panels.flat_map(|panel| panel.queries.iter().map(|(expr, _)| (panel.title, *expr)))
    }

    fn path(&self) -> PathBuf {
        root().join("helm/twinkle/dashboards").join(format!("{}.json", self.name))
    }

    fn json(&self) -> Value {
        json!({
            "uid": format!("twinkle-{}", self.name),
            "title": self.title,
            "tags": ["twinkle"],
            "schemaVersion": 39,
            "editable": false,
            "refresh": "10s",
            "time": {"from": "now-1h", "to": "now"},
            "templating": {"list": variables()},
            "panels": self.panels(),
        })
    }

    fn panels(&self) -> Vec<Value> {
        let (mut panels, mut y) = (Vec::new(), 0);
        for row in self.rows {
            panels.push(json!({
                "id": panels.len() + 1, "type": "row", "title": row.title, "collapsed": false,
                "gridPos": {"x": 0, "y": y, "w": GRID_WIDTH, "h": 1}, "panels": [],
            }));
            y += 1;
            for (number, panel) in row.panels.iter().enumerate() {
                let column = number * PANEL_WIDTH % GRID_WIDTH;
                let line = number * PANEL_WIDTH / GRID_WIDTH * PANEL_HEIGHT;
                panels.push(panel.json(panels.len() + 1, column, y + line));
            }
            let lines = row.panels.len().div_ceil(GRID_WIDTH / PANEL_WIDTH);
            y += lines * PANEL_HEIGHT;
        }
        panels
    }

    fn text(&self) -> Result<String> {
        Ok(serde_json::to_string_pretty(&self.json())? + "\n")
    }
}

impl Panel {
    fn json(&self, id: usize, x: usize, y: usize) -> Value {
        let source = json!({"type": "prometheus", "uid": "${datasource}"});
        let target = |(number, (expr, legend)): (usize, &Query)| {
            let name = char::from(b'A' + u8::try_from(number).unwrap_or(0)).to_string();
            json!({"refId": name, "expr": expr, "legendFormat": legend, "datasource": source})
        };
        let targets: Vec<_> = self.queries.iter().enumerate().map(target).collect();
        json!({
            "id": id, "type": "timeseries", "title": self.title, "description": self.help,
            "gridPos": {"x": x, "y": y, "w": PANEL_WIDTH, "h": PANEL_HEIGHT},
            "datasource": source,
            "fieldConfig": {"defaults": {"unit": self.unit, "min": 0}, "overrides": []},
            "options": {"legend": {"displayMode": "list", "placement": "bottom"},
                        "tooltip": {"mode": "multi", "sort": "desc"}},
            "targets": targets,
        })
    }
}

/// Where the data are, and which events are looked at.
fn variables() -> Value {
    json!([
        {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus"},
        {"name": "event", "label": "Event", "type": "query", "refresh": 2,
         "datasource": {"type": "prometheus", "uid": "${datasource}"},
         "query": {"query": "label_values(twinkle_event_running, event)", "refId": "event"},
         "multi": true, "includeAll": true, "allValue": ".+",
         "current": {"text": "All", "value": "$__all"}},
    ])
}

/// Writes the files that the chart brings.
///
/// # Errors
/// When one cannot be written.
pub(crate) fn write() -> Result<()> {
    for dashboard in ALL {
        let path = dashboard.path();
        std::fs::write(&path, dashboard.text()?)
            .with_context(|| format!("cannot write {}", path.display()))?;
        println!("{}", path.display());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_dashboards_are_up_to_date() {
        for dashboard in ALL {
            let committed = std::fs::read_to_string(dashboard.path()).unwrap_or_default();
            let same = committed == dashboard.text().expect("JSON");
            assert!(same, "{}: run `cargo xtask dashboards`", dashboard.path().display());
        }
    }
}
