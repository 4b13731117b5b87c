-- What must never be in an event: hashes of passwords and keys. An event names a credential by its
-- id; the row is written before the event, and a row that no event names is garbage.
CREATE TABLE credentials (
    id         uuid NOT NULL,
    -- `password` (bcrypt 12), `key_sha256` (hex), `key_bcrypt` (for the NATS users file).
    kind       text NOT NULL CHECK (kind IN ('password', 'key_sha256', 'key_bcrypt')),
    hash       text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (id, kind)
);

-- Sign-in tries per (account, address) and per address, shared by all processes. `key` is a keyed
-- fingerprint: neither name nor address is kept.
CREATE UNLOGGED TABLE login_attempts (
    key               bytea PRIMARY KEY CHECK (octet_length(key) = 32),
    window_started_at timestamptz NOT NULL,
    attempts          integer NOT NULL
);
