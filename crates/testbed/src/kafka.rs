//! A Kafka broker: one node, broker and controller in one (`KRaft`), automatic topics off.

use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::home::Home;
use crate::{Process, free_port, kafka_jars};

/// What a broker lives for.
#[derive(Debug)]
struct Life {
    /// Options of its virtual machine.
    options: &'static [&'static str],
    /// Settings beyond the usual ones.
    settings: &'static str,
}

/// Brokers of tests live for seconds: what an optimising compiler would spend on them never pays.
const SHORT: &Life =
    &Life { options: &["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"], settings: "" };
/// Caches that are cold after each change of threads cost a small broker more than it works: one
/// thread each for connections, requests and the collector, and large pages.
const LONG: &Life = &Life {
    options: &["-XX:+UseSerialGC", "-XX:+UseTransparentHugePages"],
    settings: "num.network.threads=1\nnum.io.threads=1\n",
};
/// Several brokers on one machine, each with little to keep.
const CROWDED: &Life =
    &Life { options: &["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx256m"], settings: "" };
const START_SECS_MAX: u64 = 90;
const STOP_SECS_MAX: u64 = 60;
/// What the broker says once it is registered, unfenced and answers requests.
const READY: &str = "Kafka Server started";

/// A running broker. On drop it is killed and its data are removed.
#[derive(Debug)]
pub struct Kafka {
    // Dropped first: the folder goes when nobody writes to it any more.
    process: Process,
    home: Home,
    bootstrap: String,
    port: u16,
    life: &'static Life,
}

impl Kafka {
    /// Starts a fresh broker on a free port and waits until it serves.
    ///
    /// # Errors
    /// When Java, Maven or the jars are missing, or the broker does not come up; with the end of its log.
    pub fn start() -> Result<Self> {
        Self::start_in(Home::temporary("kafka")?, free_port()?, SHORT)
    }

    /// As [`Kafka::start`], for load of minutes: slow at first, fast once it is compiled.
    ///
    /// # Errors
    /// As [`Kafka::start`].
    pub fn start_long_lived() -> Result<Self> {
        Self::start_in(Home::temporary("kafka")?, free_port()?, LONG)
    }

    /// Starts a broker on `port` with its data in `home` that lives on, with its data, after this value and this process.
    ///
    /// # Errors
    /// As [`Kafka::start`].
    pub fn start_kept(home: &Path, port: u16) -> Result<Self> {
        Self::start_in(Home::kept(home)?, port, LONG)
    }

    fn start_in(home: Home, port: u16, life: &'static Life) -> Result<Self> {
        if !home.path().join("server.properties").exists() {
            let settings = properties(home.path(), port, free_port()?) + life.settings;
            format_storage(home.path(), &settings, &[])?;
        }
        Self::launched(home, port, life)
    }

    /// Starts a node of a cluster with these settings and waits until it serves.
    pub(crate) fn start_node(home: Home, port: u16, settings: &str) -> Result<Self> {
        format_storage(home.path(), settings, &[])?;
        Self::launched(home, port, CROWDED)
    }

    /// Starts a broker whose settings are made of the usual ones, formatted with further arguments.
    pub(crate) fn start_with(
        home: Home,
        port: u16,
        controller: u16,
        settings: impl FnOnce(&str) -> String,
        format: &[String],
    ) -> Result<Self> {
        let settings = settings(&properties(home.path(), port, controller));
        format_storage(home.path(), &settings, format)?;
        Self::launched(home, port, SHORT)
    }

    fn launched(home: Home, port: u16, life: &'static Life) -> Result<Self> {
        let process = launch(&home, port, life)?;
        Ok(Self { process, home, bootstrap: format!("127.0.0.1:{port}"), port, life })
    }

    /// The bootstrap server, `127.0.0.1:PORT`.
    #[must_use]
    pub fn bootstrap(&self) -> &str {
        &self.bootstrap
    }

