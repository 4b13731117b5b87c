//! Who may do what: one table. An operation that is not in it is refused to everyone.
//!
//! Finer rules that depend on the thing itself (four eyes, N3 for L4, only the requester) live in
//! the domain; this table is what can be said without looking at it.

use kernel::AccreditationLevel::{self, N1, N2, N3, N4};

use crate::{caller::Caller, problem::Problem};

/// Who may call one operation. Each way in suffices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// The handler's name, which is also the OpenAPI operationId.
    pub operation: &'static str,
    /// Anyone, signed in or not.
    pub open: bool,
    /// People from this level on.
    pub level: Option<AccreditationLevel>,
    /// People with this role, at any level.
    pub role: Option<&'static str>,
    /// Service accounts with this scope.
    pub scope: Option<&'static str>,
    /// What kind of thing it is about, for the audit trail.
    pub target: Option<&'static str>,
}

impl Rule {
    const fn new(operation: &'static str) -> Self {
        Self {
            operation,
            open: false,
            level: None,
            role: None,
            scope: None,
            target: None,
        }
    }

    const fn open(mut self) -> Self {
        self.open = true;
        self
    }

    const fn level(mut self, level: AccreditationLevel) -> Self {
        self.level = Some(level);
        self
    }

    const fn role(mut self, role: &'static str) -> Self {
        self.role = Some(role);
        self
    }

    const fn scope(mut self, scope: &'static str) -> Self {
        self.scope = Some(scope);
        self
    }

    const fn on(mut self, target: &'static str) -> Self {
        self.target = Some(target);
        self
    }

    /// Whether the caller may; if not, why.
    pub fn admit(&self, caller: Option<&Caller>) -> Result<(), Problem> {
        if self.open {
            return Ok(());
        }
        let Some(caller) = caller else {
            return Err(Problem::unauthenticated("Sign in first."));
        };
        let by_level = self
            .level
            .is_some_and(|least| caller.level.is_some_and(|has| has >= least));
        let by_role = self
            .role
            .is_some_and(|role| caller.level.is_some() && caller.role == role);
        let by_scope = self
            .scope
            .is_some_and(|scope| caller.scopes.iter().any(|has| has == scope));
        if by_level || by_role || by_scope {
            return Ok(());
        }
        Err(Problem::forbidden(self.requirement()))
    }

    fn requirement(&self) -> String {
        let ways: Vec<String> = [
            self.level.map(|level| format!("level {level}")),
            self.role.map(|role| format!("the role {role}")),
            self.scope
                .map(|scope| format!("a service account with the scope {scope}")),
        ]
        .into_iter()
        .flatten()
        .collect();
        format!("This needs {}.", ways.join(", or "))
    }
}

/// The scopes a service account may be given.
pub const SCOPES: &[&str] = &[
    "intake",
    "safeguard.request",
    "safeguard.read",
    "knowledge.write",
    "metrics",
];

const N0: AccreditationLevel = AccreditationLevel::N0;

