//! What is recorded of refusals and sensitive reads before the answer goes out.

use std::{
    collections::{HashMap, HashSet},
    convert::Infallible,
    sync::{Mutex, PoisonError},
};

use chrono::{DateTime, Utc};
use domain::audit::{RecordedRead, RecordedRefusal};
use eventlog::{CommandContext, ExecuteError};
use events::audit::{RefusalRecorded, SensitiveReadRecorded};
use kernel::{Actor, AggregateId, LogAggregate, Metadata};

use crate::{App, Problem, access, caller::Caller};

/// Ids that may stand in clear: anything else a caller writes in a path is not kept.
const LONGEST_TARGET: usize = 64;
/// Targets recorded one by one per party, operation, code and minute; the rest are one refusal.
const TARGETS_A_MINUTE: usize = 20;

/// What refusals are alike: party, operation, code.
type Kind = (Actor, String, &'static str);

/// The refusals of this minute, of which the first of its kind and target is in the trail. How often
/// they were repeated is logged when the minute is over.
#[derive(Default)]
pub struct Refusals(Mutex<HashMap<Kind, Minute>>);

#[derive(Default)]
struct Minute {
    minute: i64,
    recorded: HashSet<Option<String>>,
    repeated: u64,
}

impl Minute {
    fn report(&self, kind: &Kind) {
        if self.repeated > 0 {
            let (actor, operation, code) = kind;
            metrics::counter!("greffe_refusals_repeated_total").increment(self.repeated);
            tracing::warn!(
                refusal.actor = %actor, refusal.operation = operation, refusal.code = code,
                refusal.repeated = self.repeated,
                "refusals were repeated within a minute; the trail has the first of them"
            );
        }
    }
}

fn minute_of(time: DateTime<Utc>) -> i64 {
    time.timestamp().div_euclid(60)
}

impl Refusals {
    /// Counts a refusal; the target to record it under, or nothing if it is in the trail already.
    fn count(&self, kind: &Kind, target: Option<&str>, minute: i64) -> Option<Option<String>> {
        let mut kinds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = kinds.entry(kind.clone()).or_default();
        if known.minute != minute {
            known.report(kind);
            *known = Minute {
                minute,
                ..Minute::default()
            };
        }
        let mut target = target.map(str::to_owned);
        let is_full = known.recorded.len() >= TARGETS_A_MINUTE;
        if is_full && !known.recorded.contains(&target) {
            target = None;
        }
        if known.recorded.contains(&target) {
            known.repeated += 1;
            return None;
        }
        Some(target)
    }

    /// It is in the trail: the next one like it need not be.
    fn note(&self, kind: &Kind, target: Option<String>, minute: i64) {
        let mut kinds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = kinds.get_mut(kind)
            && known.minute == minute
        {
            known.recorded.insert(target);
        }
    }

    /// Logs and forgets the minutes that are over.
    pub fn report_before(&self, now: DateTime<Utc>) {
        let mut kinds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kinds.retain(|kind, known| {
            let goes_on = known.minute >= minute_of(now);
            if !goes_on {
                known.report(kind);
            }
            goes_on
        });
    }

    /// Logs and forgets all, at the end of the process.
    pub fn report_all(&self) {
        self.report_before(DateTime::<Utc>::MAX_UTC);
    }
}

impl App {
    /// Records that someone known was refused something, if it is a decision about him: the first
    /// in a minute of its kind and target before the answer goes out, the rest as a count.
    pub async fn audit_refusal(
        &self,
        caller: &Caller,
        operation: &str,
        target: Option<&str>,
        problem: &Problem,
    ) -> Result<(), Problem> {
        if !problem.audited {
            return Ok(());
        }
        let is_plain = |id: &&str| {
            id.len() <= LONGEST_TARGET
                && id
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b':'))
        };
        let target = target.filter(is_plain);
        let kind = (caller.actor.clone(), operation.to_owned(), problem.code);
        let minute = minute_of(caller.at);
        let Some(target_id) = self.refusals.count(&kind, target, minute) else {
            return Ok(());
        };
        let command = RefusalRecorded {
            action: operation.to_owned(),
            code: problem.code.to_owned(),
            target_type: access::rule(operation)
                .and_then(|rule| rule.target)
                .map(str::to_owned),
            target_id: target_id.clone(),
            refused_at: caller.at,
        };
        // Another process, or a request beside this one, records it under the same id, once.
        let alike = format!(
            "{}|{operation}|{}|{}|{minute}",
            caller.actor,
            problem.code,
            target_id.as_deref().unwrap_or_default()
        );
        let alike = self.log.vault().fingerprint("refusal", &alike);
        let id = AggregateId::derived("refusal", &hex::encode(alike));
        record_infallible::<RecordedRefusal>(self, &id, command, caller.metadata()).await?;
        self.refusals.note(&kind, target_id, minute);
        Ok(())
    }

    /// Records that someone reads what is sensitive.
    pub async fn audit_read(
        &self,
        caller: &Caller,
        operation: &str,
        target_type: &str,
    ) -> Result<(), Problem> {
        let command = SensitiveReadRecorded {
            action: operation.to_owned(),
            target_type: target_type.to_owned(),
            target_id: None,
            read_at: caller.at,
        };
        let id = AggregateId::from(kernel::new_id());
        record_infallible::<RecordedRead>(self, &id, command, caller.metadata()).await
    }

    /// Records that someone reads approvals by the list or the feed, once per hour.
    pub async fn audit_reading(&self, caller: &Caller, operation: &str) -> Result<(), Problem> {
        self.audit_repeated_read(caller, operation, "safeguard.approval", None)
            .await
    }

    /// Records that someone reads what is sensitive, once per hour: for what pages ask for again
    /// and again.
    pub async fn audit_repeated_read(
        &self,
        caller: &Caller,
        operation: &str,
        target_type: &str,
        target_id: Option<&str>,
    ) -> Result<(), Problem> {
        let command = SensitiveReadRecorded {
            action: operation.to_owned(),
            target_type: target_type.to_owned(),
            target_id: target_id.map(str::to_owned),
            read_at: caller.at,
        };
        let id = RecordedRead::id_within_hour(&caller.actor, &command);
        // Pages ask every few seconds: what this process remembers as recorded costs no query.
        if self.log.recall::<RecordedRead>(&id).await?.sequence > 0 {
            return Ok(());
        }
        record_infallible::<RecordedRead>(self, &id, command, caller.metadata()).await
    }
}

