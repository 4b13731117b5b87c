//! What the dashboards should say: every number found anew by going through the whole list of events.
//! Nothing of the projection's own folding is used here.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, TimeDelta, Timelike, Utc};
use chrono_tz::Europe::Paris;
use events::{sentinel::*, support::TicketProcessed};
use projections::supervision::{Period, Step};
use serde::Serialize;
use serde_json::{Value, json};

use crate::history::{Fact, client_id};

type Time = DateTime<Utc>;

const ALL_RESPONSIBILITIES: [&str; 4] = ["fai", "local", "widip", "indetermine"];
const ALL_SEVERITIES: [&str; 3] = ["critical", "warning", "info"];

/// The events with their positions.
pub struct Log<'a> {
    pub facts: &'a [Fact],
    /// The position before the first.
    pub before: u64,
    pub now: Time,
}

/// An episode, as it is after all.
#[derive(Clone)]
struct Episode<'a> {
    id: String,
    raised: &'a AlertRaised,
    events: Vec<(u64, &'a AlertEvent)>,
    version: u64,
}

pub fn word(value: impl Serialize) -> String {
    json!(value).as_str().unwrap().to_owned()
}

fn percent(part: usize, whole: usize) -> f64 {
    (part as f64 * 1_000.0 / whole as f64).round() / 10.0
}

fn count(value: usize, previous: usize) -> Value {
    let change = ((value as f64 - previous as f64) * 1_000.0 / previous as f64).round() / 10.0;
    json!({ "value": value, "previous": previous, "change_percent": (previous > 0).then_some(change) })
}

fn is_known(id: &str) -> bool {
    id == client_id(0) || id == client_id(1)
}

