-- Where in the log is what: one row per event. What an event says, from where it came and why is
-- read from the log itself, so that there is no second copy of it to erase.
CREATE TABLE IF NOT EXISTS audit_items (
    position           bigint PRIMARY KEY,
    at                 timestamptz NOT NULL,
    -- `user:<id>`, `service:<name>`.
    actor              text NOT NULL,
    action             text NOT NULL,
    outcome            text NOT NULL,
    target_type        text NOT NULL,
    target_id          text NOT NULL,
    correlation_id     uuid NOT NULL,
    terms              bigint[] NOT NULL
);
CREATE INDEX IF NOT EXISTS audit_items_actor ON audit_items (actor, position);
CREATE INDEX IF NOT EXISTS audit_items_action ON audit_items (action text_pattern_ops, position);
CREATE INDEX IF NOT EXISTS audit_items_target ON audit_items (target_id, position);
CREATE INDEX IF NOT EXISTS audit_items_correlation ON audit_items (correlation_id, position);
CREATE INDEX IF NOT EXISTS audit_items_at ON audit_items (at);
CREATE INDEX IF NOT EXISTS audit_items_terms ON audit_items USING gin (terms);
