-- Approvals as they are read. `doc` is the approval as GET shows it with every personal part blanked;
-- `sealed` holds those parts by their place in it. The other columns are what lists filter by.
DO $$ BEGIN
IF to_regclass(current_schema() || '.approvals') IS NULL THEN
    CREATE TABLE approvals (
        id                 uuid PRIMARY KEY,
        -- The last event that changed it; a postponement does not.
        position           bigint NOT NULL,
        reference          text NOT NULL,
        status             text NOT NULL,
        tool_name          text NOT NULL,
        client_id          text,
        workflow           text,
        -- `service:support`, `user:<id>`.
        requested_by       text NOT NULL,
        requested_at       timestamptz NOT NULL,
        expires_at         timestamptz NOT NULL,
        -- When people decided: approved or rejected.
        decided_at         timestamptz,
        doc                jsonb NOT NULL,
        sealed             jsonb NOT NULL,
        terms              bigint[]
    -- Room to change a row in its place, as most events do, without touching the indexes.
    ) WITH (fillfactor = 70);
    -- Else PostgreSQL compresses it at every event anew, a twelfth of a rebuild. Said apart, as PostgreSQL 15
    -- wants it, and of a new table only: it takes a lock that a long query would hold up.
    ALTER TABLE approvals ALTER COLUMN doc SET STORAGE EXTERNAL;
END IF;
END $$;
CREATE INDEX IF NOT EXISTS approvals_pending ON approvals (expires_at, id) WHERE status = 'pending';
CREATE INDEX IF NOT EXISTS approvals_pending_of ON approvals (requested_by) WHERE status = 'pending';
CREATE INDEX IF NOT EXISTS approvals_requested_at ON approvals (requested_at DESC, id DESC);
CREATE INDEX IF NOT EXISTS approvals_terms ON approvals USING gin (terms);

-- Who does not want to see which card until when.
CREATE TABLE IF NOT EXISTS approval_postponements (
    approval_id        uuid NOT NULL,
    user_id            text NOT NULL,
    until              timestamptz NOT NULL,
    position           bigint NOT NULL,
    PRIMARY KEY (approval_id, user_id)
);