impl Log<'_> {
    fn each(&self) -> impl Iterator<Item = (u64, &Fact)> {
        (self.before + 1..).zip(self.facts)
    }

    /// Of each ticket the report that counts, and all of its reports.
    fn tickets(&self) -> Vec<(&TicketProcessed, u64, usize)> {
        let mut reports: BTreeMap<i64, Vec<(Time, u64, &TicketProcessed)>> = BTreeMap::new();
        for (position, fact) in self.each() {
            if let Fact::Ticket(event) = fact {
                let of_it = reports.entry(event.ticket_id).or_default();
                of_it.push((event.occurred_at, position, event));
            }
        }
        let last = reports.into_values().map(|mut all| {
            let last_position = all.iter().map(|it| it.1).max().unwrap();
            all.sort_by_key(|it| (it.0, it.1));
            (all.last().unwrap().2, last_position, all.len())
        });
        last.collect()
    }

    fn episodes(&self) -> Vec<Episode<'_>> {
        let mut episodes: Vec<Episode> = Vec::new();
        let mut versions: BTreeMap<String, u64> = BTreeMap::new();
        for (position, fact) in self.each() {
            let Fact::Alert(id, event) = fact else {
                continue;
            };
            let id = id.as_str().to_owned();
            let version = versions.entry(id.clone()).or_default();
            let is_minor = matches!(
                event,
                AlertEvent::Repeated(_)
                    | AlertEvent::StepRecorded(_)
                    | AlertEvent::FlappingStarted(_)
            );
            *version += u64::from(!is_minor);
            let version = *version;
            if let AlertEvent::Raised(raised) = event {
                episodes.push(Episode {
                    id,
                    raised,
                    events: vec![(position, event)],
                    version,
                });
                continue;
            }
            let of_it = episodes.iter_mut().rev().find(|it| it.id == id).unwrap();
            of_it.events.push((position, event));
            of_it.version = version;
        }
        episodes
    }

    fn windows(&self) -> Vec<(&MaintenancePlanned, bool)> {
        let is_cancelled = |id: &kernel::AggregateId| {
            self.facts.iter().any(|fact| {
                matches!(fact,
                Fact::Maintenance(of, MaintenanceEvent::Cancelled(_)) if of == id)
            })
        };
        let planned = self.facts.iter().filter_map(|fact| match fact {
            Fact::Maintenance(id, MaintenanceEvent::Planned(event)) => {
                Some((event, is_cancelled(id)))
            }
            _ => None,
        });
        planned.collect()
    }

    fn is_muted(&self, raised: &AlertRaised) -> bool {
        self.windows().iter().any(|(window, is_cancelled)| {
            let is_of_it = match &window.device {
                Some(device) => *device == raised.device,
                None => window.client_id.is_some() && window.client_id == raised.client_id,
            };
            !is_cancelled && is_of_it && window.starts_at <= self.now && self.now < window.ends_at
        })
    }

    pub fn support(&self, period: &Period) -> Value {
        let tickets = self.tickets();
        let within = |from: Time, to: Time| -> Vec<&TicketProcessed> {
            let it = tickets.iter().map(|it| it.0);
            it.filter(|it| from <= it.occurred_at && it.occurred_at < to)
                .collect()
        };
        let found = within(period.from, period.to);
        let before = within(period.previous_from, period.previous_to);
        let of = |all: &[&TicketProcessed], name: &str| {
            all.iter().filter(|it| word(it.category) == name).count()
        };
        let categories = ["RESET_MDP", "DEBLOCAGE", "DIAG", "AUTRE"].map(|name| {
            let all = of(&found, name);
            let automatic = found
                .iter()
                .filter(|it| word(it.category) == name && it.automatic)
                .count();
            let share = (all > 0 && name != "DIAG").then(|| percent(automatic, all));
            json!({ "category": name, "count": all, "previous": of(&before, name),
                    "automatic_count": automatic, "automatic_percent": share })
        });
        let outcomes = ["resolved", "in_progress", "escalated", "failed"].map(|name| {
            json!({ "outcome": name, "count": found.iter().filter(|it| word(it.outcome) == name).count() })
        });
        let durations: Vec<u64> = found.iter().filter_map(|it| it.duration_ms).collect();
        let mean = durations.iter().sum::<u64>() as f64 / durations.len() as f64;
        let clients: BTreeSet<Option<&String>> =
            found.iter().map(|it| it.client_id.as_ref()).collect();
        let mut clients: Vec<_> = clients
            .into_iter()
            .map(|client| {
                let count = found
                    .iter()
                    .filter(|it| it.client_id.as_ref() == client)
                    .count();
                (std::cmp::Reverse(count), client)
            })
            .collect();
        clients.sort();
        let mut latest = found.clone();
        latest.sort_by_key(|it| std::cmp::Reverse((it.occurred_at, it.ticket_id)));
        let reports = |id: i64| {
            tickets
                .iter()
                .find(|it| it.0.ticket_id == id)
                .map(|it| (it.2, it.1))
        };
        let day_ago = self.now - TimeDelta::hours(24);
        let mut errors: Vec<_> = self
            .facts
            .iter()
            .filter_map(|fact| match fact {
                Fact::Error(id, event)
                    if day_ago < event.occurred_at && event.occurred_at <= self.now =>
                {
                    Some((event.occurred_at, id.as_str()))
                }
                _ => None,
            })
            .collect();
        errors.sort();
        errors.reverse();
        json!({
            "total": count(found.len(), before.len()),
            "by_category": categories, "by_outcome": outcomes,
            "mean_duration_ms": (!durations.is_empty()).then(|| mean.round()),
            "series": series(period, &["RESET_MDP", "DEBLOCAGE", "DIAG", "AUTRE"],
                found.iter().map(|it| (it.occurred_at, word(it.category)))),
            "by_client": clients.iter().map(|(count, id)| json!([id, count.0])).collect::<Vec<_>>(),
            "latest": latest.iter().take(10).map(|it| {
                let (reports, position) = reports(it.ticket_id).unwrap();
                json!([it.ticket_id, word(it.outcome), reports, position])
            }).collect::<Vec<_>>(),
            "errors": errors.iter().take(20).map(|it| it.1).collect::<Vec<_>>(),
            "errors_24h": errors.len(),
        })
    }

    pub fn sentinel(&self, period: &Period) -> Value {
        let all = self.episodes();
        let within = |from: Time, to: Time| -> Vec<&Episode> {
            let it = all
                .iter()
                .filter(|it| from <= it.raised.occurred_at && it.raised.occurred_at < to);
            it.collect()
        };
        let found = within(period.from, period.to);
        let before = within(period.previous_from, period.previous_to);
        let resolved: Vec<_> = found
            .iter()
            .filter_map(|it| it.resolved_at().map(|at| (it, at)))
            .collect();
        let took = resolved
            .iter()
            .map(|(it, at)| (*at - it.raised.occurred_at).num_milliseconds().max(0));
        let mean = took.sum::<i64>() as f64 / resolved.len() as f64 / 1_000.0;
        let active: Vec<_> = all.iter().filter(|it| it.resolved_at().is_none()).collect();
        let share = |name: &str| {
            let count = found
                .iter()
                .filter(|it| it.responsibility() == name)
                .count();
            let percent = if found.is_empty() {
                0.0
            } else {
                percent(count, found.len())
            };
            json!({ "responsibility": name, "count": count, "percent": percent })
        };
        let mut timeline = found.clone();
        timeline.sort_by_key(|it| (it.raised.occurred_at, it.id.clone(), it.raised.episode));
        timeline.reverse();
        let mut windows = self.windows();
        windows.retain(|(window, is_cancelled)| !is_cancelled && window.ends_at > self.now);
        windows.sort_by_key(|(window, _)| (window.starts_at, window.maintenance_id));
        let impacted = self.impacted(&all);
        json!({
            "total": count(found.len(), before.len()),
            "active": found.len() - resolved.len(), "resolved": resolved.len(),
            "active_now": active.len(),
            "acknowledged_now": active.iter().filter(|it| it.is_acknowledged()).count(),
            "flapping_now": all.iter().filter(|it| it.is_flapping(self.now)).count(),
            "muted_now": active.iter().filter(|it| self.is_muted(it.raised)).count(),
            "by_responsibility": ALL_RESPONSIBILITIES.map(share),
            "by_severity": ALL_SEVERITIES.map(|name| json!({ "severity": name,
                "count": found.iter().filter(|it| it.severity() == name).count() })),
            "series": series(period, &["fai", "local", "widip", "indetermine"],
                found.iter().map(|it| (it.raised.occurred_at, it.responsibility()))),
            "mean_resolution_seconds": (!resolved.is_empty()).then(|| mean.round()),
            "timeline": timeline.iter().take(20).map(|it| json!([
                it.id, it.raised.episode, it.resolved_at().is_none(), it.is_flapping(self.now),
                self.is_muted(it.raised), it.is_awaiting(), it.severity(), it.version,
                it.number(|event| matches!(event, AlertEvent::Repeated(_))),
                it.number(|event| matches!(event, AlertEvent::Reopened(_))),
                it.number(|event| matches!(event, AlertEvent::StepRecorded(_))),
                it.events.last().unwrap().0,
            ])).collect::<Vec<_>>(),
            "maintenance": windows.iter().map(|(window, _)| {
                let status = if window.starts_at <= self.now { "running" } else { "planned" };
                json!([window.maintenance_id, status])
            }).collect::<Vec<_>>(),
            "clients_to_identify": impacted.iter().filter(|it| !is_known(it[0].as_str().unwrap())).count(),
            "impacted_total": impacted.len(),
            "impacted_clients": impacted,
        })
    }

    /// `[client, state, active, awaiting, since, responsibility, resolved_at]`.
    fn impacted(&self, all: &[Episode]) -> Vec<Value> {
        let ids: BTreeSet<&String> = all
            .iter()
            .filter_map(|it| it.raised.client_id.as_ref())
            .collect();
        let mut found: Vec<((u8, Time), Value)> = Vec::new();
        for id in ids {
            let of_it: Vec<_> = all
                .iter()
                .filter(|it| it.raised.client_id.as_ref() == Some(id))
                .collect();
            let mut active: Vec<_> = of_it
                .iter()
                .filter(|it| it.resolved_at().is_none())
                .collect();
            active.sort_by_key(|it| (it.raised.occurred_at, it.id.clone(), it.raised.episode));
            if let Some(first) = active.first() {
                let waiting = active.iter().filter(|it| it.is_awaiting()).count();
                let (order, state) = if waiting < active.len() {
                    (0, "red")
                } else {
                    (1, "yellow")
                };
                let since = first.raised.occurred_at;
                found.push((
                    (order, since),
                    json!([
                        id,
                        state,
                        active.len(),
                        waiting,
                        since,
                        first.responsibility(),
                        null
                    ]),
                ));
                continue;
            }
            let last = of_it
                .iter()
                .max_by_key(|it| {
                    (
                        it.resolved_at(),
                        std::cmp::Reverse((it.id.clone(), it.raised.episode)),
                    )
                })
                .unwrap();
            let resolved_at = last.resolved_at().unwrap();
            if resolved_at > self.now - TimeDelta::hours(24) {
                let age = Time::UNIX_EPOCH + (Time::UNIX_EPOCH - resolved_at);
                found.push((
                    (2, age),
                    json!([id, "green", 0, 0, null, last.responsibility(), resolved_at]),
                ));
            }
        }
        found.sort_by_key(|(order, it)| (*order, it[0].as_str().unwrap().to_owned()));
        found.into_iter().map(|it| it.1).collect()
    }

    pub fn enrichisseur(&self, period: &Period) -> Value {
        let mut runs = BTreeMap::new();
        for (position, fact) in self.each() {
            if let Fact::Run(event) = fact {
                runs.insert(event.run_id.clone(), (position, event));
            }
        }
        let runs: Vec<_> = runs.into_values().map(|it| it.1).collect();
        let added = |from: Time, to: Time| -> usize {
            let it = runs
                .iter()
                .filter(|it| from <= it.finished_at && it.finished_at < to);
            it.map(|it| it.added as usize).sum()
        };
        let found: Vec<_> = runs
            .iter()
            .filter(|it| period.from <= it.finished_at && it.finished_at < period.to)
            .collect();
        let starts = starts(period);
        let ends = starts[1..].iter().copied().chain([period.to]);
        let points = starts.iter().zip(ends).map(|(start, end)| {
            let from = (*start).max(period.from);
            json!([start, added(from, end), added(Time::UNIX_EPOCH, end)])
        });
        let total = added(period.from, period.to);
        json!({
            "entries": added(Time::UNIX_EPOCH, period.to),
            "added": count(total, added(period.previous_from, period.previous_to)),
            "updated": found.iter().map(|it| it.updated).sum::<u32>(),
            "failed": found.iter().map(|it| it.failed).sum::<u32>(),
            "runs_total": found.len(),
            "failed_runs": found.iter().filter(|it| it.failed > 0).count(),
            "series": points.collect::<Vec<_>>(),
            "by_source": if found.is_empty() { json!([]) } else { json!([{ "source": "tickets", "count": total }]) },
            "last_run_at": runs.iter().map(|it| it.finished_at).max(),
        })
    }

    /// `[component, status, since]` of those something was heard of, by name.
    pub fn components(&self) -> Vec<Value> {
        let mut last = BTreeMap::new();
        for (position, fact) in self.each() {
            let Fact::Health(event) = fact else { continue };
            let known =
                last.entry(event.component.clone())
                    .or_insert((event.occurred_at, position, event));
            if (known.0, known.1) < (event.occurred_at, position) {
                *known = (event.occurred_at, position, event);
            }
        }
        last.into_values()
            .map(|it| json!([it.2.component, word(it.2.status), it.0]))
            .collect()
    }

    /// `[position, kind]` of the latest 30 lines.
    pub fn activity(&self) -> Vec<Value> {
        let mut lines: Vec<_> = self
            .each()
            .filter_map(|(position, fact)| {
                let kind = match fact {
                    Fact::Ticket(_) => "ticket_processed",
                    Fact::Alert(_, AlertEvent::Raised(_)) => "alert_raised",
                    Fact::Alert(_, AlertEvent::Reopened(_)) => "alert_reopened",
                    Fact::Alert(_, AlertEvent::Resolved(_)) => "alert_resolved",
                    Fact::Alert(..) | Fact::Maintenance(..) => return None,
                    Fact::Error(..) => "workflow_error",
                    Fact::Health(_) => "health_changed",
                    Fact::Run(_) => "enrichment_finished",
                };
                Some(json!([position, kind]))
            })
            .collect();
        lines.reverse();
        lines.truncate(30);
        lines
    }
}

