//! The power is cut at some operation of the disk; what was not synced may be lost or torn.

use redb::StorageBackend;

use super::{
    Chance,
    ledger::{Ledger, open},
    platter::Platter,
};

/// Disks tried, and power cuts of each.
const DISKS: u64 = 80;
const CUTS: u64 = 4;

/// Operations of the disk until the cut, at most: a commit takes about ten.
const OPERATIONS_MAX: u64 = 400;

/// Enough for a client to meet the cut.
const REQUESTS: u64 = 10_000;

/// A disk with an empty store, which a cut never finds half made.
fn made() -> Platter {
    let platter = Platter::default();
    drop(open(&platter).expect("open"));
    platter.sync_data().expect("sync");
    platter
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_power_cut_loses_nothing_acknowledged() {
    let (mut promises, mut cuts_at_open) = (0, 0);
    for seed in 0..DISKS {
        let (mut chance, ledger) = (Chance(seed), Ledger::default());
        let mut platter = made();
        for cut in 0..CUTS {
            platter.cut_after(chance.below(OPERATIONS_MAX));
            match open(&platter) {
                Ok(store) => ledger.work(&store, &mut chance, REQUESTS).await,
                Err(_) => cuts_at_open += 1,
            }
            assert!(!platter.has_power(), "the clients met the cut and nothing else");
            platter = platter.after_cut(&mut chance);
            let store =
                open(&platter).unwrap_or_else(|error| panic!("disk {seed}, cut {cut}: {error}"));
            ledger.check(&store).await;
            drop(store);
        }
        promises += ledger.promises();
    }
    // Without these the test would show nothing.
    assert!(promises > 5_000, "only {promises} promises");
    assert!(cuts_at_open > 10, "only {cuts_at_open} cuts while a file was opened");
}
