//! A backup of the database, for the record.

use std::convert::Infallible;

use chrono::{DateTime, Utc};
use cqrs_es::{Aggregate, event_sink::EventSink};
use events::operations::{BackupBegun, BackupEvent, BackupRestored};
use kernel::LogAggregate;
use serde::{Deserialize, Serialize};

/// What is put on record of a backup. Whether there is such a file is not known here.
#[derive(Debug, Clone)]
pub enum BackupCommand {
    /// The database is about to be copied.
    RecordBegin {
        /// The name of the file, without its folder.
        file: String,
        now: DateTime<Utc>,
    },
    /// The copy is put in the place of the database.
    RecordRestore {
        /// The name of the file, without its folder.
        file: String,
        /// The last position that the copy holds.
        position: u64,
        now: DateTime<Utc>,
    },
}

/// A backup: begun once, restored as often as it is needed.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Backup {
    version: u64,
}

impl Aggregate for Backup {
    const TYPE: &'static str = "operations.backup";
    type Command = BackupCommand;
    type Event = BackupEvent;
    type Error = Infallible;
    type Services = ();

    async fn handle(
        &mut self,
        command: Self::Command,
        _: &Self::Services,
        sink: &EventSink<Self>,
    ) -> Result<(), Self::Error> {
        let event = match command {
            BackupCommand::RecordBegin { file, now } => BackupEvent::Begun(BackupBegun {
                file,
                begun_at: now,
            }),
            BackupCommand::RecordRestore {
                file,
                position,
                now,
            } => BackupEvent::Restored(BackupRestored {
                file,
                position,
                restored_at: now,
            }),
        };
        sink.write(event, self).await;
        Ok(())
    }

    fn apply(&mut self, _: Self::Event) {
        self.version += 1;
    }
}

impl LogAggregate for Backup {
    fn version(&self) -> u64 {
        self.version
    }
}
