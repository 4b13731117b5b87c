//! Whether what many were answered at once can have come about one after the other, in the order of
//! the log and without anything being answered before it was so.

use std::collections::{BTreeMap, BTreeSet};

use kernel::LogAggregate;

use crate::oracle::{Answer, Ask, Done, Key, Oracle, Row, Why};

/// A question, and when it was asked and answered, as one clock of all who ask counts.
#[derive(Debug, Clone)]
pub struct Attempt {
    pub ask: Ask,
    pub answer: Answer,
    pub began: u64,
    pub ended: u64,
}

/// Panics unless the attempts explain the log, and the log the answers. Returns the model of it.
pub fn explain(attempts: &[Attempt], log: &[Row]) -> Oracle {
    let by_tag: BTreeMap<&str, &Attempt> = attempts
        .iter()
        .map(|attempt| (&*attempt.ask.command.tag, attempt))
        .collect();
    let groups: Vec<&[Row]> = log.chunk_by(|a, b| a.tag() == b.tag()).collect();
    let seen: BTreeSet<&str> = groups.iter().map(|group| group[0].tag()).collect();
    assert_eq!(seen.len(), groups.len(), "one question's events are apart");

    let windows = Windows::of(attempts, &groups, &by_tag);
    let mut pending: Vec<(&Attempt, u64, u64)> = attempts
        .iter()
        .filter(|attempt| !seen.contains(&*attempt.ask.command.tag))
        .filter(|attempt| rests_on_a_moment(attempt))
        .map(|attempt| (attempt, windows.first(attempt), windows.last(attempt)))
        .collect();
    let mut oracle = Oracle::default();
    explain_what_has_no_events(&oracle, &mut pending);
    for group in groups {
        let attempt = by_tag.get(group[0].tag());
        let attempt = attempt.unwrap_or_else(|| panic!("nobody asked for {group:?}"));
        replay(&mut oracle, attempt, group, windows.first(attempt));
        explain_what_has_no_events(&oracle, &mut pending);
    }
    let unexplained: Vec<_> = pending.iter().take(3).collect();
    assert!(unexplained.is_empty(), "never so: {unexplained:#?}");
    check_keys(attempts, log);
    oracle
}

/// The model accepts what the log has next, and comes to the same events.
fn replay(oracle: &mut Oracle, attempt: &Attempt, group: &[Row], not_before: u64) {
    let from = oracle.rows.len();
    let done = match oracle.answer(&unkeyed(&attempt.ask)) {
        Answer::Done(done) => done,
        other => panic!("in the log, but {other:?}: {attempt:?}"),
    };
    assert_eq!(&oracle.rows[from..], group, "the events of {attempt:?}");
    assert!(
        group[0].position > not_before,
        "before what was answered earlier: {attempt:?}"
    );
    match &attempt.answer {
        Answer::Done(answer) => assert_eq!(answer, &done, "the answer to {attempt:?}"),
        Answer::Refused(_) => panic!("refused, but in the log: {attempt:?}"),
        Answer::Unknown => {}
    }
}

/// Whether the answer must have been right at one moment while it was waited for.
fn rests_on_a_moment(attempt: &Attempt) -> bool {
    match &attempt.answer {
        Answer::Done(done) => !done.repeated,
        Answer::Refused(why) => !matches!(why, Why::KeyReused | Why::Contended),
        Answer::Unknown => false,
    }
}

/// Takes out those whose answer is right now; panics if it was too late for one.
fn explain_what_has_no_events(oracle: &Oracle, pending: &mut Vec<(&Attempt, u64, u64)>) {
    let now = oracle.head();
    pending.retain(|(attempt, first, last)| {
        if *first > now {
            return true;
        }
        assert!(*last >= now, "not so from {first} to {last}: {attempt:#?}");
        let is_right = match (&attempt.answer, oracle.decide(&unkeyed(&attempt.ask))) {
            // Nothing to do, so nothing was written.
            (Answer::Done(answer), Ok(events)) => {
                let outcome = oracle.card(&attempt.ask.card).outcome();
                events.is_empty() && answer.outcome == outcome
            }
            (answer, Err(says)) => *answer == says,
            _ => false,
        };
        !is_right
    });
}

/// From and to which state of the log an answer can rest on it.
struct Windows {
    /// `(ended, position)` of what was done, the positions growing.
    acknowledged: Vec<(u64, u64)>,
    /// `(began, position before it)` of what is in the log, from the latest, the positions falling.
    begun: Vec<(u64, u64)>,
}

