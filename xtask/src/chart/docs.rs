//! The table of values in the chart's README, made from the comments of `values.yaml`.

use anyhow::{Context, Result, ensure};

use super::CHART;
use crate::commands::root;

const BEGIN: &str = "<!-- values: made by `cargo xtask chart-docs` -->\n";
const END: &str = "<!-- end of values -->\n";
const MARK: &str = "# -- ";

/// The README has the table that `values.yaml` gives.
///
/// # Errors
/// When it has another one.
pub(super) fn check() -> Result<()> {
    let (found, due) = both()?;
    ensure!(found == due, "{CHART}/README.md is not up to date: run `cargo xtask chart-docs`");
    Ok(())
}

/// Writes the table into the README.
///
/// # Errors
/// When the README has no place for it, or a value no comment.
pub(crate) fn write() -> Result<()> {
    let (_, due) = both()?;
    Ok(std::fs::write(root().join(CHART).join("README.md"), due)?)
}

/// The README as it is, and as it must be.
fn both() -> Result<(String, String)> {
    let chart = root().join(CHART);
    let readme = std::fs::read_to_string(chart.join("README.md"))?;
    let table = table(&std::fs::read_to_string(chart.join("values.yaml"))?)?;
    let (before, rest) = readme.split_once(BEGIN).context("the README has no place for values")?;
    let (_, after) = rest.split_once(END).context("the README's values have no end")?;
    let due = format!("{before}{BEGIN}\n{table}\n{END}{after}");
    Ok((readme, due))
}

/// One line for each value that has a comment of its own; one without stands below one that has.
fn table(values: &str) -> Result<String> {
    let mut out = "| value | default | what |\n|---|---|---|\n".to_owned();
    let mut path: Vec<(usize, String)> = Vec::new();
    let mut comment = None;
    let mut told_from: Option<usize> = None;
    for line in values.lines() {
        let (indent, text) = (line.len() - line.trim_start().len(), line.trim_start());
        if let Some(words) = text.strip_prefix(MARK) {
            comment = Some(words.to_owned());
        }
        let Some((key, default)) = pair(text) else { continue };
        path.retain(|(level, _)| *level < indent);
        path.push((indent, key.to_owned()));
        told_from = told_from.filter(|level| indent > *level);
        let name = path.iter().map(|(_, key)| key.as_str()).collect::<Vec<_>>().join(".");
        if let Some(words) = comment.take() {
            let default = if default.is_empty() { String::new() } else { format!("`{default}`") };
            out += &format!(
                "| `{name}` | {} | {} |\n",
                default.replace('|', "\\|"),
                words.replace('|', "\\|")
            );
            told_from = told_from.or(Some(indent));
        } else {
            ensure!(
                default.is_empty() || told_from.is_some(),
                "values.yaml does not say what {name} is"
            );
        }
    }
    Ok(out)
}

fn pair(text: &str) -> Option<(&str, &str)> {
    let (key, default) = text.split_once(':')?;
    let plain = key.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
    (plain && !key.is_empty()).then_some((key, default.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_without_words_is_refused() {
        let table = table("# -- A\na:\n  b: 1\nc:\n  # -- D\n  d: [x]\n").expect("all are told");
        assert!(
            table.contains("| `a` |  | A |") && table.contains("| `c.d` | `[x]` | D |"),
            "{table}"
        );
        assert!(super::table("# -- A\na: 1\nb: 2\n").is_err());
    }
}
