//! The whole way: from a definition to a booking and back, every call once and once more.

mod forms;
mod operating;
mod shopping;

use anyhow::{Context, Result};

use super::Seen;
use crate::{report::Report, stack::Stack};

pub async fn run(stack: &mut Stack, report: &mut Report, seen: &mut Seen) -> Result<()> {
    operating::before(stack, report).await.context("operating::before")?;
    shopping::one(stack, report, seen).await.context("shopping::one")?;
    shopping::several(stack, report, seen).await.context("shopping::several")?;
    shopping::queue_only(stack, report, seen).await.context("shopping::queue_only")?;
    forms::run(stack, report, seen).await.context("forms::run")?;
    operating::steering(stack, report, seen).await.context("operating::steering")?;
    operating::second_port(stack, report).await.context("operating::second_port")
}