    /// Id of the broker's process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// The broker's log file.
    #[must_use]
    pub fn log(&self) -> &Path {
        self.process.log()
    }

    /// What the broker has logged since it was last started.
    pub(crate) fn log_text(&self) -> String {
        self.process.log_text()
    }

    /// SIGTERM, then waits for an orderly end.
    ///
    /// # Errors
    /// When it does not end in a minute; it is killed then.
    pub fn stop(&mut self) -> Result<()> {
        self.process.terminate(Duration::from_secs(STOP_SECS_MAX)).map(drop)
    }

    /// SIGKILL, then waits for the end.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn kill(&mut self) -> Result<()> {
        self.process.kill().map(drop)
    }

    /// Starts a stopped or killed broker on the same port with the same data. After a kill this
    /// takes about 10 s: the controller waits for the dead broker's session to end.
    ///
    /// # Errors
    /// When it still runs or does not come up.
    pub fn start_again(&mut self) -> Result<()> {
        ensure!(self.process.ended()?.is_some(), "the broker still runs");
        self.process = launch(&self.home, self.port, self.life)?;
        Ok(())
    }

    /// SIGSTOP: the broker stands still, its port stays open.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn pause(&mut self) -> Result<()> {
        self.process.pause()
    }

    /// SIGCONT.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn resume(&mut self) -> Result<()> {
        self.process.resume()
    }

    /// Runs one of Kafka's own tools, such as `org.apache.kafka.tools.TopicCommand`, with
    /// `--bootstrap-server` set, and returns what it printed.
    ///
    /// # Errors
    /// With the tool's output, when it fails.
    pub fn tool(&self, class: &str, args: &[&str]) -> Result<String> {
        tool(&self.bootstrap, class, args)
    }
}

pub(crate) fn tool(bootstrap: &str, class: &str, args: &[&str]) -> Result<String> {
    let mut command = java(SHORT)?;
    command.arg(class).args(["--bootstrap-server", bootstrap]).args(args);
    run(command)
}

fn launch(home: &Home, port: u16, life: &Life) -> Result<Process> {
    let mut command = java(life)?;
    command.current_dir(home.path()).arg("kafka.Kafka").arg(home.path().join("server.properties"));
    if home.is_kept() {
        // Away from the terminal's Ctrl-C.
        command.process_group(0);
    }
    let mut process = Process::spawn("kafka", command, &home.path().join("kafka.log"))?;
    process.wait_until(Duration::from_secs(START_SECS_MAX), |process| {
        process.log_text().contains(READY)
            && TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
    })?;
    if home.is_kept() {
        process.detach();
    }
    Ok(process)
}

fn format_storage(home: &Path, settings: &str, further: &[String]) -> Result<()> {
    let file = home.join("server.properties.new");
    std::fs::write(&file, settings)?;
    let mut command = java(SHORT)?;
    // The same for every cluster: brokers are told apart by their ports.
    command.args(["kafka.tools.StorageTool", "format", "-t", "dHdpbmtsZS10ZXN0YmVkIQ", "-c"]);
    command.arg(&file).args(further);
    run(command).context("cannot format the broker's storage")?;
    Ok(std::fs::rename(file, home.join("server.properties"))?)
}

fn properties(home: &Path, port: u16, controller: u16) -> String {
    format!(
        "process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
log.dirs={data}
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
",
        data = home.join("data").display()
    )
}

fn java(life: &Life) -> Result<Command> {
    let mut command = Command::new("java");
    // The last word on the same option counts.
    command.arg("-Xmx512m").args(life.options).arg("-Djava.awt.headless=true");
    command.args(["-Dorg.slf4j.simpleLogger.showDateTime=true", "-cp"]);
    command.arg(kafka_jars()?.join("*"));
    Ok(command)
}

fn run(mut command: Command) -> Result<String> {
    let out = command.output().context("`java` cannot be run: install Java 17 or newer")?;
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    ensure!(out.status.success(), "{text}{}", String::from_utf8_lossy(&out.stderr));
    Ok(text)
}
