//! The ports in memory pass the contract.

mod log {
    use twinkle_ports::{SystemClock, memory::MemoryLog};

    twinkle_ports::log_contract!({
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
