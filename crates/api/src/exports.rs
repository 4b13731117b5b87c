//! Exports of lists as files: how many are made at once, how they are written while they are read, and
//! what a cell may hold.
//!
//! Invariants: an export that breaks off never looks complete; one that nobody reads any more ends; its
//! place is free before its last part goes out, so that whoever has read the end can begin the next.

use std::{
    borrow::Cow,
    collections::HashMap,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::body::{Body, Bytes};
use futures::{StreamExt, stream};
use kernel::Actor;
use serde_json::Value;
use tokio::{
    sync::mpsc,
    time::{Instant, timeout_at},
};

use crate::problem::Problem;

/// When to try again that found no place.
const TRY_AGAIN: Duration = Duration::from_secs(10);

/// How many exports a process makes at once, and how long it waits for their readers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ExportLimits {
    pub in_all: usize,
    /// Of one person or service.
    pub per_party: usize,
    /// How long a reader may take for the next part.
    pub part_within: Duration,
    /// How long a whole file may take.
    pub all_within: Duration,
}

impl Default for ExportLimits {
    fn default() -> Self {
        Self {
            in_all: 8,
            per_party: 2,
            part_within: Duration::from_secs(60),
            all_within: Duration::from_secs(30 * 60),
        }
    }
}

/// The exports that one process makes.
pub(crate) struct Exports {
    limits: ExportLimits,
    running: Mutex<Running>,
}

#[derive(Default)]
struct Running {
    in_all: usize,
    by_party: HashMap<String, usize>,
}

/// The place of one export; given back when dropped.
pub(crate) struct ExportPlace {
    exports: Arc<Exports>,
    party: String,
}

impl Exports {
    pub fn new(limits: ExportLimits) -> Self {
        Self {
            limits,
            running: Mutex::default(),
        }
    }

