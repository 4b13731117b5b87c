-- Read tables live in a schema of their own per projection and version (`approvals_v2`): another
-- shape is filled beside the one that is read, and a rebuild beside the rows it replaces.

-- The read tables so far. They are filled again from the log.
DROP TABLE IF EXISTS approvals, approval_postponements, tools, clients, users, sessions,
                     service_accounts, audit_items, deadlines;
DELETE FROM projection_checkpoints
WHERE name IN ('approvals', 'tools', 'clients', 'users', 'audit', 'deadlines');

ALTER TABLE projection_checkpoints
    DROP CONSTRAINT projection_checkpoints_pkey,
    ADD PRIMARY KEY (name, version),
    -- Where the rows stand that the last rebuild replaced, and that a roll-back brings back.
    ADD COLUMN before_position bigint;

-- Rebuilds, for those who watch: nothing else reads them.
CREATE TABLE projection_rebuilds (
    name           text NOT NULL,
    version        integer NOT NULL,
    started_at     timestamptz NOT NULL,
    updated_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    swapped_at     timestamptz,
    -- How far it is, and how far it has to go at least.
    position       bigint NOT NULL DEFAULT 0,
    target         bigint NOT NULL DEFAULT 0,
    -- Events applied; others are passed over.
    events         bigint NOT NULL DEFAULT 0,
    state          text NOT NULL
        CHECK (state IN ('filling', 'indexing', 'swapping', 'swapped', 'failed', 'rolled_back')),
    PRIMARY KEY (name, version, started_at)
);

-- Parked events belong to rows: those that are read, those being filled, those kept from before.
ALTER TABLE parked_events
    ADD COLUMN version integer NOT NULL,
    ADD COLUMN generation text NOT NULL CHECK (generation IN ('live', 'new', 'before')),
    -- NULL: it waits behind an earlier one of its key.
    ALTER COLUMN error DROP NOT NULL,
    ALTER COLUMN partition_key SET NOT NULL,
    DROP CONSTRAINT parked_events_pkey,
    ADD PRIMARY KEY (projection, version, generation, position);
CREATE INDEX parked_events_key ON parked_events (projection, version, generation, partition_key);
