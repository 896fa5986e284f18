//! A kubelet's questions, and what follows from the answers.

use std::{
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, Result};
use reqwest::Client;
use tokio::{
    sync::watch,
    time::{Instant, Interval, MissedTickBehavior, interval_at},
};

use super::container::{Asking, Probes};
use crate::calls::Base;

/// What is known of a pod's health, and whether it gets traffic.
#[derive(Debug)]
pub struct Health {
    base: Arc<Base>,
    ready: watch::Sender<bool>,
    /// It is being deleted: whatever it says, it gets no traffic any more.
    leaving: AtomicBool,
    faults: Mutex<Vec<String>>,
}

impl Health {
    pub fn of(base: Arc<Base>) -> Self {
        let (leaving, faults) = (AtomicBool::new(false), Mutex::default());
        Self { base, ready: watch::channel(false).0, leaving, faults }
    }

    /// Out of the endpoints, for good.
    pub fn leave(&self) {
        self.leaving.store(true, Ordering::Relaxed);
        self.base.up.store(false, Ordering::Relaxed);
    }

    /// Waits until it is ready; false = not in time.
    pub async fn ready_within(&self, time: Duration) -> bool {
        let mut ready = self.ready.subscribe();
        tokio::time::timeout(time, ready.wait_for(|ready| *ready)).await.is_ok()
    }

    /// What a kubelet would have killed the container for.
    pub fn faults(&self) -> Vec<String> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn fault(&self, text: String) {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).push(text);
    }

    fn is_leaving(&self) -> bool {
        self.leaving.load(Ordering::Relaxed)
    }

    fn told(&self, ready: bool) {
        self.ready.send_replace(ready);
        self.base.up.store(ready && !self.is_leaving(), Ordering::Relaxed);
    }
}

/// Asks for as long as the pod lives: first whether it has started, then both others side by side.
pub async fn watch(probes: Probes, ip: IpAddr, health: Arc<Health>) -> Result<()> {
    let Probes { startup, liveness, readiness } = probes;
    let limit = startup.failures;
    if !Asker::new(startup, ip)?.verdict().await {
        health.fault(format!("it did not start within {limit} questions"));
        return Ok(());
    }
    let mut liveness = Asker::new(liveness, ip)?;
    let mut readiness = Asker::new(readiness, ip)?;
    let alive = async {
        while liveness.verdict().await {}
        // A container that ends is not started again for being silent.
        if !health.is_leaving() {
            health.fault("its liveness failed: it would have been started again".to_owned());
        }
    };
    let ready = async {
        loop {
            health.told(readiness.verdict().await);
        }
    };
    tokio::join!(alive, ready);
    Ok(())
}

struct Asker {
    client: Client,
    url: String,
    clock: Interval,
    failures: u32,
}

impl Asker {
    fn new(asking: Asking, ip: IpAddr) -> Result<Self> {
        let client = Client::builder().timeout(asking.timeout).pool_max_idle_per_host(0);
        let client = client.no_proxy().build().context("cannot make an HTTP client")?;
        let mut clock = interval_at(Instant::now() + asking.delay, asking.period);
        clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let url = format!("http://{}{}", SocketAddr::new(ip, asking.port), asking.path);
        Ok(Self { client, url, clock, failures: asking.failures })
    }

    /// Asks until one answer is good, or so many in a row are not.
    async fn verdict(&mut self) -> bool {
        for _ in 0..self.failures {
            self.clock.tick().await;
            let answer = self.client.get(&self.url).send().await;
            if answer.is_ok_and(|answer| (200..400).contains(&answer.status().as_u16())) {
                return true;
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;

    /// Answers `/livez` and `/readyz` by these statuses.
    async fn serve(live: watch::Receiver<u16>, ready: watch::Receiver<u16>) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = [0; 1024];
                let read = stream.read(&mut request).await.unwrap_or(0);
                let is_live = request[..read].starts_with(b"GET /livez");
                let status = if is_live { *live.borrow() } else { *ready.borrow() };
                let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\n\r\n");
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        port
    }

    fn probes(port: u16) -> Probes {
        let asking = |path: &str, failures| Asking {
            path: path.to_owned(),
            port,
            delay: Duration::ZERO,
            period: Duration::from_millis(20),
            timeout: Duration::from_secs(5),
            failures,
        };
        Probes {
            startup: asking("/livez", 3),
            liveness: asking("/livez", 3),
            readiness: asking("/readyz", 2),
        }
    }

    async fn until(holds: impl Fn() -> bool) {
        let began = Instant::now();
        while !holds() {
            assert!(began.elapsed() < Duration::from_secs(10), "not in time");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    fn pod() -> (Arc<Base>, Arc<Health>) {
        let base = Arc::new(Base { url: String::new(), up: AtomicBool::new(false) });
        (base.clone(), Arc::new(Health::of(base)))
    }

    #[tokio::test]
    async fn traffic_follows_readiness_until_the_pod_leaves() {
        let (live, ready) = (watch::channel(200).0, watch::channel(503).0);
        let port = serve(live.subscribe(), ready.subscribe()).await;
        let (base, health) = pod();
        let up = || base.up.load(Ordering::Relaxed);
        tokio::spawn(watch(probes(port), [127, 0, 0, 1].into(), health.clone()));
        assert!(!health.ready_within(Duration::from_millis(100)).await && !up());
        ready.send_replace(200);
        assert!(health.ready_within(Duration::from_secs(10)).await);
        until(up).await;
        ready.send_replace(503);
        until(|| !up()).await;
        health.leave();
        ready.send_replace(200);
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(!up() && health.faults().is_empty());
    }

    #[tokio::test]
    async fn a_pod_that_dies_or_never_starts_is_a_fault() {
        let (live, ready) = (watch::channel(200).0, watch::channel(200).0);
        let port = serve(live.subscribe(), ready.subscribe()).await;
        let (_, health) = pod();
        tokio::spawn(watch(probes(port), [127, 0, 0, 1].into(), health.clone()));
        assert!(health.ready_within(Duration::from_secs(10)).await);
        live.send_replace(500);
        until(|| health.faults().iter().any(|fault| fault.contains("liveness"))).await;
        let (_, late) = pod();
        watch(probes(port), [127, 0, 0, 1].into(), late.clone()).await.unwrap();
        assert!(late.faults()[0].contains("did not start"), "{:?}", late.faults());
    }
}
