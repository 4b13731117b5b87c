//! One batch of the writer: which requests may stand in it, how it is packed for `append_batch`, and
//! what the answer means.

use std::collections::{HashSet, VecDeque};

use chrono::{DateTime, Utc};
use kernel::AggregateId;
use serde_json::value::RawValue;
use sqlx::{
    Arguments, Row,
    error::BoxDynError,
    postgres::{PgArguments, PgRow},
    types::Json,
};
use uuid::Uuid;

use crate::{Append, AppendError, Appended, append::Repeated, writer::Request};

/// Requests in one batch; a limit on how long neighbours wait for each other.
pub(crate) const MAX_BATCH: usize = 256;
/// What `append_batch` says of a request.
const APPENDED: i64 = 0;
const APPENDED_BEFORE: i64 = 1;
const REPEATED: i64 = 2;
const CONFLICT: i64 = 3;
const KEY_REUSED: i64 = 4;
const TAKEN: i64 = 5;
const OUTDATED: i64 = 6;

/// The longest run of requests that may stand in one batch; the others keep their order.
pub(crate) fn next_batch(waiting: &mut VecDeque<Request>) -> Vec<Request> {
    let mut batch: Vec<Request> = Vec::with_capacity(waiting.len().min(MAX_BATCH));
    let mut taken = TakenKeys::default();
    let mut later = VecDeque::new();
    while let Some(request) = waiting.pop_front() {
        // A request also waits for an earlier one that waits: order per aggregate is kept. The first
        // in the queue never waits, whatever it names twice.
        let is_first = batch.is_empty() && later.is_empty();
        if batch.len() < MAX_BATCH && (taken.add(&request.append) || is_first) {
            batch.push(request);
        } else {
            later.push_back(request);
        }
    }
    *waiting = later;
    batch
}

