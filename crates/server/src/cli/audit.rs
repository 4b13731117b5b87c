//! `greffe audit`: the trail, of any size, for those who keep it elsewhere.

use std::{
    fs::File,
    io::{BufWriter, Write},
    os::unix::fs::OpenOptionsExt,
    path::PathBuf,
};

use anyhow::Context;
use chrono::{DateTime, SecondsFormat, Utc};
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
        for item in &page {
            sink.write(item)?;
        }
    }
    sink.finish()?;
    eprintln!("{count} items");
    Ok(())
}

enum Sink {
    Csv(Box<csv::Writer<BufWriter<Box<dyn Write>>>>),
    Jsonl(BufWriter<Box<dyn Write>>),
}

const COLUMNS: &[&str] = &[
    "position",
    "at",
    "actor_kind",
    "actor_id",
    "actor_name",
    "action",
    "outcome",
    "target_type",
    "target_id",
    "reason",
    "ip_address",
    "user_agent",
    "correlation_id",
    "causation_id",
    "details",
    "schema_version",
    "unreadable",
];

impl Sink {
    fn new(format: Format, out: BufWriter<Box<dyn Write>>) -> anyhow::Result<Self> {
        Ok(match format {
            Format::Jsonl => Self::Jsonl(out),
            Format::Csv => {
                let mut writer = csv::Writer::from_writer(out);
                writer.write_record(COLUMNS)?;
                Self::Csv(Box::new(writer))
            }
        })
    }

    fn write(&mut self, item: &AuditItem) -> anyhow::Result<()> {
        match self {
            Self::Jsonl(out) => {
                serde_json::to_writer(&mut *out, item)?;
                out.write_all(b"\n")?;
            }
            Self::Csv(out) => out.write_record(row(item)?.iter().map(|cell| harmless(cell)))?,
        }
        Ok(())
    }

    fn finish(self) -> anyhow::Result<()> {
        match self {
            Self::Jsonl(mut out) => out.flush()?,
            Self::Csv(mut out) => out.flush()?,
        }
        Ok(())
    }
}

fn row(item: &AuditItem) -> anyhow::Result<Vec<String>> {
    let actor = serde_json::to_value(&item.actor)?;
    let part = |name: &str| actor[name].as_str().unwrap_or_default().to_owned();
    Ok(vec![
        item.position.to_string(),
        item.at.to_rfc3339_opts(SecondsFormat::Millis, true),
        part("kind"),
        part("id"),
        part("name"),
        item.action.clone(),
        item.outcome.clone(),
        item.target_type.clone(),
        item.target_id.clone(),
        item.reason.clone().unwrap_or_default(),
        item.ip_address.clone().unwrap_or_default(),
        item.user_agent.clone().unwrap_or_default(),
        item.correlation_id.to_string(),
        item.causation_id
            .map(|id| id.to_string())
            .unwrap_or_default(),
        item.details.to_string(),
        item.schema_version.to_string(),
        item.unreadable.unwrap_or_default().to_owned(),
    ])
}

/// A spreadsheet runs cells that begin like a formula (OWASP, "CSV injection").
fn harmless(cell: &str) -> String {
    match cell.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        true => format!("'{cell}"),
        false => cell.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula() {
        assert_eq!(harmless("=1+1"), "'=1+1");
        assert_eq!(harmless("jean.dupont"), "jean.dupont");
        assert_eq!(harmless(""), "");
    }
}
