//! The roles as separate processes over a real Kafka and a real Redis.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use testbed::{Cores, Kafka, Process, Product, Redis, free_port};

use super::usage::Usage;
use crate::{
    commands::{cargo, command, target},
    e2e, run,
};

const BUILD_LIMIT_SECS: u64 = 1_500;
/// How long an event may take to be made.
const PATIENCE_SECS: u64 = 30;
const TOKEN: &str = "only-for-benchmarks-on-loopback-0123456789abcdef";

/// The product as the image has it, and what loads it.
pub(crate) fn build() -> Result<()> {
    let limit = Duration::from_secs(BUILD_LIMIT_SECS);
    let product = cargo(&["build", "--locked", "--profile", "dist", "-p", "twinkle"]);
    ensure!(run::shown(product, limit)?.ok, "the product does not build: see above");
    build_load()
}

/// The binary that is measured, where it is not the one that was built for that.
static MEASURED: OnceLock<PathBuf> = OnceLock::new();

/// Measures this binary.
pub(crate) fn measure(bin: &Path) -> Result<()> {
    ensure!(MEASURED.set(bin.to_owned()).is_ok(), "one binary is measured at a time");
    Ok(())
}

/// The load generator.
pub(crate) fn build_load() -> Result<()> {
    ensure!(e2e::drivers()?, "the load generator does not build: see above");
    Ok(())
}

/// Everything that runs; killed on drop.
pub(crate) struct Stack {
    pub(crate) servers: Vec<Product>,
    pub(crate) redis: Redis,
    pub(crate) kafka: Kafka,
    env: Vec<(String, String)>,
    folder: PathBuf,
    bin: PathBuf,
    /// The API and what loads it have a core of their own.
    apart: bool,
}

/// CPU time of each part: `api`, `worker`, `gateway`, `operator`, `kafka`, `redis`.
pub(crate) type Spent = BTreeMap<String, Usage>;

impl Stack {
    /// Starts these roles of the product as the image has it, a process each, over a fresh Kafka
    /// and Redis.
    pub(crate) fn start(roles: &[&str]) -> Result<Self> {
        Self::over(Kafka::start_long_lived()?, &measured()?, roles, false)
    }

    /// The same with the API, and what loads it, on the first core, and all else on the others: what
    /// runs where others have just been finds nothing of its own in the caches.
    pub(crate) fn start_apart(roles: &[&str]) -> Result<Self> {
        let kafka = Cores::Rest.keep(Kafka::start_long_lived)??;
        Self::over(kafka, &measured()?, roles, true)
    }

    /// The same with this binary, for runs of seconds.
    pub(crate) fn start_with(bin: &Path, roles: &[&str]) -> Result<Self> {
        Self::over(Kafka::start()?, bin, roles, false)
    }

