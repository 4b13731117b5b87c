//! One example of every event, for the tests of their contracts.
#![allow(dead_code)]

use chrono::{DateTime, TimeZone, Utc};
use events::{
    audit::*, clients::*, knowledge::*, operations::*, safeguard::*, sentinel::*, support::*,
    users::*, workflow::*,
};
use kernel::{AccreditationLevel, ActionLevel};
use serde_json::json;
use uuid::Uuid;

pub fn at(minute: u32) -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 1, 15, 9, minute, 0).unwrap()
}

pub fn id() -> Uuid {
    Uuid::from_u128(0x0198_c1d2_aaaa_7bbb_8ccc_0000_0000_0001)
}

pub fn user() -> String {
    format!("user:{}", id())
}

pub fn subject() -> String {
    "person:jean.dupont".to_owned()
}

pub fn requested() -> ApprovalRequested {
    ApprovalRequested {
        approval_id: id(),
        reference: "APR-2026-0001".into(),
        tool_name: "ad_reset_password".into(),
        arguments: json!({"username": "jean.dupont"}),
        arguments_hash: "sha256:4578e88d8bc62fa9ff0acd067bccf8977ddbf646db22c9ba44f73148ab4dbd6c"
            .into(),
        security_level: ActionLevel::L3,
        context: RequestContext {
            ticket_id: Some(1234),
            ticket_title: Some("Reset MDP - Jean Dupont".into()),
            ticket_description: Some("Mot de passe oublié".into()),
            client_id: Some("42".into()),
            client_name: Some("EHPAD Les Jardins".into()),
            client_critical: false,
            workflow: Some("SUPPORT".into()),
            confidence: Some(95),
        },
        requested_by: "service:support".into(),
        requester_owner: Some(user()),
        on_behalf_of: Some("WIDIP\\Jean.Dupont".into()),
        requested_at: at(0),
        expires_at: at(59),
        required_approvals: 1,
    }
}

pub fn approvals() -> Vec<ApprovalEvent> {
    let text = || Some("pour jean.dupont".to_owned());
    vec![
        ApprovalEvent::Requested(Box::new(requested())),
        ApprovalEvent::VoteRecorded(VoteRecorded {
            by: user(),
            comment: text(),
            voted_at: at(1),
            version: 2,
            subject: subject(),
        }),
        ApprovalEvent::Approved(ApprovalGranted {
            by: user(),
            comment: text(),
            approved_at: at(1),
            claim_before: at(16),
            version: 2,
            subject: subject(),
        }),
        ApprovalEvent::Rejected(ApprovalRejected {
            by: user(),
            reason: "non".into(),
            rejected_at: at(1),
            version: 2,
            subject: subject(),
        }),
        ApprovalEvent::Expired(ApprovalExpired {
            expired_at: at(59),
            version: 2,
        }),
        ApprovalEvent::Cancelled(ApprovalCancelled {
            by: "service:support".into(),
            reason: text(),
            cancelled_at: at(1),
            version: 2,
            subject: subject(),
        }),
        ApprovalEvent::Postponed(ApprovalPostponed {
            by: user(),
            until: at(20),
            reason: text(),
            postponed_at: at(1),
            subject: subject(),
        }),
        ApprovalEvent::GlassBroken(GlassBroken {
            by: user(),
            reason: "incident majeur".into(),
            broken_at: at(1),
            subject: subject(),
        }),
        ApprovalEvent::ExecutionClaimed(ExecutionClaimed {
            by: "service:support".into(),
            grant_id: id(),
            claimed_at: at(2),
            execute_before: at(17),
        }),
        ApprovalEvent::Executed(ActionExecuted {
            grant_id: id(),
            detail: text(),
            executed_at: at(3),
            subject: subject(),
        }),
        ApprovalEvent::ExecutionFailed(ExecutionFailed {
            grant_id: id(),
            detail: text(),
            failed_at: at(3),
            subject: subject(),
        }),
        ApprovalEvent::Lapsed(ApprovalLapsed {
            lapsed_at: at(16),
            version: 3,
        }),
    ]
}

