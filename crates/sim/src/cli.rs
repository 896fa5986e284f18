//! What can be asked of the simulation.

use std::{
    cell::RefCell,
    panic::{self, AssertUnwindSafe},
    process::ExitCode,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use clap::Parser;
use domain::mutants::Mutant;
use twinkle_sim::{REPEATABLE, Tally, Verdict, play};

/// Seeds of a run that names none.
const SEEDS: u64 = 1_000;
/// Most seeds that a broken rule may survive.
const MUTANT_SEEDS_MAX: u64 = 250;
/// Most characters of a violation.
const WORDS: usize = 400;
/// Seeds that are played twice before anything else.
const REPEATED: u64 = 20;
/// Between two lines of progress, in seconds.
const PROGRESS_SECS: u64 = 5;

#[derive(Debug, Parser)]
#[command(about = "Plays whole sales under faults, each from one seed")]
struct Cli {
    /// How many seeds; 1,000 unless one is named
    #[arg(long)]
    seeds: Option<u64>,
    /// The first seed; without a number of them the only one
    #[arg(long)]
    seed: Option<u64>,
    /// Print every step of the first seed
    #[arg(long)]
    trace: bool,
    /// Break this rule
    #[arg(long)]
    mutant: Option<String>,
    /// Break every rule in turn; each must be found
    #[arg(long, conflicts_with = "mutant")]
    mutants: bool,
    /// Threads
    #[arg(long, default_value_t = 2)]
    jobs: u64,
}

/// Rules that nothing wrong comes through without, and what stands in for each.
const COVERED: [(Mutant, &str); 6] = [
    (Mutant::StaleEpochWrites, "readers refuse a view that went back, and the next write mends it"),
    (
        Mutant::GenerationUnchecked,
        "a building stands further on in the log than any older copy, so the check of gaps finds it",
    ),
    (
        Mutant::ClaimBeforeCaughtUp,
        "a claim after an old epoch loses; waiting spares the log such claims",
    ),
    (
        Mutant::FencedIgnored,
        "the view refuses and the log tells; giving up at once spares useless writes",
    ),
    (Mutant::LiveLossIgnored, "the next message shows the gap; reading again at once is sooner"),
    (
        Mutant::SilenceIgnored,
        "the next tick, within 10 s, shows the gap; looking each second is sooner",
    ),
];

thread_local!(static PANIC: RefCell<Option<String>> = const { RefCell::new(None) });

pub(crate) fn run() -> ExitCode {
    let cli = Cli::parse();
    if !REPEATABLE {
        eprintln!(
            "This build can't repeat a seed: the runtime draws by itself. Use `cargo xtask sim`, \
             which builds with --cfg tokio_unstable."
        );
        return ExitCode::FAILURE;
    }
    // A task that panics is a finding, wherever it runs.
    panic::set_hook(Box::new(|info| PANIC.set(Some(info.to_string()))));
    let ok = if cli.mutants { all_mutants(&cli) } else { seeds(&cli) };
    if ok { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn guarded(seed: u64, mutant: Option<Mutant>, keep_all: bool) -> Verdict {
    PANIC.take();
    let played = panic::catch_unwind(AssertUnwindSafe(|| play(seed, mutant, keep_all)));
    let panicked = PANIC.take().map(|what| format!("panicked: {what}"));
    match played {
        Ok(verdict) => Verdict { violation: verdict.violation.or(panicked), ..verdict },
        Err(_) => Verdict::broken(seed, panicked),
    }
}

fn seeds(cli: &Cli) -> bool {
    let Ok(mutant) = cli.mutant.as_deref().map(named).transpose() else { return false };
    let first = cli.seed.unwrap_or(1);
    let count = cli.seeds.unwrap_or(if cli.seed.is_some() { 1 } else { SEEDS });
    let same =
        if count == 1 { repeats(first, mutant, cli.trace) } else { all_repeat(first, count) };
    if !same {
        return false;
    }
    let began = Instant::now();
    let done = Progress::default();
    let failed = Mutex::new(Vec::new());
    spread(cli.jobs, first..first + count, |seed| {
        let verdict = guarded(seed, mutant, false);
        done.add(&verdict);
        done.tell(count, began, failed.lock().map_or(0, |failed| failed.len()));
        if let Some(what) = &verdict.violation {
            eprintln!("seed {seed}: {}", what.chars().take(WORDS).collect::<String>());
            failed.lock().expect("nothing panics under it").push(verdict);
        }
        true
    });
    let mut failed = failed.into_inner().expect("nothing panicked under it");
    failed.sort_by_key(|verdict| verdict.seed);
    if let Some(worst) = failed.first() {
        show(worst);
    }
    for verdict in &failed {
        let what = verdict.violation.as_deref().unwrap_or_default();
        println!("seed {}: {}", verdict.seed, what.chars().take(WORDS).collect::<String>());
        println!("    again: cargo xtask sim --seed {}", verdict.seed);
    }
    done.report(count, began, failed.len());
    failed.is_empty()
}

/// The first seeds twice: without this nothing else means anything.
fn all_repeat(first: u64, count: u64) -> bool {
    let twice = first..first + count.min(REPEATED);
    let same = twice.clone().all(|seed| repeats(seed, None, false));
    println!("{} seeds played twice, step for step the same: {same}", twice.end - twice.start);
    same
}

fn repeats(seed: u64, mutant: Option<Mutant>, trace: bool) -> bool {
    let (one, two) = (guarded(seed, mutant, true), guarded(seed, mutant, true));
    if trace {
        one.lines.iter().for_each(|line| println!("{line}"));
    }
    if one.digest == two.digest {
        return true;
    }
    let differs = one.lines.iter().zip(&two.lines).position(|(a, b)| a != b);
    println!("seed {seed} does not repeat itself, from step {differs:?} on:");
    if let Some(at) = differs {
        let from = at.saturating_sub(5);
        one.lines[from..=at].iter().for_each(|line| println!("    {line}"));
        println!("    or {}", two.lines[at]);
    }
    false
}

fn show(verdict: &Verdict) {
    verdict.lines.iter().for_each(|line| println!("    {line}"));
}

fn named(name: &str) -> Result<Mutant, ()> {
    Mutant::all().find(|mutant| format!("{mutant:?}") == name).ok_or_else(|| {
        let all: Vec<String> = Mutant::all().map(|mutant| format!("{mutant:?}")).collect();
        eprintln!("there is no rule {name}; there are {}", all.join(", "));
    })
}

/// Every rule broken in turn: tells after how many seeds each was found.
fn all_mutants(cli: &Cli) -> bool {
    let first = cli.seed.unwrap_or(1);
    if !repeats(first, None, false) {
        return false;
    }
    let (mut missed, mut spare) = (Vec::new(), 0);
    for mutant in Mutant::all() {
        let found = Mutex::new(None::<(u64, String)>);
        let stop = AtomicBool::new(false);
        spread(cli.jobs, first..first + MUTANT_SEEDS_MAX, |seed| {
            if let Some(what) = guarded(seed, Some(mutant), false).violation {
                stop.store(true, Relaxed);
                let mut found = found.lock().expect("nothing panics under it");
                if found.as_ref().is_none_or(|(earlier, _)| seed < *earlier) {
                    *found = Some((seed, what));
                }
            }
            !stop.load(Relaxed)
        });
        match found.into_inner().expect("nothing panicked under it") {
            Some((seed, what)) => {
                let what: String = what.chars().take(110).collect();
                println!("{:<24} found by seed {seed:>4}: {what}", format!("{mutant:?}"));
            }
            None => {
                let covered = COVERED.iter().find(|covered| covered.0 == mutant);
                let why = covered.map_or("MISSED", |covered| covered.1);
                println!("{:<24} not in {MUTANT_SEEDS_MAX} seeds: {why}", format!("{mutant:?}"));
                missed.extend(covered.is_none().then_some(mutant));
                spare += u64::from(covered.is_some());
            }
        }
    }
    let all = Mutant::all().count() as u64;
    println!("{all} rules broken in turn, {spare} of them covered by others, missed: {missed:?}");
    println!("mutants: {} rules passed, {} failed", all - spare, missed.len());
    missed.is_empty()
}

/// Plays the seeds on some threads, each on a stack of its own, until `each` says no.
fn spread(jobs: u64, seeds: std::ops::Range<u64>, each: impl Fn(u64) -> bool + Sync) {
    let next = AtomicU64::new(seeds.start);
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Relaxed);
                    if seed >= seeds.end || !each(seed) {
                        return;
                    }
                }
            });
        }
    });
}

