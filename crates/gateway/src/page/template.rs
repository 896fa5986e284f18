//! A template is text with `{{name}}`s; filling puts escaped values in their place.

use std::sync::LazyLock;

/// The page's document.
pub(super) static PAGE: LazyLock<Template> =
    LazyLock::new(|| Template::parse(include_str!("../../../../web/page/page.html")));

/// The document for when there is no page to show.
pub(super) static TROUBLE: LazyLock<Template> =
    LazyLock::new(|| Template::parse(include_str!("../../../../web/page/trouble.html")));

/// Room for the values of a page, in bytes, so that filling allocates once.
const VALUES_BYTES: usize = 16 * 1024;

/// Gives the values of a template's names.
pub(super) trait Fill {
    /// Appends the value of `name`; false = unknown name.
    fn put(&self, name: &str, out: &mut Out) -> bool;
}

/// Pieces of a template: literal text, each but the last followed by a name.
#[derive(Debug)]
pub(super) struct Template {
    pieces: Vec<(&'static str, &'static str)>,
    tail: &'static str,
}

impl Template {
    pub(super) fn parse(mut rest: &'static str) -> Self {
        let mut pieces = Vec::new();
        while let Some((literal, after)) = rest.split_once("{{") {
            let Some((name, tail)) = after.split_once("}}") else { break };
            pieces.push((literal, name));
            rest = tail;
        }
        Self { pieces, tail: rest }
    }

    pub(super) fn fill(&self, values: &impl Fill) -> String {
        let mut out = Out(String::with_capacity(VALUES_BYTES));
        for (literal, name) in &self.pieces {
            out.literal(literal);
            let known = values.put(name, &mut out);
            debug_assert!(known, "the page names {name}, which nothing fills");
        }
        out.literal(self.tail);
        out.0
    }
}

/// A document being written. Only literals of the program go in unescaped.
#[derive(Debug, Default)]
pub(super) struct Out(String);

impl Out {
    pub(super) fn literal(&mut self, text: &'static str) -> &mut Self {
        self.0.push_str(text);
        self
    }

    /// Text or a quoted attribute's value.
    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        let mut rest = text;
        while let Some(at) = rest.find(['&', '<', '>', '"', '\'']) {
            self.0.push_str(&rest[..at]);
            self.0.push_str(match rest.as_bytes()[at] {
                b'&' => "&amp;",
                b'<' => "&lt;",
                b'>' => "&gt;",
                b'"' => "&quot;",
                _ => "&#39;",
            });
            rest = &rest[at + 1..];
        }
        self.0.push_str(rest);
        self
    }

    pub(super) fn number(&mut self, number: impl Into<u64>) -> &mut Self {
        self.0.push_str(&number.into().to_string());
        self
    }

    /// JSON inside a `<script>`: no `<` means no way out of the element.
    pub(super) fn json(&mut self, value: &serde_json::Value) -> &mut Self {
        self.0.push_str(&value.to_string().replace('<', "\\u003c"));
        self
    }

    /// `" hidden"` unless shown.
    pub(super) fn hidden_unless(&mut self, shown: bool) -> &mut Self {
        self.literal(if shown { "" } else { " hidden" })
    }
}
