//! Writes the rows of SUPERVISION and the frames of its feed. A batch is folded in memory and written
//! at once, so that all dashboards are at one position.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use eventlog::{ApplyError, ApplyTx, Projection, RecordedEvent};
use events::{
    knowledge::EnrichmentEvent,
    safeguard::ApprovalEvent,
    sentinel::{AlertEvent, MaintenanceEvent},
    support::TicketEvent,
    workflow::{ComponentEvent, WorkflowErrorEvent},
};
use uuid::Uuid;

use super::{
    activity::{Line, Lines, line_of},
    alerts::{Alerts, Entry, episode_of},
    facts,
    frames::{Frames, Head},
    maintenance::Plans,
    refs::word,
    shapes::ActivityKind,
    sums::Sums,
    support::Tickets,
};
use crate::apply::{data_error, decode};

/// What SUPERVISION shows, for all its dashboards at one position.
pub struct Supervision;

#[async_trait]
impl Projection for Supervision {
    fn name(&self) -> &'static str {
        "supervision"
    }

    fn version(&self) -> i32 {
        2
    }

    fn schema(&self) -> &'static str {
        include_str!("../../sql/supervision.sql")
    }

    fn tables(&self) -> &'static [&'static str] {
        &[
            "supervision_tickets",
            "supervision_alerts",
            "supervision_maintenance",
            "supervision_errors",
            "supervision_components",
            "supervision_health_changes",
            "supervision_runs",
            "supervision_activity",
            "supervision_ticket_sums",
            "supervision_alert_sums",
            "supervision_client_sums",
            "supervision_active_sums",
            "supervision_flapping_sums",
        ]
    }

    fn wants(&self, event_type: &str) -> bool {
        let contexts = [
            "sentinel.",
            "support.",
            "knowledge.enrichment.",
            "workflow.",
        ];
        contexts.iter().any(|it| event_type.starts_with(it))
            || matches!(
                event_type,
                "safeguard.approval.requested"
                    | "safeguard.approval.approved"
                    | "safeguard.approval.rejected"
                    | "safeguard.approval.expired"
                    | "safeguard.approval.cancelled"
            )
    }

    /// Each event changes the rows of its own aggregate only, and sums that add up in any order.
    fn partition_key(&self, event: &RecordedEvent) -> Option<String> {
        Some(event.aggregate_id.clone())
    }

    async fn apply(
        &self,
        tx: &mut ApplyTx<'_>,
        events: &[Arc<RecordedEvent>],
    ) -> Result<(), ApplyError> {
        let read = events.iter().map(|event| Ok((&**event, What::of(event)?)));
        let read: Vec<(&RecordedEvent, What)> = read.collect::<Result<_, ApplyError>>()?;
        let mut batch = Batch::load(tx, &read).await?;
        for (event, what) in read {
            batch.apply(tx, event, what).await?;
        }
        batch.write(tx).await
    }
}

/// An event, read.
enum What {
    Ticket(TicketEvent),
    Alert(Uuid, Box<AlertEvent>),
    Maintenance(Uuid, MaintenanceEvent),
    Error(Uuid, WorkflowErrorEvent),
    Component(ComponentEvent),
    Run(Uuid, EnrichmentEvent),
    Approval(Box<ApprovalEvent>),
}

impl What {
    fn of(event: &RecordedEvent) -> Result<Self, ApplyError> {
        let id = || {
            let id = event.aggregate_id.parse();
            id.map_err(|error: uuid::Error| data_error(event, error))
        };
        Ok(match event.aggregate_type.as_str() {
            "support.ticket" => Self::Ticket(decode(event)?),
            "sentinel.alert" => Self::Alert(id()?, Box::new(decode(event)?)),
            "sentinel.maintenance" => Self::Maintenance(id()?, decode(event)?),
            "workflow.error" => Self::Error(id()?, decode(event)?),
            "workflow.component" => Self::Component(decode(event)?),
            "knowledge.enrichment" => Self::Run(id()?, decode(event)?),
            "safeguard.approval" => Self::Approval(Box::new(decode(event)?)),
            _ => return Err(data_error(event, "it is not known here")),
        })
    }
}

