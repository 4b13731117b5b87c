//! The bulk of a rebuild: pages of the log are read and opened ahead, and applied by several workers,
//! each of which takes all events of its keys in order.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

use futures::{StreamExt, TryStreamExt, stream};
use sqlx::{Connection, PgConnection};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinSet,
};

use super::{RebuildError, RebuildProgress, connect, meter::Meter};
use crate::{ApplyError, LogError, RecordedEvent, applier::Applier, schemas::enter};

/// Events of the log read at once: some may weigh 256 KiB.
const PAGE: u64 = 2_000;
/// Pages read ahead: their events are opened while earlier ones are applied.
const AHEAD: usize = 2;
const WORKERS: usize = 3;
/// So often a batch is tried again that collides: it then collides with something else.
const TRIES: u32 = 100;

/// Events, or a question that is answered once those before it are applied.
enum Work {
    Apply(Vec<Arc<RecordedEvent>>),
    Answer(oneshot::Sender<()>),
}

struct Workers {
    queues: Vec<mpsc::Sender<Work>>,
    /// Dropped, they end in the middle of their work.
    tasks: JoinSet<Result<(), ApplyError>>,
}

/// Applies the events after a position and up to another; returns the latter.
pub(super) async fn fill<R: FnMut(&RebuildProgress) + Send>(
    applier: &Applier,
    from: u64,
    to: u64,
    meter: &mut Meter<R>,
) -> Result<u64, RebuildError> {
    meter.target(to);
    let mut workers = Workers::start(applier);
    // Positions are dense: pages are known before they are read.
    let firsts = (from..to).step_by(PAGE as usize);
    let mut pages = stream::iter(firsts)
        .map(|after| read(applier.clone(), after, (after + PAGE).min(to)))
        .buffered(AHEAD);
    while let Some((upto, events)) = pages.try_next().await? {
        let count = events.len() as u64;
        for part in events.chunk_by(|before, after| {
            applier.order(before).is_none() && applier.order(after).is_none()
        }) {
            workers.apply(applier, part).await?;
        }
        meter.applied(upto, count).await?;
    }
    workers.finish().await?;
    Ok(to)
}

async fn read(
    applier: Applier,
    after: u64,
    upto: u64,
) -> Result<(u64, Vec<Arc<RecordedEvent>>), LogError> {
    let page = tokio::spawn(async move {
        let wants = |event: &RecordedEvent| applier.wants(event);
        applier.log.read_wanted(after, upto, wants).await
    });
    let events = page.await.map_err(|_| LogError::Closed)??;
    Ok((upto, events))
}

impl Workers {
    fn start(applier: &Applier) -> Self {
        let mut workers = Self {
            queues: Vec::new(),
            tasks: JoinSet::new(),
        };
        for _ in 0..WORKERS {
            let (queue, work) = mpsc::channel(1);
            workers.queues.push(queue);
            workers.tasks.spawn(run(applier.clone(), work));
        }
        workers
    }

    /// Hands the events to those who have their keys. An order about parked events, which comes alone,
    /// is obeyed when all that came before it is applied, and before all that follows.
    async fn apply(
        &mut self,
        applier: &Applier,
        events: &[Arc<RecordedEvent>],
    ) -> Result<(), RebuildError> {
        if events.iter().any(|event| applier.order(event).is_some()) {
            self.wait().await?;
            self.send(0, Work::Apply(events.to_vec())).await?;
            return self.wait().await;
        }
        let mut parts = vec![Vec::new(); WORKERS];
        for event in events {
            let mut hasher = DefaultHasher::new();
            applier.projection.partition_key(event).hash(&mut hasher);
            parts[(hasher.finish() % WORKERS as u64) as usize].push(event.clone());
        }
        for (worker, part) in parts.into_iter().enumerate() {
            if !part.is_empty() {
                self.send(worker, Work::Apply(part)).await?;
            }
        }
        Ok(())
    }

    async fn wait(&mut self) -> Result<(), RebuildError> {
        let mut answers = Vec::new();
        for worker in 0..WORKERS {
            let (answer, answered) = oneshot::channel();
            self.send(worker, Work::Answer(answer)).await?;
            answers.push(answered);
        }
        for answered in answers {
            if answered.await.is_err() {
                return Err(self.failure().await);
            }
        }
        Ok(())
    }

    async fn send(&mut self, worker: usize, work: Work) -> Result<(), RebuildError> {
        match self.queues[worker].send(work).await {
            Ok(()) => Ok(()),
            Err(_) => Err(self.failure().await),
        }
    }

    /// Why a worker has ended before its time.
    async fn failure(&mut self) -> RebuildError {
        self.queues.clear();
        while let Some(ended) = self.tasks.join_next().await {
            if let Ok(Err(error)) = ended {
                return error.into();
            }
        }
        LogError::Closed.into()
    }

    async fn finish(mut self) -> Result<(), RebuildError> {
        self.queues.clear();
        while let Some(ended) = self.tasks.join_next().await {
            ended.map_err(|_| LogError::Closed)??;
        }
        Ok(())
    }
}

/// Applies a batch, once more if it collides with one of another worker: PostgreSQL lets one of the two
/// go on.
async fn apply(
    applier: &Applier,
    connection: &mut PgConnection,
    events: &[Arc<RecordedEvent>],
) -> Result<(), ApplyError> {
    let mut tries = 0;
    loop {
        let mut tx = connection.begin().await?;
        let applied = match applier.apply(&mut tx, events).await {
            Ok(()) => tx.commit().await.map_err(ApplyError::from),
            Err(error) => {
                tx.rollback().await?;
                Err(error)
            }
        };
        match applied {
            Err(error) if error.is_collision() && tries < TRIES => tries += 1,
            done => return done,
        }
        tracing::info!(tries, "a batch of a rebuild collided and is applied again");
    }
}

async fn run(applier: Applier, mut work: mpsc::Receiver<Work>) -> Result<(), ApplyError> {
    let mut connection = connect(applier.log.pool()).await?;
    let schema = applier.generation.schema_of(&*applier.projection);
    enter(&mut connection, &schema).await?;
    while let Some(work) = work.recv().await {
        match work {
            Work::Apply(events) => apply(&applier, &mut connection, &events).await?,
            // Whoever asked may have given up.
            Work::Answer(answer) => drop(answer.send(())),
        }
    }
    Ok(connection.close().await?)
}
