-- Turns the record's table, empty or filled, into one that is partitioned by ranges of ids, so that old rows can leave
-- as a whole partition. The rows that are there become the first partition and are not moved; they are read once.
-- Run it as the owner of the tables while the server stands still, and then postgresql-roles.sql again (docs/audit.md):
--   psql --set ON_ERROR_STOP=1 --file deploy/postgresql-partitions.sql "$OWNER_DATABASE_URL"
BEGIN;

LOCK TABLE audit_issuanceevent IN ACCESS EXCLUSIVE MODE;

-- Gives a partition the trigger that only a table itself can have. The others come from its parent.
CREATE FUNCTION audit_forbid_truncate(partition regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format(
        'CREATE TRIGGER audit_issuanceevent_no_truncate BEFORE TRUNCATE ON %s '
        'FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only()', partition
    );
END $$;

-- The first id behind the partitions, and behind the rows that found none.
CREATE FUNCTION audit_first_free_id() RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    RETURN greatest(
        (SELECT max((regexp_match(pg_get_expr(relpartbound, oid), 'TO \(''?(\d+)'))[1]::bigint) FROM pg_class
         WHERE oid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = 'audit_issuanceevent'::regclass)),
        (SELECT max(id) + 1 FROM audit_issuanceevent_rest)
    );
END $$;

-- Makes partitions of `size` ids until `ahead` of them are free. Does nothing where there are as many: run it daily.
-- Rows that found no partition are in audit_issuanceevent_rest; the next partition begins behind them.
CREATE FUNCTION audit_make_partitions(size bigint DEFAULT 10000000, ahead integer DEFAULT 3)
RETURNS SETOF regclass LANGUAGE plpgsql SET lock_timeout = '2s' AS $$
DECLARE
    used bigint;
    first_id bigint;
    free bigint;
    made regclass;
BEGIN
    -- Of two at once one waits here, so that none holds what the other waits for.
    PERFORM pg_advisory_xact_lock('audit_issuanceevent'::regclass::oid::bigint);
    SELECT last_value INTO used FROM audit_issuanceevent_ids;
    free := (greatest(audit_first_free_id() - used - 1, 0) + size - 1) / size;
    IF free >= ahead THEN
        RETURN;
    END IF;
    -- Rows wait behind this lock, so it is not waited for long: the next run tries again.
    LOCK TABLE audit_issuanceevent IN ACCESS EXCLUSIVE MODE;
    first_id := audit_first_free_id();
    WHILE free < ahead LOOP
        EXECUTE format(
            'CREATE TABLE audit_issuanceevent_%s PARTITION OF audit_issuanceevent FOR VALUES FROM (%s) TO (%s)',
            first_id, first_id, first_id + size
        );
        made := format('audit_issuanceevent_%s', first_id)::regclass;
        PERFORM audit_forbid_truncate(made);
        RETURN NEXT made;
        first_id := first_id + size;
        free := free + 1;
    END LOOP;
END $$;

-- Drops a partition that no row is left in: manage.py audit prune has deleted them, each under a tombstone.
CREATE FUNCTION audit_drop_partition(partition regclass) RETURNS void
LANGUAGE plpgsql SET lock_timeout = '2s' AS $$
DECLARE
    has_rows boolean;
    used bigint;
    last_of_it bigint;
BEGIN
    IF NOT EXISTS (
        SELECT FROM pg_inherits WHERE inhrelid = partition AND inhparent = 'audit_issuanceevent'::regclass
    ) THEN
        RAISE EXCEPTION '% is no partition of the record', partition;
    END IF;
    SELECT last_value INTO used FROM audit_issuanceevent_ids;
    SELECT (regexp_match(pg_get_expr(relpartbound, oid), 'TO \(''?(\d+)'))[1]::bigint - 1 INTO last_of_it
    FROM pg_class WHERE oid = partition;
    IF last_of_it IS NULL OR last_of_it > used THEN
        RAISE EXCEPTION '% is where new rows go', partition;
    END IF;
    LOCK TABLE audit_issuanceevent IN ACCESS EXCLUSIVE MODE;
    EXECUTE format('SELECT EXISTS (SELECT FROM %s)', partition) INTO has_rows;
    IF has_rows THEN
        RAISE EXCEPTION '% holds rows: prune them first', partition;
    END IF;
    EXECUTE format('DROP TABLE %s', partition);
END $$;

REVOKE EXECUTE ON FUNCTION audit_forbid_truncate, audit_first_free_id, audit_make_partitions, audit_drop_partition
FROM PUBLIC;

DO $$
DECLARE
    old_index record;
    old_trigger record;
    next_id bigint;
    first_of_next bigint;
BEGIN
    SELECT nextval(pg_get_serial_sequence('audit_issuanceevent', 'id')) INTO next_id;
    first_of_next := (next_id / 1000000 + 1) * 1000000;

    CREATE TEMPORARY TABLE definitions ON COMMIT DROP AS
    SELECT 2 AS place, pg_get_indexdef(indexrelid) AS definition, indexrelid::regclass::text AS index
    FROM pg_index WHERE indrelid = 'audit_issuanceevent'::regclass AND NOT indisprimary
    UNION ALL
    SELECT 3, pg_get_triggerdef(oid), NULL
    FROM pg_trigger WHERE tgrelid = 'audit_issuanceevent'::regclass AND NOT tgisinternal;

    FOR old_trigger IN
        SELECT tgname FROM pg_trigger WHERE tgrelid = 'audit_issuanceevent'::regclass AND NOT tgisinternal
    LOOP
        EXECUTE format('DROP TRIGGER %I ON audit_issuanceevent', old_trigger.tgname);
    END LOOP;
    ALTER TABLE audit_issuanceevent RENAME CONSTRAINT audit_issuanceevent_pkey TO audit_issuanceevent_first_pkey;
    FOR old_index IN SELECT index FROM definitions WHERE index IS NOT NULL LOOP
        EXECUTE format('ALTER INDEX %s RENAME TO %I', old_index.index, old_index.index || '_first');
    END LOOP;
    ALTER TABLE audit_issuanceevent ALTER COLUMN id DROP IDENTITY;
    ALTER TABLE audit_issuanceevent RENAME TO audit_issuanceevent_first;

    CREATE TABLE audit_issuanceevent (
        LIKE audit_issuanceevent_first INCLUDING DEFAULTS INCLUDING CONSTRAINTS, PRIMARY KEY (id)
    ) PARTITION BY RANGE (id);
    -- Before PostgreSQL 17 a partitioned table has no identity column.
    CREATE SEQUENCE audit_issuanceevent_ids OWNED BY audit_issuanceevent.id;
    PERFORM setval('audit_issuanceevent_ids', next_id, false);
    ALTER TABLE audit_issuanceevent ALTER COLUMN id SET DEFAULT nextval('audit_issuanceevent_ids');

    -- Indexes and triggers by the names that they had: partitions get their own from these.
    FOR old_index IN SELECT definition FROM definitions ORDER BY place LOOP
        EXECUTE old_index.definition;
    END LOOP;
    EXECUTE format(
        'ALTER TABLE audit_issuanceevent ATTACH PARTITION audit_issuanceevent_first FOR VALUES FROM (MINVALUE) TO (%s)',
        first_of_next
    );
    PERFORM audit_forbid_truncate('audit_issuanceevent_first');
    CREATE TABLE audit_issuanceevent_rest PARTITION OF audit_issuanceevent DEFAULT;
    PERFORM audit_forbid_truncate('audit_issuanceevent_rest');
    PERFORM audit_make_partitions();
END $$;

COMMIT;