pub fn tools() -> Vec<ToolEvent> {
    let description = ToolDescription {
        fr: "Lit".into(),
        en: "Reads".into(),
    };
    vec![
        ToolEvent::Registered(ToolRegistered {
            name: "ad_check_user".into(),
            level: ActionLevel::L1,
            description: description.clone(),
            schema_fingerprint: Some(
                "sha256:dab14958ffe631d635e0bace65222af46afbec57c784921f6e6d3d7146bc2faa".into(),
            ),
            registered_at: at(0),
        }),
        ToolEvent::Reclassified(ToolReclassified {
            name: "ad_check_user".into(),
            level: ActionLevel::L2,
            description,
            schema_fingerprint: None,
            reclassified_at: at(1),
        }),
    ]
}

pub fn clients() -> Vec<ClientEvent> {
    vec![
        ClientEvent::Registered(ClientRegistered {
            client_id: "42".into(),
            name: "EHPAD Les Jardins".into(),
            critical: true,
            registered_at: at(0),
        }),
        ClientEvent::Renamed(ClientRenamed {
            client_id: "42".into(),
            name: "EHPAD du Parc".into(),
            renamed_at: at(1),
        }),
        ClientEvent::CriticalityChanged(CriticalityChanged {
            client_id: "42".into(),
            critical: false,
            changed_at: at(2),
        }),
    ]
}

pub fn users() -> Vec<UserEvent> {
    vec![
        UserEvent::Registered(UserRegistered {
            user_id: id(),
            username: "Jean.Dupont".into(),
            display_name: "Jean Dupont".into(),
            accreditation_level: AccreditationLevel::N2,
            role: Role::Tech,
            credential_id: Some(id()),
            must_change_password: true,
            registered_at: at(0),
        }),
        UserEvent::PasswordChanged(PasswordChanged {
            credential_id: id(),
            must_change_password: false,
            changed_at: at(1),
        }),
        UserEvent::LevelChanged(LevelChanged {
            from: AccreditationLevel::N2,
            to: AccreditationLevel::N3,
            changed_at: at(1),
        }),
        UserEvent::RoleChanged(RoleChanged {
            from: Role::Tech,
            to: Role::Admin,
            changed_at: at(1),
        }),
        UserEvent::Disabled(UserDisabled { disabled_at: at(2) }),
        UserEvent::Enabled(UserEnabled { enabled_at: at(3) }),
    ]
}

pub fn sessions() -> Vec<SessionEvent> {
    vec![
        SessionEvent::Opened(SessionOpened {
            user_id: id(),
            ip_address: Some("192.0.2.1".into()),
            user_agent: Some("Firefox".into()),
            opened_at: at(0),
            expires_at: at(30),
            ends_at: at(59),
        }),
        SessionEvent::Refreshed(SessionRefreshed {
            refreshed_at: at(20),
            expires_at: at(50),
        }),
        SessionEvent::Revoked(SessionRevoked {
            cause: RevocationCause::SignedOut,
            revoked_at: at(21),
        }),
    ]
}

pub fn service_accounts() -> Vec<ServiceAccountEvent> {
    vec![
        ServiceAccountEvent::Created(ServiceAccountCreated {
            name: "support".into(),
            owner_id: id(),
            scopes: vec![Scope::Intake, Scope::SafeguardRequest],
            credential_id: id(),
            created_at: at(0),
        }),
        ServiceAccountEvent::ScopesChanged(ScopesChanged {
            scopes: vec![Scope::Metrics],
            changed_at: at(1),
        }),
        ServiceAccountEvent::KeyRotated(KeyRotated {
            credential_id: id(),
            rotated_at: at(2),
        }),
        ServiceAccountEvent::Disabled(ServiceAccountDisabled { disabled_at: at(3) }),
    ]
}

