//! `greffe audit`: the trail, of any size, for those who keep it elsewhere.

use std::{
    fs::File,
    io::{BufWriter, Write},
    os::unix::fs::OpenOptionsExt,
    path::PathBuf,
};

use anyhow::Context;
use chrono::{DateTime, Utc};
use clap::{Subcommand, ValueEnum};
use kernel::Actor;
use projections::audit::{AuditFilter, AuditItem, list_audit_items};

use super::{access::Access, with_log};
use crate::config::Config;

const PAGE: u32 = 500;

#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Write the audit trail, oldest first
    Export {
        #[arg(long, value_enum, default_value_t = Format::Jsonl)]
        format: Format,
        /// To this file instead of standard output; must not exist
        #[arg(long)]
        output: Option<PathBuf>,
        /// From this time on (RFC 3339)
        #[arg(long)]
        from: Option<DateTime<Utc>>,
        /// Before this time (RFC 3339)
        #[arg(long)]
        to: Option<DateTime<Utc>>,
        /// Only what this party did, e.g. service:support
        #[arg(long)]
        actor: Option<Actor>,
        /// Only this action, or its beginning if it ends in a dot, e.g. safeguard.
        #[arg(long)]
        action: Option<String>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Csv,
    Jsonl,
}

impl AuditCommand {
    pub async fn run(self, config: &Config) -> anyhow::Result<()> {
        let Self::Export {
            format,
            output,
            from,
            to,
            actor,
            action,
        } = self;
        let filter = AuditFilter {
            from,
            to,
            actor,
            action,
            limit: PAGE,
            after: Some(0),
            ..AuditFilter::default()
        };
        let out: Box<dyn Write> = match &output {
            Some(path) => Box::new(
                // The trail names people: nobody else may read it.
                File::options()
                    .write(true)
                    .create_new(true)
                    .mode(0o600)
                    .open(path)
                    .with_context(|| format!("{} cannot be made", path.display()))?,
            ),
            None => Box::new(std::io::stdout()),
        };
        with_log(config, async |access| {
            export(access, filter, format, BufWriter::new(out)).await
        })
        .await
    }
}

async fn export(
    access: &Access,
    mut filter: AuditFilter,
    format: Format,
    out: BufWriter<Box<dyn Write>>,
) -> anyhow::Result<()> {
    let pool = &access.open.pool;
    let behind = super::projection::readers(pool).await?;
    if let Some(audit) = behind
        .iter()
        .find(|row| row.name == "audit" && row.behind > 0)
    {
        eprintln!("the trail is {} events behind the log", audit.behind);
    }
    let mut sink = Sink::new(format, out)?;
    let mut count = 0;
    loop {
        let page = list_audit_items(pool, access.open.log.vault(), &filter).await?;
        let Some(last) = page.last() else { break };
        filter.after = Some(last.position);
        count += page.len();
        sink.write(&page)?;
    }
    sink.out.flush()?;
    eprintln!("{count} items");
    Ok(())
}

struct Sink {
    format: Format,
    out: BufWriter<Box<dyn Write>>,
}

impl Sink {
    fn new(format: Format, out: BufWriter<Box<dyn Write>>) -> anyhow::Result<Self> {
        let mut sink = Self { format, out };
        if format == Format::Csv {
            sink.out.write_all(&api::audit_csv(&[], true)?)?;
        }
        Ok(sink)
    }

    fn write(&mut self, page: &[AuditItem]) -> anyhow::Result<()> {
        match self.format {
            Format::Jsonl => {
                for item in page {
                    serde_json::to_writer(&mut self.out, item)?;
                    self.out.write_all(b"\n")?;
                }
            }
            Format::Csv => self.out.write_all(&api::audit_csv(page, false)?)?,
        }
        Ok(())
    }
}
