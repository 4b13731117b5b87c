//! The lists as files. CSV is written while it is read, whatever its size; a spreadsheet is made whole,
//! and so bounded. Every export is in the trail before it begins.

use std::io;

use axum::{
    body::Bytes,
    http::{HeaderName, header},
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Utc};
use projections::{
    ReadError,
    supervision::{self as rows, ClientRef},
};
use rust_xlsxwriter::{Format, Workbook, XlsxError};
use serde::Serialize;
use serde_json::Value;

use super::{
    queries::{READS, wanted_alerts, wanted_errors, wanted_runs, wanted_tickets},
    shapes::*,
};
use crate::{
    App, Problem,
    caller::Caller,
    commands::POSITION,
    exports::{ExportPlace, Parts, text},
    min_position::MinPosition,
};

/// Rows fetched at once.
const PAGE: u32 = 1_000;
/// Rows of a spreadsheet at most.
const MOST_ROWS: usize = 100_000;
/// A spreadsheet is made in memory: of texts it holds about so much (bytes).
const MOST_BYTES: usize = 64 << 20;
/// Says that a spreadsheet does not hold all that was found.
pub(crate) const TRUNCATED: HeaderName = HeaderName::from_static("greffe-truncated");
const SPREADSHEET: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

/// Tickets as a file.
pub async fn export_tickets(
    app: &App,
    caller: &Caller,
    filter: TicketFilter,
    format: ExportFormat,
    from: MinPosition,
) -> Result<Response, Problem> {
    let list = List::Tickets(wanted_tickets(caller, &filter)?);
    export(app, caller, "export_tickets", list, format, from).await
}

/// Episodes of alerts as a file.
pub async fn export_alerts(
    app: &App,
    caller: &Caller,
    filter: AlertFilter,
    format: ExportFormat,
    from: MinPosition,
) -> Result<Response, Problem> {
    let list = List::Alerts(wanted_alerts(caller, &filter)?);
    export(app, caller, "export_alerts", list, format, from).await
}

/// Errors of workflows as a file.
pub async fn export_workflow_errors(
    app: &App,
    caller: &Caller,
    filter: ErrorFilter,
    format: ExportFormat,
    from: MinPosition,
) -> Result<Response, Problem> {
    let list = List::Errors(wanted_errors(caller, &filter)?);
    export(app, caller, "export_workflow_errors", list, format, from).await
}

/// Runs of ENRICHISSEUR as a file.
pub async fn export_enrichment_runs(
    app: &App,
    caller: &Caller,
    filter: RunFilter,
    format: ExportFormat,
    from: MinPosition,
) -> Result<Response, Problem> {
    let list = List::Runs(wanted_runs(caller, &filter)?);
    export(app, caller, "export_enrichment_runs", list, format, from).await
}

/// What is exported, and how far it is.
enum List {
    Tickets(rows::TicketFilter),
    Alerts(rows::AlertFilter),
    Errors(rows::ErrorFilter),
    Runs(rows::RunFilter),
}

async fn export(
    app: &App,
    caller: &Caller,
    operation: &'static str,
    list: List,
    format: ExportFormat,
    from: MinPosition,
) -> Result<Response, Problem> {
    let place = app.exports.begin(&caller.actor)?;
    let position = app.reached(READS, from).await?;
    app.audit_read(caller, operation, list.target()).await?;
    let export = Export {
        app: app.clone(),
        now: caller.at,
        list,
        is_first: true,
    };
    let name = export.list.name();
    let (kind, end) = match format {
        ExportFormat::Csv => ("text/csv; charset=utf-8", "csv"),
        ExportFormat::Xlsx => (SPREADSHEET, "xlsx"),
    };
    let headers: [(HeaderName, String); 3] = [
        (header::CONTENT_TYPE, kind.into()),
        (
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"{name}.{end}\""),
        ),
        (POSITION, position.to_string()),
    ];
    match format {
        ExportFormat::Csv => Ok((headers, place.body(export)).into_response()),
        ExportFormat::Xlsx => {
            let (bytes, is_cut) = export.spreadsheet(place).await?;
            Ok((headers, [(TRUNCATED, is_cut.to_string())], bytes).into_response())
        }
    }
}