pub fn refusals() -> Vec<RefusalEvent> {
    vec![RefusalEvent::Recorded(RefusalRecorded {
        action: "approve_request".into(),
        code: "own_request".into(),
        target_type: Some("safeguard.approval".into()),
        target_id: Some(id().to_string()),
        refused_at: at(0),
    })]
}

pub fn sensitive_reads() -> Vec<SensitiveReadEvent> {
    vec![SensitiveReadEvent::Recorded(SensitiveReadRecorded {
        action: "export_audit".into(),
        target_type: "audit".into(),
        target_id: None,
        read_at: at(0),
    })]
}

pub fn sign_in_failures() -> Vec<SignInFailuresEvent> {
    vec![SignInFailuresEvent::Counted(SignInFailuresCounted {
        ip_address: "192.0.2.1".into(),
        window_started_at: at(0),
        failures: 5,
        is_limited: true,
    })]
}

pub fn projections() -> Vec<ProjectionEvent> {
    vec![
        ProjectionEvent::RetryOrdered(RetryOrdered {
            position: 1042,
            by: user(),
            ordered_at: at(0),
        }),
        ProjectionEvent::AllRetriesOrdered(AllRetriesOrdered {
            parked: 12,
            by: user(),
            ordered_at: at(4),
        }),
        ProjectionEvent::EventDiscarded(EventDiscarded {
            position: 1042,
            reason: "Client saisi deux fois".into(),
            by: user(),
            discarded_at: at(1),
        }),
        ProjectionEvent::Rebuilt(ProjectionRebuilt {
            version: 3,
            position: 1050,
            events: 900,
            rebuilt_at: at(2),
        }),
        ProjectionEvent::RolledBack(ProjectionRolledBack {
            version: 3,
            position: 1040,
            rolled_back_at: at(3),
        }),
    ]
}

pub fn backups() -> Vec<BackupEvent> {
    let file = || "greffe-2026-01-15.dump".to_owned();
    vec![
        BackupEvent::Begun(BackupBegun {
            file: file(),
            begun_at: at(0),
        }),
        BackupEvent::Restored(BackupRestored {
            file: file(),
            position: 1050,
            restored_at: at(5),
        }),
    ]
}

pub fn rejected_facts() -> Vec<RejectedFactEvent> {
    let subject = || "intake.support.support.ticket_processed".to_owned();
    vec![
        RejectedFactEvent::Resubmitted(FactResubmitted {
            subject: subject(),
            code: "invalid".into(),
            is_corrected: true,
            by: user(),
            resubmitted_at: at(1),
        }),
        RejectedFactEvent::Discarded(FactDiscarded {
            subject: subject(),
            code: "invalid".into(),
            reason: "Essai de jean.dupont".into(),
            by: user(),
            discarded_at: at(2),
        }),
    ]
}

