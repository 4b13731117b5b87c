-- The log: one table of events in commit order, and what makes appending to it safe.
-- `position` is dense (1, 2, 3 …): it is also the sequence in the JetStream stream EVENTS.

CREATE TABLE log_meta (
    only_row   boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    -- Which history this is. Also kept in the stream's metadata, because a restored backup brings
    -- its own epoch back.
    epoch      uuid NOT NULL,
    -- Why appends are refused: the relay saw that the stream and this database have parted.
    fork       text,
    -- Whether the stream was ever made: a missing one is then waited for before it is made anew.
    stream_made boolean NOT NULL DEFAULT false
);

-- A superset of the `events` table that postgres-es reads.
CREATE TABLE events (
    position       bigint PRIMARY KEY CHECK (position > 0),
    event_id       uuid NOT NULL,
    aggregate_type text NOT NULL,
    aggregate_id   text NOT NULL CHECK (aggregate_id ~ '^[A-Za-z0-9_-]{1,64}$'),
    sequence       bigint NOT NULL CHECK (sequence > 0),
    event_type     text NOT NULL CHECK (event_type ~ '^[a-z0-9_]+\.[a-z0-9_]+\.[a-z0-9_]+$'),
    event_version  text NOT NULL,
    -- jsonb also refuses U+0000. The exact limit, 256 KiB of JSON text, is checked before.
    payload        jsonb NOT NULL CHECK (pg_column_size(payload) <= 524288),
    metadata       jsonb NOT NULL,
    recorded_at    timestamptz NOT NULL,
    UNIQUE (aggregate_type, aggregate_id, sequence)
);

-- What became of commands that may be repeated; dropped after 30 days.
CREATE TABLE commands (
    command_id     uuid PRIMARY KEY,
    request_hash   bytea NOT NULL CHECK (octet_length(request_hash) = 32),
    aggregate_id   text NOT NULL,
    -- Equal to the log's head when the command changed nothing.
    position       bigint NOT NULL,
    outcome        jsonb NOT NULL,
    recorded_at    timestamptz NOT NULL
);
CREATE INDEX commands_recorded_at ON commands (recorded_at);

-- Names that one aggregate at most may hold. `key` is a keyed fingerprint, never the name.
CREATE TABLE claims (
    scope          text NOT NULL,
    key            bytea NOT NULL CHECK (octet_length(key) = 32),
    aggregate_type text NOT NULL,
    aggregate_id   text NOT NULL,
    PRIMARY KEY (scope, key)
);

-- The last number given out per series, e.g. APR-2026.
CREATE TABLE numbering (
    series         text PRIMARY KEY,
    last_number    bigint NOT NULL
);

-- One data key per person or thing, wrapped by the master key. Without `wrapped_key` the subject
-- is erased: what was sealed for it can never be read again.
CREATE TABLE subject_keys (
    key_id         uuid PRIMARY KEY,
    -- Keyed fingerprint of the subject, e.g. of `person:jean.dupont`.
    subject        bytea NOT NULL UNIQUE,
    wrapped_key    bytea,
    destroyed_at   timestamptz,
    CHECK ((wrapped_key IS NULL) = (destroyed_at IS NOT NULL))
);

-- How far each projection or workflow has read. The only cursor there is.
CREATE TABLE projection_checkpoints (
    name           text PRIMARY KEY,
    version        integer NOT NULL,
    position       bigint NOT NULL,
    updated_at     timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- What live feeds show, written with the rows it describes; kept 24 h.
CREATE TABLE feed_frames (
    feed           text NOT NULL,
    position       bigint NOT NULL,
    kind           text NOT NULL,
    -- `level:N1` or `user:<id>`.
    audience       text NOT NULL,
    sealed         jsonb NOT NULL,
    recorded_at    timestamptz NOT NULL,
    PRIMARY KEY (feed, position)
);
CREATE INDEX feed_frames_recorded_at ON feed_frames (recorded_at);

-- Events a projection could not apply because of what they hold.
CREATE TABLE parked_events (
    projection     text NOT NULL,
    position       bigint NOT NULL,
    partition_key  text,
    error          text NOT NULL,
    parked_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (projection, position)
);