/// What a batch makes of the rows it is about.
struct Batch {
    tickets: Tickets,
    alerts: Alerts,
    plans: Plans,
    lines: Lines,
    frames: Frames,
}

impl Batch {
    async fn load(
        tx: &mut ApplyTx<'_>,
        events: &[(&RecordedEvent, What)],
    ) -> Result<Self, ApplyError> {
        let (mut tickets, mut alerts, mut windows) = (Vec::new(), Vec::new(), Vec::new());
        for (_, what) in events {
            match what {
                What::Ticket(TicketEvent::Processed(event)) => tickets.push(event.ticket_id),
                What::Alert(id, event) => {
                    // An episode goes on counting where the one before it ended.
                    let episode = episode_of(event).unwrap_or(0);
                    alerts.extend([(*id, episode.saturating_sub(1)), (*id, episode)]);
                }
                What::Maintenance(id, _) => windows.push(*id),
                _ => {}
            }
        }
        alerts.retain(|(_, episode)| *episode > 0);
        alerts.sort_unstable();
        alerts.dedup();
        Ok(Self {
            tickets: Tickets::load(tx, &tickets).await?,
            alerts: Alerts::load(tx, &alerts).await?,
            plans: Plans::load(tx, &windows).await?,
            lines: Lines::default(),
            frames: Frames::default(),
        })
    }

    async fn apply(
        &mut self,
        tx: &mut ApplyTx<'_>,
        event: &RecordedEvent,
        what: What,
    ) -> Result<(), ApplyError> {
        let shows = tx.shows_frames();
        match what {
            What::Ticket(TicketEvent::Processed(report)) => self.ticket(event, report, shows),
            What::Alert(id, what) => self.alert(event, id, *what, shows)?,
            What::Maintenance(id, what) => {
                let row = self.plans.apply(event, id, what)?;
                if let (Some(row), true) = (row, shows) {
                    let head = Head::of(event, "workflow:maintenance_changed");
                    self.frames.windows.push((head, row.clone()));
                }
            }
            What::Approval(what) => {
                if let Some(line) = line_of(event, *what) {
                    self.lines.add(event, line);
                }
            }
            What::Error(id, what) => self.error(tx, event, id, what).await?,
            What::Component(what) => self.component(tx, event, what).await?,
            What::Run(id, what) => self.run(tx, event, id, what).await?,
        }
        Ok(())
    }

    fn ticket(
        &mut self,
        event: &RecordedEvent,
        report: events::support::TicketProcessed,
        shows: bool,
    ) {
        let line = Line {
            at: report.occurred_at,
            kind: ActivityKind::TicketProcessed,
            label: Some(format!("#{}", report.ticket_id)),
            status: Some(word(report.outcome)),
            category: Some(word(report.category)),
            client_id: report.client_id.clone(),
        };
        let Some(row) = self.tickets.processed(event, report) else {
            return;
        };
        if shows {
            let head = Head::of(event, "workflow:ticket_processed");
            self.frames.tickets.push((head, row.clone()));
        }
        self.lines.add(event, line);
    }

    fn alert(
        &mut self,
        event: &RecordedEvent,
        id: Uuid,
        what: AlertEvent,
        shows: bool,
    ) -> Result<(), ApplyError> {
        let (kind, turned) = match &what {
            AlertEvent::Raised(it) => (
                "workflow:alert_detected",
                Some((ActivityKind::AlertRaised, it.occurred_at)),
            ),
            AlertEvent::Reopened(it) => (
                "workflow:alert_detected",
                Some((ActivityKind::AlertReopened, it.occurred_at)),
            ),
            AlertEvent::Resolved(it) => (
                "workflow:alert_updated",
                Some((ActivityKind::AlertResolved, it.occurred_at)),
            ),
            _ => ("workflow:alert_updated", None),
        };
        let Some(entry) = self.alerts.apply(event, id, what)? else {
            return Ok(());
        };
        if let Some((kind, at)) = turned {
            self.lines.add(event, line_about(entry, kind, at));
        }
        if shows {
            let head = Head::of(event, kind);
            let frame = (head, entry.alert.clone(), entry.flapping_at);
            self.frames.alerts.push(frame);
        }
        Ok(())
    }

