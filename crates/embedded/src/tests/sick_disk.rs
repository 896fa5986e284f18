//! The disk fails for a while; the store goes on when the disk does.

use super::{
    Chance,
    ledger::{Ledger, open},
    platter::{Platter, Sickness},
};

/// Disks tried, and times each falls sick.
const DISKS: u64 = 15;
const FEVERS: u64 = 4;

/// Patience with a disk that is well again.
const RECOVERY_SECS: u64 = 20;

/// Asks until answers come again.
async fn recovered(ledger: &Ledger, store: &crate::Embedded, chance: &mut Chance) {
    let before = ledger.promises();
    let asking = async {
        while ledger.promises() == before {
            ledger.work(store, chance, 20).await;
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    let patience = std::time::Duration::from_secs(RECOVERY_SECS);
    tokio::time::timeout(patience, asking).await.expect("the store goes on when the disk does");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sick_disk_loses_nothing_acknowledged() {
    for seed in 0..DISKS {
        let (mut chance, ledger) = (Chance(seed), Ledger::default());
        let platter = Platter::default();
        let store = open(&platter).expect("open");
        for _ in 0..FEVERS {
            ledger.work(&store, &mut chance, 20).await;
            platter.fall_sick(Sickness::Random(chance.split()));
            for _ in 0..3 {
                ledger.work(&store, &mut chance, 20).await;
            }
            platter.get_well();
            recovered(&ledger, &store, &mut chance).await;
            ledger.check(&store).await;
        }
        let left = platter.after_cut(&mut chance);
        let store = open(&left).unwrap_or_else(|error| panic!("disk {seed}: {error}"));
        ledger.check(&store).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_failed_sync_forgot_is_written_again() {
    let (mut chance, ledger) = (Chance(7), Ledger::default());
    let platter = Platter::default();
    let store = open(&platter).expect("open");
    ledger.work(&store, &mut chance, 20).await;
    for _ in 0..8 {
        platter.fall_sick(Sickness::NextSync);
        ledger.work(&store, &mut chance, 20).await;
        recovered(&ledger, &store, &mut chance).await;
        let left = platter.after_cut(&mut chance);
        ledger.check(&open(&left).expect("the file opens after a power cut")).await;
    }
}
