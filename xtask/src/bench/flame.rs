//! Where the time of each role goes while people join: flame graphs for the documents.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    thread::sleep,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use testbed::Process;

use super::{
    joins,
    stack::{self, Stack},
};
use crate::{
    commands::{cargo, command, root, target},
    run, tools,
};

const BUILD_LIMIT_SECS: u64 = 1_500;
const EVENT: &str = "flame";
const RATE: u32 = 25_000;
const SECS: u32 = 30;
const SOCKETS: u32 = 4_000;
/// Until sockets and joins go on evenly, in seconds.
const SETTLE_SECS: u64 = 5;
const RECORD_SECS: &str = "15";
/// Samples a second: no multiple of the ticks.
const SAMPLES: &str = "499";
const ROLES: [&str; 3] = ["api", "worker", "gateway"];

/// Writes `docs/flame/<role>.svg`. Needs `perf` and the right to use it.
pub(crate) fn write() -> Result<()> {
    ensure!(run::works("perf", &["--version"]), "flame graphs need perf (Debian: linux-perf)");
    tools::system()?;
    stack::build_load()?;
    let stack = Stack::start_with(&build()?, &["api", "worker", "gateway", "operator"])?;
    joins::warm(&stack)?;
    stack.open_event(EVENT, 600, 200)?;
    let (_sockets, _) = joins::beside(&stack, EVENT, SOCKETS, SECS)?;
    let (_joins, _) = stack.load_beside(&joins::args(&stack, EVENT, RATE, SECS)?)?;
    sleep(Duration::from_secs(SETTLE_SECS));
    let mut records =
        ROLES.map(|role| record(&stack, role)).into_iter().collect::<Result<Vec<_>>>()?;
    for (_, perf) in &mut records {
        perf.wait(Duration::from_secs(BUILD_LIMIT_SECS))?;
    }
    let folder = root().join("docs/flame");
    std::fs::create_dir_all(&folder)?;
    for (role, (data, _)) in ROLES.iter().zip(&records) {
        draw(role, data, &folder.join(format!("{role}.svg")))?;
    }
    Ok(())
}

/// With frame pointers, so that perf can walk the stack cheaply.
fn build() -> Result<PathBuf> {
    let folder = target().join("flame");
    let mut build = cargo(&["build", "--locked", "--release", "-p", "twinkle", "--target-dir"]);
    build.arg(&folder).env("RUSTFLAGS", "-C force-frame-pointers=yes");
    ensure!(run::shown(build, Duration::from_secs(BUILD_LIMIT_SECS))?.ok, "it does not build");
    Ok(folder.join("release/twinkle"))
}

fn record(stack: &Stack, role: &str) -> Result<(PathBuf, Process)> {
    let server = stack.servers.iter().find(|server| server.role == role);
    let pid = server.with_context(|| format!("there is no {role}"))?.pid().to_string();
    let data = stack.folder().join(format!("{role}.perf"));
    let mut perf = command("perf", &["record", "-q", "-F", SAMPLES, "-g", "-p", &pid, "-o"]);
    perf.arg(&data).args(["--", "sleep", RECORD_SECS]);
    let log = stack.folder().join(format!("{role}-perf.log"));
    Ok((data, Process::spawn("perf", perf, &log)?))
}

/// `perf script | inferno-collapse-perf | inferno-flamegraph`
fn draw(role: &str, data: &Path, svg: &Path) -> Result<()> {
    let mut script = command("perf", &["script", "-i"]);
    let mut script = script.arg(data).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let lines = script.stdout.take().context("a pipe")?;
    let mut collapse = command(tools::inferno("inferno-collapse-perf")?, &[]);
    let mut collapse = collapse.stdin(lines).stdout(Stdio::piped()).spawn()?;
    let stacks = collapse.stdout.take().context("a pipe")?;
    let title = format!("role {role}, {RATE} joins a second, {SOCKETS} sockets");
    let mut graph = command(tools::inferno("inferno-flamegraph")?, &["--title", &title]);
    let drawn = graph
        .args(["--minwidth", "0.3", "--hash"])
        .stdin(stacks)
        .stderr(Stdio::inherit())
        .output()?;
    let done = script.wait()?.success() && collapse.wait()?.success() && drawn.status.success();
    ensure!(done, "no graph of {role}");
    // Without the comments of its script.
    let lines = drawn.stdout.split_inclusive(|byte| *byte == b'\n');
    let lines = lines.filter(|line| !line.trim_ascii_start().starts_with(b"//"));
    std::fs::write(svg, lines.collect::<Vec<_>>().concat())?;
    println!("{}", svg.display());
    Ok(())
}
