-- Appends a batch of requests in one transaction and says what became of each.
--
-- The lock makes positions dense and in commit order. It is taken by a statement of its own, so
-- that the next one has a snapshot that sees all that was committed before. Callers send at most
-- one request per aggregate, per command id and per claim in a batch.
-- Look-ups are LATERAL … LIMIT 1: other forms get plans that grow with the tables.
CREATE FUNCTION append_batch(
    r_command uuid[], r_hash bytea[], r_outcome jsonb[],
    r_type text[], r_id text[], r_expected bigint[], r_count bigint[], r_first_event uuid[],
    c_request bigint[], c_scope text[], c_key bytea[], c_release boolean[],
    e_request bigint[], e_offset bigint[], e_id uuid[], e_type text[], e_version text[],
    e_payload jsonb[], e_metadata jsonb[]
) RETURNS TABLE (request bigint, status text, last_position bigint, found_sequence bigint,
                 found_outcome jsonb, detail text, recorded_at timestamptz)
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    head bigint;
    forked text;
    now_ timestamptz;
BEGIN
    PERFORM pg_advisory_xact_lock(7310579);
    SELECT m.fork INTO forked FROM log_meta m;
    IF forked IS NOT NULL THEN
        RAISE EXCEPTION 'the log has forked: %', forked USING ERRCODE = 'GF001';
    END IF;
    SELECT e.position INTO head FROM events e ORDER BY e.position DESC LIMIT 1;
    head := coalesce(head, 0);
    now_ := date_trunc('milliseconds', clock_timestamp());

    RETURN QUERY
    WITH req AS MATERIALIZED (
        SELECT * FROM unnest(r_command, r_hash, r_outcome, r_type, r_id, r_expected, r_count, r_first_event)
            WITH ORDINALITY AS r(command, hash, outcome, type, id, expected, count, first_event, n)
    ), checked AS MATERIALIZED (
        SELECT r.*, known.outcome AS known_outcome, known.position AS known_position,
               coalesce(latest.sequence, 0) AS found, taken.scope AS taken_scope, own.position AS own_position,
               CASE
                   WHEN known.hash IS NOT NULL AND known.hash = r.hash THEN 'repeated'
                   WHEN known.hash IS NOT NULL THEN 'key_reused'
                   -- Ours already: the connection broke after an earlier try had committed.
                   WHEN own.position IS NOT NULL THEN 'appended_before'
                   WHEN coalesce(latest.sequence, 0) <> r.expected THEN 'conflict'
                   WHEN taken.scope IS NOT NULL THEN 'taken'
                   ELSE 'appended'
               END AS verdict
        FROM req r
        LEFT JOIN LATERAL (
            SELECT c.request_hash AS hash, c.outcome, c.position FROM commands c
            WHERE c.command_id = r.command LIMIT 1
        ) known ON true
        LEFT JOIN LATERAL (
            SELECT e.sequence FROM events e
            WHERE e.aggregate_type = r.type AND e.aggregate_id = r.id
            ORDER BY e.sequence DESC LIMIT 1
        ) latest ON true
        LEFT JOIN LATERAL (
            SELECT e.position + r.count - 1 AS position FROM events e
            WHERE e.aggregate_type = r.type AND e.aggregate_id = r.id AND e.sequence = r.expected + 1
              AND e.event_id = r.first_event
              AND coalesce(latest.sequence, 0) > r.expected LIMIT 1
        ) own ON true
        LEFT JOIN LATERAL (
            SELECT k.scope FROM unnest(c_request, c_scope, c_key, c_release) AS w(request, scope, key, release)
            JOIN LATERAL (
                SELECT held.scope FROM claims held
                WHERE held.scope = w.scope AND held.key = w.key
                  AND NOT (held.aggregate_type = r.type AND held.aggregate_id = r.id) LIMIT 1
            ) k ON true
            WHERE w.request = r.n LIMIT 1
        ) taken ON true
    ), numbered AS MATERIALIZED (
        SELECT c.*, head - c.count + sum(CASE WHEN c.verdict = 'appended' THEN c.count ELSE 0 END)
                   OVER (ORDER BY c.n) AS before
        FROM checked c
    ), new_events AS (
        INSERT INTO events (position, event_id, aggregate_type, aggregate_id, sequence, event_type,
                            event_version, payload, metadata, recorded_at)
        SELECT q.before + e.at, e.id, q.type, q.id, q.expected + e.at, e.type, e.version,
               e.payload, e.metadata, now_
        FROM unnest(e_request, e_offset, e_id, e_type, e_version, e_payload, e_metadata)
             AS e(request, at, id, type, version, payload, metadata)
        JOIN numbered q ON q.n = e.request AND q.verdict = 'appended'
        ORDER BY 1
    ), new_commands AS (
        INSERT INTO commands (command_id, request_hash, aggregate_id, position, outcome, recorded_at)
        SELECT q.command, q.hash, q.id, q.before + q.count, q.outcome, now_
        FROM numbered q WHERE q.verdict = 'appended' AND q.command IS NOT NULL
    ), given_back AS (
        DELETE FROM claims held USING unnest(c_request, c_scope, c_key, c_release) AS w(request, scope, key, release),
               numbered q
        WHERE w.release AND q.n = w.request AND q.verdict = 'appended'
          AND held.scope = w.scope AND held.key = w.key
          AND held.aggregate_type = q.type AND held.aggregate_id = q.id
    ), new_claims AS (
        INSERT INTO claims (scope, key, aggregate_type, aggregate_id)
        SELECT w.scope, w.key, q.type, q.id
        FROM unnest(c_request, c_scope, c_key, c_release) AS w(request, scope, key, release)
        JOIN numbered q ON q.n = w.request AND q.verdict = 'appended'
        WHERE NOT w.release
        ON CONFLICT (scope, key) DO NOTHING
    )
    SELECT q.n, q.verdict,
           CASE q.verdict
               WHEN 'appended' THEN (q.before + q.count)::bigint
               WHEN 'appended_before' THEN q.own_position
               WHEN 'repeated' THEN q.known_position
           END,
           q.found, q.known_outcome, q.taken_scope, now_
    FROM numbered q ORDER BY q.n;
END
$$;
