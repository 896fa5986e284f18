//! The cluster survives the loss of its leader, names the next one and lets nobody in by a shut door.

use std::{
    net::TcpStream,
    thread::sleep,
    time::{Duration, Instant},
};

use twinkle_testbed::{Door, KafkaCluster, free_port};

const TOPICS: &str = "org.apache.kafka.tools.TopicCommand";
const OFFSETS: &str = "org.apache.kafka.tools.GetOffsetShell";
const ELECTED_SECS_MAX: u64 = 60;

#[test]
fn another_broker_leads_when_the_leader_is_killed() {
    let door = || {
        let port = free_port().expect("a port");
        vec![Door { port, advertised: port }]
    };
    let doors = [door(), door(), door()];
    let mut cluster = KafkaCluster::start(&doors).expect("it starts");
    for door in doors.iter().flatten() {
        TcpStream::connect(("127.0.0.1", door.port)).expect("the door is open");
    }
    cluster.brokers[0].tool(TOPICS, &["--create", "--topic", "kept"]).expect("a topic");
    let first = wait_for_leader(&cluster, None);
    cluster.brokers[first].kill().expect("it dies");
    let second = wait_for_leader(&cluster, Some(first));
    let offsets = cluster.brokers[second].tool(OFFSETS, &["--topic", "kept"]);
    assert_eq!(offsets.expect("it answers").trim(), "kept:0:0");
    cluster.brokers[first].start_again().expect("it starts after a crash");
}

fn wait_for_leader(cluster: &KafkaCluster, except: Option<usize>) -> usize {
    let deadline = Instant::now() + Duration::from_secs(ELECTED_SECS_MAX);
    loop {
        match cluster.leader("kept") {
            Some(leader) if Some(leader) != except => return leader,
            _ => assert!(Instant::now() < deadline, "no leader is named"),
        }
        sleep(Duration::from_millis(100));
    }
}