    /// A place for one more export of a party.
    ///
    /// # Errors
    /// `rate_limited` with `Retry-After` if it, or the process, makes as many as it may.
    pub fn begin(self: &Arc<Self>, actor: &Actor) -> Result<ExportPlace, Problem> {
        let party = actor.to_string();
        let mut running = self.lock();
        let of_party = running.by_party.get(&party).copied().unwrap_or_default();
        if running.in_all >= self.limits.in_all || of_party >= self.limits.per_party {
            return Err(Problem::rate_limited(TRY_AGAIN));
        }
        running.in_all += 1;
        running.by_party.insert(party.clone(), of_party + 1);
        drop(running);
        Ok(ExportPlace {
            exports: self.clone(),
            party,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for ExportPlace {
    fn drop(&mut self) {
        let mut running = self.exports.lock();
        running.in_all -= 1;
        if let Some(count) = running.by_party.get_mut(&self.party) {
            *count -= 1;
            if *count == 0 {
                running.by_party.remove(&self.party);
            }
        }
    }
}

/// A file that is made part by part.
pub(crate) trait Parts: Send + 'static {
    /// The next part, and whether more follow.
    fn next(&mut self) -> impl Future<Output = io::Result<(Bytes, bool)>> + Send;
}

enum Part {
    More(Bytes),
    Last(Bytes),
    Broken(io::Error),
}

impl ExportPlace {
    /// Makes the file while it is read.
    pub fn body(self, parts: impl Parts) -> Body {
        let (sender, receiver) = mpsc::channel(1);
        tokio::spawn(self.make(parts, sender));
        let read = stream::unfold(Some(receiver), |receiver| async move {
            let mut receiver = receiver?;
            Some(match receiver.recv().await {
                Some(Part::More(bytes)) => (Ok(bytes), Some(receiver)),
                Some(Part::Last(bytes)) => (Ok(bytes), None),
                Some(Part::Broken(error)) => (Err(error), None),
                // The reader took too long.
                None => (Err(io::Error::other("the export broke off")), None),
            })
        });
        // Who compresses it asks once more after the end.
        Body::from_stream(read.fuse())
    }

    async fn make(self, mut parts: impl Parts, sender: mpsc::Sender<Part>) {
        let limits = self.exports.limits;
        let end = Instant::now() + limits.all_within;
        let mut place = Some(self);
        while place.is_some() {
            let part = tokio::select! {
                // Whoever asked is gone.
                () = sender.closed() => return,
                part = parts.next() => match part {
                    Ok((bytes, true)) => Part::More(bytes),
                    Ok((bytes, false)) => Part::Last(bytes),
                    Err(error) => Part::Broken(error),
                },
            };
            if !matches!(part, Part::More(_)) {
                place = None;
            }
            let until = end.min(Instant::now() + limits.part_within);
            match timeout_at(until, sender.send(part)).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return,
                Err(_) => {
                    tracing::warn!("an export was not read in time");
                    return;
                }
            }
        }
    }
}

/// A cell's text in a CSV file. A text that a spreadsheet would take for a formula is marked as one
/// (OWASP, CSV injection): at the beginning, and also after what a spreadsheet may take for the end of
/// a cell, such as `;` where numbers have decimal commas.
pub(crate) fn harmless(cell: &str) -> Cow<'_, str> {
    let mut text = String::new();
    let mut copied = 0;
    let mut begins = true;
    for (at, letter) in cell.char_indices() {
        let is_formula = matches!(letter, '=' | '+' | '-' | '@');
        let is_odd_start = at == 0 && matches!(letter, '\t' | '\r');
        if begins && is_formula || is_odd_start {
            text.push_str(&cell[copied..at]);
            text.push('\'');
            copied = at;
        }
        begins = match letter {
            ';' | '\t' | '\r' | '\n' => true,
            ' ' | '"' => begins,
            _ => false,
        };
    }
    if text.is_empty() {
        return Cow::Borrowed(cell);
    }
    text.push_str(&cell[copied..]);
    Cow::Owned(text)
}

/// A value's text in a CSV file; a number needs no mark.
pub(crate) fn text(value: &Value) -> Cow<'_, str> {
    match value {
        Value::Null => Cow::Borrowed(""),
        Value::String(text) => harmless(text),
        Value::Number(_) | Value::Bool(_) => Cow::Owned(value.to_string()),
        other => Cow::Owned(harmless(&other.to_string()).into_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn formulas_are_marked_wherever_a_cell_may_begin() {
        for (cell, expected) in [
            ("", ""),
            ("jean.dupont", "jean.dupont"),
            ("a-b=c", "a-b=c"),
            ("=1+1", "'=1+1"),
            ("-2", "'-2"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "'\t'=1"),
            ("\rx", "'\rx"),
            (" =1", " '=1"),
            ("é;=1+1;b", "é;'=1+1;b"),
            ("a; \"+1", "a; \"'+1"),
            ("a\n-1", "a\n'-1"),
        ] {
            assert_eq!(harmless(cell), expected);
        }
    }

    #[test]
    fn numbers_are_left_as_they_are() {
        assert_eq!(text(&json!(-5)), "-5");
        assert_eq!(text(&json!("-5")), "'-5");
        assert_eq!(text(&json!(null)), "");
        assert_eq!(text(&json!({ "a": -1 })), "{\"a\":-1}");
    }

    fn limits() -> ExportLimits {
        ExportLimits {
            in_all: 3,
            ..ExportLimits::default()
        }
    }

    #[test]
    fn a_party_and_the_process_make_so_many_at_once() {
        let exports = Arc::new(Exports::new(limits()));
        let (one, other) = (Actor::user("one"), Actor::user("other"));
        let held = (exports.begin(&one).unwrap(), exports.begin(&one).unwrap());
        let refused = exports.begin(&one).err().unwrap();
        assert_eq!(
            (refused.code, refused.status.as_u16()),
            ("rate_limited", 429)
        );
        assert_eq!(refused.retry_after, Some(TRY_AGAIN));
        let third = exports.begin(&other).unwrap();
        assert!(exports.begin(&other).is_err(), "the process makes three");
        drop(held.0);
        assert!(exports.begin(&other).is_ok());
        drop((held.1, third));
        let running = exports.lock();
        assert_eq!((running.in_all, running.by_party.len()), (0, 0));
    }

    /// So many parts.
    struct Counted(u8);

    impl Parts for Counted {
        async fn next(&mut self) -> io::Result<(Bytes, bool)> {
            self.0 -= 1;
            Ok((Bytes::from_static(b"part;"), self.0 > 0))
        }
    }

    async fn is_free(exports: &Exports) -> bool {
        for _ in 0..3_000 {
            if exports.lock().in_all == 0 {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        false
    }

    #[tokio::test]
    async fn whoever_has_read_the_end_can_begin_the_next() {
        let exports = Arc::new(Exports::new(ExportLimits {
            in_all: 1,
            ..limits()
        }));
        for _ in 0..50 {
            let body = exports.begin(&Actor::user("one")).unwrap().body(Counted(3));
            let read = axum::body::to_bytes(body, 100).await.unwrap();
            assert_eq!(read, "part;part;part;");
        }
    }

    #[tokio::test]
    async fn the_end_may_be_read_again() {
        let exports = Arc::new(Exports::new(limits()));
        let body = exports.begin(&Actor::user("one")).unwrap().body(Counted(1));
        let mut parts = body.into_data_stream();
        assert_eq!(parts.next().await.unwrap().unwrap(), "part;");
        assert!(parts.next().await.is_none());
        assert!(parts.next().await.is_none());
    }

    #[tokio::test]
    async fn a_reader_that_stands_still_loses_its_place_and_is_told() {
        let exports = Arc::new(Exports::new(ExportLimits {
            part_within: Duration::from_millis(20),
            ..limits()
        }));
        let body = exports.begin(&Actor::user("one")).unwrap().body(Counted(9));
        assert!(is_free(&exports).await, "it holds its place");
        let read = axum::body::to_bytes(body, 1_000).await;
        assert!(read.is_err(), "half a file looks complete");
    }

    #[tokio::test]
    async fn a_reader_that_is_gone_loses_its_place() {
        let exports = Arc::new(Exports::new(limits()));
        drop(exports.begin(&Actor::user("one")).unwrap().body(Counted(9)));
        assert!(is_free(&exports).await);
    }
}