impl Episode<'_> {
    fn number(&self, of: impl Fn(&AlertEvent) -> bool) -> usize {
        self.events.iter().filter(|it| of(it.1)).count()
    }

    /// The last of what resolves and reopens it says.
    fn resolved_at(&self) -> Option<Time> {
        let turns = self.events.iter().rev().find_map(|it| match it.1 {
            AlertEvent::Resolved(event) => Some(Some(event.occurred_at)),
            AlertEvent::Reopened(_) => Some(None),
            _ => None,
        });
        turns.flatten()
    }

    fn responsibility(&self) -> String {
        let last = self.events.iter().rev().find_map(|it| match it.1 {
            AlertEvent::Reclassified(event) => Some(event.responsibility),
            _ => None,
        });
        word(last.unwrap_or(self.raised.responsibility))
    }

    /// Of the latest report.
    fn severity(&self) -> String {
        let reports = self.events.iter().filter_map(|it| match it.1 {
            AlertEvent::Raised(event) => Some((event.occurred_at, it.0, event.severity)),
            AlertEvent::Repeated(event) => Some((event.occurred_at, it.0, event.severity)),
            AlertEvent::Reopened(event) => Some((event.occurred_at, it.0, event.severity)),
            _ => None,
        });
        word(reports.max_by_key(|it| (it.0, it.1)).unwrap().2)
    }

    fn is_acknowledged(&self) -> bool {
        self.number(|event| matches!(event, AlertEvent::Acknowledged(_))) > 0
    }

    fn is_awaiting(&self) -> bool {
        let steps = self.events.iter().filter_map(|it| match it.1 {
            AlertEvent::StepRecorded(step) if step.kind != StepKind::TicketCreated => {
                Some((step.occurred_at, it.0, step.kind == StepKind::AwaitingDiag))
            }
            _ => None,
        });
        self.resolved_at().is_none() && steps.max_by_key(|it| (it.0, it.1)).is_some_and(|it| it.2)
    }

    /// Until half an hour after the last time it went down or up since it was found to flap; once it
    /// was quiet for so long, that it goes down or up once more does not make it flap.
    fn is_flapping(&self, now: Time) -> bool {
        let half_an_hour = TimeDelta::minutes(30);
        let found = |event: &AlertEvent| matches!(event, AlertEvent::FlappingStarted(_));
        let Some(start) = self.events.iter().rposition(|it| found(it.1)) else {
            return false;
        };
        let turns = self.events[start..].iter().filter_map(|it| match it.1 {
            AlertEvent::FlappingStarted(event) => Some(event.occurred_at),
            AlertEvent::Resolved(event) => Some(event.occurred_at),
            AlertEvent::Reopened(event) => Some(event.occurred_at),
            _ => None,
        });
        let last_of_it = turns.reduce(|last, turn| {
            let is_over = turn >= last + half_an_hour;
            if is_over { last } else { last.max(turn) }
        });
        last_of_it.is_some_and(|last| now - last < half_an_hour)
    }
}

