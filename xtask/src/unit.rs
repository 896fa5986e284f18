//! `cargo test` over the workspace, counted suite by suite.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use anyhow::{Result, ensure};
use cargo_metadata::Message;

use crate::commands::{cargo, root};
use crate::outcome::{Outcome, Suite};
use crate::run;

const LIMIT_SECS: u64 = 1_800;
const WHAT: [&str; 3] = ["test", "--workspace", "--all-features"];

/// Builds and runs every test of the workspace.
///
/// # Errors
/// When the tests do not build or hang.
pub(crate) fn run() -> Result<Outcome> {
    let names = build()?;
    let mut command = cargo(&WHAT);
    command.arg("--no-fail-fast");
    let out = run::shown(command, Duration::from_secs(LIMIT_SECS))?;
    let mut outcome = parse(&out.text, &names);
    if !out.ok && outcome.total_failed() == 0 {
        outcome.problems.push("cargo test failed without a failed test: see above".to_owned());
    }
    Ok(outcome)
}

/// Builds the tests; file name of each test program → name of its suite.
fn build() -> Result<HashMap<String, String>> {
    let mut command = cargo(&WHAT);
    command.args(["--no-run", "--message-format=json-render-diagnostics"]);
    command.stderr(std::process::Stdio::inherit());
    let out = command.output()?;
    ensure!(out.status.success(), "the tests do not build: see above");
    let mut names = HashMap::new();
    for message in Message::parse_stream(out.stdout.as_slice()) {
        let Message::CompilerArtifact(artifact) = message? else { continue };
        if let (true, Some(program)) = (artifact.profile.test, artifact.executable) {
            let package = package_of(artifact.manifest_path.as_std_path());
            let target = if artifact.target.is_lib() { "lib" } else { &artifact.target.name };
            names.insert(file_name(program.as_str()), format!("{package}/{target}"));
        }
    }
    Ok(names)
}

/// The folder of the package, as `crates/domain` or `xtask`.
fn package_of(manifest: &Path) -> String {
    let folder = manifest.parent().unwrap_or(manifest);
    folder.strip_prefix(root()).unwrap_or(folder).display().to_string()
}

fn file_name(path: &str) -> String {
    Path::new(path).file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Reads the lines in which cargo names a test program and the program its result.
fn parse(text: &str, names: &HashMap<String, String>) -> Outcome {
    let mut outcome = Outcome::default();
    let mut current = "?".to_owned();
    for line in text.lines().map(str::trim) {
        if let Some(rest) = line.strip_prefix("Running ") {
            let program = rest.rsplit_once('(').map_or("", |(_, path)| path.trim_end_matches(')'));
            let file = file_name(program);
            current = names.get(&file).cloned().unwrap_or(file);
        } else if let Some(package) = line.strip_prefix("Doc-tests ") {
            current = format!("{package}/doc");
        } else if let Some(result) = line.strip_prefix("test result: ") {
            let [passed, failed, ignored] =
                ["passed", "failed", "ignored"].map(|w| count(result, w));
            if ignored > 0 {
                outcome
                    .problems
                    .push(format!("{current}: {ignored} ignored; no test may be skipped"));
            }
            if passed + failed > 0 {
                outcome.suites.push(Suite { name: current.clone(), passed, failed });
            }
        }
    }
    outcome
}

/// The number in front of `word`, as in `ok. 2 passed; 0 failed`.
fn count(result: &str, word: &str) -> u64 {
    result
        .split(['.', ';'])
        .filter_map(|part| part.trim().strip_suffix(word))
        .find_map(|number| number.trim().parse().ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
     Running unittests src/lib.rs (target/debug/deps/twinkle_domain-0a1b)
test result: ok. 12 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s
     Running tests/contract.rs (target/debug/deps/contract-77aa)
test result: FAILED. 3 passed; 2 failed; 1 ignored; 0 measured; 0 filtered out; finished in 9.99s
     Running tests/contract.rs (target/debug/deps/contract-88bb)
test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s
   Doc-tests twinkle_domain
test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s
";

    #[test]
    fn suites_are_named_by_package_and_counted() {
        let names = [
            ("twinkle_domain-0a1b", "crates/domain/lib"),
            ("contract-77aa", "crates/kafka/contract"),
            ("contract-88bb", "crates/embedded/contract"),
        ];
        let names = names.map(|(file, name)| (file.to_owned(), name.to_owned())).into();
        let outcome = parse(TEXT, &names);
        let seen: Vec<_> =
            outcome.suites.iter().map(|s| (s.name.as_str(), s.passed, s.failed)).collect();
        let expected = [
            ("crates/domain/lib", 12, 0),
            ("crates/kafka/contract", 3, 2),
            ("twinkle_domain/doc", 1, 0),
        ];
        assert_eq!(seen, expected);
        assert_eq!(outcome.problems.len(), 1, "the ignored test: {:?}", outcome.problems);
        assert_eq!((outcome.total_passed(), outcome.total_failed()), (16, 3));
    }
}
