//! The aggregate that everyone executes commands on: an account that takes deposits.

use cqrs_es::{Aggregate, DomainEvent, event_sink::EventSink};
use kernel::{EventType, LogAggregate};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Account {
    balance: i64,
    deposits: u64,
}

#[derive(Debug, Clone)]
pub struct Deposit {
    pub amount: i64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum AccountEvent {
    #[serde(rename = "bench.account.deposited")]
    Deposited {
        amount: i64,
        balance: i64,
        note: String,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotPositive;

impl std::fmt::Display for NotPositive {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a deposit is positive")
    }
}

impl std::error::Error for NotPositive {}

impl EventType for AccountEvent {
    fn type_name(&self) -> &'static str {
        "bench.account.deposited"
    }
}

impl DomainEvent for AccountEvent {
    fn event_type(&self) -> String {
        self.type_name().into()
    }

    fn event_version(&self) -> String {
        "1".into()
    }
}

impl Aggregate for Account {
    const TYPE: &'static str = "bench.account";
    type Command = Deposit;
    type Event = AccountEvent;
    type Error = NotPositive;
    type Services = ();

    async fn handle(
        &mut self,
        command: Deposit,
        _: &(),
        sink: &EventSink<Self>,
    ) -> Result<(), NotPositive> {
        if command.amount <= 0 {
            return Err(NotPositive);
        }
        let balance = self.balance + command.amount;
        let note = "a deposit of about the size of a small real event".to_owned();
        sink.write(
            AccountEvent::Deposited {
                amount: command.amount,
                balance,
                note,
            },
            self,
        )
        .await;
        Ok(())
    }

    fn apply(&mut self, event: AccountEvent) {
        let AccountEvent::Deposited { balance, .. } = event;
        self.balance = balance;
        self.deposits += 1;
    }
}

impl LogAggregate for Account {
    fn version(&self) -> u64 {
        self.deposits
    }
}
