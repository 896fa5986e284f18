//! The sample event of a fresh embedded service.

use anyhow::Result;
use jiff::{ToSpan, Zoned, civil::time};
use reqwest::Method;
use serde_json::{Value, json};

use crate::cli::client::Operator;

pub(crate) const ID: &str = "popup";

const SLOTS: [(i64, i8); 6] = [(1, 11), (1, 14), (2, 11), (2, 14), (3, 11), (3, 14)];
const SEATS_PER_SLOT: u32 = 20;

/// Makes and opens `popup` when there is no event yet; tells whether it did.
pub(crate) async fn make_if_empty(operator: &Operator) -> Result<bool> {
    let known = operator.call(Method::GET, "", None).await?;
    if known["events"].as_array().is_none_or(|events| !events.is_empty()) {
        return Ok(false);
    }
    operator.call(Method::PUT, &format!("/{ID}"), Some(definition(&Zoned::now())?)).await?;
    operator.call(Method::POST, &format!("/{ID}/open"), None).await?;
    Ok(true)
}

/// 6 slots of 20 seats in the coming days, 60 people a minute.
fn definition(now: &Zoned) -> Result<Value> {
    let slots = SLOTS.iter().map(|(days, hour)| {
        let day = now.checked_add(days.days())?;
        let starts_at = day.with().time(time(*hour, 0, 0, 0)).build()?.timestamp();
        Ok(json!({
            "id": format!("day{days}-{hour}00"),
            "starts_at": starts_at.to_string(),
            "capacity": SEATS_PER_SLOT,
        }))
    });
    let slots = slots.collect::<Result<Vec<Value>>>()?;
    Ok(json!({
        "title": {"en": "Twinkle pop-up", "ko": "반짝 팝업"},
        "time_zone": now.time_zone().iana_name().unwrap_or("UTC"),
        "admission": {"rate_per_min": 60, "max_inside": 100, "claim_secs": 60, "window_secs": 600},
        "hold_secs": 300,
        "seats_per_ticket": 2,
        "slots": slots,
    }))
}
