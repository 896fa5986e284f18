//! Every target over the committed corpus, without a fuzzer: what was found once stays found.
#![expect(clippy::print_stdout, reason = "the last name told is the input that failed")]

use std::{fs, path::Path};

use twinkle_fuzz::TARGETS;

/// Fewest files of a target.
const FILES_MIN: usize = 20;

#[test]
fn what_was_found_stays_found() {
    for target in TARGETS {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target.name);
        let files: Vec<_> = fs::read_dir(&folder).expect("a corpus").collect();
        assert!(files.len() >= FILES_MIN, "{}: {} files", target.name, files.len());
        for file in files {
            let path = file.expect("a file").path();
            println!("{}", path.display());
            (target.run)(&fs::read(path).expect("a file"));
        }
    }
}

#[test]
fn seeds_hold() {
    for target in TARGETS {
        (target.seeds)().iter().for_each(|seed| (target.run)(seed));
    }
}
