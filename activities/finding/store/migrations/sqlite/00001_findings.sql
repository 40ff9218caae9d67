-- +goose Up
CREATE TABLE finding_audits (
    id       INTEGER PRIMARY KEY,
    audit    TEXT NOT NULL UNIQUE CHECK (audit <> ''),
    playbook TEXT NOT NULL,
    began    INTEGER NOT NULL -- microseconds since 1970, UTC
) STRICT;
CREATE INDEX finding_audits_playbook ON finding_audits (playbook, began);

-- What was looked at in one account and region, "" of which is the account as a whole.
CREATE TABLE finding_parts (
    audit_id INTEGER NOT NULL REFERENCES finding_audits (id) ON DELETE CASCADE,
    account  TEXT NOT NULL,
    place    TEXT NOT NULL,
    at       INTEGER NOT NULL,
    PRIMARY KEY (audit_id, account, place)
) STRICT, WITHOUT ROWID;

CREATE TABLE finding_looked (
    audit_id INTEGER NOT NULL,
    account  TEXT NOT NULL,
    place    TEXT NOT NULL,
    control  TEXT NOT NULL,
    PRIMARY KEY (audit_id, account, place, control),
    FOREIGN KEY (audit_id, account, place) REFERENCES finding_parts ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE finding_results (
    audit_id INTEGER NOT NULL,
    account  TEXT NOT NULL,
    place    TEXT NOT NULL,
    control  TEXT NOT NULL,
    resource TEXT NOT NULL,
    region   TEXT NOT NULL, -- the resource's own
    status   TEXT NOT NULL CHECK (status IN ('PASS', 'FAIL', 'ERROR', 'NOT_APPLICABLE')),
    evidence TEXT NOT NULL,
    at       INTEGER NOT NULL,
    PRIMARY KEY (audit_id, account, place, control, resource),
    FOREIGN KEY (audit_id, account, place) REFERENCES finding_parts ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX finding_results_status ON finding_results (audit_id, status, control, account, place, resource);
