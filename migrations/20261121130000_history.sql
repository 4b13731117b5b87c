-- Whether this database still holds the history that a process knows: called on each new connection of
-- who writes. A restored backup, or a failover that lost its tail, holds less, or something else.
CREATE FUNCTION assert_history(known_epoch uuid, known_position bigint, known_event uuid)
RETURNS void LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF (SELECT epoch FROM log_meta) IS DISTINCT FROM known_epoch THEN
        RAISE EXCEPTION 'the log has begun another epoch' USING ERRCODE = 'GF002';
    END IF;
    IF known_position > 0 AND known_event IS DISTINCT FROM
       (SELECT event_id FROM events WHERE position = known_position) THEN
        RAISE EXCEPTION 'the event at position % is not the one that was known', known_position
            USING ERRCODE = 'GF002';
    END IF;
END $$;
