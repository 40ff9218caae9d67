-- +goose Up
-- Names are compared by their bytes whatever the database's language is: a run's tree is a range.
CREATE TABLE records (
    seq   BIGINT PRIMARY KEY CHECK (seq > 0),
    at    BIGINT NOT NULL, -- microseconds since 1970, UTC: to_timestamp(at / 1e6)
    kind  TEXT COLLATE "C" NOT NULL CHECK (kind <> ''),
    run   TEXT COLLATE "C" NOT NULL,
    key   TEXT COLLATE "C" NOT NULL,
    topic TEXT COLLATE "C" NOT NULL,
    body  TEXT NOT NULL, -- not JSONB, which would write it anew
    prev  TEXT COLLATE "C" NOT NULL UNIQUE, -- two records never follow one
    hash  TEXT COLLATE "C" NOT NULL UNIQUE
);

CREATE UNIQUE INDEX records_key ON records (key) WHERE key <> '';
CREATE INDEX records_kind ON records (kind, seq);
CREATE INDEX records_kind_at ON records (kind, at, topic);
CREATE INDEX records_run ON records (run, seq) WHERE run <> '';
CREATE INDEX records_topic ON records (topic, seq) WHERE topic <> '';

-- +goose StatementBegin
CREATE FUNCTION records_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the ledger is append-only: no %', TG_OP USING ERRCODE = 'insufficient_privilege';
END $$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE FUNCTION records_follow() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    last_seq  BIGINT;
    last_hash TEXT;
BEGIN
    EXECUTE format('SELECT seq, hash FROM %I.%I ORDER BY seq DESC LIMIT 1', TG_TABLE_SCHEMA, TG_TABLE_NAME)
        INTO last_seq, last_hash;
    IF NEW.seq <> 1 + coalesce(last_seq, 0)
       OR NEW.prev <> coalesce(last_hash, 'sha256:0000000000000000000000000000000000000000000000000000000000000000') THEN
        RAISE EXCEPTION 'the ledger is append-only: a record takes the number after the last one and follows it'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
-- +goose StatementEnd

CREATE TRIGGER records_insert BEFORE INSERT ON records FOR EACH ROW EXECUTE FUNCTION records_follow();
CREATE TRIGGER records_update BEFORE UPDATE OR DELETE ON records FOR EACH STATEMENT EXECUTE FUNCTION records_append_only();
CREATE TRIGGER records_truncate BEFORE TRUNCATE ON records FOR EACH STATEMENT EXECUTE FUNCTION records_append_only();
-- Also where session_replication_role would skip them.
ALTER TABLE records ENABLE ALWAYS TRIGGER records_insert;
ALTER TABLE records ENABLE ALWAYS TRIGGER records_update;
ALTER TABLE records ENABLE ALWAYS TRIGGER records_truncate;

-- Roles belong to the whole server. Where this login may not create them, an operator does; see the
-- package comment.
-- +goose StatementBegin
DO $$
DECLARE
    wanted TEXT;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['countersign_app', 'countersign_auditor'] LOOP
        BEGIN
            IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN
                EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
                EXECUTE format('GRANT %I TO CURRENT_USER', wanted);
            END IF;
        EXCEPTION
            WHEN insufficient_privilege THEN RAISE NOTICE 'role % is not there and may not be created', wanted;
            WHEN duplicate_object OR unique_violation THEN NULL; -- another ledger of the server did
        END;
        IF EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN
            EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', current_schema(), wanted);
            EXECUTE format('GRANT SELECT ON records, ledger_migrations TO %I', wanted);
        END IF;
    END LOOP;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'countersign_app') THEN
        GRANT INSERT ON records TO countersign_app;
    END IF;
END $$;
-- +goose StatementEnd
