//! What becomes of records that are not as this release writes them.

use domain::{Command, Epoch, TicketId};
use twinkle_wire::record::{DecodeError, decode};

const ID: &str = "abababab-0000-8000-8000-0000000000ab";

fn join() -> Command {
    let ticket = [0xab, 0xab, 0xab, 0xab, 0, 0, 0x80, 0, 0x80, 0, 0, 0, 0, 0, 0, 0xab];
    Command::Join { ticket: TicketId(ticket), previous: None }
}

fn record(rows: &str) -> Result<Vec<Command>, DecodeError> {
    decode(format!(r#"{{"v":1,"c":[{rows}]}}"#).as_bytes())
}

#[test]
fn a_malformed_command_keeps_its_place() {
    let join_row = format!(r#"["join","{ID}"]"#);
    let bad = [
        r#"["join"]"#.to_owned(),
        r#"["join",7]"#.to_owned(),
        r#"["join","no uuid"]"#.to_owned(),
        format!(r#"["join","{ID}",null]"#),
        format!(r#"["join","{ID}","{ID}","{ID}"]"#),
        format!(r#"["hold","{ID}","1100"]"#),
        format!(r#"["hold","{ID}","1100",-1]"#),
        format!(r#"["hold","{ID}","1100",4294967296]"#),
        format!(r#"["hold","{ID}","1100",1.5]"#),
        format!(r#"["hold","{ID}","NO SLOT",1]"#),
        format!(r#"["hold","{ID}","1100",1,2,3]"#),
        format!(r#"["book","{ID}"]"#),
        format!(r#"["book","{ID}",[[[]]]]"#),
        format!(r#"["enter","{ID}",1,2,3,4,5,6,7,8,9,10,11]"#),
        r#"["tick"]"#.to_owned(),
        r#"["tick",null]"#.to_owned(),
        r#"["open",1]"#.to_owned(),
        r#"["define"]"#.to_owned(),
        r#"["define","5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a",{}]"#.to_owned(),
        r#"["define",{},{}]"#.to_owned(),
        r#"["admission",{"rate_per_min":1}]"#.to_owned(),
        r#"["admission"]"#.to_owned(),
        r#"["capacity","1100"]"#.to_owned(),
        "[]".to_owned(),
        "[null]".to_owned(),
        "[[\"join\"]]".to_owned(),
        "{\"join\":1}".to_owned(),
        "null".to_owned(),
        "\"join\"".to_owned(),
        "17".to_owned(),
    ];
    for row in bad {
        let read = record(&format!("{join_row},{row},{join_row}"));
        assert_eq!(read, Ok(vec![join(), Command::Malformed, join()]), "{row}");
    }
}

#[test]
fn what_a_later_release_wrote_stops() {
    let unknown = Err(DecodeError::UnknownKind("teleport".into()));
    assert_eq!(record(&format!(r#"["join","{ID}"],["teleport",{{"x":[1]}}]"#)), unknown);
    assert_eq!(decode(br#"{"v":2,"c":[["tick",1]]}"#), Err(DecodeError::UnknownVersion(2)));
    assert_eq!(decode(br#"{"v":2,"binary":"..."}"#), Err(DecodeError::UnknownVersion(2)));
}

#[test]
fn no_pack_at_all_counts_as_nothing() {
    let no_packs = [
        "",
        " ",
        "null",
        "[]",
        "{}",
        "17",
        "\"v\"",
        "{\"v\":1}",
        "{\"c\":[]}",
        "{\"v\":\"1\",\"c\":[]}",
        "{\"v\":-1,\"c\":[]}",
        "{\"c\":[],\"v\":1}",
        "{\"v\":1,\"v\":1,\"c\":[]}",
        "{\"v\":1,\"c\":[],\"c\":[]}",
        "{\"v\":1,\"c\":{}}",
        "{\"v\":1,\"c\":[]} x",
        "{\"v\":1,\"c\":[[\"tick\",1]",
        "{\"v\":1,\"c\":[[\"tick\",1e999]]}",
    ];
    for text in no_packs {
        assert_eq!(decode(text.as_bytes()), Err(DecodeError::Malformed), "{text}");
    }
    let many = vec!["[]"; 1_025].join(",");
    assert_eq!(record(&many), Err(DecodeError::Malformed));
}

#[test]
fn names_that_are_new_are_skipped_and_spaces_mean_nothing() {
    let text = "{ \"v\" : 1 , \"note\" : {\"a\":[1]}, \"c\" : [ [ \"tick\" , 41 ] ] , \"z\":0 }\n";
    assert_eq!(decode(text.as_bytes()), Ok(vec![Command::Tick { epoch: Epoch(41) }]));
    assert_eq!(record(r#"["\u0074ick",41]"#), Ok(vec![Command::Tick { epoch: Epoch(41) }]));
}