struct Export {
    app: App,
    now: DateTime<Utc>,
    list: List,
    is_first: bool,
}

/// The values of an item, column by column.
type Row = Vec<Value>;

impl Parts for Export {
    async fn next(&mut self) -> io::Result<(Bytes, bool)> {
        let found = self.list.next(&self.app, self.now).await;
        let (rows, is_more) = found.map_err(|error| {
            tracing::error!(error = %error, "an export of SUPERVISION broke off");
            io::Error::other("the export broke off")
        })?;
        let mut writer = csv::Writer::from_writer(Vec::new());
        if self.is_first {
            writer.write_record(self.list.columns())?;
        }
        for row in rows {
            writer.write_record(row.iter().map(|cell| text(cell).into_owned()))?;
        }
        let part = writer.into_inner();
        let part = part.map_err(|error| io::Error::other(error.to_string()))?;
        self.is_first = false;
        Ok((Bytes::from(part), is_more))
    }
}

impl Export {
    /// The file, and whether it holds less than was found. Its place is kept while it is made, also if
    /// nobody waits for it any more.
    async fn spreadsheet(mut self, place: ExportPlace) -> Result<(Vec<u8>, bool), Problem> {
        let mut all = Vec::new();
        let mut bytes = 0;
        let mut is_more = true;
        while is_more && all.len() < MOST_ROWS && bytes < MOST_BYTES {
            let (rows, more) = self.list.next(&self.app, self.now).await?;
            let texts = rows.iter().flatten().filter_map(Value::as_str);
            bytes += texts.map(str::len).sum::<usize>();
            all.extend(rows);
            is_more = more;
        }
        let is_cut = is_more || all.len() > MOST_ROWS;
        all.truncate(MOST_ROWS);
        let columns = self.list.columns();
        let made = tokio::task::spawn_blocking(move || {
            let _place = place;
            workbook(columns, &all, is_cut)
        });
        let bytes = made.await.map_err(Problem::internal)?;
        Ok((bytes.map_err(Problem::internal)?, is_cut))
    }
}

/// Numbers are numbers, the rest is text: nothing in it is taken for a formula.
fn workbook(columns: &[&str], rows: &[Row], is_cut: bool) -> Result<Vec<u8>, XlsxError> {
    let mut workbook = Workbook::new();
    let sheet = workbook.add_worksheet();
    let bold = Format::new().set_bold();
    for (column, name) in (0..).zip(columns) {
        sheet.write_string_with_format(0, column, *name, &bold)?;
    }
    for (at, row) in (1..).zip(rows) {
        for (column, cell) in (0..).zip(row) {
            match (cell, exact(cell)) {
                (Value::Null, _) => continue,
                (_, Some(number)) => sheet.write_number(at, column, number)?,
                (Value::String(text), _) => sheet.write_string(at, column, cut(text))?,
                (other, _) => sheet.write_string(at, column, cut(&other.to_string()))?,
            };
        }
    }
    if is_cut {
        let last = rows.len() as u32 + 1;
        sheet.write_string_with_format(last, 0, "…", &bold)?;
    }
    sheet.set_freeze_panes(1, 0)?;
    workbook.save_to_buffer()
}

/// A number that a spreadsheet keeps as it is.
fn exact(cell: &Value) -> Option<f64> {
    const MOST: u64 = 1 << f64::MANTISSA_DIGITS;
    let is_exact = cell.as_i64().is_none_or(|it| it.unsigned_abs() <= MOST)
        && cell.as_u64().is_none_or(|it| it <= MOST);
    cell.as_f64().filter(|_| is_exact)
}

/// A cell of a spreadsheet holds so many characters.
fn cut(text: &str) -> String {
    text.chars().take(32_767).collect()
}