/// Every operation, HTTP and NATS alike.
pub const RULES: &[Rule] = &[
    // Sign-in.
    Rule::new("login").open(),
    Rule::new("logout").level(N0),
    Rule::new("refresh_session").level(N0),
    Rule::new("get_me").level(N0),
    // Approvals.
    Rule::new("list_pending_approvals")
        .level(N1)
        .scope("safeguard.read"),
    Rule::new("list_approval_history")
        .level(N1)
        .scope("safeguard.read"),
    Rule::new("get_approval")
        .level(N1)
        .scope("safeguard.read")
        .on("safeguard.approval"),
    Rule::new("get_approval_stats")
        .level(N1)
        .scope("safeguard.read"),
    Rule::new("request_approval")
        .level(N3)
        .scope("safeguard.request")
        .on("safeguard.approval"),
    Rule::new("approve_request")
        .level(N2)
        .on("safeguard.approval"),
    Rule::new("reject_request")
        .level(N2)
        .on("safeguard.approval"),
    Rule::new("postpone_request")
        .level(N2)
        .on("safeguard.approval"),
    // The requester or N3: the domain knows who asked.
    Rule::new("cancel_approval")
        .level(N1)
        .scope("safeguard.request")
        .on("safeguard.approval"),
    Rule::new("claim_execution")
        .scope("safeguard.request")
        .on("safeguard.approval"),
    Rule::new("record_execution")
        .scope("safeguard.request")
        .on("safeguard.approval"),
    Rule::new("break_glass").level(N4).on("safeguard.approval"),
    Rule::new("list_tools").level(N1),
    Rule::new("get_tool").level(N1).on("safeguard.tool"),
    Rule::new("put_tool").level(N4).on("safeguard.tool"),
    Rule::new("open_safeguard_feed")
        .level(N1)
        .scope("safeguard.read"),
    Rule::new("list_safeguard_frames")
        .level(N1)
        .scope("safeguard.read"),
    // Alerts and maintenance windows.
    Rule::new("acknowledge_alert")
        .level(N3)
        .on("sentinel.alert"),
    Rule::new("reclassify_alert").level(N3).on("sentinel.alert"),
    Rule::new("resolve_alert").level(N3).on("sentinel.alert"),
    Rule::new("note_alert").level(N3).on("sentinel.alert"),
    Rule::new("list_maintenance")
        .level(N3)
        .on("sentinel.maintenance"),
    Rule::new("plan_maintenance")
        .level(N3)
        .on("sentinel.maintenance"),
    Rule::new("cancel_maintenance")
        .level(N3)
        .on("sentinel.maintenance"),
    // It has a token of its own.
    Rule::new("receive_observium_alert").open(),
    // Facts that could not be accepted.
    Rule::new("list_rejected_facts")
        .level(N3)
        .on("operations.rejected_fact"),
    Rule::new("get_rejected_fact")
        .level(N3)
        .on("operations.rejected_fact"),
    Rule::new("resubmit_rejected_fact")
        .level(N3)
        .on("operations.rejected_fact"),
    Rule::new("discard_rejected_fact")
        .level(N3)
        .on("operations.rejected_fact"),
    Rule::new("resubmit_rejected_facts")
        .level(N3)
        .on("operations.rejected_fact"),
    Rule::new("discard_rejected_facts")
        .level(N3)
        .on("operations.rejected_fact"),
    Rule::new("list_fact_schemas").level(N3),
    // Supervision.
    Rule::new("get_supervision_overview").level(N3),
    Rule::new("get_supervision_support").level(N3),
    Rule::new("get_supervision_sentinel").level(N3),
    Rule::new("get_supervision_enrichisseur").level(N3),
    Rule::new("get_supervision_safeguard").level(N3),
    Rule::new("list_tickets").level(N3).on("support.ticket"),
    Rule::new("list_alerts").level(N3).on("sentinel.alert"),
    Rule::new("get_alert").level(N3).on("sentinel.alert"),
    Rule::new("list_workflow_errors")
        .level(N3)
        .on("workflow.error"),
    Rule::new("list_enrichment_runs")
        .level(N3)
        .on("knowledge.enrichment"),
    Rule::new("get_components_health").level(N3),
    Rule::new("list_activity").level(N3),
    Rule::new("export_tickets").level(N3).on("support.ticket"),
    Rule::new("export_alerts").level(N3).on("sentinel.alert"),
    Rule::new("export_workflow_errors")
        .level(N3)
        .on("workflow.error"),
    Rule::new("export_enrichment_runs")
        .level(N3)
        .on("knowledge.enrichment"),
    Rule::new("open_supervision_feed").level(N3),
    Rule::new("list_supervision_frames").level(N3),
    // Clients.
    Rule::new("list_clients").level(N1),
    Rule::new("get_client").level(N1).on("clients.client"),
    Rule::new("register_client").level(N4).on("clients.client"),
    Rule::new("put_client").level(N4).on("clients.client"),
    Rule::new("import_clients").level(N4).on("clients.client"),
    // Audit.
    Rule::new("list_audit_items")
        .level(N4)
        .role("auditor")
        .on("audit"),
    Rule::new("list_events")
        .level(N4)
        .role("auditor")
        .on("audit"),
    // Running the platform.
    Rule::new("list_projections").level(N4),
    Rule::new("list_parked_events")
        .level(N4)
        .on("operations.projection"),
    Rule::new("retry_parked_event")
        .level(N4)
        .on("operations.projection"),
    Rule::new("retry_all_parked_events")
        .level(N4)
        .on("operations.projection"),
    Rule::new("discard_parked_event")
        .level(N4)
        .on("operations.projection"),
    // What events look like: nothing of it is about anybody.
    Rule::new("get_event_catalogue").level(N1).role("auditor"),
    // Health and documentation.
    Rule::new("get_liveness").open(),
    Rule::new("get_readiness").open(),
    Rule::new("get_workflows_health").open(),
    Rule::new("get_metrics").level(N3).scope("metrics"),
    Rule::new("get_openapi").open(),
    Rule::new("get_docs").open(),
];

/// The rule of an operation.
pub fn rule(operation: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.operation == operation)
}

/// Refuses an operation to who may not; what the micro service asks before each call.
pub fn admit(operation: &str, caller: &Caller) -> Result<(), Problem> {
    match rule(operation) {
        Some(rule) => rule.admit(Some(caller)),
        None => Err(Problem::forbidden("This operation is open to nobody.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_appears_once_and_admits_someone() {
        for rule in RULES {
            assert_eq!(
                RULES
                    .iter()
                    .filter(|r| r.operation == rule.operation)
                    .count(),
                1,
                "{rule:?}"
            );
            assert!(
                rule.open || rule.level.is_some() || rule.scope.is_some(),
                "{} admits nobody",
                rule.operation
            );
            assert!(
                rule.scope.is_none_or(|scope| SCOPES.contains(&scope)),
                "{rule:?}"
            );
        }
    }

    #[test]
    fn levels_are_minimums_and_roles_are_people_s() {
        let person = |level, role: &str| Caller {
            level: Some(level),
            role: role.into(),
            ..Caller::nobody()
        };
        let service = |scope: &str| Caller {
            scopes: vec![scope.into()],
            role: "service".into(),
            ..Caller::nobody()
        };
        assert!(admit("approve_request", &person(N1, "tech")).is_err());
        assert!(admit("approve_request", &person(N2, "tech")).is_ok());
        assert!(admit("approve_request", &person(N4, "tech")).is_ok());
        assert!(admit("approve_request", &service("safeguard.request")).is_err());
        assert!(admit("claim_execution", &service("safeguard.request")).is_ok());
        assert!(admit("claim_execution", &service("intake")).is_err());
        assert!(admit("claim_execution", &person(N4, "admin")).is_err());
        assert!(admit("list_audit_items", &person(N0, "auditor")).is_ok());
        let impostor = Caller {
            role: "auditor".into(),
            ..service("intake")
        };
        assert!(admit("list_audit_items", &impostor).is_err());
        assert!(admit("no_such_operation", &person(N4, "admin")).is_err());
        assert_eq!(
            rule("approve_request")
                .unwrap()
                .admit(None)
                .unwrap_err()
                .code,
            "unauthenticated"
        );
    }
}