/// What was played so far.
#[derive(Debug, Default)]
struct Progress(Mutex<Sum>);

#[derive(Debug, Default)]
struct Sum {
    seeds: u64,
    steps: u64,
    passed: Duration,
    tally: Tally,
    told: u64,
}

impl Progress {
    fn add(&self, verdict: &Verdict) {
        let mut sum = self.0.lock().expect("nothing panics under it");
        sum.seeds += 1;
        sum.steps += verdict.steps;
        sum.passed += verdict.passed;
        sum.tally.add(&verdict.tally);
    }

    fn tell(&self, of: u64, began: Instant, failed: usize) {
        let mut sum = self.0.lock().expect("nothing panics under it");
        let secs = began.elapsed().as_secs();
        if secs >= sum.told + PROGRESS_SECS {
            sum.told = secs;
            eprintln!("{} of {of} seeds in {secs} s, {failed} failed", sum.seeds);
        }
    }

    fn report(&self, seeds: u64, began: Instant, failed: usize) {
        let sum = self.0.lock().expect("nothing panics under it");
        let secs = began.elapsed().as_secs_f64();
        let hours = sum.passed.as_secs_f64() / 3_600.0;
        println!(
            "{seeds} seeds in {secs:.1} s ({:.1}/s), {hours:.1} simulated hours, {} steps",
            seeds as f64 / secs,
            sum.steps
        );
        println!("{:?}", sum.tally);
        println!("sim: {} seeds passed, {failed} failed", sum.seeds - failed as u64);
    }
}