impl List {
    fn name(&self) -> &'static str {
        match self {
            Self::Tickets(_) => "tickets",
            Self::Alerts(_) => "alerts",
            Self::Errors(_) => "errors",
            Self::Runs(_) => "runs",
        }
    }

    /// What is read, for the audit trail.
    fn target(&self) -> &'static str {
        match self {
            Self::Tickets(_) => "support.ticket",
            Self::Alerts(_) => "sentinel.alert",
            Self::Errors(_) => "workflow.error",
            Self::Runs(_) => "knowledge.enrichment",
        }
    }

    fn columns(&self) -> &'static [&'static str] {
        match self {
            Self::Tickets(_) => &[
                "ticket_id",
                "title",
                "category",
                "outcome",
                "automatic",
                "client_id",
                "client_name",
                "duration_ms",
                "reports",
                "first_occurred_at",
                "occurred_at",
                "reported_by",
                "position",
            ],
            Self::Alerts(_) => &[
                "id",
                "episode",
                "source",
                "external_id",
                "device",
                "client_id",
                "client_name",
                "severity",
                "message",
                "responsibility",
                "confidence",
                "status",
                "acknowledged_by",
                "acknowledged_at",
                "is_flapping",
                "raised_at",
                "last_occurred_at",
                "repeats",
                "reopenings",
                "resolved_at",
                "resolution",
                "resolved_by",
                "position",
            ],
            Self::Errors(_) => &[
                "id",
                "workflow",
                "message",
                "tool",
                "ticket_id",
                "attempts",
                "recovered",
                "occurred_at",
                "reported_by",
                "position",
            ],
            Self::Runs(_) => &[
                "run_id",
                "started_at",
                "finished_at",
                "next_run_at",
                "added",
                "updated",
                "failed",
                "by_source",
                "reported_by",
                "position",
            ],
        }
    }

    /// The next rows, and whether there are more.
    async fn next(&mut self, app: &App, now: DateTime<Utc>) -> Result<(Vec<Row>, bool), ReadError> {
        let (pool, vault) = (app.log.pool(), app.log.vault());
        let columns = self.columns();
        match self {
            Self::Tickets(filter) => {
                filter.limit = PAGE;
                let page = rows::list_tickets(pool, vault, filter).await?;
                filter.cursor = page.next_cursor;
                let rows = page
                    .items
                    .iter()
                    .map(|it| row(columns, it, it.client.as_ref()));
                Ok((rows.collect(), filter.cursor.is_some()))
            }
            Self::Alerts(filter) => {
                filter.limit = PAGE;
                let page = rows::list_alerts(pool, vault, filter, now).await?;
                filter.cursor = page.next_cursor;
                let rows = page
                    .items
                    .iter()
                    .map(|it| row(columns, it, it.client.as_ref()));
                Ok((rows.collect(), filter.cursor.is_some()))
            }
            Self::Errors(filter) => {
                filter.limit = PAGE;
                let page = rows::list_errors(pool, vault, filter).await?;
                filter.cursor = page.next_cursor;
                let rows = page.items.iter().map(|it| row(columns, it, None));
                Ok((rows.collect(), filter.cursor.is_some()))
            }
            Self::Runs(filter) => {
                filter.limit = PAGE;
                let page = rows::list_runs(pool, filter).await?;
                filter.cursor = page.next_cursor;
                let rows = page.items.iter().map(|it| row(columns, it, None));
                Ok((rows.collect(), filter.cursor.is_some()))
            }
        }
    }
}

/// The columns of an item, by the names of its fields.
fn row(columns: &[&str], item: &impl Serialize, client: Option<&ClientRef>) -> Row {
    let mut item = serde_json::to_value(item).unwrap_or_default();
    let cell = |column: &&str| match (*column, client) {
        ("client_id", client) => client.map_or(Value::Null, |it| it.id.as_str().into()),
        ("client_name", client) => client
            .and_then(|it| it.name.as_deref())
            .map_or(Value::Null, Value::from),
        (column, _) => item.get_mut(column).map_or(Value::Null, Value::take),
    };
    columns.iter().map(cell).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_are_numbers_as_far_as_a_spreadsheet_keeps_them() {
        for (cell, number) in [
            (json!(1234), Some(1_234.0)),
            (json!(-7), Some(-7.0)),
            (json!(1_u64 << 53), Some(9_007_199_254_740_992.0)),
            (json!((1_u64 << 53) + 1), None),
            (json!(u64::MAX), None),
            (json!("1234"), None),
            (json!(true), None),
        ] {
            assert_eq!(exact(&cell), number, "{cell}");
        }
    }
}
