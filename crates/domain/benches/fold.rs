//! How fast the state machine folds, and what a waiting ticket takes:
//! `cargo bench -p twinkle-domain --bench fold`. One thread; a JSON line for each figure.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    io::{Result, Write, stdout},
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
    time::Instant,
};

use twinkle_domain::{
    Action, AdmissionRules, Command, Definition, Epoch, Event, Mode, Operation, Slot, TicketId,
    definition::RULES,
};

const TICKETS: u64 = 1_000_000;
/// Commands of a record under load.
const PACK: u64 = 500;
/// Those who come to hold and book.
const BUYERS: u64 = 200_000;
const START_MS: u64 = 1_700_000_000_000;

/// Counts what is allocated.
struct Counting;

static BYTES: AtomicUsize = AtomicUsize::new(0);

#[allow(unsafe_code, reason = "an allocator is unsafe to implement")]
// SAFETY: it hands everything on to the system's.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        BYTES.fetch_add(layout.size(), Relaxed);
        // SAFETY: as the caller promised.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        BYTES.fetch_sub(layout.size(), Relaxed);
        // SAFETY: as the caller promised.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn main() -> Result<()> {
    let joins: Vec<Vec<Command>> =
        packs(TICKETS, |n| Command::Join { ticket: ticket(n), previous: None });
    let mut log = Log::open(0);
    let (bytes, begun) = (BYTES.load(Relaxed), Instant::now());
    log.fold(&joins);
    tell("domain.joins", rate(TICKETS, begun), "commands/s")?;
    let bytes = BYTES.load(Relaxed).saturating_sub(bytes) as f64 / TICKETS as f64;
    tell("domain.waiting_ticket", bytes, "bytes")?;

    let mut log = Log::open(1_000_000);
    log.fold(&packs(BUYERS, |n| Command::Join { ticket: ticket(n), previous: None }));
    log.admit_all();
    let slot = "hot".parse().expect("a slot");
    let acts = [Action::Enter, Action::Hold { slot, seats: 1 }, Action::Book { reference: None }];
    let acts: Vec<_> = acts.into_iter().map(|action| packs(BUYERS, |n| act(n, &action))).collect();
    let begun = Instant::now();
    acts.iter().for_each(|packs| log.fold(packs));
    tell("domain.entry_hold_booking", rate(3 * BUYERS, begun), "commands/s")?;
    assert_eq!(log.event.seats().slots()[0].sold, BUYERS as u32, "all of them booked");
    Ok(())
}

fn packs(count: u64, command: impl Fn(u64) -> Command) -> Vec<Vec<Command>> {
    let pack = |first: u64| (first..count.min(first + PACK)).map(&command).collect();
    (0..count).step_by(PACK as usize).map(pack).collect()
}

fn act(n: u64, action: &Action) -> Command {
    Command::Act { ticket: ticket(n), seq: None, action: action.clone() }
}

/// Spread like the SHA-256 that real ids are made of.
fn ticket(n: u64) -> TicketId {
    let mix = |n: u64| {
        let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        n ^ (n >> 31)
    };
    let mut id = [0; 16];
    id[..8].copy_from_slice(&mix(n + 1).to_be_bytes());
    id[8..].copy_from_slice(&mix(n.wrapping_add(0x9E37_79B9_7F4A_7C15)).to_be_bytes());
    TicketId(id)
}

struct Log {
    event: Event,
    at: u64,
}

impl Log {
    /// An open event that lets in at this rate a minute (0: nobody yet, it is in its pre-queue).
    fn open(rate_per_min: u32) -> Self {
        let define =
            Operation::Define { salt: [1; 16], definition: Box::new(definition(rate_per_min)) };
        let mut log = Self { event: Event::default(), at: START_MS };
        let step = if rate_per_min == 0 { Operation::Pause } else { Operation::Open };
        log.fold(&[
            vec![Command::Operate(define)],
            vec![Command::Own { after: Epoch::NONE }],
            vec![Command::Operate(Operation::Open)],
            vec![Command::Operate(step)],
        ]);
        log
    }

    fn fold(&mut self, packs: &[Vec<Command>]) {
        let mut told = Vec::new();
        for pack in packs {
            self.at += 2;
            told.clear();
            self.event.apply(self.event.next(), self.at, pack, &mut told);
        }
    }

    fn admit_all(&mut self) {
        let epoch = self.event.epoch();
        while self.event.order().serving() < self.event.order().total() {
            self.at += 998;
            self.fold(&[vec![Command::Tick { epoch }]]);
        }
    }
}

fn definition(rate_per_min: u32) -> Definition {
    Definition {
        rules: RULES,
        title: [("en".to_owned(), "Bench".to_owned())].into(),
        mode: Mode::Fifo,
        time_zone: "UTC".into(),
        prequeue_at: None,
        opens_at: None,
        closes_at: None,
        return_url: None,
        admission: AdmissionRules {
            rate_per_min: rate_per_min.max(1),
            max_inside: 1_000_000,
            claim_secs: 3_600,
            window_secs: 3_600,
        },
        hold_secs: 3_600,
        seats_per_ticket: 1,
        slots: vec![Slot {
            id: "hot".parse().expect("a slot"),
            starts_at: START_MS,
            capacity: BUYERS as u32,
        }],
    }
}

fn rate(count: u64, begun: Instant) -> f64 {
    count as f64 / begun.elapsed().as_secs_f64()
}

fn tell(name: &str, value: f64, unit: &str) -> Result<()> {
    writeln!(stdout(), r#"{{"name":"{name}","value":{value:.1},"unit":"{unit}"}}"#)
}
