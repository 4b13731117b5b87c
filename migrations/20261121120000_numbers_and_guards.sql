-- Numbers of a series are given by the append itself: without gaps, in the order of the log. And a
-- command may rest on other aggregates than its own.

-- Insert-only: a counter in one row would pile up dead versions under any open snapshot.
CREATE TABLE numbers (
    series         text NOT NULL,
    number         bigint NOT NULL CHECK (number > 0),
    PRIMARY KEY (series, number)
);
INSERT INTO numbers SELECT series, last_number FROM numbering WHERE last_number > 0;
DROP TABLE numbering;
DELETE FROM claims WHERE scope = 'approval_reference';

DROP FUNCTION append_batch;

-- Appends a batch of requests in one transaction and says what became of each.
--
-- The lock makes positions dense and in commit order. It is taken by a statement of its own, so
-- that the next one has a snapshot that sees all that was committed before. Callers send at most
-- one request per aggregate, per command id and per claim in a batch.
--
-- A request may name guards: other aggregates it decided on, and the sequence it saw of each. If one
-- has moved since, the request is outdated.
--
-- An event may ask for the next number of a series. Numbers are given here, under the lock: without
-- gaps, in the order of the log.
--
-- Look-ups are LATERAL … LIMIT 1: other forms get plans that grow with the tables. What was found
-- goes into arrays, not joins: the writer's session allows nested loops only, and a join of a batch
-- with itself would cost the square of its size.
CREATE FUNCTION append_batch(
    r_command uuid[], r_hash bytea[], r_outcome jsonb[],
    r_type text[], r_id text[], r_expected bigint[], r_count bigint[], r_first_event uuid[],
    c_request bigint[], c_scope text[], c_key bytea[], c_release boolean[],
    e_request bigint[], e_offset bigint[], e_id uuid[], e_type text[], e_version text[],
    e_payload jsonb[], e_metadata jsonb[], e_series text[], e_field text[],
    g_request bigint[], g_type text[], g_id text[], g_expected bigint[]
) RETURNS TABLE (request bigint, verdict bigint, last_position bigint, found_sequence bigint,
                 found_outcome jsonb, found_id text, detail text, number text, recorded_at timestamptz)
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    appended        CONSTANT bigint := 0;
    appended_before CONSTANT bigint := 1;
    repeated        CONSTANT bigint := 2;
    conflict        CONSTANT bigint := 3;
    key_reused      CONSTANT bigint := 4;
    taken           CONSTANT bigint := 5;
    outdated        CONSTANT bigint := 6;
    head bigint;
    forked text;
    now_ timestamptz;
    verdicts bigint[];
    -- Position before the request's first event.
    before bigint[];
    known_positions bigint[];
    known_outcomes jsonb[];
    known_ids text[];
    found bigint[];
    scopes text[];
    -- Requests with a guard that has moved.
    moved bigint[];
    -- The number given to each request, and the field it stands in.
    number_of text[];
    field_of text[];
    series_ text;
    last_number bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(7310579);
    SELECT m.fork INTO forked FROM log_meta m;
    IF forked IS NOT NULL THEN
        RAISE EXCEPTION 'the log has forked: %', forked USING ERRCODE = 'GF001';
    END IF;
    SELECT e.position INTO head FROM events e ORDER BY e.position DESC LIMIT 1;
    head := coalesce(head, 0);
    now_ := date_trunc('milliseconds', clock_timestamp());

    IF cardinality(g_request) > 0 THEN
        SELECT array_agg(DISTINCT g.request) INTO moved
        FROM unnest(g_request, g_type, g_id, g_expected) AS g(request, type, id, expected)
        LEFT JOIN LATERAL (
            SELECT e.sequence FROM events e
            WHERE e.aggregate_type = g.type AND e.aggregate_id = g.id
            ORDER BY e.sequence DESC LIMIT 1
        ) latest ON true
        WHERE coalesce(latest.sequence, 0) <> g.expected;
    END IF;

    SELECT array_agg(q.verdict ORDER BY q.n),
           array_agg(head + q.upto - q.count ORDER BY q.n),
           array_agg(coalesce(q.own_position, q.known_position) ORDER BY q.n),
           array_agg(q.known_outcome ORDER BY q.n),
           array_agg(q.known_id ORDER BY q.n),
           array_agg(q.latest ORDER BY q.n)
    INTO verdicts, before, known_positions, known_outcomes, known_ids, found
    FROM (
        SELECT c.*, sum(CASE WHEN c.verdict = appended THEN c.count ELSE 0 END) OVER (ORDER BY c.n) AS upto
        FROM (
            SELECT r.n, r.count, known.outcome AS known_outcome, known.aggregate_id AS known_id,
                   known.position AS known_position,
                   own.position AS own_position, coalesce(latest.sequence, 0) AS latest,
                   CASE
                       -- Ours already: the connection broke after an earlier try had committed.
                       WHEN own.position IS NOT NULL THEN appended_before
                       WHEN known.hash = r.hash THEN repeated
                       WHEN known.hash IS NOT NULL THEN key_reused
                       WHEN coalesce(latest.sequence, 0) <> r.expected THEN conflict
                       WHEN r.n = ANY (moved) THEN outdated
                       ELSE appended
                   END AS verdict
            FROM unnest(r_command, r_hash, r_type, r_id, r_expected, r_count, r_first_event)
                 WITH ORDINALITY AS r(command, hash, type, id, expected, count, first_event, n)
            LEFT JOIN LATERAL (
                SELECT c.request_hash AS hash, c.outcome, c.aggregate_id, c.position FROM commands c
                WHERE c.command_id = r.command LIMIT 1
            ) known ON true
            LEFT JOIN LATERAL (
                SELECT e.sequence FROM events e
                WHERE e.aggregate_type = r.type AND e.aggregate_id = r.id
                ORDER BY e.sequence DESC LIMIT 1
            ) latest ON true
            LEFT JOIN LATERAL (
                SELECT e.position + r.count - 1 AS position FROM events e
                WHERE latest.sequence > r.expected
                  AND e.aggregate_type = r.type AND e.aggregate_id = r.id
                  AND e.sequence = r.expected + 1 AND e.event_id = r.first_event LIMIT 1
            ) own ON true
        ) c
    ) q;

    IF cardinality(c_request) > 0 THEN
        -- Claims are rare: a request that loses one is taken out, and the rest moves up.
        SELECT array_agg(CASE WHEN verdicts[n] = appended AND lost.scope IS NOT NULL THEN taken
                              ELSE verdicts[n] END ORDER BY n),
               array_agg(lost.scope ORDER BY n)
        INTO verdicts, scopes
        FROM generate_subscripts(verdicts, 1) n
        LEFT JOIN LATERAL (
            SELECT w.scope
            FROM unnest(c_request, c_scope, c_key) AS w(request, scope, key)
            JOIN LATERAL (
                SELECT 1 FROM claims held
                WHERE held.scope = w.scope AND held.key = w.key
                  AND NOT (held.aggregate_type = r_type[n] AND held.aggregate_id = r_id[n]) LIMIT 1
            ) held ON true
            WHERE w.request = n LIMIT 1
        ) lost ON true;
        SELECT array_agg(head + upto - count ORDER BY n) INTO before
        FROM (SELECT n, r_count[n] AS count,
                     sum(CASE WHEN verdicts[n] = appended THEN r_count[n] ELSE 0 END) OVER (ORDER BY n) AS upto
              FROM generate_subscripts(verdicts, 1) n) moved;
        DELETE FROM claims held
        USING unnest(c_request, c_scope, c_key, c_release) AS w(request, scope, key, release)
        WHERE w.release AND verdicts[w.request] = appended AND held.scope = w.scope AND held.key = w.key
          AND held.aggregate_type = r_type[w.request] AND held.aggregate_id = r_id[w.request];
        INSERT INTO claims (scope, key, aggregate_type, aggregate_id)
        SELECT w.scope, w.key, r_type[w.request], r_id[w.request]
        FROM unnest(c_request, c_scope, c_key, c_release) AS w(request, scope, key, release)
        WHERE NOT w.release AND verdicts[w.request] = appended
        ON CONFLICT (scope, key) DO NOTHING;
    END IF;

    FOR i IN 1 .. coalesce(cardinality(e_series), 0) LOOP
        CONTINUE WHEN e_series[i] IS NULL;
        IF verdicts[e_request[i]] = appended THEN
            IF series_ IS DISTINCT FROM e_series[i] THEN
                series_ := e_series[i];
                SELECT t.number INTO last_number FROM numbers t
                WHERE t.series = series_ ORDER BY t.number DESC LIMIT 1;
            END IF;
            last_number := coalesce(last_number, 0) + 1;
            INSERT INTO numbers VALUES (series_, last_number);
            number_of[e_request[i]] := series_ || '-' || lpad(last_number::text, greatest(4, length(last_number::text)), '0');
            field_of[e_request[i]] := e_field[i];
        ELSIF verdicts[e_request[i]] = appended_before THEN
            number_of[e_request[i]] := (
                SELECT e.payload ->> e_field[i] FROM events e
                WHERE e.position = known_positions[e_request[i]] - r_count[e_request[i]] + e_offset[i]);
        END IF;
    END LOOP;

    INSERT INTO events (position, event_id, aggregate_type, aggregate_id, sequence, event_type,
                        event_version, payload, metadata, recorded_at)
    SELECT before[e.request] + e.at, e.id, r_type[e.request], r_id[e.request],
           r_expected[e.request] + e.at, e.type, e.version,
           CASE WHEN e.series IS NULL THEN e.payload
                ELSE jsonb_set(e.payload, ARRAY[e.field], to_jsonb(number_of[e.request])) END,
           e.metadata, now_
    FROM unnest(e_request, e_offset, e_id, e_type, e_version, e_payload, e_metadata, e_series, e_field)
         AS e(request, at, id, type, version, payload, metadata, series, field)
    WHERE verdicts[e.request] = appended;

    INSERT INTO commands (command_id, request_hash, aggregate_id, position, outcome, recorded_at)
    SELECT r.command, r.hash, r.id, before[r.n] + r.count,
           CASE WHEN number_of[r.n] IS NULL THEN r.outcome
                ELSE jsonb_set(r.outcome, ARRAY['more', field_of[r.n]], to_jsonb(number_of[r.n]), false) END,
           now_
    FROM unnest(r_command, r_hash, r_id, r_count, r_outcome)
         WITH ORDINALITY AS r(command, hash, id, count, outcome, n)
    WHERE r.command IS NOT NULL AND verdicts[r.n] = appended;

    RETURN QUERY
    SELECT n::bigint, verdicts[n],
           CASE WHEN verdicts[n] = appended THEN before[n] + r_count[n] ELSE known_positions[n] END,
           found[n], CASE WHEN verdicts[n] = repeated THEN known_outcomes[n] END, known_ids[n], scopes[n],
           number_of[n], now_
    FROM generate_subscripts(verdicts, 1) n;
END
$$;