/// Runs a command that nothing refuses.
pub async fn record_infallible<A>(
    app: &App,
    id: &AggregateId,
    command: A::Command,
    metadata: Metadata,
) -> Result<(), Problem>
where
    A: LogAggregate + cqrs_es::Aggregate<Error = Infallible, Services = ()>,
    A::Command: Clone,
{
    let context = CommandContext {
        metadata,
        key: None,
    };
    match app.log.execute::<A>(id, command, &(), &context).await {
        Ok(_) => Ok(()),
        Err(ExecuteError::Refused(never)) => match never {},
        Err(ExecuteError::Log(error)) => Err(error.into()),
        Err(other) => Err(Problem::internal(other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_a_minute_is_recorded_and_the_rest_counted() {
        let refusals = Refusals::default();
        let kind = (
            Actor::service("bot"),
            "claim_execution".to_owned(),
            "grant_used",
        );
        let recorded = |target: &str, minute| match refusals.count(&kind, Some(target), minute) {
            Some(under) => {
                refusals.note(&kind, under.clone(), minute);
                Some(under)
            }
            None => None,
        };
        assert_eq!(recorded("a", 1), Some(Some("a".into())));
        assert_eq!(recorded("a", 1), None);
        for n in 1..TARGETS_A_MINUTE {
            assert!(recorded(&n.to_string(), 1).is_some());
        }
        assert_eq!(recorded("one more", 1), Some(None), "under no target");
        assert_eq!(recorded("and more", 1), None);
        assert_eq!(recorded("a", 1), None);
        let repeated = |at: &Kind| refusals.0.lock().unwrap()[at].repeated;
        assert_eq!(repeated(&kind), 3);
        let other = (Actor::service("other"), kind.1.clone(), kind.2);
        assert!(refusals.count(&other, Some("a"), 1).is_some());
        assert_eq!(recorded("a", 2), Some(Some("a".into())), "a new minute");
        refusals.report_before(DateTime::from_timestamp(3 * 60, 0).unwrap());
        assert!(refusals.0.lock().unwrap().is_empty());
    }

    #[test]
    fn a_refusal_that_could_not_be_recorded_is_tried_again() {
        let refusals = Refusals::default();
        let kind = (Actor::user("1"), "approve_request".to_owned(), "forbidden");
        assert!(refusals.count(&kind, None, 1).is_some());
        assert!(refusals.count(&kind, None, 1).is_some());
    }
}