/// What the calendar of Paris calls the step that a time is in.
fn name_of(period: &Period, at: Time) -> (NaiveDate, Option<Time>) {
    let hour = at
        .with_minute(0)
        .unwrap()
        .with_second(0)
        .unwrap()
        .with_nanosecond(0)
        .unwrap();
    (
        at.with_timezone(&Paris).date_naive(),
        (period.step == Step::Hour).then_some(hour),
    )
}

/// When the steps of a period begin, found by going through its quarters of an hour.
fn starts(period: &Period) -> Vec<Time> {
    let quarter = TimeDelta::minutes(15);
    let floor = |at: Time| Time::from_timestamp(at.timestamp().div_euclid(900) * 900, 0).unwrap();
    let mut at = floor(period.from);
    while name_of(period, at - quarter) == name_of(period, period.from) {
        at -= quarter;
    }
    let mut starts = vec![at];
    while at < period.to {
        if name_of(period, at) != name_of(period, *starts.last().unwrap()) {
            starts.push(at);
        }
        at += quarter;
    }
    starts
}

fn series(period: &Period, names: &[&str], found: impl Iterator<Item = (Time, String)>) -> Value {
    let found: Vec<_> = found.collect();
    let points = starts(period).into_iter().map(|start| {
        let of = |name: &str| {
            found
                .iter()
                .filter(|it| it.1 == name && name_of(period, it.0) == name_of(period, start))
                .count()
        };
        let counts: BTreeMap<_, _> = names.iter().map(|name| (*name, of(name))).collect();
        json!([start, counts])
    });
    points.collect()
}
