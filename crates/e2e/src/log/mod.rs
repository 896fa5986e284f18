//! The log of an event as a tool of Kafka's own prints it, held against what shoppers were told.
//!
//! Nothing but the log's format and the rules of its time is taken from the product, and both are
//! written down in ARCHITECTURE.md: whoever has the log and the histories can check them here.

mod places;
mod seats;

use std::collections::HashMap;

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    model::{Address, History},
    moment::Millis,
    report::Report,
};

/// The most that one record moves event time on, in ms.
const STEP_MS_MAX: Millis = 2_000;

/// One command as it stands in the log: `["hold","<uuid>","1100",2,7]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    pub address: Address,
    pub kind: String,
    fields: Vec<Value>,
}

/// A whole log, from its first record.
#[derive(Debug, Clone, Default)]
pub struct Log {
    rows: Vec<Row>,
    /// Event time at each record, by its offset.
    times: Vec<Millis>,
    /// Where each ticket first joined, and its place by that.
    joins: HashMap<String, (Address, u64)>,
    /// Where each numbered command of a ticket first stands.
    commands: HashMap<(String, u64), usize>,
}

/// What the definition allows.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Rules {
    pub capacity: std::collections::BTreeMap<String, i64>,
    pub hold_ms: Millis,
}

/// What a run leaves on disk beside the log.
#[derive(Debug, Serialize, Deserialize)]
pub struct Evidence {
    pub rules: Rules,
    pub shoppers: Vec<History>,
}

/// Every check of histories against the log.
pub fn check(report: &mut Report, log: &Log, evidence: &Evidence) {
    let Evidence { rules, shoppers } = evidence;
    let checks = [
        ("every acknowledged command is in the log where it was said", places::kept(log, shoppers)),
        (
            "every acknowledged join has the place that the log gives it",
            places::told(log, shoppers),
        ),
        ("every outcome is that of a command in the log", seats::founded(log, shoppers)),
        (
            "every booking is in the log, once, and belongs to one",
            seats::booked_once(log, shoppers),
        ),
        (
            "held + sold ≤ capacity after every command of the log",
            seats::bounded(log, shoppers, rules),
        ),
        ("nobody booked what they did not hold", seats::booked_held(log, shoppers, rules)),
    ];
    for (what, faults) in checks {
        report.judge(what, faults);
    }
}

impl Row {
    pub fn ticket(&self) -> Option<&str> {
        self.fields.first()?.as_str()
    }

    /// The number of a shopper's command; a join and an operator's command have none.
    pub fn seq(&self) -> Option<u64> {
        let numbered = ["enter", "hold", "release", "book", "cancel", "leave"];
        if numbered.contains(&self.kind.as_str()) { self.fields.last()?.as_u64() } else { None }
    }
}

impl Log {
    /// Reads `LogAppendTime:<ms>\tOffset:<n>\t<record>` line by line.
    ///
    /// # Errors
    /// When a line or a record can't be read, or an offset is missing.
    pub fn read(dump: &str) -> Result<Self> {
        let mut log = Self::default();
        let (mut now, mut last) = (0, None);
        for (n, line) in dump.lines().enumerate() {
            let (at, offset, record) =
                parts(line).with_context(|| format!("line {n}: {line:.200}"))?;
            ensure!(offset == n as u64, "record {offset} stands where {n} is due");
            now = last.map_or(at, |last: Millis| now + (at - last).clamp(0, STEP_MS_MAX));
            last = Some(at);
            log.times.push(now);
            for (index, row) in
                rows(record).with_context(|| format!("record {n}"))?.into_iter().enumerate()
            {
                log.push(Address { offset, index: index as u64 }, row)?;
            }
        }
        ensure!(!log.times.is_empty(), "the log is empty");
        Ok(log)
    }

    fn push(&mut self, address: Address, row: Vec<Value>) -> Result<()> {
        let mut fields = row.into_iter();
        let Some(Value::String(kind)) = fields.next() else { bail!("a command without a kind") };
        let row = Row { address, kind, fields: fields.collect() };
        if let Some(ticket) = row.ticket().map(str::to_owned) {
            let place = self.joins.len() as u64 + 1;
            if row.kind == "join" {
                self.joins.entry(ticket).or_insert((address, place));
            } else if let Some(seq) = row.seq() {
                self.commands.entry((ticket, seq)).or_insert(self.rows.len());
            }
        }
        self.rows.push(row);
        Ok(())
    }

