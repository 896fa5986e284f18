use proptest::prelude::*;

use super::monitor::{any, watch};

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_sequence_of_commands_breaks_an_invariant(steps in any::steps()) {
        let found = watch(&steps);
        prop_assert!(found.is_ok(), "{found:?}");
    }
}
