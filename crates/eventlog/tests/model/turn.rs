//! What may be asked, drawn at random: of few cards, names and series, so that it collides.

use proptest::{prelude::*, sample::Index};

use crate::{
    card::{Action, CardCommand},
    oracle::{Ask, Key, Way},
};

pub const PROCESSES: usize = 3;
const CARDS: usize = 4;

/// One turn of somebody who asks.
#[derive(Debug, Clone)]
pub struct Turn {
    pub process: usize,
    pub what: What,
    pub is_keyed: bool,
    /// Nobody waits for the answer any longer: the future is dropped after so many polls.
    pub dropped_after: Option<u32>,
    pub before: Before,
}

#[derive(Debug, Clone)]
pub enum What {
    Act {
        card: usize,
        action: Action,
    },
    /// Names the sequence that was there so many events ago.
    WriteAt {
        card: usize,
        lag: u64,
    },
    Append {
        card: usize,
        lag: u64,
        count: u64,
    },
    Create {
        guards: Vec<(usize, u64)>,
        action: Action,
    },
    /// Something that was asked with a key is asked again.
    Repeat {
        of: Index,
        has_other_body: bool,
    },
}

/// What happens to the process first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Before {
    Nothing,
    ConnectionsCut,
    /// Cut when the answer to the next append is on its way.
    AnswerLost,
    Restart,
}

pub fn turn() -> impl Strategy<Value = Turn> {
    let dropped = prop_oneof![8 => Just(None), 1 => (0_u32..40).prop_map(Some)];
    let before = prop_oneof![
        20 => Just(Before::Nothing),
        1 => Just(Before::ConnectionsCut),
        2 => Just(Before::AnswerLost),
        1 => Just(Before::Restart),
    ];
    (0..PROCESSES, what(), any::<bool>(), dropped, before).prop_map(
        |(process, what, is_keyed, dropped_after, before)| Turn {
            process,
            what,
            is_keyed,
            dropped_after,
            before,
        },
    )
}

fn what() -> impl Strategy<Value = What> {
    // Mostly what was just seen, at times what is not so any more, or not yet.
    let lag = || prop_oneof![3 => Just(0_u64), 1 => 1_u64..3];
    let guards = prop::collection::vec((0..CARDS, lag()), 0..3);
    prop_oneof![
        6 => (0..CARDS, action()).prop_map(|(card, action)| What::Act { card, action }),
        1 => (0..CARDS, lag()).prop_map(|(card, lag)| What::WriteAt { card, lag }),
        2 => (0..CARDS, lag(), 1_u64..4)
            .prop_map(|(card, lag, count)| What::Append { card, lag, count }),
        2 => (guards, created()).prop_map(|(guards, action)| What::Create { guards, action }),
        3 => (any::<Index>(), prop::bool::weighted(0.3))
            .prop_map(|(of, has_other_body)| What::Repeat { of, has_other_body }),
    ]
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        8 => (1_u64..4).prop_map(Action::Write),
        3 => (0..3).prop_map(|name| Action::Name(format!("name-{name}"))),
        1 => Just(Action::Unname),
        3 => series().prop_map(Action::Number),
        1 => Just(Action::Shut),
        4 => Just(Action::Open),
        1 => Just(Action::Spoil),
    ]
}

fn created() -> impl Strategy<Value = Action> {
    prop_oneof![
        series().prop_map(Action::Number),
        (0..3).prop_map(|name| Action::Name(format!("name-{name}"))),
        Just(Action::Spoil),
    ]
}

fn series() -> impl Strategy<Value = String> {
    prop_oneof![Just("A".to_owned()), Just("B".to_owned())]
}

/// Makes questions of turns.
pub struct Asking {
    /// Keeps the cards, names and series of one history apart from those of others.
    prefix: String,
    /// Who asks.
    who: String,
    count: u64,
}

impl Asking {
    pub fn new(prefix: &str, who: &str) -> Self {
        Self {
            prefix: prefix.to_owned(),
            who: who.to_owned(),
            count: 0,
        }
    }

    /// The cards of which a turn names a sequence.
    pub fn looked_at(&self, turn: &Turn) -> Vec<String> {
        let looked_at = match &turn.what {
            What::WriteAt { card, .. } | What::Append { card, .. } => vec![*card],
            What::Create { guards, .. } => guards.iter().map(|(card, _)| *card).collect(),
            _ => Vec::new(),
        };
        looked_at.iter().map(|card| self.card(*card)).collect()
    }

    /// `None` if there is nothing yet to repeat.
    pub fn ask(
        &mut self,
        turn: &Turn,
        sequence_of: impl Fn(&str) -> u64,
        keyed: &[Ask],
    ) -> Option<Ask> {
        let card = |nth: &usize| self.card(*nth);
        let seen = |card: String, lag: u64| {
            let now = sequence_of(&card);
            let sequence = now.checked_sub(lag).unwrap_or(now + lag);
            (card, sequence)
        };
        let mut guards_ = Vec::new();
        let (id, way, action) = match &turn.what {
            What::Act { card: nth, action } => (card(nth), Way::Execute, self.own(action)),
            What::WriteAt { card: nth, lag } => {
                let (id, sequence) = seen(card(nth), *lag);
                (id, Way::Execute, Action::WriteAt(sequence))
            }
            What::Append {
                card: nth,
                lag,
                count,
            } => {
                let (id, expected) = seen(card(nth), *lag);
                (id, Way::Append { expected }, Action::Write(*count))
            }
            What::Create { guards, action } => {
                guards_ = guards
                    .iter()
                    .map(|(nth, lag)| seen(card(nth), *lag))
                    .collect();
                (self.drawn_id(), Way::Create, self.own(action))
            }
            What::Repeat { of, has_other_body } if !keyed.is_empty() => {
                return Some(self.again(of.get(keyed), *has_other_body));
            }
            What::Repeat { .. } => return None,
        };
        let key = turn.is_keyed.then(|| Key {
            name: format!("{}key-{}", self.who, self.count),
            body: format!("{way:?} {action:?}"),
        });
        Some(Ask {
            card: id,
            command: self.tagged(action),
            key,
            guards: guards_,
            way,
        })
    }

    /// An event on a card that nobody else asks for.
    pub fn plain(&mut self) -> Ask {
        Ask {
            card: format!("{}plain", self.who),
            command: self.tagged(Action::Write(1)),
            key: None,
            guards: Vec::new(),
            way: Way::Execute,
        }
    }

    /// The same once more. What makes something new draws an id each time.
    pub fn again(&mut self, ask: &Ask, has_other_body: bool) -> Ask {
        let mut again = ask.clone();
        if ask.way == Way::Create {
            again.card = self.drawn_id();
        }
        if let (Some(key), true) = (&mut again.key, has_other_body) {
            key.body.push('!');
        }
        again.command = self.tagged(ask.command.action.clone());
        again
    }

    fn card(&self, nth: usize) -> String {
        format!("{}card-{nth}", self.prefix)
    }

    fn drawn_id(&self) -> String {
        format!("{}new-{}", self.who, self.count)
    }

    fn own(&self, action: &Action) -> Action {
        match action {
            Action::Name(name) => Action::Name(format!("{}{name}", self.prefix)),
            Action::Number(series) => Action::Number(format!("{}{series}", self.prefix)),
            other => other.clone(),
        }
    }

    fn tagged(&mut self, action: Action) -> CardCommand {
        self.count += 1;
        let kind = match action {
            Action::Spoil => crate::SPOILT,
            _ => "tag",
        };
        CardCommand {
            tag: format!("{kind}-{}{}", self.who, self.count),
            action,
        }
    }
}
