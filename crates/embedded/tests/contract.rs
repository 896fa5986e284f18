//! The log and the facts on one disk pass the contract, on a real file.

use std::{path::Path, sync::Arc};

use ports::SystemClock;
use twinkle_embedded::Embedded;

fn open(folder: &Path) -> Embedded {
    Embedded::open(folder, Arc::new(SystemClock)).expect("the data folder opens")
}

mod log {
    ports::log_contract!({
        let folder = tempfile::tempdir().expect("a folder");
        async move || super::open(folder.path()).log
    });
}

mod keep {
    ports::keep_contract!({
        let folder = tempfile::tempdir().expect("a folder");
        async move || super::open(folder.path()).log
    });
}

mod facts {
    ports::facts_contract!({
        let folder = tempfile::tempdir().expect("a folder");
        async move || super::open(folder.path()).facts
    });
}

mod view {
    use twinkle_embedded::EmbeddedView;

    ports::view_contract!({
        let view = EmbeddedView::default();
        async move || (view.clone(), view.clone())
    });
}
