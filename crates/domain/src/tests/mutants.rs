//! Each rule, broken on purpose, must be missed by the random sequences of `properties`.

use proptest::test_runner::{Config, TestError, TestRunner};

use super::monitor::{any, watch};
use crate::mutants::{Mutant, activate};

const SEQUENCES_MAX: u32 = 4_000;

fn caught(mutant: Mutant) -> bool {
    activate(Some(mutant));
    let config = Config {
        cases: SEQUENCES_MAX,
        max_shrink_iters: 0,
        failure_persistence: None,
        ..Config::default()
    };
    // A fixed seed: a mutant is caught always or never.
    let mut runner = TestRunner::new_with_rng(config, rng());
    let result = runner.run(&any::steps(), |steps| {
        watch(&steps).map_err(proptest::test_runner::TestCaseError::fail)
    });
    activate(None);
    matches!(result, Err(TestError::Fail(..)))
}

fn rng() -> proptest::test_runner::TestRng {
    use proptest::test_runner::{RngAlgorithm, TestRng};
    TestRng::from_seed(RngAlgorithm::ChaCha, &[42; 32])
}

#[test]
fn every_broken_rule_is_caught() {
    let missed: Vec<_> = Mutant::DOMAIN.into_iter().filter(|mutant| !caught(*mutant)).collect();
    assert!(missed.is_empty(), "nobody noticed: {missed:?}");
}
