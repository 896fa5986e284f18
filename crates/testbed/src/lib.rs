//! Real parts for tests: a Kafka broker, a Redis server and the product, on free ports of 127.0.0.1,
//! in a temporary folder, stopped, killed, paused and started again by pid. Nothing here is a mock,
//! and a missing tool is an error, never a reason to skip.

mod certificates;
mod cores;
mod home;
mod jars;
mod kafka;
mod kafka_cluster;
mod kafka_guarded;
mod metrics;
mod ports;
mod process;
mod product;
mod redis;
mod redis_guarded;

pub use certificates::{Authority, Validity};
pub use cores::Cores;
pub use jars::{KAFKA_VERSION, kafka_jars};
pub use kafka::Kafka;
pub use kafka_cluster::{Door, KafkaCluster};
pub use kafka_guarded::{GuardedKafka, USERS};
pub use ports::free_port;
pub use process::{Process, terminate};
pub use product::Product;
pub use redis::Redis;
pub use redis_guarded::GuardedRedis;
