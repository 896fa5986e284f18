//! Audits of whole logs, of changed ones, and the life of tickets.

mod sale;

use domain::mutants::{Mutant, activate};
use proptest::prelude::*;
use sale::{commands, head, id, log, log_of, replay, signer, tampered, ticket};
use twinkle_audit::{Check, Claim, Replay, Report, Verdict};
use wire::{HeadSigner, KeySet, PassKeys, format_key};

fn keys() -> KeySet {
    KeySet::from(&signer(7).keys)
}

/// The audit of these records against heads.
fn audit(records: &[ports::Record], heads: &[String]) -> Report {
    let mut replay = Replay::new(&id());
    for head in heads {
        replay.compare(Claim::read("a head", head, Some(&keys())).unwrap());
    }
    records.iter().for_each(|record| replay.take(record).unwrap());
    replay.report()
}

fn verdicts(report: &Report, what: &str) -> Vec<Verdict> {
    let checks = report.checks.iter().filter(|check: &&Check| check.what.contains(what));
    checks.map(|check| check.verdict).collect()
}

#[test]
fn a_whole_log_is_found_right() {
    let records = log();
    let heads: Vec<String> = [1, 5, 30, records.len()].map(|n| head(&records, n)).into();
    let report = audit(&records, &heads);
    assert!(report.matches && report.violations.is_empty(), "{report}");
    assert_eq!(verdicts(&report, "chain"), [Verdict::Checked; 4], "{report}");
    assert_eq!(verdicts(&report, "signature"), [Verdict::Checked; 4]);
    assert_eq!(report.signed_to, records.len() as u64, "a head covers everything");
    assert_eq!((report.tickets, report.booked, report.malformed), (6, 0, 1));
    let page = report.to_string();
    assert!(page.contains("everything checked holds") && page.contains("every record"), "{page}");
}

proptest! {
    #[test]
    fn whatever_is_done_to_a_record_is_found(place in 0..60_usize, how in 0..5_u8) {
        let records = log();
        let changed = tampered(&records, place, how);
        prop_assume!(changed != records);
        let report = audit(&changed, &[head(&records, records.len() - 1)]);
        prop_assert!(!report.matches, "{} at {}: {}", how, place, report);
        prop_assert_eq!(report.signed_to, 0);
    }
}

#[test]
fn what_is_cut_off_at_the_end_is_found() {
    let records = log();
    let (early, late) = (head(&records, 40), head(&records, records.len()));
    let report = audit(&records[..50], &[early.clone(), late]);
    assert!(!report.matches, "{report}");
    assert_eq!(verdicts(&report, "chain"), [Verdict::Checked, Verdict::Differs]);
    assert!(report.to_string().contains("were removed from its end"), "{report}");
    assert!(audit(&records[..50], &[early]).matches, "nobody had signed what is missing");
}

#[test]
fn gaps_and_repetitions_are_found_without_a_head() {
    let mut records = log();
    let record = records.remove(20);
    let report = audit(&records, &[]);
    assert_eq!(report.violations, ["the records from 20 to 20 are missing"], "{report}");
    records.push(record);
    let report = audit(&records, &[]);
    assert_eq!(report.violations[1], format!("record 20 comes after record {}", records.len() - 1));
}

#[test]
fn heads_of_others_are_found() {
    let records = log();
    let audit_with = |head: &str, keys: Option<&KeySet>| {
        let mut replay = Replay::new(&id());
        replay.compare(Claim::read("a head", head, keys).unwrap());
        records.iter().for_each(|record| replay.take(record).unwrap());
        replay.report()
    };
    let mine = head(&records, 30);
    let unsigned = audit_with(&mine, None);
    assert!(unsigned.matches && unsigned.signed_to == 0, "without keys the chain still counts");
    assert_eq!(verdicts(&unsigned, "signature"), [Verdict::NotChecked]);

    let other = KeySet::from(&signer(8).keys);
    let report = audit_with(&mine, Some(&other));
    assert!(!report.matches && report.signed_to == 0, "{report}");
    assert!(report.to_string().contains("its signature is wrong"), "{report}");
    let other = PassKeys::parse(&format_key("k9", &[7; 32])).unwrap();
    assert!(!audit_with(&mine, Some(&KeySet::from(&other))).matches, "an unknown key");

    let strange = wire::head::Unverified::read(&mine).unwrap().head;
    let strange = wire::LogHead { event: "other".parse().unwrap(), ..strange };
    let HeadSigner { keys, issuer } = signer(7);
    let strange = HeadSigner { keys, issuer }.sign(&strange);
    let report = audit_with(&strange, Some(&self::keys()));
    assert!(report.to_string().contains("a head of event other"), "{report}");
    assert!(!report.matches);
}

