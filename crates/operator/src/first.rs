//! Who made an event: the first definition of its log, whatever the facts say.

use std::time::Duration;

use domain::{Command, Definition, EventId, Operation};
use http_kit::ProblemResponse;
use ports::EventLog;
use tokio::time::timeout;
use wire::{
    Code,
    record::{self, DecodeError},
};

use crate::desk::log_problem;

/// Longest time to find it, in seconds: it stands at the beginning.
const READ_SECS: u64 = 5;

/// The salt and definition that the fold took first; `None`: the log has none yet.
pub(crate) async fn first_definition(
    log: &dyn EventLog,
    id: &EventId,
) -> Result<Option<([u8; 16], Definition)>, ProblemResponse> {
    match timeout(Duration::from_secs(READ_SECS), search(log, id)).await {
        Ok(found) => found,
        Err(_) => Err(Code::LogUnavailable.into()),
    }
}

async fn search(
    log: &dyn EventLog,
    id: &EventId,
) -> Result<Option<([u8; 16], Definition)>, ProblemResponse> {
    let end = log.end(id).await.map_err(log_problem)?;
    let mut next = 0;
    let mut reader = log.read(id, next).await.map_err(log_problem)?;
    while next < end {
        for found in reader.next().await.map_err(log_problem)? {
            next = found.offset + 1;
            let commands = match record::decode(&found.bytes) {
                Ok(commands) => commands,
                Err(DecodeError::Malformed) => continue,
                Err(error) => return Err(newer(id, &error)),
            };
            if let Some(first) = commands.into_iter().find_map(definition) {
                return Ok(Some(first));
            }
        }
    }
    Ok(None)
}

/// A definition that the fold takes.
fn definition(command: Command) -> Option<([u8; 16], Definition)> {
    match command {
        Command::Operate(Operation::Define { salt, definition }) if definition.check().is_ok() => {
            Some((salt, *definition))
        }
        _ => None,
    }
}

fn newer(id: &EventId, error: &DecodeError) -> ProblemResponse {
    tracing::error!(event = %id, %error, "a later release wrote this event's log");
    Code::Internal.into()
}
