//! What every answer that is an error must look like.

use crate::calls::Answer;

/// Shortest `detail` that can say what happened, what it means and what to do, in characters.
const DETAIL_CHARS_MIN: usize = 30;

/// What is wrong with a problem that should have this status and code.
pub fn faults(answer: &Answer, status: u16, code: &str) -> Vec<String> {
    if answer.status != status || answer.code() != code {
        return vec![format!("want {status} {code}, got {}", answer.brief())];
    }
    shape(answer)
}

/// What is wrong with the shape of a problem.
fn shape(answer: &Answer) -> Vec<String> {
    let body = &answer.body;
    let mut faults = Vec::new();
    let kind = answer.header("content-type").unwrap_or_default();
    if !kind.starts_with("application/problem+json") {
        faults.push(format!("content-type is {kind:?}"));
    }
    for field in ["type", "title", "detail", "code"] {
        if body[field].as_str().is_none_or(str::is_empty) {
            faults.push(format!("`{field}` is missing: {}", answer.brief()));
        }
    }
    let detail = body["detail"].as_str().unwrap_or_default();
    if detail.chars().count() < DETAIL_CHARS_MIN || !detail.ends_with('.') {
        faults.push(format!("`detail` is no sentence: {detail:?}"));
    }
    if body["status"] != answer.status {
        faults.push(format!("`status` is {}, the answer's {}", body["status"], answer.status));
    }
    if !body["retryable"].is_boolean() {
        faults.push("`retryable` is missing".to_owned());
    }
    if matches!(answer.status, 429 | 503) && answer.retry_after().is_none() {
        faults.push("Retry-After is missing".to_owned());
    }
    faults
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderMap;
    use serde_json::json;

    use super::*;

    fn answer(status: u16, detail: &str) -> Answer {
        let body = json!({"type": "t", "title": "t", "status": 503, "detail": detail,
            "code": "overloaded", "retryable": true});
        let mut headers = HeaderMap::new();
        headers.insert("content-type", "application/problem+json".parse().unwrap());
        headers.insert("retry-after", "2".parse().unwrap());
        Answer { status, headers, text: body.to_string(), body }
    }

    const SENTENCE: &str = "Nothing was done and your place is kept. Try again.";

    #[test]
    fn a_whole_problem_passes() {
        assert!(faults(&answer(503, SENTENCE), 503, "overloaded").is_empty());
    }

    #[test]
    fn a_wrong_one_is_found() {
        assert!(!faults(&answer(503, SENTENCE), 503, "internal").is_empty());
        assert!(!faults(&answer(500, SENTENCE), 500, "overloaded").is_empty());
        assert!(!faults(&answer(503, "No."), 503, "overloaded").is_empty());
        let mut impatient = answer(503, SENTENCE);
        impatient.headers.remove("retry-after");
        assert!(!faults(&impatient, 503, "overloaded").is_empty());
        let mut html = answer(503, SENTENCE);
        html.headers.insert("content-type", "text/html".parse().unwrap());
        assert!(!faults(&html, 503, "overloaded").is_empty());
    }
}
