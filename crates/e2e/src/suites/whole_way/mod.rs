//! The whole way: from a definition to a booking and back, every call once and once more.

mod forms;
mod operating;
mod shopping;

use anyhow::Result;

use super::Seen;
use crate::{report::Report, stack::Stack};

pub async fn run(stack: &mut Stack, report: &mut Report, seen: &mut Seen) -> Result<()> {
    operating::before(stack, report).await?;
    shopping::one(stack, report, seen).await?;
    shopping::several(stack, report, seen).await?;
    shopping::queue_only(stack, report, seen).await?;
    forms::run(stack, report, seen).await?;
    operating::steering(stack, report, seen).await?;
    operating::second_port(stack, report).await
}
