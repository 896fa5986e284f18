//! What a run leaves behind for whoever wants to check it: the log, and all that people were told.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use serde_json::Value;
use tokio::task::block_in_place;

use super::TOPIC;
use crate::{
    crowd::limits,
    log::{self, Evidence, Log, Rules},
    model::Sale,
    report::Report,
    stack::Stack,
};

const CONSUMER: &str = "org.apache.kafka.tools.consumer.ConsoleConsumer";
/// The log is at its end when nothing more comes for so long.
const SILENCE_MS: &str = "3000";
const LOG_FILE: &str = "log.txt";
const TOLD_FILE: &str = "told.json";

/// Where the evidence of a suite goes, made when it is missing.
pub fn folder(suite: &str) -> Result<PathBuf> {
    let folder = Path::new("target").join(suite);
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    Ok(folder)
}

/// Ends every process, so that the log ends, writes the evidence down and checks it.
pub fn take(
    stack: &mut Stack,
    report: &mut Report,
    sale: Sale,
    definition: &Value,
    suite: &str,
) -> Result<()> {
    stack.servers.clear();
    let folder = folder(suite)?;
    let hold_ms = definition["hold_secs"].as_i64().unwrap_or(0) * 1_000;
    let rules = Rules { capacity: limits(definition).capacity, hold_ms };
    let evidence = Evidence { rules, shoppers: sale.shoppers };
    fs::write(folder.join(TOLD_FILE), serde_json::to_vec(&evidence)?)?;
    fs::write(folder.join(LOG_FILE), block_in_place(|| dump(stack))?)?;
    report.note(format!("the log and what was told are in {}", folder.display()));
    check(report, &folder)
}

/// The whole log, by a tool of Kafka's own.
fn dump(stack: &Stack) -> Result<String> {
    let args = ["--topic", TOPIC, "--partition", "0", "--offset", "earliest"];
    let shown = ["--property", "print.timestamp=true", "--property", "print.offset=true"];
    let args = [&args[..], &shown, &["--timeout-ms", SILENCE_MS]].concat();
    match (&stack.replicated, &stack.kafka) {
        (Some(replicated), _) => replicated.kafka.tool(CONSUMER, &args),
        (_, Some(kafka)) => kafka.tool(CONSUMER, &args),
        _ => anyhow::bail!("this stack has no broker"),
    }
}

/// Reads the evidence in a folder and checks it; needs nothing that runs.
pub fn check(report: &mut Report, folder: &Path) -> Result<()> {
    let read = |name: &str| {
        let file = folder.join(name);
        fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))
    };
    let log = Log::read(&read(LOG_FILE)?).context("the log")?;
    let evidence: Evidence = serde_json::from_str(&read(TOLD_FILE)?).context("what was told")?;
    let (answers, shoppers) = (
        evidence.shoppers.iter().map(|who| who.answers.len()).sum::<usize>(),
        evidence.shoppers.len(),
    );
    report.note(format!(
        "{} records with {} commands against {answers} answers to {shoppers} shoppers",
        log.records(),
        log.commands()
    ));
    log::check(report, &log, &evidence);
    Ok(())
}
