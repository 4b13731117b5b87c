//! A process of the platform, as far as the log goes, and what it answers.

use std::{future::Future, pin::pin};

use eventlog::{
    Append, AppendError, CommandContext, CommandKey, EventLog, ExecuteError, Executed, Loaded,
};
use kernel::{Actor, AggregateId, Metadata, new_id};
use serde_json::Value;

use crate::{
    card::{Card, CardError},
    common,
    oracle::{Answer, Ask, Done, Key, Way, Why},
    wire::Wire,
};

/// A pool, a cache and a writer of its own, behind a wire that can be cut.
pub struct Process {
    pub log: EventLog,
    pub wire: Wire,
}

impl Process {
    pub async fn start(database_url: &str) -> Self {
        let wire = Wire::to(database_url).await;
        let log = common::another_process(&wire.url).await;
        Self { log, wire }
    }

    /// Asks once.
    pub async fn ask(&self, ask: &Ask) -> Answer {
        let answer = match ask.way {
            Way::Execute => self.execute(ask).await,
            Way::Create => self.create(ask).await,
            Way::Append { expected } => self.append(ask, expected).await,
        };
        answer.unwrap_or_else(|refused| refused)
    }

    async fn execute(&self, ask: &Ask) -> Result<Answer, Answer> {
        let (id, command) = (common::id(&ask.card), ask.command.clone());
        let done = self
            .log
            .execute::<Card>(&id, command, &(), &self.context(ask))
            .await;
        done.map(answer).map_err(refused)
    }

    async fn create(&self, ask: &Ask) -> Result<Answer, Answer> {
        let (id, command) = (common::id(&ask.card), ask.command.clone());
        let guards: Vec<_> = ask
            .guards
            .iter()
            .map(|(id, sequence)| {
                let seen = Loaded::<Card> {
                    state: Default::default(),
                    sequence: *sequence,
                };
                seen.guard(&common::id(id))
            })
            .collect();
        let done = self
            .log
            .create::<Card>(&id, command, &(), &self.context(ask), &guards)
            .await;
        done.map(answer).map_err(refused)
    }

    async fn append(&self, ask: &Ask, expected: u64) -> Result<Answer, Answer> {
        let id: AggregateId = common::id(&ask.card);
        let context = self.context(ask);
        let events = Card::default()
            .decide(&ask.command)
            .map_err(|rule| Answer::Refused(Why::Rule(rule)))?;
        let append = Append::new(
            self.log.vault(),
            ("test.card", &id),
            expected,
            &events,
            &context.metadata,
            context.key,
            &Value::Null,
        );
        let append = append.await.map_err(not_appended)?;
        let done = self.log.append(append).await.map_err(not_appended)?;
        let repeated = done.repeated;
        let first = repeated
            .as_ref()
            .map_or(ask.card.clone(), |first| first.aggregate_id.to_string());
        Ok(Answer::Done(Done {
            card: first,
            position: done.position,
            outcome: repeated
                .as_ref()
                .map_or(Value::Null, |first| first.outcome.clone()),
            repeated: repeated.is_some(),
        }))
    }

    /// Whether the log keeps an answer for the key.
    pub async fn knows(&self, key: &Key) -> bool {
        let found = self.log.find_outcome(&self.command_key(key)).await;
        matches!(found, Ok(Some(_)))
    }

    fn context(&self, ask: &Ask) -> CommandContext {
        CommandContext {
            metadata: Metadata::new(Actor::system("test"), new_id()),
            key: ask.key.as_ref().map(|key| self.command_key(key)),
        }
    }

    fn command_key(&self, key: &Key) -> CommandKey {
        let (vault, actor) = (self.log.vault(), Actor::system("test"));
        CommandKey::for_caller(vault, &actor, "ask", &key.name, &key.body).unwrap()
    }
}

/// Drops a future after it was polled so often; `None` if it had not ended by then.
pub async fn dropped_after<F: Future>(polls: u32, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    for _ in 0..polls {
        if let std::task::Poll::Ready(output) = futures::poll!(future.as_mut()) {
            return Some(output);
        }
        tokio::task::yield_now().await;
    }
    None
}

fn answer(done: Executed<Card>) -> Answer {
    Answer::Done(Done {
        card: done.aggregate_id.to_string(),
        position: done.position,
        outcome: done.outcome,
        repeated: done.repeated,
    })
}

fn refused(error: ExecuteError<CardError>) -> Answer {
    Answer::Refused(match error {
        ExecuteError::Refused(rule) => Why::Rule(rule),
        ExecuteError::Outdated => Why::Outdated,
        ExecuteError::KeyReused => Why::KeyReused,
        ExecuteError::Taken { .. } => Why::Taken,
        ExecuteError::Contended => Why::Contended,
        ExecuteError::Invalid(_) => Why::Invalid,
        ExecuteError::Log(_) => return Answer::Unknown,
    })
}

fn not_appended(error: AppendError) -> Answer {
    Answer::Refused(match error {
        AppendError::Conflict { .. } => Why::Conflict,
        AppendError::Outdated => Why::Outdated,
        AppendError::KeyReused => Why::KeyReused,
        AppendError::Taken { .. } => Why::Taken,
        AppendError::Invalid(_) => Why::Invalid,
        AppendError::Log(_) => return Answer::Unknown,
    })
}