#[test]
fn broken_rules_are_found() {
    for (mutant, number) in [
        (Mutant::MaxInsideIgnored, "I11"),
        (Mutant::LastComesFirst, "I5"),
        (Mutant::ServingSkipsOne, "I2"),
        (Mutant::HoldNeverExpires, "I7"),
    ] {
        activate(Some(mutant));
        let report = replay(&log()).report();
        activate(None);
        let found = report.violations.iter().any(|violation| violation.contains(number));
        assert!(!report.matches && found, "{mutant:?}: {:?}", report.violations);
    }
    assert!(replay(&log()).report().matches, "with the rules as they are all is well");
}

#[test]
fn a_record_of_a_later_release_ends_the_audit() {
    let mut records = log();
    records[9].bytes = bytes::Bytes::from_static(br#"{"v":9,"c":[]}"#);
    let mut replay = Replay::new(&id());
    let error = records.iter().find_map(|record| replay.take(record).err()).unwrap();
    assert!(
        error.to_string().starts_with("record 9 can't be folded (the record has version 9"),
        "{error}"
    );
}

/// The sentences of a ticket's life.
fn life(n: u8) -> (Vec<String>, String) {
    let mut replay = Replay::new(&id());
    replay.watch(ticket(n));
    log_of(&commands()).iter().for_each(|record| replay.take(record).unwrap());
    let report = replay.report();
    let page = report.to_string();
    let life = report.ticket.unwrap();
    assert!(life.steps.iter().all(|step| page.contains(&step.text)), "{page}");
    let texts = life.steps.into_iter().map(|step| {
        let command = step.command.map_or_else(|| "time".to_owned(), |index| index.to_string());
        format!("{}/{command} {}", step.record, step.text)
    });
    (texts.collect(), life.now)
}

#[test]
fn a_life_is_told_from_the_join_to_the_end() {
    let (steps, now) = life(1);
    let expected = [
        "2/0 Joined: it got place 1, nobody ahead of it waited.",
        "2/time It was its turn after 0 s: everyone before it had been let in or had left. It had until 2026-12-05T02:00:10.500Z to say \"I am here\".",
        "7/0 Said \"I am here\" (number 1): it was inside until 2026-12-05T02:01:01.750Z.",
        "8/0 Asked to hold 2 seats of slot 1100 (number 2): it held 2 seats of slot 1100 until 2026-12-05T02:00:07.000Z.",
        "8/2 Asked to hold 2 seats of slot 1100 (number 2) once more and got the same answer: it held 2 seats of slot 1100 until 2026-12-05T02:00:07.000Z.",
        "9/0 Asked to book what it held (number 3): it booked 2 seats of slot 1100, number 9-0.",
        "72/0 Cancelled its booking (number 2): refused as stale_seq: A newer command came first; number 3 had come before.",
        "72/1 Cancelled its booking (number 4): the booking ended, the seats went back.",
    ];
    assert_eq!(steps, expected);
    assert_eq!(now, "At the end of the log it had cancelled (place 1, attempt 1).");
}

#[test]
fn refusals_misses_and_later_attempts_are_told() {
    let (steps, now) = life(2);
    assert!(steps.iter().any(|step| step.contains("refused as not_enough_seats: Not enough seats left; after that record the slots had free: 1100 1, 1200 9")), "{steps:#?}");
    assert!(steps.iter().any(|step| step.contains("Its shopper joined again; ticket 0c000000-")));
    assert!(steps.iter().any(|step| step.contains("Joined again after ticket 02000000-")));
    assert!(now.contains("attempt 2"), "{now}");
    let (steps, _) = life(3);
    assert!(steps.last().unwrap().contains("did not say \"I am here\" in time"), "{steps:#?}");
    let (steps, _) = life(4);
    assert!(steps[1].contains("refused as not_admitted"), "{steps:#?}");
    let (steps, now) = life(99);
    assert_eq!((steps.len(), now.as_str()), (0, "No command of this log names it."));
}