    pub fn records(&self) -> usize {
        self.times.len()
    }

    pub fn commands(&self) -> usize {
        self.rows.len()
    }

    fn at(&self, address: Address) -> Option<&Row> {
        let found = self.rows.binary_search_by_key(&address, |row| row.address).ok()?;
        self.rows.get(found)
    }

    /// Where a shopper's numbered command first stands: repeats change nothing. Numbers go on
    /// across attempts, and a command may name an earlier one than it counts for.
    fn command(&self, who: &History, seq: u64) -> Option<&Row> {
        let of = |id: &str| self.rows.get(*self.commands.get(&(id.to_owned(), seq))?);
        who.tickets.iter().find_map(|ticket| of(&ticket.id))
    }

    /// Event time at a record.
    fn time(&self, offset: u64) -> Millis {
        self.times.get(offset as usize).copied().unwrap_or(Millis::MAX)
    }

    /// The first record at or after which a deadline of event time has come.
    fn passes(&self, deadline: Millis) -> u64 {
        self.times.partition_point(|time| *time < deadline) as u64
    }
}

fn parts(line: &str) -> Option<(Millis, u64, &str)> {
    let mut parts = line.splitn(3, '\t');
    let at = parts.next()?.strip_prefix("LogAppendTime:")?.parse().ok()?;
    let offset = parts.next()?.strip_prefix("Offset:")?.parse().ok()?;
    Some((at, offset, parts.next()?))
}

fn rows(record: &str) -> Result<Vec<Vec<Value>>> {
    #[derive(Deserialize)]
    struct Record {
        v: u64,
        c: Vec<Vec<Value>>,
    }
    let record: Record = serde_json::from_str(record)?;
    ensure!(record.v == 1, "a record of version {}", record.v);
    Ok(record.c)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A log with these records, one each second.
    pub fn log(records: &[&str]) -> Log {
        let line = |(n, record): (usize, &&str)| {
            format!("LogAppendTime:{}\tOffset:{n}\t{{\"v\":1,\"c\":[{record}]}}\n", 1_000 * n)
        };
        Log::read(&records.iter().enumerate().map(line).collect::<String>()).unwrap()
    }

    #[test]
    fn places_follow_the_first_join_of_each() {
        let log = log(&[
            r#"["open"]"#,
            r#"["join","b"],["join","a"]"#,
            r#"["join","b"],["join","c","a"]"#,
        ]);
        let place = |ticket: &str| log.joins[ticket].1;
        assert_eq!([place("b"), place("a"), place("c")], [1, 2, 3]);
        assert_eq!((log.records(), log.commands()), (3, 5));
    }

    #[test]
    fn the_first_of_repeated_commands_counts() {
        let log = log(&[r#"["hold","a","x",2,7]"#, r#"["enter","a",3],["hold","a","x",2,7]"#]);
        let ticket = |id: &str| crate::model::Ticket { id: id.into(), ..Default::default() };
        let who = History { tickets: vec![ticket("z"), ticket("a")], ..History::default() };
        assert_eq!(log.command(&who, 7).unwrap().address, Address { offset: 0, index: 0 });
        assert_eq!(log.command(&who, 3).unwrap().kind, "enter");
        assert!(log.command(&who, 4).is_none());
    }

    #[test]
    fn event_time_stands_still_in_an_outage() {
        let line =
            |at: Millis, n: u64| format!("LogAppendTime:{at}\tOffset:{n}\t{{\"v\":1,\"c\":[]}}\n");
        let log =
            Log::read(&(line(1_000, 0) + &line(1_500, 1) + &line(60_000, 2) + &line(59_000, 3)));
        let log = log.unwrap();
        assert_eq!(log.times, [1_000, 1_500, 3_500, 3_500]);
        assert_eq!((log.passes(1_500), log.passes(1_501), log.passes(9_000)), (1, 2, 4));
    }

    #[test]
    fn a_missing_record_and_a_broken_one_are_errors() {
        let record = "\t{\"v\":1,\"c\":[]}\n";
        let gap = format!("LogAppendTime:1\tOffset:0{record}LogAppendTime:2\tOffset:2{record}");
        assert!(Log::read(&gap).unwrap_err().to_string().contains("where 1 is due"));
        assert!(Log::read("LogAppendTime:1\tOffset:0\t{").is_err());
        assert!(Log::read("").is_err());
    }
}
