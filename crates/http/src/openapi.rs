//! What the descriptions of all roles share.

use std::collections::BTreeMap;

use utoipa::{
    IntoParams,
    openapi::{Content, Ref, RefOr, Response, ResponseBuilder},
};
use wire::{Code, problem::CONTENT_TYPE};

use crate::problem::retry_secs;

/// The event of the path.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct EventParam {
    /// The event's id.
    #[param(pattern = "^[a-z0-9-]{1,48}$", example = "popup")]
    pub event: String,
}

/// The answers that are problems, by status; 431 and 500 can come from every call.
///
/// The description names [`Problem`](wire::Problem) as a schema, which the role must list.
pub fn problems(codes: &[Code]) -> BTreeMap<String, RefOr<Response>> {
    let mut of_status: BTreeMap<u16, Vec<Code>> = BTreeMap::new();
    for code in codes.iter().copied().chain([Code::Internal]) {
        of_status.entry(code.status()).or_default().push(code);
    }
    of_status.insert(431, vec![Code::HeaderMalformed]);
    let entry = |(status, codes): (u16, Vec<Code>)| (status.to_string(), response(&codes).into());
    of_status.into_iter().map(entry).collect()
}

fn response(codes: &[Code]) -> Response {
    let lines = codes.iter().map(|code| format!("`{}`: {}", code.as_str(), code.title()));
    let mut text = lines.collect::<Vec<_>>().join("; ");
    if codes.iter().any(|code| retry_secs(*code).is_some()) {
        text.push_str(". With `Retry-After`");
    }
    let content = Content::new(Some(Ref::from_schema_name("Problem")));
    ResponseBuilder::new().description(text).content(CONTENT_TYPE, content).build()
}
