-- What SUPERVISION shows. Times are those of the facts. Personal texts are in `sealed` only.

-- Tickets with their latest report.
CREATE TABLE IF NOT EXISTS supervision_tickets (
    -- The number in GLPI.
    ticket_id          bigint PRIMARY KEY,
    -- The last event applied.
    position           bigint NOT NULL,
    category           text NOT NULL,
    outcome            text NOT NULL,
    automatic          boolean NOT NULL,
    client_id          text,
    duration_ms        bigint,
    reports            integer NOT NULL,
    first_occurred_at  timestamptz NOT NULL,
    -- Of the latest report, by which the ticket counts, and that report's place in the log.
    occurred_at        timestamptz NOT NULL,
    reported_position  bigint NOT NULL,
    reported_by        text NOT NULL,
    sealed             jsonb NOT NULL,
    terms              bigint[] NOT NULL
);
CREATE INDEX IF NOT EXISTS supervision_tickets_time ON supervision_tickets (occurred_at DESC, ticket_id DESC);
CREATE INDEX IF NOT EXISTS supervision_tickets_client ON supervision_tickets (client_id, occurred_at DESC, ticket_id DESC);
CREATE INDEX IF NOT EXISTS supervision_tickets_terms ON supervision_tickets USING gin (terms);

-- Episodes of alerts. `doc` is the alert as GET shows it with every personal part blanked.
CREATE TABLE IF NOT EXISTS supervision_alerts (
    alert_id           uuid NOT NULL,
    episode            integer NOT NULL,
    position           bigint NOT NULL,
    client_id          text,
    device             text NOT NULL,
    severity           text NOT NULL,
    responsibility     text NOT NULL,
    status             text NOT NULL,
    raised_at          timestamptz NOT NULL,
    -- While it is resolved.
    resolved_at        timestamptz,
    is_acknowledged    boolean NOT NULL,
    -- Active, and the client was asked to look.
    is_awaiting_diag   boolean NOT NULL,
    -- When it last went down or up, once it goes up and down.
    flapping_at        timestamptz,
    doc                jsonb NOT NULL,
    sealed             jsonb NOT NULL,
    terms              bigint[] NOT NULL,
    PRIMARY KEY (alert_id, episode)
-- Repeats change a row in its place.
) WITH (fillfactor = 80);
CREATE INDEX IF NOT EXISTS supervision_alerts_time ON supervision_alerts (raised_at DESC, alert_id DESC, episode DESC);
CREATE INDEX IF NOT EXISTS supervision_alerts_client ON supervision_alerts (client_id, raised_at DESC, alert_id DESC, episode DESC);
CREATE INDEX IF NOT EXISTS supervision_alerts_active ON supervision_alerts (client_id, raised_at) WHERE status = 'active';
CREATE INDEX IF NOT EXISTS supervision_alerts_device ON supervision_alerts (device, raised_at DESC);
CREATE INDEX IF NOT EXISTS supervision_alerts_resolved ON supervision_alerts (client_id, resolved_at DESC, alert_id, episode) WHERE resolved_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS supervision_alerts_flapping ON supervision_alerts (flapping_at) WHERE flapping_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS supervision_alerts_terms ON supervision_alerts USING gin (terms);

-- Maintenance windows; whether one runs is asked when it is read.
CREATE TABLE IF NOT EXISTS supervision_maintenance (
    id                 uuid PRIMARY KEY,
    position           bigint NOT NULL,
    version            bigint NOT NULL,
    client_id          text,
    device             text,
    starts_at          timestamptz NOT NULL,
    ends_at            timestamptz NOT NULL,
    cancelled_at       timestamptz,
    planned_by         text NOT NULL,
    planned_at         timestamptz NOT NULL,
    sealed             jsonb NOT NULL
);
CREATE INDEX IF NOT EXISTS supervision_maintenance_end ON supervision_maintenance (ends_at);

-- Errors of workflows.
CREATE TABLE IF NOT EXISTS supervision_errors (
    id                 uuid PRIMARY KEY,
    position           bigint NOT NULL,
    workflow           text NOT NULL,
    tool               text,
    ticket_id          bigint,
    attempts           integer,
    recovered          boolean NOT NULL,
    occurred_at        timestamptz NOT NULL,
    reported_by        text NOT NULL,
    sealed             jsonb NOT NULL
);
CREATE INDEX IF NOT EXISTS supervision_errors_time ON supervision_errors (occurred_at DESC, id DESC);