impl Windows {
    fn of(attempts: &[Attempt], groups: &[&[Row]], by_tag: &BTreeMap<&str, &Attempt>) -> Self {
        let mut acknowledged: Vec<(u64, u64)> = attempts
            .iter()
            .filter_map(|attempt| match &attempt.answer {
                Answer::Done(done) => Some((attempt.ended, done.position)),
                _ => None,
            })
            .collect();
        acknowledged.sort_unstable();
        let mut most = 0;
        for (_, position) in &mut acknowledged {
            most = most.max(*position);
            *position = most;
        }
        let mut begun: Vec<(u64, u64)> = groups
            .iter()
            .filter_map(|group| {
                let attempt = by_tag.get(group[0].tag())?;
                Some((attempt.began, group[0].position - 1))
            })
            .collect();
        begun.sort_unstable_by(|a, b| b.cmp(a));
        let mut least = u64::MAX;
        for (_, position) in &mut begun {
            least = least.min(*position);
            *position = least;
        }
        Self {
            acknowledged,
            begun,
        }
    }

    /// What had been answered to somebody before the attempt began.
    fn first(&self, attempt: &Attempt) -> u64 {
        let earlier = self
            .acknowledged
            .partition_point(|(ended, _)| *ended < attempt.began);
        earlier
            .checked_sub(1)
            .map_or(0, |at| self.acknowledged[at].1)
    }

    /// What had not begun yet when the attempt ended is not in it.
    fn last(&self, attempt: &Attempt) -> u64 {
        let later = self
            .begun
            .partition_point(|(began, _)| *began > attempt.ended);
        later.checked_sub(1).map_or(u64::MAX, |at| self.begun[at].1)
    }
}

/// A key has one effect, and one answer for all who repeat it.
fn check_keys(attempts: &[Attempt], log: &[Row]) {
    let last_rows: BTreeMap<&str, u64> = log.iter().map(|row| (row.tag(), row.position)).collect();
    let mut families: BTreeMap<&str, Vec<(&Key, &Attempt)>> = BTreeMap::new();
    for attempt in attempts {
        if let Some(key) = &attempt.ask.key {
            families.entry(&key.name).or_default().push((key, attempt));
        }
    }
    for family in families.values() {
        let effects: Vec<u64> = family
            .iter()
            .filter_map(|(_, attempt)| last_rows.get(&*attempt.ask.command.tag).copied())
            .collect();
        assert!(effects.len() <= 1, "a key had {effects:?}: {family:#?}");
        let dones: Vec<(&Key, &Attempt, &Done)> = family
            .iter()
            .filter_map(|(key, attempt)| match &attempt.answer {
                Answer::Done(done) => Some((*key, *attempt, done)),
                _ => None,
            })
            .collect();
        let firsts = dones.iter().filter(|(_, _, done)| !done.repeated).count();
        assert!(firsts <= 1, "two firsts: {family:#?}");
        for (key, attempt, done) in &dones {
            let (first_key, _, first) = dones[0];
            assert_eq!((first_key, &first.card), (*key, &done.card));
            assert_eq!(
                (first.position, &first.outcome),
                (done.position, &done.outcome),
                "two answers: {family:#?}"
            );
            let is_in_log = effects.is_empty() || effects[0] == done.position;
            assert!(is_in_log, "{attempt:?} is not at {effects:?}");
            for (key, later) in family.iter().filter(|(_, it)| it.began > attempt.ended) {
                check_later(*key == first_key, later);
            }
        }
        check_reused(family);
    }
}

/// Once a key was answered, everybody is answered so.
fn check_later(is_same: bool, later: &Attempt) {
    let is_right = match &later.answer {
        Answer::Done(done) => is_same && done.repeated,
        Answer::Refused(why) => !is_same && *why == Why::KeyReused,
        Answer::Unknown => true,
    };
    assert!(is_right, "the key was answered before: {later:#?}");
}

/// A key is called reused only if it was used, for something else.
fn check_reused(family: &[(&Key, &Attempt)]) {
    for (key, attempt) in family {
        if attempt.answer == Answer::Refused(Why::KeyReused) {
            let is_right = family.iter().any(|(other, it)| {
                let may_be_first = !matches!(it.answer, Answer::Refused(_));
                other.body != key.body && it.began < attempt.ended && may_be_first
            });
            assert!(
                is_right,
                "nobody used the key for something else: {attempt:#?}"
            );
        }
    }
}

fn unkeyed(ask: &Ask) -> Ask {
    Ask {
        key: None,
        ..ask.clone()
    }
}

/// How often each kind of answer was given.
pub fn summary(attempts: &[Attempt]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for attempt in attempts {
        let kind = match &attempt.answer {
            Answer::Done(done) if done.repeated => "repeated".into(),
            Answer::Done(_) => "done".into(),
            Answer::Refused(why) => format!("{why:?}"),
            Answer::Unknown => "unknown".into(),
        };
        *counts.entry(kind).or_default() += 1;
    }
    counts
}
