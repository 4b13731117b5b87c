//! Observium's `webhook-json` transport: one notification becomes one fact about an alert.
//!
//! The default template sends every field as a text, but it can be edited, and older releases sent
//! numbers and `null`: every scalar is taken as its text, and fields that are not known are ignored,
//! because the format is not ours. Links are HTML: of them, and of every other text, only the words
//! are kept.

mod plain_text;
mod times;

use chrono::{DateTime, Utc};
use events::{
    intake::{AlertFact, AlertState},
    sentinel::Severity,
};
use regex::Regex;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use plain_text::{line, plain_text};

/// The source of the alerts, and the name of the service that reports them.
pub const SOURCE: &str = "observium";

/// The most characters that a fact's texts may have; what is longer is cut, as it is for people to read.
const LONGEST_MESSAGE: usize = 2_000;
const LONGEST_NAME: usize = 200;
const LONGEST_ID: usize = 128;
const LONGEST_CLIENT_ID: usize = 64;

/// Why a notification cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    #[error("the body is not a JSON object")]
    NotAnObject,
    #[error("`{0}` is missing")]
    Missing(&'static str),
    #[error("`ALERT_STATE` is none of ALERT, ALERT REMINDER, RECOVER, SYSLOG")]
    UnknownState,
}

impl Unreadable {
    /// The field at fault, if it is one.
    pub fn field(&self) -> Option<&'static str> {
        match self {
            Self::NotAnObject => None,
            Self::Missing(field) => Some(field),
            Self::UnknownState => Some("ALERT_STATE"),
        }
    }
}

/// A notification, read.
#[derive(Debug, Clone, PartialEq)]
pub struct Notification {
    pub fact: AlertFact,
    /// Whether it says itself when it happened; else the fact has the time of arrival.
    pub is_dated: bool,
    /// Whether it is a line of a device's log: over as soon as it is told, as no `RECOVER` follows.
    pub is_moment: bool,
}

/// The client's number in the names of devices: the group `client` of a regular expression, e.g.
/// `^SWITCH-(?<client>[0-9]+)-`.
#[derive(Debug, Clone)]
pub struct ClientPattern(Regex);

/// Why a pattern cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPattern {
    #[error("it is not a regular expression: {0}")]
    Syntax(String),
    #[error("it has no group named `client`, as in `^SWITCH-(?<client>[0-9]+)-`")]
    NoGroup,
}

impl std::str::FromStr for ClientPattern {
    type Err = InvalidPattern;

    fn from_str(text: &str) -> Result<Self, InvalidPattern> {
        let regex = Regex::new(text).map_err(|error| InvalidPattern::Syntax(error.to_string()))?;
        match regex.capture_names().flatten().any(|name| name == "client") {
            true => Ok(Self(regex)),
            false => Err(InvalidPattern::NoGroup),
        }
    }
}

impl ClientPattern {
    fn client_of(&self, device: &str) -> Option<String> {
        let found = self.0.captures(device)?.name("client")?.as_str();
        // What the register could not hold names no client.
        (1..=LONGEST_CLIENT_ID)
            .contains(&found.chars().count())
            .then(|| found.to_owned())
    }
}

/// What `ALERT_STATE` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Down,
    Up,
    /// A line of a device's log matched a rule: nothing will ever say that it is well again.
    Syslog,
}

/// Reads a notification that came at `now`. Without a `clients` pattern no client is guessed.
pub fn read(
    body: &[u8],
    clients: Option<&ClientPattern>,
    now: DateTime<Utc>,
) -> Result<Notification, Unreadable> {
    let Ok(Value::Object(fields)) = serde_json::from_slice(body) else {
        return Err(Unreadable::NotAnObject);
    };
    let fields = Fields(fields);
    let state = state(&fields)?;
    let device = device(&fields)?;
    let said = times::occurred_at(|name| fields.raw(name));
    let fact = AlertFact {
        source: SOURCE.to_owned(),
        external_id: external_id(&fields, state, &device)?,
        state: match state {
            State::Up => AlertState::Up,
            State::Down | State::Syslog => AlertState::Down,
        },
        client_id: clients.and_then(|pattern| pattern.client_of(&device)),
        client_name: None,
        severity: severity(&fields),
        message: message(&fields, state, &device),
        responsibility: None,
        confidence: None,
        // Observium says that it is well, never what ended it.
        resolution: None,
        occurred_at: said.unwrap_or(now),
        device,
    };
    Ok(Notification {
        fact,
        is_dated: said.is_some(),
        is_moment: state == State::Syslog,
    })
}