pub fn alerts() -> Vec<AlertEvent> {
    let subject = || "client:42".to_owned();
    let service = || "service:sentinel".to_owned();
    vec![
        AlertEvent::Raised(Box::new(AlertRaised {
            episode: 1,
            source: "observium".into(),
            external_id: "8812".into(),
            device: "SWITCH-CLI-001".into(),
            client_id: Some("42".into()),
            client_name: Some("EHPAD Les Jardins".into()),
            severity: Severity::Critical,
            message: "Device down".into(),
            responsibility: Responsibility::Fai,
            confidence: Some(75),
            occurred_at: at(0),
        })),
        AlertEvent::Repeated(AlertRepeated {
            episode: 1,
            severity: Severity::Critical,
            message: "Device still down".into(),
            occurred_at: at(5),
            subject: subject(),
        }),
        AlertEvent::Reclassified(AlertReclassified {
            episode: 1,
            responsibility: Responsibility::Local,
            confidence: Some(90),
            by: user(),
            occurred_at: at(6),
        }),
        AlertEvent::Acknowledged(AlertAcknowledged {
            episode: 1,
            by: user(),
            comment: Some("Vu avec jean.dupont".into()),
            acknowledged_at: at(7),
            subject: subject(),
        }),
        AlertEvent::StepRecorded(AlertStep {
            episode: 1,
            kind: StepKind::TicketCreated,
            ticket_id: Some(4567),
            detail: Some("Ticket ouvert pour jean.dupont".into()),
            by: service(),
            occurred_at: at(8),
            subject: subject(),
        }),
        AlertEvent::Resolved(AlertResolved {
            episode: 1,
            resolution: Some("Le client a redémarré l'équipement".into()),
            by: service(),
            occurred_at: at(9),
            subject: subject(),
        }),
        AlertEvent::Reopened(AlertReopened {
            episode: 1,
            severity: Severity::Warning,
            message: "Device down".into(),
            occurred_at: at(10),
            subject: subject(),
        }),
        AlertEvent::FlappingStarted(AlertFlapping {
            episode: 1,
            downs: 4,
            occurred_at: at(12),
        }),
        AlertEvent::RecoveryNoted(RecoveryNoted {
            source: "observium".into(),
            external_id: "8813".into(),
            device: "SWITCH-CLI-002".into(),
            client_id: None,
            occurred_at: at(13),
        }),
    ]
}

pub fn maintenances() -> Vec<MaintenanceEvent> {
    vec![
        MaintenanceEvent::Planned(MaintenancePlanned {
            maintenance_id: id(),
            client_id: Some("42".into()),
            device: Some("SWITCH-CLI-001".into()),
            reason: "Remplacement du commutateur".into(),
            starts_at: at(20),
            ends_at: at(50),
            by: user(),
            planned_at: at(0),
        }),
        MaintenanceEvent::Cancelled(MaintenanceCancelled {
            by: user(),
            cancelled_at: at(1),
        }),
        MaintenanceEvent::Started(MaintenanceStarted { started_at: at(20) }),
        MaintenanceEvent::Ended(MaintenanceEnded { ended_at: at(50) }),
    ]
}

pub fn tickets() -> Vec<TicketEvent> {
    vec![TicketEvent::Processed(TicketProcessed {
        ticket_id: 1234,
        title: Some("Reset MDP - Jean Dupont".into()),
        category: TicketCategory::ResetMdp,
        outcome: TicketOutcome::Resolved,
        automatic: true,
        client_id: Some("42".into()),
        client_name: Some("EHPAD Les Jardins".into()),
        duration_ms: Some(8_400),
        occurred_at: at(0),
    })]
}

pub fn enrichments() -> Vec<EnrichmentEvent> {
    vec![EnrichmentEvent::Finished(EnrichmentFinished {
        run_id: "2026-01-15".into(),
        started_at: at(0),
        finished_at: at(10),
        next_run_at: Some(at(59)),
        added: 48,
        updated: 3,
        failed: 0,
        by_source: [("tickets".to_owned(), 40), ("procedures".to_owned(), 8)].into(),
    })]
}

pub fn workflow_errors() -> Vec<WorkflowErrorEvent> {
    vec![WorkflowErrorEvent::Reported(WorkflowErrorReported {
        workflow: "SUPPORT".into(),
        message: "Timeout MCP".into(),
        tool: Some("ad_reset_password".into()),
        ticket_id: Some(1230),
        attempts: Some(3),
        recovered: true,
        occurred_at: at(0),
    })]
}

pub fn components() -> Vec<ComponentEvent> {
    vec![ComponentEvent::HealthChanged(HealthChanged {
        component: "glpi".into(),
        status: HealthStatus::Down,
        previous: Some(HealthStatus::Ok),
        detail: Some("503 Service Unavailable".into()),
        latency_ms: Some(12),
        occurred_at: at(0),
    })]
}