-- How the components are: what is told latest of them, by when it happened.
CREATE TABLE IF NOT EXISTS supervision_components (
    component          text PRIMARY KEY,
    position           bigint NOT NULL,
    status             text NOT NULL,
    latency_ms         bigint,
    occurred_at        timestamptz NOT NULL,
    sealed             jsonb NOT NULL
);

-- How they came to be so.
CREATE TABLE IF NOT EXISTS supervision_health_changes (
    position           bigint PRIMARY KEY,
    component          text NOT NULL,
    status             text NOT NULL,
    previous           text,
    latency_ms         bigint,
    occurred_at        timestamptz NOT NULL,
    sealed             jsonb NOT NULL
);
CREATE INDEX IF NOT EXISTS supervision_health_changes_time ON supervision_health_changes (occurred_at DESC, position DESC);

-- Runs of ENRICHISSEUR.
CREATE TABLE IF NOT EXISTS supervision_runs (
    aggregate_id       uuid PRIMARY KEY,
    position           bigint NOT NULL,
    run_id             text NOT NULL,
    started_at         timestamptz NOT NULL,
    finished_at        timestamptz NOT NULL,
    next_run_at        timestamptz,
    added              bigint NOT NULL,
    updated            bigint NOT NULL,
    failed             bigint NOT NULL,
    by_source          jsonb NOT NULL,
    reported_by        text NOT NULL
);
CREATE INDEX IF NOT EXISTS supervision_runs_time ON supervision_runs (finished_at DESC, aggregate_id DESC);

-- What happens, a line per event worth one.
CREATE TABLE IF NOT EXISTS supervision_activity (
    position           bigint PRIMARY KEY,
    at                 timestamptz NOT NULL,
    kind               text NOT NULL,
    target_type        text NOT NULL,
    target_id          text NOT NULL,
    -- `NULL` of a decision: the request has it.
    label              text,
    status             text,
    category           text,
    client_id          text
);

-- Sums of the rows above, by hours (`step = 'hour'`, of UTC, which Paris shares) and days of Paris
-- (`'day'`, by their midnight). A row that changes is subtracted and added anew; what comes to
-- nothing is removed, so that a rebuild makes the same rows. What is asked of now is summed too.
CREATE TABLE IF NOT EXISTS supervision_ticket_sums (
    step               text NOT NULL,
    at                 timestamptz NOT NULL,
    category           text NOT NULL,
    outcome            text NOT NULL,
    automatic          boolean NOT NULL,
    count              bigint NOT NULL,
    -- Those that say how long they took, and how long that is together.
    timed              bigint NOT NULL,
    duration_ms        numeric NOT NULL,
    PRIMARY KEY (step, at, category, outcome, automatic)
) WITH (fillfactor = 50);
CREATE TABLE IF NOT EXISTS supervision_alert_sums (
    step               text NOT NULL,
    at                 timestamptz NOT NULL,
    responsibility     text NOT NULL,
    severity           text NOT NULL,
    status             text NOT NULL,
    count              bigint NOT NULL,
    -- From raised to resolved, of those that are.
    resolution_ms      numeric NOT NULL,
    PRIMARY KEY (step, at, responsibility, severity, status)
) WITH (fillfactor = 50);
-- Tickets by client; those that name none are of ''.
CREATE TABLE IF NOT EXISTS supervision_client_sums (
    step               text NOT NULL,
    at                 timestamptz NOT NULL,
    client_id          text NOT NULL,
    count              bigint NOT NULL,
    PRIMARY KEY (step, at, client_id)
) WITH (fillfactor = 70);
-- Active alerts by client; those that name none are of ''.
CREATE TABLE IF NOT EXISTS supervision_active_sums (
    client_id          text PRIMARY KEY,
    count              bigint NOT NULL,
    acknowledged       bigint NOT NULL,
    awaiting_diag      bigint NOT NULL
) WITH (fillfactor = 50);
-- Alerts that go up and down, by the minute (of UTC) in which they last did.
CREATE TABLE IF NOT EXISTS supervision_flapping_sums (
    at                 timestamptz PRIMARY KEY,
    count              bigint NOT NULL
) WITH (fillfactor = 50);
