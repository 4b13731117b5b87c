//! Clients from CSV. Every row stands for itself; repeating an import changes nothing.

use domain::clients::{Client as DomainClient, ClientCommand, ClientEntry};
use eventlog::CommandContext;
use futures::{StreamExt, stream};
use serde::Deserialize;

use super::{ClientImport, RefusedRow};
use crate::{App, Problem, caller::Caller};

/// Rows worked on at once.
const AT_ONCE: usize = 16;

#[derive(Deserialize)]
#[cfg_attr(test, derive(Debug))]
struct Row {
    id: String,
    name: String,
    critical: String,
}

/// A row with its number, or why it cannot be read.
type NumberedRow = (u32, Result<Row, String>);

enum Outcome {
    Registered(u64),
    Changed(u64),
    Unchanged,
    Refused(RefusedRow),
}

/// Takes clients from CSV with the columns `id`, `name` and `critical`.
pub async fn import_clients(
    app: &App,
    caller: &Caller,
    bytes: &[u8],
) -> Result<ClientImport, Problem> {
    let rows = read(bytes)?;
    let outcomes: Vec<_> = stream::iter(rows)
        .map(|(number, row)| take(app.clone(), caller.clone(), number, row))
        .buffered(AT_ONCE)
        .collect()
        .await;
    let mut report = ClientImport::default();
    for outcome in outcomes {
        match outcome? {
            Outcome::Registered(position) => {
                report.registered += 1;
                report.position = report.position.max(position);
            }
            Outcome::Changed(position) => {
                report.changed += 1;
                report.position = report.position.max(position);
            }
            Outcome::Unchanged => report.unchanged += 1,
            Outcome::Refused(row) => report.refused.push(row),
        }
    }
    if report.position == 0 {
        report.position = app.log.head().await?;
    }
    Ok(report)
}

/// The rows, of which those that cannot be read carry why.
fn read(bytes: &[u8]) -> Result<Vec<NumberedRow>, Problem> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    // Spreadsheets in French write `;`.
    let head = bytes.split(|b| *b == b'\n').next().unwrap_or_default();
    let delimiter = if head.contains(&b';') { b';' } else { b',' };
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .trim(csv::Trim::All)
        .from_reader(bytes);
    let columns = reader
        .headers()
        .map_err(|_| Problem::invalid("This is not CSV."))?
        .clone();
    for wanted in ["id", "name", "critical"] {
        if !columns.iter().any(|column| column == wanted) {
            return Err(Problem::field(
                wanted,
                "required",
                format!("The column `{wanted}` is missing."),
            ));
        }
    }
    let rows = reader.deserialize::<Row>();
    Ok((1..)
        .zip(rows.map(|row| row.map_err(|_| "This row cannot be read.".to_owned())))
        .collect())
}

async fn take(
    app: App,
    caller: Caller,
    number: u32,
    row: Result<Row, String>,
) -> Result<Outcome, Problem> {
    let refused = |code: &str, detail: &str| {
        Ok(Outcome::Refused(RefusedRow {
            row: number,
            code: code.into(),
            detail: detail.into(),
        }))
    };
    let row = match row {
        Ok(row) => row,
        Err(why) => return refused("invalid", &why),
    };
    let critical = match row.critical.to_lowercase().as_str() {
        "true" | "1" | "yes" | "oui" => true,
        "false" | "0" | "no" | "non" => false,
        _ => return refused("invalid", "`critical` is true or false."),
    };
    let id = DomainClient::id(&row.id);
    let before = app.log.load::<DomainClient>(&id).await?.state.version();
    let entry = ClientEntry {
        client_id: row.id,
        name: row.name,
        critical,
    };
    let command = ClientCommand::Put {
        entry,
        version: None,
        now: caller.at,
    };
    let context = CommandContext {
        metadata: caller.metadata(),
        key: None,
    };
    match app
        .log
        .execute::<DomainClient>(&id, command, &(), &context)
        .await
    {
        Ok(executed) if before == 0 => Ok(Outcome::Registered(executed.position)),
        Ok(executed) if executed.version > before => Ok(Outcome::Changed(executed.position)),
        Ok(_) => Ok(Outcome::Unchanged),
        Err(error) => {
            let problem = Problem::from(error);
            match problem.status.is_client_error() {
                true => refused(problem.code, &problem.to_string()),
                false => Err(problem),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_both_delimiters_and_names_missing_columns() {
        let rows = read("\u{feff}id;name;critical\n42;EHPAD Les Jardins;oui\n".as_bytes()).unwrap();
        let row = rows[0].1.as_ref().unwrap_or_else(|_| panic!("unread"));
        assert_eq!(
            (row.id.as_str(), row.name.as_str(), row.critical.as_str()),
            ("42", "EHPAD Les Jardins", "oui")
        );
        assert_eq!(
            read(b"id,name\n1,a\n").unwrap_err().errors[0].field,
            "critical"
        );
        assert!(read(b"id,name,critical\n1\n").unwrap()[0].1.is_err());
    }
}
