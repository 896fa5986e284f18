//! What the logs of a run must not hold.

use std::{collections::HashSet, fs, path::Path};

/// Most faults reported for one file.
const FAULTS_MAX: usize = 5;

/// Lines with a secret, a cookie, a pass, a ticket or a panic, over all logs in `folder`.
pub fn faults(folder: &Path, secrets: &[String], cookies: &HashSet<String>) -> Vec<String> {
    let mut faults = Vec::new();
    let Ok(entries) = fs::read_dir(folder) else { return vec![format!("no {}", folder.display())] };
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.extension().is_some_and(|extension| extension == "log") {
            let text = fs::read_to_string(&path).unwrap_or_default();
            let found = text.lines().filter_map(|line| fault(line, secrets, cookies));
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            faults.extend(found.take(FAULTS_MAX).map(|fault| format!("{name}: {fault}")));
        }
    }
    faults
}

fn fault(line: &str, secrets: &[String], cookies: &HashSet<String>) -> Option<String> {
    if line.contains("panicked at") {
        return Some(line.to_owned());
    }
    if secrets.iter().any(|secret| line.contains(secret)) {
        return Some("a key or the token".to_owned());
    }
    // A pass is a JWT: its header always begins like this.
    if line.contains("eyJ") {
        return Some("a pass".to_owned());
    }
    let part_of_cookie = |c: char| c.is_ascii_alphanumeric() || "-_.~".contains(c);
    let mut words = line.split(|c| !part_of_cookie(c));
    if words.clone().any(is_ticket) {
        return Some("a ticket".to_owned());
    }
    words.any(|word| cookies.contains(word)).then(|| "a cookie".to_owned())
}

/// A UUID of version 8, which only tickets are.
fn is_ticket(word: &str) -> bool {
    let hex = |part: &&str| part.bytes().all(|byte| byte.is_ascii_hexdigit());
    let parts: Vec<&str> = word.split('-').filter(hex).collect();
    let shape = parts.iter().map(|part| part.len()).eq([8, 4, 4, 4, 12]);
    shape && word.len() == 36 && parts[2].starts_with('8')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_must_not_be_there() {
        let secrets = ["s3cret".to_owned()];
        let cookies = HashSet::from(["id.c1.9.mac-_".to_owned()]);
        let found = |line| fault(line, &secrets, &cookies).is_some();
        assert!(!found(r#"{"level":"INFO","message":"ready","id":"id"}"#));
        assert!(found("thread 'x' panicked at src/main.rs"));
        assert!(found("token=s3cret"));
        assert!(found("cookie: twinkle=id.c1.9.mac-_; x"));
        assert!(found("ticket=7194485e-4cb0-8900-a888-8d6507b24f96 joined"));
        assert!(!found("worker=7194485e-4cb0-4900-a888-8d6507b24f96 starts"));
        assert!(found("pass eyJhbGciOiJFZERTQSJ9.e.s"));
    }
}
