//! Several processes carry one load: a process may hold so many files only.

use std::{
    env,
    io::Read,
    process::{Child, Command, Stdio},
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    thread,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};

use crate::{pace::Stop, report::Outcome};

/// Most processes of one load.
pub const PROCESSES_MAX: usize = 16;

/// How often Ctrl-C is looked for, in milliseconds.
const LOOK_MS: u64 = 100;

/// Runs this program once for each part and adds up what they saw.
pub fn run(count: usize, stop: &Stop) -> Result<Outcome> {
    let (tell, told) = mpsc::channel();
    let mut children = Vec::new();
    for number in 0..count {
        let mut child = spawn(number, count)?;
        let mut pipe = child.stdout.take().context("a part has no output")?;
        let tell = tell.clone();
        thread::spawn(move || {
            let mut text = String::new();
            let read = pipe.read_to_string(&mut text).map(|_| text);
            // Nobody listens any more once one part has failed.
            let _ = tell.send(read);
        });
        children.push(child);
    }
    let outcome = gather(count, &told, stop, &children);
    if outcome.is_err() {
        children.iter().for_each(interrupt);
    }
    for mut child in children {
        child.wait().context("a part can't be waited for")?;
    }
    outcome
}

fn spawn(number: usize, of: usize) -> Result<Child> {
    let program = env::current_exe().context("this program has no path")?;
    let mut command = Command::new(program);
    command.args(env::args_os().skip(1)).arg("--part").arg(format!("{number}/{of}"));
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    command.spawn().context("a part can't be started")
}

fn gather(
    count: usize,
    told: &Receiver<std::io::Result<String>>,
    stop: &Stop,
    children: &[Child],
) -> Result<Outcome> {
    let mut all: Option<Outcome> = None;
    let mut forwarded = false;
    let mut missing = count;
    while missing > 0 {
        if stop.asked() && !std::mem::replace(&mut forwarded, true) {
            children.iter().for_each(interrupt);
        }
        let text = match told.recv_timeout(Duration::from_millis(LOOK_MS)) {
            Err(RecvTimeoutError::Timeout) => continue,
            text => text.context("a part is gone")?.context("a part can't be read")?,
        };
        ensure!(!text.is_empty(), "a part ended without a word");
        let part: Outcome = serde_json::from_str(&text).context("a part's outcome")?;
        match &mut all {
            Some(all) => all.add(part),
            None => all = Some(part),
        }
        missing -= 1;
    }
    all.context("there are no parts")
}

fn interrupt(child: &Child) {
    if let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        // It may have ended by itself.
        let _ = kill_process(pid, Signal::INT);
    }
}
