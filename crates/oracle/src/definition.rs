//! The definition of an event, as far as it decides anything.

use serde_json::Value;

/// How people are let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Admission {
    pub rate_per_min: u64,
    pub max_inside: u32,
    pub claim_secs: u64,
    pub window_secs: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    pub id: String,
    pub capacity: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    pub prequeue_at: Option<u64>,
    pub opens_at: Option<u64>,
    pub closes_at: Option<u64>,
    pub admission: Admission,
    pub hold_secs: u64,
    pub seats_per_ticket: u32,
    pub slots: Vec<Slot>,
}

impl Admission {
    pub fn parse(json: &Value) -> Option<Self> {
        Some(Self {
            rate_per_min: json["rate_per_min"].as_u64()?,
            max_inside: json["max_inside"].as_u64()? as u32,
            claim_secs: json["claim_secs"].as_u64()?,
            window_secs: json["window_secs"].as_u64()?,
        })
    }
}

impl Definition {
    pub fn parse(json: &Value) -> Option<Self> {
        let slot = |slot: &Value| {
            let capacity = slot["capacity"].as_u64()? as u32;
            Some(Slot { id: slot["id"].as_str()?.to_owned(), capacity })
        };
        Some(Self {
            prequeue_at: time(&json["prequeue_at"])?,
            opens_at: time(&json["opens_at"])?,
            closes_at: time(&json["closes_at"])?,
            admission: Admission::parse(&json["admission"])?,
            hold_secs: json["hold_secs"].as_u64()?,
            seats_per_ticket: json["seats_per_ticket"].as_u64()? as u32,
            slots: json["slots"].as_array()?.iter().map(slot).collect::<Option<_>>()?,
        })
    }
}

/// Milliseconds of `2026-12-05T11:00:00.250Z`; null is no time.
fn time(json: &Value) -> Option<Option<u64>> {
    if json.is_null() {
        return Some(None);
    }
    let text = json.as_str()?.strip_suffix('Z')?;
    let (date, clock) = text.split_once('T')?;
    let [year, month, day] = three(date.split('-'))?;
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let [hour, minute, second] = three(clock.split(':'))?;
    let millis: u64 = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
    let days = days_before(year, month) + day - 1;
    Some(Some((((days * 24 + hour) * 60 + minute) * 60 + second) * 1_000 + millis))
}

fn three<'a>(parts: impl Iterator<Item = &'a str>) -> Option<[u64; 3]> {
    let numbers: Vec<u64> = parts.map(|part| part.parse().ok()).collect::<Option<_>>()?;
    numbers.try_into().ok()
}

/// Days from 1970-01-01 to the first of a month.
fn days_before(year: u64, month: u64) -> u64 {
    let leap = |year: u64| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    let lengths = [31, 28 + u64::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let years: u64 = (1970..year).map(|year| 365 + u64::from(leap(year))).sum();
    years + lengths[..(month as usize - 1)].iter().sum::<u64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read() {
        let at = |text: &str| time(&Value::from(text)).flatten();
        assert_eq!(at("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(at("2024-03-01T00:00:00.25Z"), Some(1_709_251_200_250));
        assert_eq!(at("2026-12-05T11:00:00.001Z"), Some(1_796_468_400_001));
        assert_eq!(time(&Value::Null), Some(None));
        assert_eq!(time(&Value::from("soon")), None);
    }
}
