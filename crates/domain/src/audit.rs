//! What is put on record without being a command of any other context. Nothing here refuses.

use std::convert::Infallible;

use cqrs_es::{Aggregate, event_sink::EventSink};
use events::audit::{
    RefusalEvent, RefusalRecorded, SensitiveReadEvent, SensitiveReadRecorded,
    SignInFailuresCounted, SignInFailuresEvent,
};
use kernel::{Actor, AggregateId, LogAggregate};
use serde::{Deserialize, Serialize};

/// Something refused to someone signed in. Recorded once; recording again does nothing.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct RecordedRefusal {
    is_recorded: bool,
}

impl Aggregate for RecordedRefusal {
    const TYPE: &'static str = "audit.refusal";
    type Command = RefusalRecorded;
    type Event = RefusalEvent;
    type Error = Infallible;
    type Services = ();

    async fn handle(
        &mut self,
        command: Self::Command,
        _: &Self::Services,
        sink: &EventSink<Self>,
    ) -> Result<(), Self::Error> {
        if !self.is_recorded {
            sink.write(RefusalEvent::Recorded(command), self).await;
        }
        Ok(())
    }

    fn apply(&mut self, _: Self::Event) {
        self.is_recorded = true;
    }
}

impl LogAggregate for RecordedRefusal {
    fn version(&self) -> u64 {
        u64::from(self.is_recorded)
    }
}

/// A sensitive record that someone read. Recorded once; recording again does nothing.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct RecordedRead {
    is_recorded: bool,
}

impl RecordedRead {
    /// The id of one person's reading of one record within one hour (UTC): pages that poll, and a
    /// live trail that would show its own reading, come to one event.
    pub fn id_within_hour(reader: &Actor, read: &SensitiveReadRecorded) -> AggregateId {
        let hour = read.read_at.timestamp().div_euclid(3_600);
        let target = read.target_id.as_deref().unwrap_or_default();
        let key = format!(
            "{reader}\n{}\n{}\n{target}\n{hour}",
            read.action, read.target_type
        );
        AggregateId::derived("sensitive_read", &key)
    }
}

impl Aggregate for RecordedRead {
    const TYPE: &'static str = "audit.sensitive_read";
    type Command = SensitiveReadRecorded;
    type Event = SensitiveReadEvent;
    type Error = Infallible;
    type Services = ();

    async fn handle(
        &mut self,
        command: Self::Command,
        _: &Self::Services,
        sink: &EventSink<Self>,
    ) -> Result<(), Self::Error> {
        if !self.is_recorded {
            sink.write(SensitiveReadEvent::Recorded(command), self)
                .await;
        }
        Ok(())
    }

    fn apply(&mut self, _: Self::Event) {
        self.is_recorded = true;
    }
}

impl LogAggregate for RecordedRead {
    fn version(&self) -> u64 {
        u64::from(self.is_recorded)
    }
}

/// Failed sign-ins of one address in one minute. A count is recorded only if it says more than the
/// last one, so repeating is harmless.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct SignInFailures {
    failures: u32,
    is_limited: bool,
    version: u64,
}

impl SignInFailures {
    /// The id for the keyed fingerprint of an address and a minute. The address itself would be
    /// found from an unkeyed id: there are few enough of them to try.
    pub fn id(fingerprint: &str) -> AggregateId {
        AggregateId::derived("sign_in_failures", fingerprint)
    }

    pub fn failures(&self) -> u32 {
        self.failures
    }
}

impl Aggregate for SignInFailures {
    const TYPE: &'static str = "audit.sign_in_failures";
    type Command = SignInFailuresCounted;
    type Event = SignInFailuresEvent;
    type Error = Infallible;
    type Services = ();

    async fn handle(
        &mut self,
        command: Self::Command,
        _: &Self::Services,
        sink: &EventSink<Self>,
    ) -> Result<(), Self::Error> {
        let says_more =
            command.failures > self.failures || (command.is_limited && !self.is_limited);
        if says_more {
            sink.write(SignInFailuresEvent::Counted(command), self)
                .await;
        }
        Ok(())
    }

    fn apply(&mut self, event: Self::Event) {
        let SignInFailuresEvent::Counted(event) = event;
        self.failures = self.failures.max(event.failures);
        self.is_limited |= event.is_limited;
        self.version += 1;
    }
}

impl LogAggregate for SignInFailures {
    fn version(&self) -> u64 {
        self.version
    }
}
