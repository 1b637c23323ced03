-- Two roles for PostgreSQL, neither of which owns a table or may take the record's triggers away:
--   m2m_idp_server       for the server and its commands: adds to the record, changes and deletes nothing of it
--   m2m_idp_maintenance  beside it, deletes rows of the record that a tombstone covers: for manage.py audit prune
-- Run it as the owner of the tables, who may create roles, after each manage.py migrate (docs/audit.md):
--   psql --set ON_ERROR_STOP=1 --file deploy/postgresql-roles.sql "$OWNER_DATABASE_URL"
BEGIN;

DO $$
DECLARE
    wanted text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['m2m_idp_server', 'm2m_idp_maintenance'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
        END IF;
    END LOOP;
END $$;

GRANT m2m_idp_server TO m2m_idp_maintenance;
GRANT USAGE ON SCHEMA public TO m2m_idp_server;
REVOKE CREATE ON SCHEMA public FROM PUBLIC, m2m_idp_server, m2m_idp_maintenance;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO m2m_idp_server;

DO $$
DECLARE
    found record;
BEGIN
    FOR found IN
        SELECT relname, relispartition,
               relname = ANY (ARRAY[
                   'audit_issuanceevent', 'audit_checkpoint', 'audit_tombstone', 'audit_refusalcount', 'audit_inspection',
                   'audit_operationalevent'
               ]) OR relname ~ '_historical[a-z]+$' AS is_sealed
        FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
    LOOP
        EXECUTE format('REVOKE ALL ON public.%I FROM PUBLIC, m2m_idp_server, m2m_idp_maintenance', found.relname);
        -- A partition is reached through its table alone. Migrations are the owner's.
        CONTINUE WHEN found.relispartition;
        EXECUTE format(
            CASE
                WHEN found.relname = 'django_migrations' THEN 'GRANT SELECT ON public.%I TO m2m_idp_server'
                WHEN found.is_sealed THEN 'GRANT SELECT, INSERT ON public.%I TO m2m_idp_server'
                ELSE 'GRANT SELECT, INSERT, UPDATE, DELETE ON public.%I TO m2m_idp_server'
            END,
            found.relname
        );
    END LOOP;
END $$;

GRANT DELETE ON public.audit_issuanceevent TO m2m_idp_maintenance;

COMMIT;
