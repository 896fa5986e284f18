//! The one thread that writes: gathers what arrives, makes it durable together, answers.

use std::{
    collections::{HashMap, hash_map::Entry},
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use bytes::Bytes;
use domain::EventId;
use ports::{Appended, Clock, Record};
use tokio::sync::oneshot;
use tracing::{error, info};

use crate::{
    disk::Disk,
    store::{Event, Store},
    tables::{Batch, Tail},
};

/// Most jobs that wait for the writer.
pub(crate) const QUEUE_JOBS_MAX: usize = 4_096;

/// Most bytes of jobs that wait for the writer.
pub(crate) const QUEUE_BYTES_MAX: usize = 64 << 20;

/// Most jobs in one transaction.
const BATCH_JOBS_MAX: usize = 1_024;

/// A transaction takes no more jobs once it has this many bytes.
const BATCH_BYTES_MAX: usize = 8 << 20;

/// Shortest time between two tries to use a failed disk again.
const RECOVER_MS: u64 = 100;

/// What is to be made durable.
pub(crate) enum Job {
    Create {
        event: EventId,
        done: Done<()>,
    },
    Append {
        event: Arc<Event>,
        bytes: Bytes,
        done: Done<Appended>,
    },
    Put {
        key: String,
        value: Bytes,
        done: Done<()>,
    },
    /// Records of before, which follow what the event has.
    Import {
        event: Arc<Event>,
        records: Vec<Record>,
        done: Done<()>,
    },
    Delete {
        id: EventId,
        event: Arc<Event>,
        done: Done<()>,
    },
}

/// Takes the answer to a job; an error tells why it may not be durable.
pub(crate) type Done<T> = oneshot::Sender<Result<T, String>>;

/// Why a job was not taken.
#[derive(Debug)]
pub(crate) enum Refused {
    /// Too much waits already.
    Full,
    /// The writer has ended.
    Gone,
}

/// The handle of the writer's thread, which ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Writer {
    queue: Option<SyncSender<Job>>,
    waiting_bytes: Arc<AtomicUsize>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(crate) fn start(disk: Disk, store: Arc<Store>, clock: Arc<dyn Clock>) -> io::Result<Self> {
        let (sender, queue) = sync_channel(QUEUE_JOBS_MAX);
        let waiting_bytes = Arc::new(AtomicUsize::new(0));
        let inbox = Inbox { queue, waiting_bytes: Arc::clone(&waiting_bytes) };
        let scribe = Scribe { disk, store, clock, tails: HashMap::new(), free: 0, failed: None };
        let thread = std::thread::Builder::new().name("log-writer".to_owned());
        let thread = thread.spawn(move || scribe.run(&inbox))?;
        Ok(Self { queue: Some(sender), waiting_bytes, thread: Some(thread) })
    }

    /// Hands a job to the writer, without waiting.
    pub(crate) fn send(&self, job: Job) -> Result<(), Refused> {
        let size = job.size();
        let queue = self.queue.as_ref().ok_or(Refused::Gone)?;
        if self.waiting_bytes.fetch_add(size, Ordering::Relaxed) + size > QUEUE_BYTES_MAX {
            self.waiting_bytes.fetch_sub(size, Ordering::Relaxed);
            return Err(Refused::Full);
        }
        queue.try_send(job).map_err(|error| {
            self.waiting_bytes.fetch_sub(size, Ordering::Relaxed);
            match error {
                TrySendError::Full(_) => Refused::Full,
                TrySendError::Disconnected(_) => Refused::Gone,
            }
        })
    }
}

impl Drop for Writer {
    /// Waits until all jobs are answered and the file is closed, so that it can be opened again.
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            // Its panic was told when it happened.
            let _ = thread.join();
        }
    }
}

/// Where jobs arrive.
struct Inbox {
    queue: Receiver<Job>,
    waiting_bytes: Arc<AtomicUsize>,
}

impl Inbox {
    /// Adds to `first` what waits behind it, as much as fits one transaction.
    fn gather(&self, first: Job) -> Vec<Job> {
        let mut size = first.size();
        let mut jobs = vec![first];
        while jobs.len() < BATCH_JOBS_MAX && size < BATCH_BYTES_MAX {
            let Ok(job) = self.queue.try_recv() else { break };
            size += job.size();
            jobs.push(job);
        }
        self.waiting_bytes.fetch_sub(size, Ordering::Relaxed);
        jobs
    }
}

/// What the thread knows.
struct Scribe {
    /// Here alone, so that the file is closed when the thread ends.
    disk: Disk,
    store: Arc<Store>,
    clock: Arc<dyn Clock>,
    /// Where the next record of an event's number goes; what is missing is in the file.
    tails: HashMap<u32, Tail>,
    /// No event of this process had this number or one above it.
    free: u32,
    /// Why the disk can't be used, and when to try again.
    failed: Option<(String, Instant)>,
}

/// What a job becomes once its transaction is durable.
enum Staged {
    Created { number: u32 },
    Appended(Appended),
    Put { puts: u64 },
    Imported { end: u64 },
    Deleted,
}

