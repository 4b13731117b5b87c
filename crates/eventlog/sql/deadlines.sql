CREATE TABLE IF NOT EXISTS deadlines (
    aggregate_type text NOT NULL,
    aggregate_id   text NOT NULL,
    kind           text NOT NULL,
    due_at         timestamptz NOT NULL,
    -- The event that set it: what is done about it is done once per this event.
    set_by         uuid NOT NULL,
    PRIMARY KEY (aggregate_type, aggregate_id, kind)
);
CREATE INDEX IF NOT EXISTS deadlines_due_at ON deadlines (due_at);
