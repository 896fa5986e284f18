//! The broker starts, serves, survives its verbs and keeps its data.

use std::net::TcpStream;

use twinkle_testbed::Kafka;

const TOPICS: &str = "org.apache.kafka.tools.TopicCommand";
const OFFSETS: &str = "org.apache.kafka.tools.GetOffsetShell";

#[test]
fn keeps_its_data_through_stop_kill_and_pause() {
    let mut kafka = Kafka::start().expect("it starts");
    let (bootstrap, pid) = (kafka.bootstrap().to_owned(), kafka.pid());
    kafka.tool(TOPICS, &["--create", "--topic", "kept", "--partitions", "1"]).expect("a topic");

    kafka.stop().expect("it stops");
    assert!(TcpStream::connect(&bootstrap).is_err(), "nobody listens");
    kafka.start_again().expect("it starts again");
    assert_eq!(kafka.bootstrap(), bootstrap);
    assert_ne!(kafka.pid(), pid);
    assert_eq!(kafka.tool(OFFSETS, &["--topic", "kept"]).expect("it answers").trim(), "kept:0:0");

    kafka.kill().expect("it dies");
    kafka.start_again().expect("it starts after a crash");
    kafka.pause().expect("it pauses");
    kafka.resume().expect("it resumes");
    assert_eq!(kafka.tool(OFFSETS, &["--topic", "kept"]).expect("it answers").trim(), "kept:0:0");
}