    fn over(kafka: Kafka, bin: &Path, roles: &[&str], apart: bool) -> Result<Self> {
        let folder = std::env::temp_dir().join(format!("twinkle-stack-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        let redis = cores(apart, "redis").keep(Redis::start)??;
        let key = |id: &str, byte: char| format!("{id}:{}", byte.to_string().repeat(43));
        let env: Vec<(String, String)> = [
            ("TWINKLE_KAFKA", kafka.bootstrap().to_owned()),
            ("TWINKLE_REDIS", redis.url().to_owned()),
            ("TWINKLE_OPERATOR_TOKEN", TOKEN.to_owned()),
            ("TWINKLE_COOKIE_KEYS", key("bench", 'A')),
            ("TWINKLE_PASS_KEYS", key("bench", 'Q')),
            ("TWINKLE_PUBLIC_URL", format!("http://127.0.0.1:{}", free_port()?)),
            // As a pod of one CPU sets itself up.
            ("TOKIO_WORKER_THREADS", "1".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        let bin = bin.to_owned();
        let mut stack = Self { servers: Vec::new(), redis, kafka, env, folder, bin, apart };
        for (number, role) in roles.iter().enumerate() {
            let start = || Product::start(&stack.bin, role, number, &stack.env, &stack.folder);
            let server = cores(apart, role).keep(start)??;
            stack.servers.push(server);
        }
        stack.servers.iter_mut().try_for_each(Product::wait_ready)?;
        Ok(stack)
    }

    /// Where a role is reached; the first process of it.
    pub(crate) fn url(&self, role: &str) -> Result<String> {
        self.urls(role).into_iter().next().with_context(|| format!("there is no {role}"))
    }

    pub(crate) fn urls(&self, role: &str) -> Vec<String> {
        let of = self.servers.iter().filter(|server| server.role == role);
        of.map(|server| format!("http://127.0.0.1:{}", server.port)).collect()
    }

    /// `Origin` of the service's own pages.
    pub(crate) fn origin(&self) -> &str {
        self.env.iter().find(|(name, _)| name == "TWINKLE_PUBLIC_URL").map_or("", |(_, url)| url)
    }

    /// Makes and opens an event of one slot.
    pub(crate) fn open_event(&self, id: &str, rate_per_min: u32, capacity: u32) -> Result<()> {
        let definition = json!({
            "title": {"en": "Benchmark"}, "time_zone": "UTC", "hold_secs": 300, "seats_per_ticket": 2,
            "admission": {"rate_per_min": rate_per_min, "max_inside": 1_000_000,
                "claim_secs": 600, "window_secs": 3_600},
            "slots": [{"id": "hot", "starts_at": "2030-01-01T12:00:00Z", "capacity": capacity}],
        });
        let file = self.folder.join(format!("{id}.json"));
        std::fs::write(&file, definition.to_string())?;
        self.patiently(&["event", "create", id, &file.display().to_string()])?;
        self.patiently(&["event", "open", id])
    }

    /// A broker that has just started may have to be asked again; the same call twice does it once.
    fn patiently(&self, args: &[&str]) -> Result<()> {
        let deadline = Instant::now() + Duration::from_secs(PATIENCE_SECS);
        loop {
            match self.twinkle(args) {
                Err(_) if Instant::now() < deadline => sleep(Duration::from_millis(500)),
                done => return done.map(drop),
            }
        }
    }

    /// Replays the event's log and compares it with Redis; the report of `twinkle audit --json`.
    pub(crate) fn audit(&self, id: &str) -> Result<Value> {
        let text = self.twinkle(&["audit", id, "--json"])?;
        let report: Value = serde_json::from_str(text.trim()).context("the audit's report")?;
        ensure!(report["matches"] == true, "the view differs from the log: {report}");
        Ok(report)
    }

    /// A subcommand of the product against this stack.
    pub(crate) fn twinkle(&self, args: &[&str]) -> Result<String> {
        let mut command = Command::new(&self.bin);
        command.args(args).envs(self.env.iter().map(|(name, value)| (name, value)));
        command.env("TWINKLE_URL", self.url("operator")?).current_dir(&self.folder);
        run::quiet(command)
    }

    /// What each part has used so far.
    pub(crate) fn spent(&self) -> Result<Spent> {
        let mut spent = Spent::new();
        for server in &self.servers {
            let more = Usage::of(server.pid())?;
            let all = spent.entry(server.role.clone());
            let all = all.or_insert(Usage { cpu_secs: 0.0, rss_bytes: 0.0 });
            all.cpu_secs += more.cpu_secs;
            all.rss_bytes += more.rss_bytes;
        }
        spent.insert("kafka".to_owned(), Usage::of(self.kafka.pid())?);
        spent.insert("redis".to_owned(), Usage::of(self.redis.pid())?);
        Ok(spent)
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Runs a scenario of the load generator to its end and reads its report; see [`clean`].
    pub(crate) fn load(&self, args: &[impl AsRef<str>], limit: Duration) -> Result<Value> {
        let (command, report) = load_command(&self.folder, args);
        cores(self.apart, "api").keep(|| run::shown(command, limit))??;
        read(&report)
    }

    /// Starts a scenario that runs beside another one.
    pub(crate) fn load_beside(&self, args: &[impl AsRef<str>]) -> Result<(Process, PathBuf)> {
        let (command, report) = load_command(&self.folder, args);
        let name = args[0].as_ref();
        let log = self.folder.join(format!("{name}.log"));
        let start = || Process::spawn(name, command, &log);
        Ok((cores(self.apart, name).keep(start)??, report))
    }
}

/// Where a part runs.
fn cores(apart: bool, part: &str) -> Cores {
    match (apart, part) {
        (false, _) => Cores::All,
        (true, "api") => Cores::First,
        (true, _) => Cores::Rest,
    }
}

fn measured() -> Result<PathBuf> {
    let bin = MEASURED.get().cloned().unwrap_or_else(|| target().join("dist/twinkle"));
    bin.canonicalize().context("the product")
}

impl Drop for Stack {
    fn drop(&mut self) {
        self.servers.clear();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// The load generator saw nothing wrong.
pub(crate) fn clean(report: &Value) -> Result<()> {
    let wrong = &report["violations"];
    ensure!(report["violations_count"] == 0, "the load generator saw something wrong: {wrong}");
    Ok(())
}

pub(crate) fn read(report: &Path) -> Result<Value> {
    let bytes = std::fs::read(report).with_context(|| format!("no {}", report.display()))?;
    serde_json::from_slice(&bytes).context("the load generator's report")
}

fn load_command(folder: &Path, args: &[impl AsRef<str>]) -> (Command, PathBuf) {
    let report = folder.join(format!("{}.json", args[0].as_ref()));
    let mut command = command(target().join("release/twinkle-load"), &[]);
    command.args(args.iter().map(AsRef::as_ref)).arg("--json").arg(&report);
    (command, report)
}
