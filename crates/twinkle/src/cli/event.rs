//! `twinkle event`: make, list and drive events.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::Value;

use super::client::{Operator, Target};

#[derive(Debug, Args)]
pub(crate) struct EventArgs {
    #[command(flatten)]
    target: Target,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make an event, or edit it: FILE is its definition as YAML or JSON
    Create {
        id: String,
        file: PathBuf,
    },
    /// All events
    List,
    /// How an event stands
    Show {
        id: String,
    },
    Open {
        id: String,
    },
    /// Stop letting people in; those inside go on
    Pause {
        id: String,
    },
    Resume {
        id: String,
    },
    /// Take no more joins, entries and holds
    Close {
        id: String,
    },
    /// End an event for good; its id is never used again
    Archive {
        id: String,
    },
}

pub(crate) async fn run(args: EventArgs) -> Result<()> {
    let operator = args.target.operator()?;
    let answer = act(&operator, args.action).await?;
    print(&answer)
}

async fn act(operator: &Operator, action: Action) -> Result<Value> {
    let (method, path, body) = match action {
        Action::Create { id, file } => (Method::PUT, format!("/{id}"), Some(definition(&file)?)),
        Action::List => (Method::GET, String::new(), None),
        Action::Show { id } => (Method::GET, format!("/{id}/stats"), None),
        Action::Open { id } => (Method::POST, format!("/{id}/open"), None),
        Action::Pause { id } => (Method::POST, format!("/{id}/pause"), None),
        Action::Resume { id } => (Method::POST, format!("/{id}/resume"), None),
        Action::Close { id } => (Method::POST, format!("/{id}/close"), None),
        Action::Archive { id } => (Method::POST, format!("/{id}/archive"), None),
    };
    operator.call(method, &path, body).await
}

/// YAML is a superset of JSON, so one reader does for both.
fn definition(file: &PathBuf) -> Result<Value> {
    let text =
        std::fs::read_to_string(file).with_context(|| format!("can't read {}", file.display()))?;
    yaml_serde::from_str(&text).with_context(|| format!("{} is no YAML or JSON", file.display()))
}

#[allow(clippy::print_stdout, reason = "the answer is what the command is for")]
fn print(answer: &Value) -> Result<()> {
    println!("{}", serde_json::to_string_pretty(answer)?);
    Ok(())
}