    async fn error(
        &mut self,
        tx: &mut ApplyTx<'_>,
        event: &RecordedEvent,
        id: Uuid,
        what: WorkflowErrorEvent,
    ) -> Result<(), ApplyError> {
        let WorkflowErrorEvent::Reported(reported) = what;
        let subject = reported.subject();
        let Some(item) = facts::keep_error(tx, event, id, reported).await? else {
            return Ok(());
        };
        let status = if item.recovered {
            "recovered"
        } else {
            "failed"
        };
        let line = Line {
            at: item.occurred_at,
            kind: ActivityKind::WorkflowError,
            label: Some(item.workflow.clone()),
            status: Some(status.into()),
            category: item.tool.clone(),
            client_id: None,
        };
        self.lines.add(event, line);
        let head = Head::of(event, "workflow:error");
        self.frames.ready.push(head.frame(subject, item)?);
        Ok(())
    }

    async fn component(
        &mut self,
        tx: &mut ApplyTx<'_>,
        event: &RecordedEvent,
        what: ComponentEvent,
    ) -> Result<(), ApplyError> {
        let ComponentEvent::HealthChanged(change) = what;
        let line = Line {
            at: change.occurred_at,
            kind: ActivityKind::HealthChanged,
            label: Some(change.component.clone()),
            status: Some(word(change.status)),
            category: None,
            client_id: None,
        };
        let Some(item) = facts::keep_health(tx, event, change).await? else {
            return Ok(());
        };
        self.lines.add(event, line);
        let subject = format!("component:{}", item.component);
        let head = Head::of(event, "workflow:health_change");
        self.frames.ready.push(head.frame(subject, item)?);
        Ok(())
    }

    async fn run(
        &mut self,
        tx: &mut ApplyTx<'_>,
        event: &RecordedEvent,
        id: Uuid,
        what: EnrichmentEvent,
    ) -> Result<(), ApplyError> {
        let EnrichmentEvent::Finished(finished) = what;
        let Some(item) = facts::keep_run(tx, event, id, finished).await? else {
            return Ok(());
        };
        let status = if item.failed > 0 { "failed" } else { "ok" };
        let line = Line {
            at: item.finished_at,
            kind: ActivityKind::EnrichmentFinished,
            label: Some(item.run_id.clone()),
            status: Some(status.into()),
            category: None,
            client_id: None,
        };
        self.lines.add(event, line);
        let head = Head::of(event, "workflow:enrichment_finished");
        let subject = format!("enrichment:{}", item.aggregate_id);
        self.frames.ready.push(head.frame(subject, item)?);
        Ok(())
    }

    /// The sums last: until the end of the transaction nobody else changes them.
    async fn write(self, tx: &mut ApplyTx<'_>) -> Result<(), ApplyError> {
        let mut sums = Sums::default();
        self.plans.write(tx).await?;
        self.tickets.write(tx, &mut sums).await?;
        self.alerts.write(tx, &mut sums).await?;
        self.lines.write(tx).await?;
        let frames = self.frames.complete(tx).await?;
        tx.frames(frames).await?;
        sums.write(tx).await
    }
}

fn line_about(entry: &Entry, kind: ActivityKind, at: DateTime<Utc>) -> Line {
    let alert = &entry.alert;
    Line {
        at,
        kind,
        label: Some(alert.device.clone()),
        status: Some(alert.status.as_str().into()),
        category: Some(word(alert.severity)),
        client_id: alert.client.as_ref().map(|client| client.id.clone()),
    }
}
