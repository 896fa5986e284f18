//! The contract of the ports, on a real broker.

mod shared;

mod log {
    use twinkle_kafka::{KafkaConfig, KafkaLog};

    use crate::shared::shared;

    ports::log_contract!({
        let config = KafkaConfig::new(shared().bootstrap());
        async move || KafkaLog::connect(config.clone()).expect("the settings work")
    });
}

mod keep {
    use twinkle_kafka::{KafkaConfig, KafkaLog};

    use crate::shared::shared;

    ports::keep_contract!({
        let config = KafkaConfig::new(shared().bootstrap());
        async move || KafkaLog::connect(config.clone()).expect("the settings work")
    });
}

mod facts {
    use twinkle_kafka::{KafkaConfig, KafkaFacts};

    use crate::shared::shared;

    ports::facts_contract!({
        let config = KafkaConfig::new(shared().bootstrap());
        async move || KafkaFacts::connect(config.clone()).expect("the settings work")
    });
}
