//! Archives: what comes back, and what is found when a file was changed.

mod sale;

use std::io::{Read, Write};

use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use proptest::prelude::*;
use sale::{file, head, log, replay, signer, tampered};
use twinkle_audit::{ArchiveError, Claim, Replay, Report, Verdict, archive::Reader};
use wire::KeySet;

fn text(file: &[u8]) -> String {
    let mut text = String::new();
    GzDecoder::new(file).read_to_string(&mut text).unwrap();
    text
}

fn packed(text: &str) -> Vec<u8> {
    let mut out = GzEncoder::new(Vec::new(), Compression::fast());
    out.write_all(text.as_bytes()).unwrap();
    out.finish().unwrap()
}

fn audit(file: &[u8]) -> Result<Report, ArchiveError> {
    let mut reader = Reader::open(file)?;
    let mut replay = Replay::new(&reader.header().event.clone());
    if let Some(head) = reader.header().head.clone() {
        let keys = KeySet::from(&signer(7).keys);
        replay.compare(Claim::read("the head", &head, Some(&keys)).unwrap());
    }
    while let Some(record) = reader.next_record()? {
        replay.take(&record).unwrap();
    }
    let footer = reader.footer().unwrap().clone();
    let mut report = replay.report();
    report.add(footer.compare(&report));
    Ok(report)
}

#[test]
fn a_file_holds_the_log_and_says_so() {
    let records = log();
    let file = file(&records, Some(head(&records, records.len())));
    let mut reader = Reader::open(&file[..]).unwrap();
    assert_eq!(reader.header().title["en"], "Pop-up");
    let mut found = Vec::new();
    while let Some(record) = reader.next_record().unwrap() {
        found.push(record);
    }
    assert_eq!(found, records, "offsets, times and bytes, text or not");
    assert_eq!(reader.footer().unwrap().records, records.len() as u64);
    assert!(reader.next_record().unwrap().is_none(), "the end stays the end");
    let report = audit(&file).unwrap();
    assert!(report.matches && report.signed_to == records.len() as u64, "{report}");

    let text = text(&file);
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with(r#"{"twinkle":"archive","v":1,"event":"popup""#), "{}", lines[0]);
    assert!(lines[3].starts_with(r#"[2,1796436000500,"{\"v\":1,\"c\":[[\"join\""#), "{}", lines[3]);
    assert_eq!(lines[5], r#"[4,1796436001000,{"b64":"/wD+"}]"#);
    assert!(lines.last().unwrap().starts_with(r#"{"end":{"records":"#));
}

proptest! {
    #[test]
    fn a_file_made_anew_by_a_forger_is_found(place in 0..60_usize, how in 0..5_u8) {
        let records = log();
        let changed = tampered(&records, place, how);
        prop_assume!(changed != records);
        let forged = file(&changed, Some(head(&records, records.len() - 1)));
        let report = audit(&forged).unwrap();
        prop_assert!(!report.matches, "its last line fits, its head does not: {}", report);
    }

    #[test]
    fn a_line_changed_by_hand_is_found(place in 1..60_usize, how in 0..4_u8) {
        let whole = text(&file(&log(), None));
        let mut lines: Vec<&str> = whole.lines().collect();
        match how {
            0 => drop(lines.remove(place)),
            1 => lines.insert(place, lines[place]),
            2 => lines.swap(place, place + 1),
            _ => lines[place] = lines[place + 1],
        }
        let changed = lines.join("\n") + "\n";
        prop_assert!(!audit(&packed(&changed)).unwrap().matches);
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(audit(&bytes).is_err());
        let text = String::from_utf8_lossy(&bytes);
        let text = format!("{}\n{text}\n", text_header());
        prop_assert!(audit(&packed(&text)).is_err());
    }

    #[test]
    fn a_flipped_bit_is_found(place in any::<prop::sample::Index>(), bit in 0..8_u8) {
        let whole = file(&log(), None);
        let mut flipped = whole.clone();
        let place = place.index(flipped.len());
        flipped[place] ^= 1 << bit;
        // Whether the file can't be read, or a record not folded, or something differs: it is told.
        // Bits that gzip does not use, as after the end of what is compressed, change nothing.
        prop_assert!(!holds(&flipped) || text(&flipped) == text(&whole), "byte {}", place);
    }
}

fn holds(file: &[u8]) -> bool {
    let Ok(mut reader) = Reader::open(file) else { return false };
    let mut replay = Replay::new(&reader.header().event.clone());
    loop {
        match reader.next_record() {
            Ok(Some(record)) if replay.take(&record).is_ok() => {}
            Ok(Some(_)) | Err(_) => return false,
            Ok(None) => break,
        }
    }
    let report = replay.report();
    let last = reader.footer().unwrap().compare(&report);
    report.matches && last.verdict == Verdict::Checked
}

fn text_header() -> String {
    text(&file(&log(), None)).lines().next().unwrap().to_owned()
}

#[test]
fn a_file_that_is_not_whole_is_told_from_one_that_is() {
    let whole = file(&log(), None);
    let text = text(&whole);
    let cut = text.lines().take(20).map(|line| format!("{line}\n")).collect::<String>();
    assert!(matches!(audit(&packed(&cut)), Err(ArchiveError::CutOff(20))), "on a line's end");
    assert!(matches!(audit(&packed(&cut[..cut.len() - 9])), Err(ArchiveError::CutOff(19))));
    assert!(audit(&whole[..whole.len() - 4]).is_err(), "without its checksum");
    let more = packed(&format!("{text}[99,1,\"\"]\n"));
    assert!(matches!(audit(&more), Err(ArchiveError::More)), "a line behind the last one");
    let more = [&whole[..], b"more"].concat();
    assert!(matches!(audit(&more), Err(ArchiveError::More)), "bytes behind the file");
}

#[test]
fn what_is_no_archive_of_this_version_is_refused() {
    for file in
        [&b""[..], b"{}", &packed(""), &packed("{}\n"), &packed("{\"twinkle\":\"x\",\"v\":1}\n")]
    {
        assert!(matches!(audit(file), Err(ArchiveError::NoArchive)), "{file:?}");
    }
    let newer = text(&file(&log(), None)).replacen("\"v\":1", "\"v\":2", 1);
    assert!(matches!(audit(&packed(&newer)), Err(ArchiveError::Version(2))));
    let long = format!("{}\n[0,1,\"{}\"]\n", text_header(), "x".repeat(3 << 20));
    let Err(ArchiveError::Line { line: 2, why }) = audit(&packed(&long)) else {
        panic!("the line is too long")
    };
    assert!(why.contains("more than"), "{why}");
}

#[test]
fn another_state_of_the_same_records_is_told() {
    let (records, mut replayed) = (log(), replay(&log()));
    let last =
        twinkle_audit::Footer { digest: "0".repeat(64), ..twinkle_audit::Footer::new(&replayed) };
    replayed.take(&ports::Record { offset: records.len() as u64, ..records[5].clone() }).unwrap();
    assert_eq!(last.compare(&replayed.report()).verdict, Verdict::Differs, "one record more");
    let check = last.compare(&replay(&records).report());
    assert_eq!(check.verdict, Verdict::Differs);
    assert!(check.detail.contains("folds them to another state"), "{}", check.detail);
}
