//! Running a command with its output both shown and kept.

use std::io::{BufRead, BufReader, PipeReader, Write};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

const POLL_MS: u64 = 50;
/// How long the rest of the output may take once the command has ended.
const DRAIN_SECS: u64 = 5;

/// What a command did.
#[derive(Debug)]
pub(crate) struct Output {
    /// It exited with 0.
    pub(crate) ok: bool,
    /// Its stdout and stderr in the order written.
    pub(crate) text: String,
}

/// Runs `command`, shows its output as it comes and returns it.
///
/// # Errors
/// When it cannot be started or runs longer than `limit`; it is killed then.
pub(crate) fn shown(mut command: Command, limit: Duration) -> Result<Output> {
    let program = command.get_program().to_string_lossy().into_owned();
    let (reader, writer) = std::io::pipe()?;
    command.stdin(Stdio::null()).stdout(writer.try_clone()?).stderr(writer);
    let mut child = command.spawn().with_context(|| format!("cannot run {program}"))?;
    // The command holds the writing ends; the pipe must end when the child does.
    drop(command);
    let (done, text) = mpsc::channel();
    std::thread::spawn(move || done.send(copy(reader)));
    let deadline = Instant::now() + limit;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if Instant::now() >= deadline {
            child.kill()?;
            child.wait()?;
            bail!("{program} was still running after {} s and was killed", limit.as_secs());
        }
        std::thread::sleep(Duration::from_millis(POLL_MS));
    };
    let text = text
        .recv_timeout(Duration::from_secs(DRAIN_SECS))
        .with_context(|| format!("{program} ended and left a process behind"))?;
    Ok(Output { ok: status.success(), text })
}

/// Runs `command` quietly and returns its stdout.
///
/// # Errors
/// With its stderr, when it fails.
pub(crate) fn quiet(mut command: Command) -> Result<String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let out = command.output().with_context(|| format!("cannot run {program}"))?;
    let told = String::from_utf8_lossy(&out.stdout).into_owned();
    let complaint = String::from_utf8_lossy(&out.stderr);
    ensure!(out.status.success(), "{program} failed:\n{told}{complaint}");
    Ok(told)
}

/// Whether `program args` runs and exits with 0.
pub(crate) fn works(program: &str, args: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

fn copy(reader: PipeReader) -> String {
    let mut reader = BufReader::new(reader);
    let mut text = String::new();
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
        let piece = String::from_utf8_lossy(&line);
        print!("{piece}");
        let _ = std::io::stdout().flush();
        text.push_str(&piece);
        line.clear();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn output_is_kept_in_order() {
        let out = shown(shell("echo a; echo b >&2; echo c; exit 3"), Duration::from_secs(10))
            .expect("it runs");
        assert_eq!((out.ok, out.text.as_str()), (false, "a\nb\nc\n"));
    }

    #[test]
    fn a_command_that_hangs_is_an_error() {
        let error =
            shown(shell("exec sleep 60"), Duration::from_millis(100)).expect_err("too long");
        assert!(error.to_string().contains("still running"), "{error}");
    }
}
