//! Times as people read them, in the event's zone.

use jiff::{Timestamp, Zoned, tz::TimeZone};

use super::lang::Texts;

/// Formats times of one event in one language.
#[derive(Debug)]
pub(super) struct Times {
    zone: TimeZone,
    texts: &'static Texts,
}

impl Times {
    pub(super) fn new(zone: &str, texts: &'static Texts) -> Self {
        Self { zone: TimeZone::get(zone).unwrap_or(TimeZone::UTC), texts }
    }

    fn at(&self, ms: i64) -> Zoned {
        Timestamp::from_millisecond(ms).unwrap_or_default().to_zoned(self.zone.clone())
    }

    /// `Sat 5 December`.
    pub(super) fn date(&self, ms: i64) -> String {
        let at = self.at(ms);
        let index = |one_based: i8| usize::try_from(one_based - 1).unwrap_or(0);
        let weekday = self.texts.weekdays[index(at.weekday().to_monday_one_offset())];
        let month = self.texts.months[index(at.month())];
        let date = self.texts.date.replace("{weekday}", weekday).replace("{month}", month);
        date.replace("{day}", &at.day().to_string())
    }

    /// `11:00`.
    pub(super) fn minute(&self, ms: i64) -> String {
        let at = self.at(ms);
        format!("{:02}:{:02}", at.hour(), at.minute())
    }

    /// `11:00:07`.
    pub(super) fn second(&self, ms: i64) -> String {
        format!("{}:{:02}", self.minute(ms), self.at(ms).second())
    }

    /// `Sat 5 December, 11:00`.
    pub(super) fn full(&self, ms: i64) -> String {
        format!("{}, {}", self.date(ms), self.minute(ms))
    }

    /// `about 4 min`.
    pub(super) fn span(&self, secs: Option<u64>) -> String {
        let Some(secs) = secs else { return self.texts.unknown.to_owned() };
        let minutes = secs.div_ceil(60);
        match (minutes / 60, minutes % 60) {
            (0, 0 | 1) => self.texts.under_minute.to_owned(),
            (0, m) => self.texts.minutes.replace("{m}", &m.to_string()),
            (h, m) => {
                self.texts.hours.replace("{h}", &h.to_string()).replace("{m}", &m.to_string())
            }
        }
    }

    /// What a countdown shows: `4:59`, `1:04:59`, `2 d 01:04:59`.
    pub(super) fn left(&self, ms: i64) -> String {
        let secs = (ms.max(0) + 999) / 1_000;
        let (days, hours, minutes, secs) =
            (secs / 86_400, secs / 3_600 % 24, secs / 60 % 60, secs % 60);
        let clock = match (days, hours) {
            (0, 0) => return format!("{minutes}:{secs:02}"),
            (0, _) => return format!("{hours}:{minutes:02}:{secs:02}"),
            _ => format!("{hours:02}:{minutes:02}:{secs:02}"),
        };
        self.texts.days.replace("{d}", &days.to_string()).replace("{clock}", &clock)
    }
}

/// RFC 3339, UTC, milliseconds.
pub(super) fn iso(ms: i64) -> String {
    format!("{:.3}", Timestamp::from_millisecond(ms).unwrap_or_default())
}

/// `Asia/Seoul` → `Seoul`.
pub(super) fn city(zone: &str) -> String {
    zone.rsplit('/').next().unwrap_or(zone).replace('_', " ")
}
