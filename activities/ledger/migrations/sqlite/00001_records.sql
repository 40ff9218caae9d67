-- +goose Up
CREATE TABLE records (
    seq   INTEGER PRIMARY KEY CHECK (seq > 0),
    at    INTEGER NOT NULL, -- microseconds since 1970, UTC
    kind  TEXT NOT NULL CHECK (kind <> ''),
    run   TEXT NOT NULL,
    key   TEXT NOT NULL,
    topic TEXT NOT NULL,
    body  TEXT NOT NULL,
    prev  TEXT NOT NULL UNIQUE, -- two records never follow one
    hash  TEXT NOT NULL UNIQUE
) STRICT;

CREATE UNIQUE INDEX records_key ON records (key) WHERE key <> '';
CREATE INDEX records_kind ON records (kind, seq);
CREATE INDEX records_kind_at ON records (kind, at, topic);
CREATE INDEX records_run ON records (run, seq) WHERE run <> '';
CREATE INDEX records_topic ON records (topic, seq) WHERE topic <> '';

-- INSERT OR REPLACE deletes without asking the trigger on DELETE, so an insert is looked at first.
-- +goose StatementBegin
CREATE TRIGGER records_insert BEFORE INSERT ON records
BEGIN
    SELECT RAISE(ABORT, 'the ledger is append-only: a record takes the number after the last one and follows it')
    WHERE NEW.seq <> 1 + coalesce((SELECT max(seq) FROM records), 0)
       OR NEW.prev <> coalesce((SELECT hash FROM records ORDER BY seq DESC LIMIT 1),
                               'sha256:0000000000000000000000000000000000000000000000000000000000000000');
    SELECT RAISE(ABORT, 'the ledger is append-only: the key or the hash is on record')
    WHERE EXISTS (SELECT 1 FROM records WHERE key = NEW.key AND key <> '')
       OR EXISTS (SELECT 1 FROM records WHERE hash = NEW.hash OR prev = NEW.prev);
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER records_update BEFORE UPDATE ON records
BEGIN
    SELECT RAISE(ABORT, 'the ledger is append-only: no UPDATE');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER records_delete BEFORE DELETE ON records
BEGIN
    SELECT RAISE(ABORT, 'the ledger is append-only: no DELETE');
END;
-- +goose StatementEnd
