//! A small aggregate that uses everything the log offers: several events at once, a name, a number.

use cqrs_es::{Aggregate, DomainEvent, event_sink::EventSink};
use kernel::{Claim, EventType, LogAggregate, Series};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Where the names of cards are claimed.
pub const NAMES: &str = "card_name";

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Card {
    pub sequence: u64,
    pub name: Option<String>,
    pub number: String,
    pub is_shut: bool,
}

/// What is asked of a card.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub enum Action {
    /// So many events at once.
    Write(u64),
    /// Refused unless the card has so many events.
    WriteAt(u64),
    Name(String),
    Unname,
    /// A number between two other events.
    Number(String),
    Shut,
    Open,
    /// Refused by the database, which spoils the whole batch at first.
    Spoil,
}

/// `tag` names the attempt: no two have the same.
#[derive(Debug, Clone)]
pub struct CardCommand {
    pub tag: String,
    pub action: Action,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum CardEvent {
    #[serde(rename = "test.card.written")]
    Written { tag: String },
    #[serde(rename = "test.card.named")]
    Named {
        tag: String,
        name: Option<String>,
        before: Option<String>,
    },
    #[serde(rename = "test.card.numbered")]
    Numbered {
        tag: String,
        series: String,
        number: String,
    },
    #[serde(rename = "test.card.shut")]
    Shut { tag: String, is_shut: bool },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CardError {
    #[error("shut")]
    Shut,
    #[error("stale")]
    Stale,
}

impl Card {
    /// The events that a command comes to.
    pub fn decide(&self, command: &CardCommand) -> Result<Vec<CardEvent>, CardError> {
        let tag = command.tag.clone();
        let written = || CardEvent::Written { tag: tag.clone() };
        let named = |name| CardEvent::Named {
            tag: tag.clone(),
            name,
            before: self.name.clone(),
        };
        let shut = |is_shut| CardEvent::Shut {
            tag: tag.clone(),
            is_shut,
        };
        if self.is_shut && command.action != Action::Open {
            return Err(CardError::Shut);
        }
        Ok(match &command.action {
            Action::Write(count) => (0..*count).map(|_| written()).collect(),
            Action::WriteAt(sequence) if *sequence != self.sequence => {
                return Err(CardError::Stale);
            }
            Action::WriteAt(_) | Action::Spoil => vec![written()],
            Action::Name(name) => vec![named(Some(name.clone()))],
            Action::Unname if self.name.is_none() => Vec::new(),
            Action::Unname => vec![named(None)],
            Action::Number(series) => {
                let numbered = CardEvent::Numbered {
                    tag: tag.clone(),
                    series: series.clone(),
                    number: String::new(),
                };
                vec![written(), numbered, written()]
            }
            Action::Shut => vec![shut(true)],
            Action::Open if self.is_shut => vec![shut(false)],
            Action::Open => Vec::new(),
        })
    }
}

impl EventType for CardEvent {
    fn type_name(&self) -> &'static str {
        match self {
            Self::Written { .. } => "test.card.written",
            Self::Named { .. } => "test.card.named",
            Self::Numbered { .. } => "test.card.numbered",
            Self::Shut { .. } => "test.card.shut",
        }
    }

    fn claims(&self) -> Vec<Claim> {
        let Self::Named { name, before, .. } = self else {
            return Vec::new();
        };
        let given_back = before.iter().filter(|_| before != name);
        let release = given_back.map(|name| Claim::Release {
            scope: NAMES,
            key: name.clone(),
        });
        let take = name.iter().map(|name| Claim::Take {
            scope: NAMES,
            key: name.clone(),
        });
        release.chain(take).collect()
    }

    fn series(&self) -> Option<Series> {
        match self {
            Self::Numbered { series, .. } => Some(Series {
                name: series.clone(),
                field: "number",
            }),
            _ => None,
        }
    }

    fn set_number(&mut self, given: String) {
        if let Self::Numbered { number, .. } = self {
            *number = given;
        }
    }
}

impl DomainEvent for CardEvent {
    fn event_type(&self) -> String {
        self.type_name().into()
    }

    fn event_version(&self) -> String {
        "1".into()
    }
}

impl Aggregate for Card {
    const TYPE: &'static str = "test.card";
    type Command = CardCommand;
    type Event = CardEvent;
    type Error = CardError;
    type Services = ();

    async fn handle(
        &mut self,
        command: CardCommand,
        _: &(),
        sink: &EventSink<Self>,
    ) -> Result<(), CardError> {
        for event in self.decide(&command)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: CardEvent) {
        self.sequence += 1;
        match event {
            CardEvent::Written { .. } => {}
            CardEvent::Named { name, .. } => self.name = name,
            CardEvent::Numbered { number, .. } => self.number = number,
            CardEvent::Shut { is_shut, .. } => self.is_shut = is_shut,
        }
    }
}

impl LogAggregate for Card {
    fn version(&self) -> u64 {
        self.sequence
    }

    fn outcome(&self) -> Value {
        json!({ "number": self.number, "name": self.name })
    }
}
