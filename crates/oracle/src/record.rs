//! Bytes of the log → rows.

use serde_json::Value;

/// The rows of a record of the known version; none when it is no record at all.
pub(crate) fn rows(bytes: &[u8]) -> Vec<Value> {
    let Ok(Value::Object(record)) = serde_json::from_slice(bytes) else { return Vec::new() };
    match record.get("c") {
        Some(Value::Array(rows)) if record.get("v") == Some(&Value::from(1)) => rows.clone(),
        _ => Vec::new(),
    }
}
