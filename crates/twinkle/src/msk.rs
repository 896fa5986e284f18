//! Keeps the token for Amazon MSK fresh.

use std::time::Duration;

use ::msk::{MskError, Signer};
use anyhow::{Context, Result};
use kafka::{Token, Tokens};
use tokio::time::sleep;
use tracing::warn;

/// A token is replaced after so long, far from its end (15 minutes).
const RENEW_SECS: u64 = 180;
/// Pause before another try where there are no credentials.
const RETRY_SECS: u64 = 10;

/// Answers when the first token is there; the others follow for as long as the process lives.
///
/// # Errors
/// Without a region or credentials.
pub(crate) async fn keep(tokens: Tokens) -> Result<()> {
    let signer = Signer::from_environment().await.context("TWINKLE_KAFKA_SASL")?;
    renew(&signer, &tokens).await.context("TWINKLE_KAFKA_SASL")?;
    tokio::spawn(async move {
        let mut pause = RENEW_SECS;
        loop {
            sleep(Duration::from_secs(pause)).await;
            let renewed = renew(&signer, &tokens).await;
            pause = if renewed.is_ok() { RENEW_SECS } else { RETRY_SECS };
            if let Err(error) = renewed {
                warn!(%error, "the token for MSK could not be renewed; the one before lasts for up to 15 minutes");
            }
        }
    });
    Ok(())
}

async fn renew(signer: &Signer, tokens: &Tokens) -> Result<(), MskError> {
    let msk::Token { text, until } = signer.token().await?;
    tokens.replace(Token { text, until });
    Ok(())
}
