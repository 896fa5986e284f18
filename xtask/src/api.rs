//! Schemathesis: calls made up from the description of the API, to the built product. No answer may
//! be a server's error, or one that the description does not tell.

use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::commands::{command, root};
use crate::outcome::{Outcome, Suite};
use crate::plans::product::{EVENT, Product, TOKEN};
use crate::{e2e, run, tools};

/// Calls made up for each operation in the tests, besides those of its bounds.
const TEST_EXAMPLES: u32 = 50;
/// The same ones in each run.
const TEST_SEED: u32 = 1;
const LIMIT_SECS: u64 = 1_800;

/// The calls of the tests.
///
/// # Errors
/// When a part is missing or the product does not start.
pub(crate) fn step() -> Result<Outcome> {
    calls(TEST_EXAMPLES, Some(TEST_SEED))
}

/// So many calls for each operation; without a seed other ones each time.
///
/// # Errors
/// When a part is missing or the product does not start.
pub(crate) fn calls(examples: u32, seed: Option<u32>) -> Result<Outcome> {
    let built = e2e::build()?;
    if built.total_failed() > 0 {
        return Ok(built);
    }
    let product = Product::start(&e2e::binary("twinkle")?)?;
    let config = root().join("fuzz/api/schemathesis.toml");
    let mut schemathesis = command(tools::schemathesis()?, &["--no-color", "--config-file"]);
    schemathesis.arg(config).arg("run").arg(format!("{}/api/openapi.json", product.url()));
    schemathesis.arg(format!("--max-examples={examples}")).arg("--continue-on-failure");
    schemathesis.args(seed.map(|seed| format!("--seed={seed}")));
    schemathesis.env("SCHEMATHESIS_HOOKS", "hooks").env("PYTHONPATH", root().join("fuzz/api"));
    schemathesis.env("TWINKLE_URL", product.url()).env("EVENT", EVENT);
    schemathesis.env("TWINKLE_OPERATOR_TOKEN", TOKEN).env("PYTHONDONTWRITEBYTECODE", "1");
    schemathesis.current_dir(product.folder());
    let out = run::shown(schemathesis, Duration::from_secs(LIMIT_SECS))?;
    let mut outcome = read(&out)?;
    if let Err(error) = product.stop() {
        outcome.problems.push(format!("{error:#}"));
    }
    Ok(outcome)
}

/// The counts of its summary: operations, and the calls made to them.
fn read(out: &run::Output) -> Result<Outcome> {
    let number = |before: &str, after: &str| {
        let line = out.text.lines().find_map(|line| line.trim().strip_prefix(before));
        let text = line.and_then(|line| line.split(after).next());
        text.and_then(|text| text.trim().parse::<u64>().ok())
    };
    let operations = number("Tested:", "\n").context("Schemathesis tells no operations")?;
    let count = |line: &str| line.trim().split(" generated").next()?.parse::<u64>().ok();
    let cases = out.text.lines().filter(|line| line.contains(" generated")).find_map(count);
    let cases = cases.context("Schemathesis tells no test cases")?;
    ensure!(operations > 0 && cases > 0, "Schemathesis has called nothing");
    let suite = |name: &str, passed| Suite { name: name.to_owned(), passed, failed: 0 };
    let mut outcome = Outcome::default();
    if out.ok {
        outcome.suites = vec![suite("api-operations", operations), suite("api-calls", cases)];
    } else {
        outcome.problems.push("the API answers otherwise than its description says".to_owned());
    }
    Ok(outcome)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_count_when_every_answer_was_described() {
        let text = "API Operations:\n  Selected: 22/22\n  Tested: 22\n\nTest cases:\n  1350 generated, 8 skipped\n";
        let out = |ok, text: &str| run::Output { ok, text: text.to_owned() };
        let good = read(&out(true, text)).expect("a summary");
        let seen: Vec<_> = good.suites.iter().map(|s| (s.name.as_str(), s.passed)).collect();
        assert_eq!(seen, [("api-operations", 22), ("api-calls", 1_350)]);
        assert_eq!(read(&out(false, text)).expect("a summary").total_failed(), 1);
        assert!(read(&out(true, "nothing")).is_err());
    }
}
