//! CSV as RFC 4180 has it.

use std::collections::BTreeMap;

/// The records by the names of the header.
pub(super) fn records(text: &str) -> Vec<BTreeMap<String, String>> {
    let mut rows = rows(text).into_iter();
    let header = rows.next().unwrap_or_default();
    rows.map(|row| header.iter().cloned().zip(row).collect()).collect()
}

fn rows(text: &str) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    let (mut row, mut cell, mut quoted) = (Vec::new(), String::new(), false);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.next_if_eq(&'"').is_some() => cell.push('"'),
            '"' => quoted = !quoted,
            ',' if !quoted => row.push(std::mem::take(&mut cell)),
            '\n' if !quoted => {
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
            '\r' if !quoted => {}
            _ => cell.push(c),
        }
    }
    rows
}

#[test]
fn quoted_cells_hold_commas_quotes_and_lines() {
    let text = "a,b\r\n1,\"x, \"\"y\"\"\nz\"\r\n2,\n";
    let expected = [vec!["a", "b"], vec!["1", "x, \"y\"\nz"], vec!["2", ""]];
    assert_eq!(rows(text), expected);
    assert_eq!(records(text)[0]["b"], "x, \"y\"\nz");
    assert!(records("").is_empty());
}
