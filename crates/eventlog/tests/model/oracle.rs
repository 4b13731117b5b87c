//! What the log should be and answer: the same, in memory, one command after the other.

use std::collections::BTreeMap;

use cqrs_es::Aggregate;
use kernel::LogAggregate;
use serde_json::Value;

use crate::card::{Action, Card, CardCommand, CardError, CardEvent};

/// One thing asked of the log.
#[derive(Debug, Clone)]
pub struct Ask {
    /// For something new the id that was drawn for it.
    pub card: String,
    pub command: CardCommand,
    pub key: Option<Key>,
    /// Cards that the decision rests on, each with the sequence it saw.
    pub guards: Vec<(String, u64)>,
    pub way: Way,
}

/// The same name with another body is another request.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    pub name: String,
    pub body: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Execute,
    Create,
    /// Events as they are, for a sequence that the caller names.
    Append {
        expected: u64,
    },
}

#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    Done(Done),
    Refused(Why),
    /// The connection broke or nobody waited: it happened or it did not.
    Unknown,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Done {
    pub card: String,
    pub position: u64,
    pub outcome: Value,
    pub repeated: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    Rule(CardError),
    Conflict,
    Contended,
    Outdated,
    KeyReused,
    Taken,
    Invalid,
}

/// An event, as the log should have it.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    pub position: u64,
    pub card: String,
    pub sequence: u64,
    pub event: CardEvent,
}

impl Row {
    pub fn tag(&self) -> &str {
        match &self.event {
            CardEvent::Written { tag }
            | CardEvent::Named { tag, .. }
            | CardEvent::Numbered { tag, .. }
            | CardEvent::Shut { tag, .. } => tag,
        }
    }
}

#[derive(Debug, Clone, Default)]
pub struct Oracle {
    pub rows: Vec<Row>,
    pub names: BTreeMap<String, String>,
    pub numbers: BTreeMap<String, u64>,
    cards: BTreeMap<String, Card>,
    keys: BTreeMap<String, (String, Done)>,
}

impl Oracle {
    pub fn head(&self) -> u64 {
        self.rows.len() as u64
    }

    pub fn card(&self, id: &str) -> Card {
        self.cards.get(id).cloned().unwrap_or_default()
    }

    pub fn knows(&self, key: &Key) -> bool {
        self.keys.contains_key(&key.name)
    }

    /// Does what is asked, if it may be.
    pub fn answer(&mut self, ask: &Ask) -> Answer {
        match self.decide(ask) {
            Ok(events) => Answer::Done(self.append(ask, events)),
            Err(answer) => answer,
        }
    }

    /// The events it comes to, or the answer if there are to be none.
    pub fn decide(&self, ask: &Ask) -> Result<Vec<CardEvent>, Answer> {
        let known = ask.key.as_ref().and_then(|key| {
            let (body, done) = self.keys.get(&key.name)?;
            let first = Done {
                repeated: true,
                ..done.clone()
            };
            Some(match *body == key.body {
                true => Answer::Done(first),
                false => Answer::Refused(Why::KeyReused),
            })
        });
        if let Some(known) = known {
            return Err(known);
        }
        let refused = |why| Err(Answer::Refused(why));
        let card = self.card(&ask.card);
        let (decided, expected) = match ask.way {
            Way::Execute => (card.decide(&ask.command), card.sequence),
            Way::Create => (Card::default().decide(&ask.command), 0),
            Way::Append { expected } => (Card::default().decide(&ask.command), expected),
        };
        let events = match decided {
            Ok(events) => events,
            Err(rule) => return refused(Why::Rule(rule)),
        };
        let sequence_of = |id: &String| self.cards.get(id).map_or(0, |card| card.sequence);
        if card.sequence != expected {
            return refused(Why::Conflict);
        }
        if ask.guards.iter().any(|(id, saw)| sequence_of(id) != *saw) {
            return refused(Why::Outdated);
        }
        let is_lost = |event: &CardEvent| match event {
            CardEvent::Named {
                name: Some(name), ..
            } => self
                .names
                .get(name)
                .is_some_and(|holder| *holder != ask.card),
            _ => false,
        };
        if events.iter().any(is_lost) {
            return refused(Why::Taken);
        }
        match ask.command.action {
            Action::Spoil => refused(Why::Invalid),
            _ => Ok(events),
        }
    }

    fn append(&mut self, ask: &Ask, events: Vec<CardEvent>) -> Done {
        let mut card = self.card(&ask.card);
        for mut event in events {
            if let CardEvent::Numbered { series, number, .. } = &mut event {
                let last = self.numbers.entry(series.clone()).or_default();
                *last += 1;
                *number = format!("{series}-{last:04}");
            }
            if let CardEvent::Named { name, before, .. } = &event {
                before.iter().for_each(|name| drop(self.names.remove(name)));
                let taken = name.clone().map(|name| (name, ask.card.clone()));
                self.names.extend(taken);
            }
            card.apply(event.clone());
            self.rows.push(Row {
                position: self.head() + 1,
                card: ask.card.clone(),
                sequence: card.sequence,
                event,
            });
        }
        let outcome = match ask.way {
            Way::Append { .. } => Value::Null,
            _ => card.outcome(),
        };
        self.cards.insert(ask.card.clone(), card);
        let done = Done {
            card: ask.card.clone(),
            position: self.head(),
            outcome,
            repeated: false,
        };
        if let Some(key) = &ask.key {
            let first = (key.body.clone(), done.clone());
            self.keys.insert(key.name.clone(), first);
        }
        done
    }
}
