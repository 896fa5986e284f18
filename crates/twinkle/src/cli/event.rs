//! `twinkle event`: make, list and drive events.

use std::path::{Path, PathBuf};

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

fn definition(file: &Path) -> Result<Value> {
    let text =
        std::fs::read_to_string(file).with_context(|| format!("can't read {}", file.display()))?;
    parse(&text).with_context(|| format!("{} is no YAML or JSON", file.display()))
}

/// JSON first: readers of YAML don't take all of its escapes, such as `\ud83d\ude00`.
fn parse(text: &str) -> Result<Value, yaml_serde::Error> {
    serde_json::from_str(text).or_else(|_| yaml_serde::from_str(text))
}

#[allow(clippy::print_stdout, reason = "the answer is what the command is for")]
fn print(answer: &Value) -> Result<()> {
    println!("{}", serde_json::to_string_pretty(answer)?);
    Ok(())
}

#[test]
fn json_is_read_with_all_its_escapes_and_yaml_too() {
    for text in [r#"{"title": {"en": "\ud83d\ude00 \/"}}"#, "title: {en: \"\\U0001F600 /\"}"] {
        let read = parse(text).expect("a definition");
        assert_eq!(read["title"]["en"], "😀 /", "{text}");
    }
    assert!(parse("title: {").is_err());
}
