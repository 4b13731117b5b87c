-- The register of clients. `sealed` holds the name.
CREATE TABLE IF NOT EXISTS clients (
    client_id          text PRIMARY KEY,
    critical           boolean NOT NULL,
    version            bigint NOT NULL,
    registered_at      timestamptz NOT NULL,
    updated_at         timestamptz NOT NULL,
    position           bigint NOT NULL,
    sealed             jsonb NOT NULL,
    terms              bigint[] NOT NULL
);
CREATE INDEX IF NOT EXISTS clients_terms ON clients USING gin (terms);
