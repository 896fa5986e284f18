//! What a socket costs: `cargo bench -p twinkle-gateway --bench sockets [-- SOCKETS]`; with `memory`
//! it ends before the frames.
//!
//! Serves so many sockets of this process to another one, which only reads; tells the memory of an
//! idle socket and the CPU time of a shared frame, next to that of bare `write`s of as many bytes into
//! as many sockets. A JSON line for each figure.

use std::{
    env, fs,
    io::{Read, Result, Write, stdout},
    net::{SocketAddr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use domain::{Epoch, EventId, EventState, Mode};
use http_kit::{Cookies, Origins, PublicUrl, Settings, listen, serve};
use ports::{Clock, Generation, Head, SystemClock, ViewWriter, Write as Step, memory::MemoryView};
use tokio::sync::watch;
use twinkle_gateway::{Limits, Parts, router};
use wire::{
    CookieKeys, PassKeys, format_key,
    view::{LiveMessage, Progress, PublicDefinition, SharedValue},
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Few enough that they get frames more often than heartbeats.
const SOCKETS: usize = 8_000;
const RUN: Duration = Duration::from_secs(10);
/// Longer than the least time between two frames to so many, shorter than a heartbeat: so each socket
/// gets one frame a step.
const STEP: Duration = Duration::from_millis(900);
/// The kernel counts CPU time in hundredths of a second.
const TICKS_PER_SEC: f64 = 100.0;

fn main() -> Result<()> {
    let args: Vec<String> = env::args().collect();
    if let [_, role, address, count] = &args[..]
        && ["stream", "bare"].contains(&role.as_str())
    {
        return client(role, address.parse().unwrap(), count.parse().unwrap());
    }
    let sockets = args.iter().skip(1).find_map(|arg| arg.parse().ok()).unwrap_or(SOCKETS);
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(server(sockets, args.iter().any(|arg| arg == "memory")))
}

async fn server(sockets: usize, only_memory: bool) -> Result<()> {
    let view = MemoryView::default();
    let mut progress = progress();
    step(&view, &mut progress, 0).await;
    let (_stop, stopped) = watch::channel(false);
    let listener = listen("127.0.0.1:0".parse().unwrap())?;
    let address = listener.local_addr()?;
    tokio::spawn(serve(
        listener,
        router(parts(&view, stopped)),
        Settings::default(),
        std::future::pending(),
    ));

    let before = memory_bytes();
    let cpu = cpu_secs();
    let mut client = spawn_client("stream", address, sockets)?;
    let connected = tokio::task::spawn_blocking(move || -> Result<Child> {
        client.stdout.as_mut().unwrap().read_exact(&mut [0])?;
        Ok(client)
    });
    let mut client = connected.await.unwrap()?;
    let opening = (cpu_secs() - cpu) / sockets as f64;
    tell("gateway.socket_opening_cpu", opening * 1e6, "µs", None)?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let bytes = memory_bytes().saturating_sub(before) / sockets as u64;
    tell("gateway.idle_socket_memory", bytes as f64, "bytes", None)?;
    if only_memory {
        client.kill()?;
        return client.wait().map(drop);
    }

    let (cpu, begun) = (cpu_secs(), Instant::now());
    let mut frames = 0;
    while begun.elapsed() < RUN {
        step(&view, &mut progress, 1).await;
        frames += sockets;
        tokio::time::sleep(STEP).await;
    }
    let each = (cpu_secs() - cpu) / frames as f64;
    client.kill()?;
    client.wait()?;
    let bare = bare_write_secs(sockets)?;
    tell("gateway.frame_cpu", each * 1e6, "µs", Some(bare * 1e6))?;
    tell("gateway.frames_a_core", 1.0 / each, "frames/s", Some(1.0 / bare))
}

fn tell(name: &str, value: f64, unit: &str, reference: Option<f64>) -> Result<()> {
    let reference = reference.map_or("null".to_owned(), |value| format!("{value:.3}"));
    let figure = format!(
        r#"{{"name":"{name}","value":{value:.3},"unit":"{unit}","reference":{reference}}}"#
    );
    writeln!(stdout(), "{figure}")
}

/// Opens the sockets and reads whatever comes.
fn client(role: &str, address: SocketAddr, count: usize) -> Result<()> {
    let open = || -> Result<TcpStream> {
        let mut stream = TcpStream::connect(address)?;
        if role == "bare" {
            stream.set_nonblocking(true)?;
            return Ok(stream);
        }
        stream.write_all(
            b"GET /api/v1/events/popup/stream HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\n\
              upgrade: websocket\r\nsec-websocket-version: 13\r\n\
              sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        )?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        assert!(stream.read(&mut [0; 1_024])? > 0);
        stream.set_nonblocking(true)?;
        Ok(stream)
    };
    let mut streams = (0..count).map(|_| open()).collect::<Result<Vec<_>>>()?;
    stdout().write_all(b"x")?;
    stdout().flush()?;
    let mut buffer = [0; 16 * 1_024];
    loop {
        for stream in &mut streams {
            let _ = stream.read(&mut buffer);
        }
        thread::sleep(Duration::from_millis(100));
    }
}

fn spawn_client(role: &str, address: SocketAddr, sockets: usize) -> Result<Child> {
    let args = [role.to_owned(), address.to_string(), sockets.to_string()];
    Command::new(env::current_exe()?).args(args).stdout(Stdio::piped()).spawn()
}

/// CPU time of writing a frame's bytes into as many sockets in turn, by nothing but the kernel.
fn bare_write_secs(sockets: usize) -> Result<f64> {
    const ROUNDS: usize = 12;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let mut client = spawn_client("bare", listener.local_addr()?, sockets)?;
    let mut streams = Vec::new();
    for _ in 0..sockets {
        let (stream, _) = listener.accept()?;
        stream.set_nodelay(true)?;
        streams.push(stream);
    }
    let cpu = cpu_secs();
    for _ in 0..ROUNDS {
        for stream in &mut streams {
            stream.write_all(&[b'x'; 128])?;
        }
        thread::sleep(STEP);
    }
    let each = (cpu_secs() - cpu) / (ROUNDS * sockets) as f64;
    client.kill()?;
    client.wait()?;
    Ok(each)
}

fn memory_bytes() -> u64 {
    let statm = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok());
    pages.unwrap_or_default() * 4_096
}

/// User and system time of this process so far.
fn cpu_secs() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split(' ').collect();
    let ticks = |at: usize| fields.get(at).and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(12) + ticks(13)) / TICKS_PER_SEC
}

fn parts(view: &MemoryView, stopped: watch::Receiver<bool>) -> Parts {
    let clock = Arc::new(SystemClock);
    let public: PublicUrl = "http://127.0.0.1:8080".parse().unwrap();
    let key = format_key("k", &[7; 32]);
    Parts {
        view: Arc::new(view.clone()),
        cookies: Cookies::new(CookieKeys::parse(&key).unwrap(), &public, clock.clone()),
        origins: Origins::new(&public, &[]),
        passes: PassKeys::parse(&key).unwrap(),
        issuer: public.to_string(),
        clock,
        limits: Limits::default(),
        stopped,
    }
}

fn progress() -> Progress {
    Progress {
        from: 0,
        to: 1,
        at: 0,
        state: EventState::Open,
        serving: 0,
        total: 100_000,
        rate: 1_200,
        waiting: 100_000,
        admitted: 0,
        inside: 0,
        holding: 0,
        booked: 0,
        sold_out: false,
        slots: Vec::new(),
    }
}

/// One record further; the first builds the view.
async fn step(view: &MemoryView, progress: &mut Progress, records: u64) {
    progress.from = progress.to;
    progress.to += records;
    progress.serving += 1;
    progress.at = SystemClock.now();
    let definition = PublicDefinition {
        title: [("en".to_owned(), "Pop-up".to_owned())].into(),
        mode: Mode::Fifo,
        time_zone: "UTC".to_owned(),
        prequeue_at: None,
        opens_at: None,
        closes_at: None,
        return_url: None,
        seats_per_ticket: 1,
        slots: Vec::new(),
    };
    let shared = SharedValue { salt: [1; 16], definition, progress: progress.clone(), head: None };
    let live = LiveMessage {
        progress: progress.clone(),
        definition: None,
        told: Vec::new(),
        traces: Vec::new(),
    };
    let generation = Generation { epoch: Epoch(1), counter: 1 };
    let write = Step {
        head: Head { epoch: Epoch(1), generation, next: progress.to },
        from: progress.from,
        shared: shared.encode().into(),
        entries: Vec::new(),
        live: live.encode().into(),
    };
    let event: EventId = "popup".parse().unwrap();
    let outcome = match records {
        0 => view.rebuild(&event, write).await,
        _ => view.write(&event, write).await,
    };
    outcome.unwrap();
}