impl Scribe {
    fn run(mut self, inbox: &Inbox) {
        loop {
            let first = match &self.failed {
                None => inbox.queue.recv().map_err(RecvTimeoutError::from),
                Some((_, retry_at)) => {
                    inbox.queue.recv_timeout(retry_at.saturating_duration_since(Instant::now()))
                }
            };
            match first {
                Ok(first) => self.handle(inbox.gather(first)),
                Err(RecvTimeoutError::Timeout) => self.recover(),
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        self.store.close();
    }

    fn handle(&mut self, jobs: Vec<Job>) {
        if let Some((_, retry_at)) = &self.failed
            && *retry_at <= Instant::now()
        {
            self.recover();
        }
        if let Some((why, _)) = &self.failed {
            return jobs.into_iter().for_each(|job| job.fail(why));
        }
        match self.commit(&jobs) {
            Ok(staged) => jobs.into_iter().zip(staged).for_each(|job| self.settle(job)),
            Err(error) => {
                error!(
                    %error,
                    "the disk failed; nothing acknowledged is lost, new commands are refused; make room \
                     or mend the disk: it is tried again by itself"
                );
                let why = error.to_string();
                jobs.into_iter().for_each(|job| job.fail(&why));
                self.failed = Some((why, Instant::now()));
                self.recover();
            }
        }
    }

    /// Makes all jobs durable, or, on an error, perhaps none.
    fn commit(&mut self, jobs: &[Job]) -> Result<Vec<Staged>, redb::Error> {
        let (tails, free, clock) = (&mut self.tails, &mut self.free, &*self.clock);
        let mut puts = self.store.puts();
        self.store.transact(|batch| {
            let mut stage = |job: &Job| match job {
                Job::Create { event, .. } => {
                    let number = batch.create(event, *free)?;
                    *free = (*free).max(number + 1);
                    Ok(Staged::Created { number })
                }
                Job::Append { event, bytes, .. } => {
                    let tail = tail_of(tails, batch, event.number)?;
                    let appended = Appended { offset: tail.next, at: tail.at.max(clock.now()) };
                    batch.append(event.number, appended, bytes)?;
                    *tail = Tail { next: appended.offset + 1, at: appended.at };
                    Ok(Staged::Appended(appended))
                }
                Job::Put { key, value, .. } => {
                    puts += 1;
                    batch.put(puts, key, value)?;
                    Ok(Staged::Put { puts })
                }
                Job::Import { event, records, .. } => {
                    let tail = tail_of(tails, batch, event.number)?;
                    for Record { offset, at, bytes } in records {
                        batch.append(event.number, Appended { offset: *offset, at: *at }, bytes)?;
                        *tail = Tail { next: offset + 1, at: *at };
                    }
                    Ok(Staged::Imported { end: tail.next })
                }
                Job::Delete { id, event, .. } => {
                    batch.delete(id, event.number)?;
                    tails.remove(&event.number);
                    Ok(Staged::Deleted)
                }
            };
            jobs.iter().map(&mut stage).collect()
        })
    }

    /// Tells everybody what is durable, the caller last.
    fn settle(&self, (job, staged): (Job, Staged)) {
        // A caller that went away needs no answer, here and in `Job::fail`.
        let _ = match (job, staged) {
            (Job::Create { event, done }, Staged::Created { number }) => {
                self.store.publish_event(&event, number);
                done.send(Ok(())).is_ok()
            }
            (Job::Append { event, done, .. }, Staged::Appended(appended)) => {
                event.publish_end(appended.offset + 1);
                done.send(Ok(appended)).is_ok()
            }
            (Job::Put { key, value, done }, Staged::Put { puts }) => {
                self.store.publish_fact(puts, &key, value);
                done.send(Ok(())).is_ok()
            }
            (Job::Import { event, done, .. }, Staged::Imported { end }) => {
                event.publish_end(end);
                done.send(Ok(())).is_ok()
            }
            (Job::Delete { id, done, .. }, Staged::Deleted) => {
                self.store.publish_deletion(&id);
                done.send(Ok(())).is_ok()
            }
            _ => false,
        };
    }

    /// Tries to use a failed disk again.
    fn recover(&mut self) {
        self.tails.clear();
        self.failed = match self.store.recover(&self.disk) {
            Ok(()) => {
                info!("the disk works again");
                None
            }
            Err(error) => {
                let retry_at = Instant::now() + Duration::from_millis(RECOVER_MS);
                Some((error.to_string(), retry_at))
            }
        };
    }
}

fn tail_of<'a>(
    tails: &'a mut HashMap<u32, Tail>,
    batch: &Batch<'_>,
    number: u32,
) -> Result<&'a mut Tail, redb::Error> {
    match tails.entry(number) {
        Entry::Occupied(known) => Ok(known.into_mut()),
        Entry::Vacant(unknown) => Ok(unknown.insert(batch.tail(number)?)),
    }
}

impl Job {
    /// In bytes, about.
    fn size(&self) -> usize {
        match self {
            Self::Create { .. } | Self::Delete { .. } => 0,
            Self::Import { records, .. } => records.iter().map(|record| record.bytes.len()).sum(),
            Self::Append { bytes, .. } => bytes.len(),
            Self::Put { key, value, .. } => key.len() + value.len(),
        }
    }

    fn fail(self, why: &str) {
        let why = why.to_owned();
        let _ = match self {
            Self::Create { done, .. }
            | Self::Put { done, .. }
            | Self::Import { done, .. }
            | Self::Delete { done, .. } => done.send(Err(why)).is_ok(),
            Self::Append { done, .. } => done.send(Err(why)).is_ok(),
        };
    }
}
