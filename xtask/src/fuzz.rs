//! The fuzzer: the targets of `fuzz/` under libFuzzer, guided by coverage, on the stable toolchain.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::commands::{cargo, command, root, target};
use crate::outcome::{Outcome, Suite};
use crate::run;

const BUILD_LIMIT_SECS: u64 = 1_500;
/// How long each target is fuzzed in the tests, in seconds.
const TEST_SECS: u64 = 8;
/// The tests go the same way each time; nights go another one each.
const TEST_SEED: u32 = 1;

/// Most inputs of a target that are kept of what the fuzzer finds, and most bytes of each.
const KEPT_MAX: usize = 48;
const KEPT_BYTES_MAX: u64 = 1_024;

/// What rustc's LLVM must add for libFuzzer: counters of edges, their addresses, and comparisons.
const COVERAGE: &str = "--cfg fuzzing -Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares";

/// Largest input, in bytes; longest time and most memory for one input, in seconds and MiB.
const BOUNDS: [&str; 3] = ["-max_len=4096", "-timeout=10", "-rss_limit_mb=1024"];

/// Fuzzes every target for the time that the tests have.
///
/// # Errors
/// When the targets do not build.
pub(crate) fn step() -> Result<Outcome> {
    all(TEST_SECS, Some(TEST_SEED))
}

/// Fuzzes every target for so long, from this seed or from one of chance.
///
/// # Errors
/// When the targets do not build.
pub(crate) fn all(secs: u64, seed: Option<u32>) -> Result<Outcome> {
    let fuzzer = Fuzzer::build()?;
    let mut outcome = Outcome::default();
    for name in targets()? {
        let seen = fuzzer.run(&name, secs, seed);
        let seen = seen.unwrap_or_else(|error| Outcome::problem(format!("fuzz-{name}: {error:#}")));
        outcome = outcome.and(seen);
    }
    Ok(outcome)
}

/// Fuzzes one target, or all; with `keep` the corpus takes in what covers more. True: all held.
///
/// # Errors
/// When the targets do not build, or there is none of that name.
pub(crate) fn run(name: Option<&str>, secs: u64, keep: bool) -> Result<bool> {
    let known = targets()?;
    let names = match name {
        Some(name) => {
            ensure!(known.iter().any(|known| known == name), "the targets are {known:?}");
            vec![name.to_owned()]
        }
        None => known,
    };
    let fuzzer = Fuzzer::build()?;
    let mut ok = true;
    for name in names {
        let outcome = fuzzer.run(&name, secs, None)?;
        outcome.problems.iter().for_each(|problem| println!("{problem}"));
        ok &= outcome.total_failed() == 0;
        if keep {
            fuzzer.keep(&name)?;
        }
    }
    Ok(ok)
}

fn corpus(name: &str) -> PathBuf {
    root().join("fuzz/corpus").join(name)
}

/// Each target has a folder of its corpus.
fn targets() -> Result<Vec<String>> {
    let folders = std::fs::read_dir(root().join("fuzz/corpus")).context("no fuzz/corpus")?;
    let mut names: Vec<String> = folders
        .map(|folder| Ok(folder?.file_name().to_string_lossy().into_owned()))
        .collect::<Result<_>>()?;
    names.sort();
    ensure!(!names.is_empty(), "fuzz/corpus is empty");
    Ok(names)
}

/// The built targets.
struct Fuzzer {
    program: PathBuf,
}

impl Fuzzer {
    /// With a target triple, so that build scripts and macros are built without counters.
    fn build() -> Result<Self> {
        let version = run::quiet(command("rustc", &["-vV"]))?;
        let host = version.lines().find_map(|line| line.strip_prefix("host: "));
        let host = host.context("rustc does not tell its host")?.to_owned();
        let folder = target().join("fuzz");
        let mut build = cargo(&["build", "--locked", "--profile", "fuzz", "-p", "twinkle-fuzz"]);
        build.args(["--target", &host, "--target-dir"]).arg(&folder).env("RUSTFLAGS", COVERAGE);
        let built = run::shown(build, Duration::from_secs(BUILD_LIMIT_SECS))?.ok;
        ensure!(built, "the fuzzer does not build: see above");
        Ok(Self { program: folder.join(host).join("fuzz/twinkle-fuzz") })
    }

