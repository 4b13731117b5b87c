-- After it a restored backup is checked row by row again.
ALTER TABLE events VALIDATE CONSTRAINT events_aggregate_id_check;
