//! The server starts, answers, survives its verbs, and can be set back in time.

use twinkle_testbed::Redis;

#[test]
fn an_orderly_stop_keeps_the_data_and_a_kill_loses_them() {
    let mut redis = Redis::start().expect("it starts");
    redis.cli(&["SET", "a", "1"]).expect("it answers");
    redis.stop().expect("it stops");
    assert!(redis.cli(&["PING"]).is_err(), "nobody answers");
    redis.start_again().expect("it starts again");
    assert_eq!(redis.cli(&["GET", "a"]).expect("it answers"), "1");
    redis.cli(&["SET", "a", "2"]).expect("it answers");
    redis.kill().expect("it dies");
    redis.start_again().expect("it starts after a crash");
    assert_eq!(redis.cli(&["GET", "a"]).expect("it answers"), "1");
}

#[test]
fn an_older_dump_comes_back() {
    let mut redis = Redis::start().expect("it starts");
    redis.cli(&["SET", "a", "old"]).expect("it answers");
    let dump = redis.save().expect("a dump");
    redis.cli(&["SET", "a", "new"]).expect("it answers");
    redis.start_again_from(&dump).expect("it starts from the dump");
    assert_eq!(redis.cli(&["GET", "a"]).expect("it answers"), "old");
}

#[test]
fn an_error_of_the_server_is_an_error() {
    let redis = Redis::start().expect("it starts");
    let error = redis.cli(&["NONSENSE"]).expect_err("it refuses");
    assert!(error.to_string().contains("unknown command"), "{error}");
}

#[test]
fn drop_ends_the_process_and_removes_the_folder() {
    let redis = Redis::start().expect("it starts");
    let (pid, folder) = (redis.pid(), redis.log().parent().expect("a folder").to_owned());
    assert!(folder.exists());
    drop(redis);
    assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists());
    assert!(!folder.exists());
}

#[test]
fn a_replica_follows_and_leads_when_it_is_told_to() {
    let (mut primary, replica) =
        (Redis::start().expect("it starts"), Redis::start().expect("it starts"));
    primary.cli(&["SET", "a", "1"]).expect("it answers");
    replica.follow(primary.port()).expect("it follows");
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while !replica.is_replica() {
        assert!(std::time::Instant::now() < deadline, "it never caught up");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    primary.kill().expect("it dies");
    replica.cli(&["SET", "a", "2"]).expect_err("a replica takes no writes");
    replica.lead().expect("it leads");
    assert_eq!(replica.cli(&["GET", "a"]).expect("it answers"), "1");
    replica.cli(&["SET", "a", "2"]).expect("it takes writes");
}
