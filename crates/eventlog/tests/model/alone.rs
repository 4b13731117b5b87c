//! One question after the other, of several processes: every answer is known beforehand. What fails
//! is made smaller.

use proptest::test_runner::{TestCaseError, TestCaseResult};
use sqlx::PgPool;
use testkit::TestDatabase;

use crate::{
    oracle::{Answer, Ask, Oracle},
    process::{Process, dropped_after},
    rows,
    turn::{Asking, Before, PROCESSES, Turn},
};

/// Several processes on one database, which many histories share.
pub struct Alone {
    database: TestDatabase,
    processes: Vec<Process>,
    histories: u64,
}

impl Alone {
    pub async fn new(database: TestDatabase) -> Self {
        let mut processes = Vec::new();
        for _ in 0..PROCESSES {
            processes.push(Process::start(&database.url).await);
        }
        Self {
            database,
            processes,
            histories: 0,
        }
    }

    /// Plays one history on the log and on the model.
    pub async fn play(&mut self, turns: &[Turn]) -> TestCaseResult {
        self.histories += 1;
        let prefix = format!("h{}-", self.histories);
        let mut history = History {
            base: head(&self.database.pool).await,
            oracle: Oracle::default(),
            asking: Asking::new(&prefix, &prefix),
            keyed: Vec::new(),
        };
        for turn in turns {
            self.prepare(turn).await;
            let process = &self.processes[turn.process];
            let oracle = &history.oracle;
            let sequence_of = |card: &str| oracle.card(card).sequence;
            let Some(ask) = history.asking.ask(turn, sequence_of, &history.keyed) else {
                continue;
            };
            history.keyed.extend(ask.key.is_some().then(|| ask.clone()));
            let answer = match turn.dropped_after {
                Some(polls) => dropped_after(polls, process.ask(&ask))
                    .await
                    .unwrap_or(Answer::Unknown),
                None => process.ask(&ask).await,
            };
            match answer {
                Answer::Unknown => history.find_out(process, &self.database.pool, &ask).await?,
                known => history.compare(&ask, known)?,
            }
        }
        let found = rows(&self.database.pool, history.base).await;
        same(&found, &history.oracle.rows, "what is in the log")
    }

    async fn prepare(&mut self, turn: &Turn) {
        let process = &mut self.processes[turn.process];
        match turn.before {
            Before::Nothing => {}
            Before::ConnectionsCut => process.wire.cut(),
            Before::AnswerLost => process.wire.lose_next_answer(),
            Before::Restart => {
                *process = Process::start(&self.database.url).await;
            }
        }
    }
}

struct History {
    /// Where the log was before it.
    base: u64,
    oracle: Oracle,
    asking: Asking,
    keyed: Vec<Ask>,
}

impl History {
    fn compare(&mut self, ask: &Ask, mut answer: Answer) -> TestCaseResult {
        if let Answer::Done(done) = &mut answer {
            done.position -= self.base;
        }
        let before = self.oracle.head();
        let expected = self.oracle.answer(ask);
        // Where there was nothing to do, no event tells whose the kept answer is: after a lost
        // connection the log calls its own first try a repetition.
        if let (Answer::Done(found), Answer::Done(done)) = (&mut answer, &expected)
            && self.oracle.head() == before
            && !done.repeated
        {
            found.repeated = false;
        }
        same(&answer, &expected, &format!("the answer to {ask:?}"))
    }

    /// Waits until the writer has done what it had, then looks whether the question was among it.
    async fn find_out(&mut self, process: &Process, pool: &PgPool, ask: &Ask) -> TestCaseResult {
        let last = self.asking.plain();
        let settled = process.ask(&last).await;
        let is_there = rows(pool, self.base).await;
        let mut happened = is_there.iter().any(|row| row.tag() == ask.command.tag);
        // A key is kept even where there was nothing to do.
        if let Some(key) = &ask.key {
            happened |= process.knows(key).await && !self.oracle.knows(key);
        }
        if happened {
            let done = self.oracle.answer(ask);
            let is_new = matches!(&done, Answer::Done(done) if !done.repeated);
            if !is_new {
                let wrong = format!("it happened though it should not: {ask:?}: {done:?}");
                return Err(TestCaseError::fail(wrong));
            }
        }
        self.compare(&last, settled)
    }
}

async fn head(pool: &PgPool) -> u64 {
    let head: i64 = sqlx::query_scalar("SELECT coalesce(max(position), 0) FROM events")
        .fetch_one(pool)
        .await
        .unwrap();
    head as u64
}

fn same<T: PartialEq + std::fmt::Debug>(found: &T, expected: &T, what: &str) -> TestCaseResult {
    match found == expected {
        true => Ok(()),
        false => Err(TestCaseError::fail(format!(
            "{what}\n   found: {found:?}\nexpected: {expected:?}"
        ))),
    }
}