/// The fields of a notification.
struct Fields(Map<String, Value>);

impl Fields {
    /// A scalar as its text, if there is one. A tag the template names and Observium did not fill
    /// (`%ALERT_SEVERITY%`) is none.
    fn raw(&self, name: &str) -> Option<String> {
        let text = match self.0.get(name)? {
            Value::String(text) => text.trim().to_owned(),
            Value::Number(number) => number.to_string(),
            Value::Bool(_) | Value::Null | Value::Array(_) | Value::Object(_) => return None,
        };
        let is_unfilled = text == format!("%{name}%");
        (!text.is_empty() && !is_unfilled).then_some(text)
    }

    /// The words of a field on one line.
    fn line(&self, name: &str, longest: usize) -> Option<String> {
        let text = line(&plain_text(&self.raw(name)?));
        (!text.is_empty()).then(|| cut(&text, longest))
    }
}

fn state(fields: &Fields) -> Result<State, Unreadable> {
    let text = fields
        .raw("ALERT_STATE")
        .ok_or(Unreadable::Missing("ALERT_STATE"))?;
    match text.to_ascii_uppercase().as_str() {
        "ALERT" | "ALERT REMINDER" => Ok(State::Down),
        "RECOVER" => Ok(State::Up),
        "SYSLOG" => Ok(State::Syslog),
        _ => Err(Unreadable::UnknownState),
    }
}

fn device(fields: &Fields) -> Result<String, Unreadable> {
    ["DEVICE_HOSTNAME", "DEVICE_SYSNAME", "DEVICE_LINK"]
        .iter()
        .find_map(|name| fields.line(name, LONGEST_NAME))
        .ok_or(Unreadable::Missing("DEVICE_HOSTNAME"))
}

/// `ALERT_ID` names what a checker watches on an entity, down and up alike. Of a line of a log it
/// names the rule alone, which may match on many devices and at many times.
fn external_id(fields: &Fields, state: State, device: &str) -> Result<String, Unreadable> {
    let id = fields
        .raw("ALERT_ID")
        .ok_or(Unreadable::Missing("ALERT_ID"))?;
    let id = match state {
        State::Down | State::Up => id,
        State::Syslog => {
            let time = times::FIELDS
                .iter()
                .find_map(|name| fields.raw(name))
                // Without its time a line cannot be told from the next of its kind: its text can.
                .or_else(|| fields.raw("METRICS"))
                .unwrap_or_default();
            format!("syslog:{id}:{device}:{time}")
        }
    };
    if id.chars().count() <= LONGEST_ID && !id.chars().any(char::is_control) {
        return Ok(id);
    }
    let digest = hex::encode(Sha256::digest(id.as_bytes()));
    Ok(format!("sha256:{digest}"))
}

/// Observium's names are Critical, Warning and Informational; its database's `crit`, `warn` and
/// `info`. What is neither, or not said, as of a line of a log, is a warning: it was worth a
/// notification to somebody.
fn severity(fields: &Fields) -> Severity {
    let text = fields.raw("ALERT_SEVERITY").unwrap_or_default();
    let text = text.to_ascii_lowercase();
    if text.starts_with("crit") {
        Severity::Critical
    } else if text.starts_with("info") {
        Severity::Info
    } else {
        Severity::Warning
    }
}

/// What the checker says, on what, and what was measured.
fn message(fields: &Fields, state: State, device: &str) -> String {
    let said = fields
        .line("ALERT_MESSAGE", LONGEST_MESSAGE)
        .or_else(|| fields.line("TITLE", LONGEST_MESSAGE))
        .unwrap_or_else(|| device.to_owned());
    let entity = fields
        .line("ENTITY_NAME", LONGEST_NAME)
        .filter(|entity| entity != device);
    let measured = match state {
        State::Up => None,
        State::Down => fields
            .line("CONDITIONS", LONGEST_MESSAGE)
            .or_else(|| fields.line("METRICS", LONGEST_MESSAGE)),
        State::Syslog => fields
            .line("SYSLOG_MESSAGE", LONGEST_MESSAGE)
            .or_else(|| fields.line("METRICS", LONGEST_MESSAGE)),
    };
    let mut message = said;
    if let Some(entity) = entity {
        message = format!("{message} — {entity}");
    }
    if let Some(measured) = measured {
        message = format!("{message} ({measured})");
    }
    cut(&message, LONGEST_MESSAGE)
}

/// At most so many characters.
fn cut(text: &str, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        None => text.to_owned(),
        Some(_) => {
            let kept: String = text.chars().take(longest - 1).collect();
            format!("{kept}…")
        }
    }
}
