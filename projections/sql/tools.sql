-- The tool registry.
CREATE TABLE IF NOT EXISTS tools (
    name               text PRIMARY KEY,
    level              text NOT NULL,
    description_fr     text NOT NULL,
    description_en     text NOT NULL,
    schema_fingerprint text,
    version            bigint NOT NULL,
    updated_at         timestamptz NOT NULL,
    position           bigint NOT NULL
);