    /// The corpus first, then what the fuzzer makes of it. What it keeps goes under `target/`.
    fn run(&self, name: &str, secs: u64, seed: Option<u32>) -> Result<Outcome> {
        let artifacts = root().join("fuzz/artifacts").join(name);
        std::fs::create_dir_all(&artifacts)?;
        let mut fuzz = self.command(name)?;
        fuzz.arg(format!("-max_total_time={secs}")).args(BOUNDS);
        // libFuzzer takes 0 for one of chance.
        fuzz.arg(format!("-seed={}", seed.unwrap_or(0)));
        fuzz.args(["-verbosity=0", "-print_final_stats=1"]);
        fuzz.arg(format!("-artifact_prefix={}/", artifacts.display()));
        fuzz.arg(found(name)).arg(corpus(name));
        let out = told(fuzz)?;
        let outcome = read(name, &out);
        if outcome.total_failed() > 0 {
            println!("{}", out.text);
        }
        println!("fuzz-{name}: {} inputs in {secs} s", outcome.total_passed());
        Ok(outcome)
    }

    /// Takes the best of the smallest set that covers all that was found into the corpus.
    fn keep(&self, name: &str) -> Result<()> {
        let (corpus, merged) = (corpus(name), target().join("fuzz/merged").join(name));
        let _ = std::fs::remove_dir_all(&merged);
        std::fs::create_dir_all(&merged)?;
        let mut merge = self.command(name)?;
        // Edges, not how often each is met: the corpus stays small.
        merge.args(["-set_cover_merge=1", "-use_counters=0", "-verbosity=0"]).args(BOUNDS);
        merge.arg(&merged).arg(&corpus).arg(found(name));
        let merges = told(merge)?;
        ensure!(merges.ok, "the corpus of {name} can't be merged:\n{}", merges.text);
        for file in std::fs::read_dir(&corpus)? {
            let file = file?;
            if is_hash(&file.file_name().to_string_lossy()) {
                std::fs::remove_file(file.path())?;
            }
        }
        let mut files: Vec<(u64, PathBuf)> = std::fs::read_dir(&merged)?
            .map(|file| file.and_then(|file| Ok((file.metadata()?.len(), file.path()))))
            .collect::<Result<_, _>>()?;
        // Longer ones cover more.
        files.retain(|(bytes, _)| *bytes <= KEPT_BYTES_MAX);
        files.sort_by(|a, b| b.cmp(a));
        for (_, file) in files.into_iter().take(KEPT_MAX) {
            std::fs::copy(&file, corpus.join(file.file_name().unwrap_or_default()))?;
        }
        Ok(())
    }

    fn command(&self, name: &str) -> Result<Command> {
        std::fs::create_dir_all(found(name))?;
        let mut fuzz = command(&self.program, &[]);
        fuzz.env("TWINKLE_FUZZ_TARGET", name);
        Ok(fuzz)
    }
}

/// What the fuzzer says at its end, with lists that only it understands. It bounds its own time.
fn told(mut fuzz: Command) -> Result<run::Output> {
    let out = fuzz.stdin(Stdio::null()).output().context("the fuzzer does not start")?;
    Ok(run::Output {
        ok: out.status.success(),
        text: String::from_utf8_lossy(&[out.stdout, out.stderr].concat()).into_owned(),
    })
}

/// So libFuzzer names what it finds; seeds and what was kept by hand have names of their own.
fn is_hash(name: &str) -> bool {
    name.len() == 40 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn found(name: &str) -> PathBuf {
    target().join("fuzz/found").join(name)
}

/// The executions that libFuzzer counts, and the input at which something did not hold.
fn read(name: &str, out: &run::Output) -> Outcome {
    let number = |line: &str| {
        line.trim().strip_prefix("stat::number_of_executed_units:")?.trim().parse().ok()
    };
    let crash = out.text.lines().find_map(|line| line.split_once("Test unit written to "));
    let mut outcome = Outcome::default();
    match (crash, out.text.lines().find_map(number)) {
        (None, Some(passed)) if out.ok => {
            outcome.suites.push(Suite { name: format!("fuzz-{name}"), passed, failed: 0 });
        }
        (Some((_, input)), _) => outcome.problems.push(format!(
            "fuzz-{name}: something does not hold; repeat it with `cargo run -p twinkle-fuzz -- {name} {}`",
            input.trim()
        )),
        _ => outcome.problems.push(format!("fuzz-{name} did not run to its end: see above")),
    }
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crash_names_its_input_and_a_run_counts() {
        let out = |ok, text: &str| run::Output { ok, text: text.to_owned() };
        let good = read("pass", &out(true, "x\nstat::number_of_executed_units: 42\n"));
        assert_eq!((good.total_passed(), good.total_failed()), (42, 0));
        let text = "artifact_prefix='/a/'; Test unit written to /a/crash-1\nstat::number_of_executed_units: 42\n";
        let bad = read("pass", &out(false, text));
        assert!(bad.problems[0].ends_with("-- pass /a/crash-1`"), "{:?}", bad.problems);
        assert_eq!(read("pass", &out(true, "")).total_failed(), 1);
        assert_eq!(
            read("pass", &out(false, "stat::number_of_executed_units: 42")).total_failed(),
            1
        );
    }
}
