-- People. `sealed` holds the user name and the name to show.
CREATE TABLE IF NOT EXISTS users (
    id                   uuid PRIMARY KEY,
    -- Keyed fingerprint of the folded user name.
    name_key             bytea NOT NULL,
    accreditation_level  text NOT NULL,
    role                 text NOT NULL,
    credential_id        uuid,
    must_change_password boolean NOT NULL,
    is_disabled          boolean NOT NULL DEFAULT false,
    registered_at        timestamptz NOT NULL,
    version              bigint NOT NULL,
    position             bigint NOT NULL,
    sealed               jsonb NOT NULL,
    terms                bigint[] NOT NULL
);
CREATE INDEX IF NOT EXISTS users_name_key ON users (name_key);
CREATE INDEX IF NOT EXISTS users_terms ON users USING gin (terms);

-- Sessions. `sealed` holds address and browser.
CREATE TABLE IF NOT EXISTS sessions (
    id                   uuid PRIMARY KEY,
    user_id              uuid NOT NULL,
    opened_at            timestamptz NOT NULL,
    expires_at           timestamptz NOT NULL,
    ends_at              timestamptz NOT NULL,
    revoked_at           timestamptz,
    revocation_cause     text,
    version              bigint NOT NULL,
    position             bigint NOT NULL,
    sealed               jsonb NOT NULL
);
CREATE INDEX IF NOT EXISTS sessions_user ON sessions (user_id, opened_at DESC);

CREATE TABLE IF NOT EXISTS service_accounts (
    name                 text PRIMARY KEY,
    owner_id             uuid NOT NULL,
    scopes               text[] NOT NULL,
    credential_id        uuid NOT NULL,
    is_disabled          boolean NOT NULL DEFAULT false,
    created_at           timestamptz NOT NULL,
    version              bigint NOT NULL,
    position             bigint NOT NULL
);
