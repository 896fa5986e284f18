//! The page for when there is none: an event nobody knows, or a moment without an answer.

use super::{
    assets,
    lang::Texts,
    model::Problem,
    template::{Fill, Out, TROUBLE},
};

/// A document that says what is wrong. `retry`: where "try again" leads, if trying again helps.
pub fn render_trouble(lang: &'static Texts, problem: &Problem, retry: Option<&str>) -> String {
    TROUBLE.fill(&Trouble { lang, problem, retry })
}

struct Trouble<'a> {
    lang: &'static Texts,
    problem: &'a Problem,
    retry: Option<&'a str>,
}

impl Fill for Trouble<'_> {
    fn put(&self, name: &str, out: &mut Out) -> bool {
        if let Some(text) = name.strip_prefix("t_").and_then(|name| self.lang.get(name)) {
            out.text(text);
            return true;
        }
        let own = self.lang.problem(&self.problem.code);
        match name {
            "lang" => out.text(self.lang.lang),
            "dir" => out.text(self.lang.dir),
            "asset_style" => out.text(assets::style()),
            "asset_icon" => out.text(assets::icon()),
            "problem" => out.text(own.unwrap_or(&self.problem.detail)),
            "problem_lang" => out.text(if own.is_some() { self.lang.lang } else { "en" }),
            "hide_retry" => out.hidden_unless(self.retry.is_some()),
            "retry" => out.text(self.retry.unwrap_or_default()),
            _ => return false,
        };
        true
    }
}