/// What the requests of a batch, and those that wait before it, already touch.
#[derive(Default)]
struct TakenKeys {
    aggregates: HashSet<(&'static str, String)>,
    commands: HashSet<Uuid>,
    claims: HashSet<(&'static str, [u8; 32])>,
}

impl TakenKeys {
    /// Notes what the request touches; false if any of it was touched before.
    fn add(&mut self, append: &Append) -> bool {
        // What is decided on an aggregate must not share a batch with what changes it before.
        let mut free = append.guards.iter().all(|guard| {
            let guarded = (guard.aggregate_type, guard.aggregate_id.as_str().to_owned());
            !self.aggregates.contains(&guarded)
        });
        free &= self.aggregates.insert((
            append.aggregate_type,
            append.aggregate_id.as_str().to_owned(),
        ));
        if let Some(key) = append.key {
            free &= self.commands.insert(key.id);
        }
        for claim in &append.claims {
            free &= self.claims.insert((claim.scope, claim.key));
        }
        free
    }
}

/// Sends what [`arguments`] packs.
pub(crate) const CALL: &str =
    "SELECT verdict, last_position, found_sequence, found_outcome, found_id, detail, number, recorded_at
     FROM append_batch($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16,
                       $17, $18, $19, $20, $21, $22, $23, $24, $25) ORDER BY request";

/// The batch as the arrays that `append_batch` takes, in its order.
pub(crate) fn arguments(appends: &[Append]) -> Result<PgArguments, BoxDynError> {
    let numbered = || (1_i64..).zip(appends);
    let claims = || numbered().flat_map(|(n, a)| a.claims.iter().map(move |c| (n, c)));
    let events =
        || numbered().flat_map(|(n, a)| (1_i64..).zip(&a.events).map(move |(at, e)| (n, at, a, e)));
    fn raw(value: &RawValue) -> Json<&RawValue> {
        Json(value)
    }
    let mut to = PgArguments::default();
    to.add(
        appends
            .iter()
            .map(|a| a.key.map(|key| key.id))
            .collect::<Vec<_>>(),
    )?;
    to.add(
        appends
            .iter()
            .map(|a| a.key.map(|k| k.request_hash.to_vec()))
            .collect::<Vec<_>>(),
    )?;
    to.add(appends.iter().map(|a| raw(&a.outcome)).collect::<Vec<_>>())?;
    to.add(appends.iter().map(|a| a.aggregate_type).collect::<Vec<_>>())?;
    to.add(
        appends
            .iter()
            .map(|a| a.aggregate_id.as_str())
            .collect::<Vec<_>>(),
    )?;
    to.add(
        appends
            .iter()
            .map(|a| a.expected as i64)
            .collect::<Vec<_>>(),
    )?;
    to.add(
        appends
            .iter()
            .map(|a| a.events.len() as i64)
            .collect::<Vec<_>>(),
    )?;
    to.add(
        appends
            .iter()
            .map(|a| a.events.first().map(|e| e.event_id))
            .collect::<Vec<_>>(),
    )?;
    to.add(claims().map(|(n, _)| n).collect::<Vec<_>>())?;
    to.add(claims().map(|(_, c)| c.scope).collect::<Vec<_>>())?;
    to.add(claims().map(|(_, c)| c.key.to_vec()).collect::<Vec<_>>())?;
    to.add(claims().map(|(_, c)| c.release).collect::<Vec<_>>())?;
    to.add(events().map(|(n, _, _, _)| n).collect::<Vec<_>>())?;
    to.add(events().map(|(_, at, _, _)| at).collect::<Vec<_>>())?;
    to.add(events().map(|(_, _, _, e)| e.event_id).collect::<Vec<_>>())?;
    to.add(
        events()
            .map(|(_, _, _, e)| e.event_type)
            .collect::<Vec<_>>(),
    )?;
    to.add(
        events()
            .map(|(_, _, _, e)| e.event_version.to_string())
            .collect::<Vec<_>>(),
    )?;
    to.add(
        events()
            .map(|(_, _, _, e)| raw(&e.payload))
            .collect::<Vec<_>>(),
    )?;
    to.add(
        events()
            .map(|(_, _, a, _)| raw(&a.metadata))
            .collect::<Vec<_>>(),
    )?;
    let series = || events().map(|(_, _, _, e)| e.series.as_ref());
    to.add(
        series()
            .map(|s| s.map(|s| s.name.as_str()))
            .collect::<Vec<_>>(),
    )?;
    to.add(series().map(|s| s.map(|s| s.field)).collect::<Vec<_>>())?;
    let guards = || numbered().flat_map(|(n, a)| a.guards.iter().map(move |g| (n, g)));
    to.add(guards().map(|(n, _)| n).collect::<Vec<_>>())?;
    to.add(guards().map(|(_, g)| g.aggregate_type).collect::<Vec<_>>())?;
    to.add(
        guards()
            .map(|(_, g)| g.aggregate_id.as_str())
            .collect::<Vec<_>>(),
    )?;
    to.add(guards().map(|(_, g)| g.sequence as i64).collect::<Vec<_>>())?;
    Ok(to)
}

/// What became of a request.
pub(crate) fn outcome(row: &PgRow) -> Result<Result<Appended, AppendError>, sqlx::Error> {
    let verdict: i64 = row.try_get("verdict")?;
    let position: Option<i64> = row.try_get("last_position")?;
    let recorded_at: DateTime<Utc> = row.try_get("recorded_at")?;
    let number: Option<String> = row.try_get("number")?;
    let appended = |repeated| Appended {
        position: position.unwrap_or_default() as u64,
        recorded_at,
        number,
        repeated,
    };
    Ok(match verdict {
        APPENDED | APPENDED_BEFORE => Ok(appended(None)),
        REPEATED => {
            let id: String = row.try_get("found_id")?;
            let first = Repeated {
                aggregate_id: AggregateId::new(id)
                    .map_err(|error| sqlx::Error::Decode(error.into()))?,
                outcome: row.try_get("found_outcome")?,
            };
            Ok(appended(Some(first)))
        }
        KEY_REUSED => Err(AppendError::KeyReused),
        OUTDATED => Err(AppendError::Outdated),
        TAKEN => Err(AppendError::Taken {
            scope: row.try_get("detail")?,
        }),
        CONFLICT => Err(AppendError::Conflict {
            found: row.try_get::<i64, _>("found_sequence")? as u64,
        }),
        other => {
            return Err(sqlx::Error::Protocol(format!("append_batch said {other}")));
        }
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use kernel::{Actor, EventType, Metadata, Series};
    use serde::{Deserialize, Serialize};
    use serde_json::json;
    use sqlx::PgPool;

    use super::*;
    use crate::{CommandKey, EventLog, Guard, Vault};

    #[derive(Clone, Serialize, Deserialize)]
    #[serde(tag = "type", content = "data")]
    enum Note {
        #[serde(rename = "test.note.numbered")]
        Numbered { number: String },
        #[serde(rename = "test.note.plain")]
        Plain {},
    }

    impl EventType for Note {
        fn type_name(&self) -> &'static str {
            match self {
                Self::Numbered { .. } => "test.note.numbered",
                Self::Plain {} => "test.note.plain",
            }
        }

        fn series(&self) -> Option<Series> {
            matches!(self, Self::Numbered { .. }).then(|| Series {
                name: "N".into(),
                field: "number",
            })
        }
    }

    async fn append(vault: &Vault, id: &str, key: Option<u128>) -> Append {
        let numbered = Note::Numbered {
            number: String::new(),
        };
        let key = key.map(|id| CommandKey {
            id: Uuid::from_u128(id),
            request_hash: [7; 32],
        });
        Append::new(
            vault,
            ("test.note", &AggregateId::new(id).unwrap()),
            0,
            &[Note::Plain {}, numbered, Note::Plain {}],
            &Metadata::new(Actor::system("test"), Uuid::nil()),
            key,
            &json!({ "version": 1, "more": { "number": "" } }),
        )
        .await
        .unwrap()
    }

    async fn call(pool: &PgPool, appends: &[Append]) -> Vec<Result<Appended, AppendError>> {
        let rows = sqlx::query_with(CALL, arguments(appends).unwrap())
            .fetch_all(pool)
            .await
            .unwrap();
        rows.iter().map(|row| outcome(row).unwrap()).collect()
    }

    /// The answer was lost after the commit: the same batch is sent again.
    #[tokio::test]
    async fn a_batch_sent_again_is_answered_what_it_did() {
        let db = testkit::fresh_database().await;
        crate::migrate(&db.pool).await.unwrap();
        let vault = Vault::new(db.pool.clone(), &[7; 32]);
        drop(
            EventLog::open(db.pool.clone(), vault.clone())
                .await
                .unwrap(),
        );
        let guard = Guard {
            aggregate_type: "test.note",
            aggregate_id: AggregateId::new("guarded").unwrap(),
            sequence: 0,
        };
        let batch = [
            append(&vault, "a", Some(1)).await.with_guards(&[guard]),
            append(&vault, "b", None).await,
        ];
        let said = |answers: Vec<Result<Appended, AppendError>>| {
            let said = answers.into_iter().map(|answer| {
                let answer = answer.unwrap();
                assert!(answer.repeated.is_none(), "it is its own, not a repetition");
                (answer.position, answer.number)
            });
            said.collect::<Vec<_>>()
        };
        let first = said(call(&db.pool, &batch).await);
        let expected = [(3, Some("N-0001".to_owned())), (6, Some("N-0002".into()))];
        assert_eq!(first, expected);
        assert_eq!(said(call(&db.pool, &batch).await), expected);
        // Also when the log has gone on, and what the first one rested on with it.
        call(&db.pool, &[append(&vault, "guarded", None).await]).await;
        assert_eq!(said(call(&db.pool, &batch).await), expected);
        let head: i64 = sqlx::query_scalar("SELECT max(position) FROM events")
            .fetch_one(&db.pool)
            .await
            .unwrap();
        assert_eq!(head, 9, "nothing was appended twice");
    }
}
