//! The ports in memory pass the contract.

mod log {
    use twinkle_ports::{SystemClock, memory::MemoryLog};

    twinkle_ports::log_contract!({
        let log = MemoryLog::new(SystemClock);
        async move || log.clone()
    });
}

mod keep {
    use twinkle_ports::{SystemClock, memory::MemoryLog};

    twinkle_ports::keep_contract!({
        let log = MemoryLog::new(SystemClock);
        async move || log.clone()
    });
}

mod facts {
    use twinkle_ports::memory::MemoryFacts;

    twinkle_ports::facts_contract!({
        let facts = MemoryFacts::default();
        async move || facts.clone()
    });
}

mod view {
    use twinkle_ports::memory::MemoryView;

    twinkle_ports::view_contract!({
        let view = MemoryView::default();
        async move || (view.clone(), view.clone())
    });
}

/// A check that no macro names would never run.
#[test]
fn every_check_of_the_suite_runs() {
    let suite = include_str!("../src/contract.rs");
    let checks = [
        include_str!("../src/contract/log.rs"),
        include_str!("../src/contract/keep.rs"),
        include_str!("../src/contract/facts.rs"),
        include_str!("../src/contract/view/writes.rs"),
        include_str!("../src/contract/view/rebuilds.rs"),
        include_str!("../src/contract/view/reads.rs"),
        include_str!("../src/contract/view/live.rs"),
    ];
    let names = checks.iter().flat_map(|source| source.split("pub async fn ").skip(1));
    let mut names: Vec<&str> = names.filter_map(|rest| rest.split(['<', '(']).next()).collect();
    let mut listed: Vec<&str> =
        suite.lines().map(str::trim).filter(|l| names.contains(l)).collect();
    names.sort_unstable();
    listed.sort_unstable();
    assert!(names.len() > 70, "the suite shrank to {} checks", names.len());
    assert_eq!(names, listed);
}
