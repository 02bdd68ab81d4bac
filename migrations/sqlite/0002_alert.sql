-- One order down the tree: alert, versions, rings, expansion, standings, batches, outcomes.

CREATE TABLE alert (
    id INTEGER PRIMARY KEY,
    uid TEXT NOT NULL UNIQUE,
    origin INTEGER NOT NULL,             -- 1 forwarded, 2 own
    kind INTEGER NOT NULL,               -- 1 live, 2 exercise, 3 rehearsal
    hazard TEXT NOT NULL,
    title TEXT NOT NULL,
    issuer TEXT NOT NULL,
    number TEXT,
    colour TEXT,
    issued_at INTEGER NOT NULL,
    state INTEGER NOT NULL,              -- domain::alert::State
    version INTEGER NOT NULL,            -- the version in force; 0 before the first
    author_id INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    live_at INTEGER,
    ended_at INTEGER,
    extended_to INTEGER,
    corrects_id INTEGER                  -- the alert that this one corrects or ends
) STRICT;
CREATE INDEX alert_state ON alert (state);

-- A version never changes once it is live.
CREATE TABLE alert_version (
    alert_id INTEGER NOT NULL REFERENCES alert (id),
    version INTEGER NOT NULL,
    state INTEGER NOT NULL,
    urgency INTEGER NOT NULL,
    template TEXT NOT NULL,
    vars TEXT NOT NULL,
    act_by INTEGER,
    expires_at INTEGER NOT NULL,
    plan TEXT NOT NULL,
    categories INTEGER NOT NULL,         -- transfer categories that make ring 1
    needs INTEGER NOT NULL,              -- needs that make ring 2
    reach INTEGER NOT NULL DEFAULT 1,    -- 1 the audience, 2 who had the old TEXT
    author_id INTEGER NOT NULL,
    approver_id INTEGER,
    bypass INTEGER NOT NULL DEFAULT 0,
    countersign_due INTEGER,
    countersigner_id INTEGER,
    countersigned_at INTEGER,
    reason TEXT,
    created_at INTEGER NOT NULL,
    submitted_at INTEGER,
    live_at INTEGER,
    PRIMARY KEY (alert_id, version)
) STRICT;
CREATE TABLE alert_ring (
    alert_id INTEGER NOT NULL,
    version INTEGER NOT NULL,
    ring INTEGER NOT NULL,
    demand INTEGER NOT NULL,
    pursued INTEGER NOT NULL,
    PRIMARY KEY (alert_id, version, ring)
) STRICT;
CREATE TABLE alert_area (
    alert_id INTEGER NOT NULL,
    version INTEGER NOT NULL,
    place_id INTEGER NOT NULL,
    excluded INTEGER NOT NULL,
    PRIMARY KEY (alert_id, version, place_id)
) STRICT;
CREATE TABLE alert_zone (
    alert_id INTEGER NOT NULL,
    version INTEGER NOT NULL,
    zone_id INTEGER NOT NULL,
    PRIMARY KEY (alert_id, version, zone_id)
) STRICT;
-- The numbers an exercise may reach, by keyed hash, confirmed by a second person.
CREATE TABLE alert_roll (
    alert_id INTEGER NOT NULL,
    hash BLOB NOT NULL,
    name TEXT NOT NULL,
    added_by INTEGER NOT NULL,
    confirmed_by INTEGER,
    PRIMARY KEY (alert_id, hash)
) STRICT;

CREATE TABLE expansion (
    id INTEGER PRIMARY KEY,
    alert_id INTEGER NOT NULL,
    version INTEGER NOT NULL,
    grid_id INTEGER NOT NULL,
    ord INTEGER NOT NULL,
    households INTEGER NOT NULL,
    pursued INTEGER NOT NULL,
    state INTEGER NOT NULL,              -- 0 pending, 1 done, 2 ended with its version
    hinted_at INTEGER,
    done_at INTEGER,
    handed_at INTEGER, -- rings 1 and 2 all have an outcome: the grid's clock starts
    started_at INTEGER, -- when the grid's clock did start (handed or first_wave_max)
    UNIQUE (alert_id, version, grid_id)
) STRICT;
CREATE INDEX expansion_pending ON expansion (state, ord);

CREATE TABLE standing (
    alert_id INTEGER NOT NULL,
    grid_id INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    household_id INTEGER NOT NULL,
    building_id INTEGER NOT NULL,
    version INTEGER NOT NULL,
    ring INTEGER NOT NULL,
    band INTEGER NOT NULL,
    demand INTEGER NOT NULL,
    pursued INTEGER NOT NULL,
    persons INTEGER NOT NULL,
    vulnerable INTEGER NOT NULL,
    heard_at INTEGER,
    whereabouts INTEGER NOT NULL DEFAULT 0,
    refused INTEGER NOT NULL DEFAULT 0,
    helps INTEGER NOT NULL DEFAULT 0,    -- open helps
    verify INTEGER NOT NULL DEFAULT 0,
    eased INTEGER NOT NULL DEFAULT 0,    -- an absent relative has it in hand: a step less urgent
    closed_at INTEGER,
    grade INTEGER NOT NULL DEFAULT 0,
    since INTEGER NOT NULL DEFAULT 1,    -- the version that first asked this much of it
    told INTEGER NOT NULL DEFAULT 1,     -- the version whose text it has, or is to be sent
    dropped INTEGER NOT NULL DEFAULT 0,  -- the version that it no longer belonged to; 0: it does
    PRIMARY KEY (alert_id, grid_id, seq)
) STRICT;
CREATE UNIQUE INDEX standing_household ON standing (alert_id, household_id);

CREATE TABLE tally (
    alert_id INTEGER NOT NULL,
    grid_id INTEGER NOT NULL,
    building_id INTEGER NOT NULL,
    ring INTEGER NOT NULL,
    audience INTEGER NOT NULL,
    pursued INTEGER NOT NULL,
    closed INTEGER NOT NULL,             -- pursued, closed, no open help
    told_open INTEGER NOT NULL,          -- not pursued but with an open help
    heard INTEGER NOT NULL,
    help INTEGER NOT NULL,
    refused INTEGER NOT NULL,
    PRIMARY KEY (alert_id, grid_id, building_id, ring)
) STRICT;

CREATE TABLE batch (
    id INTEGER PRIMARY KEY,
    alert_id INTEGER NOT NULL,
    version INTEGER NOT NULL,
    kind INTEGER NOT NULL,               -- 1 households, 2 notices
    pick INTEGER NOT NULL,               -- domain::batch::Pick
    wave INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    tries INTEGER NOT NULL,              -- attempts that count; throttled ones do not
    lane INTEGER NOT NULL,
    class INTEGER NOT NULL,              -- 1 flash, 2 routine
    rank INTEGER NOT NULL,               -- order among due batches, small first
    grid_id INTEGER NOT NULL,            -- 0 for notices
    ring INTEGER NOT NULL,
    seq_from INTEGER NOT NULL,
    seq_to INTEGER NOT NULL,
    ord INTEGER NOT NULL,
    not_before INTEGER NOT NULL,         -- story time
    state INTEGER NOT NULL,              -- 0 open, 1 done, 2 ended with its version
    hinted_at INTEGER,                   -- machine time
    lease_owner TEXT,
    lease_epoch INTEGER NOT NULL DEFAULT 0,
    lease_until INTEGER,                 -- machine time
    lost INTEGER NOT NULL DEFAULT 0,     -- 1: a holder vanished, perhaps after calls it never noted
    created_at INTEGER NOT NULL,
    done_at INTEGER
) STRICT;
CREATE UNIQUE INDEX batch_once ON batch
    (alert_id, version, kind, wave, attempt, pick, lane, grid_id, seq_from, ord);
CREATE INDEX batch_grid ON batch (alert_id, grid_id);
CREATE INDEX batch_open ON batch (kind, lane, rank, ord, id) WHERE state = 0;
CREATE INDEX batch_fragile ON batch (kind, lane, rank, ord, id)
    WHERE state = 0 AND rank % 1000 < 100;
CREATE INDEX batch_out ON batch (lane)
    WHERE state = 0 AND (hinted_at IS NOT NULL OR lease_until IS NOT NULL);

CREATE TABLE outcome (
    alert_id INTEGER NOT NULL,
    grid_id INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    version INTEGER NOT NULL,
    wave INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    address_id INTEGER NOT NULL,
    lane INTEGER NOT NULL,
    kind INTEGER NOT NULL,               -- domain::outcome codes; 6 = spoken for by a shared number
    provider TEXT NOT NULL,
    external_id TEXT,
    code TEXT,
    batch_id INTEGER NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (alert_id, grid_id, seq, version, wave, attempt, address_id)
) STRICT;

CREATE TABLE receipt (
    id INTEGER PRIMARY KEY,
    source_key TEXT NOT NULL UNIQUE,
    provider TEXT NOT NULL,
    batch_id INTEGER,
    address_id INTEGER,
    notice_id INTEGER,
    external_id TEXT,
    callee_hash BLOB,
    class INTEGER NOT NULL,
    code TEXT NOT NULL,
    at INTEGER,
    stored_at INTEGER NOT NULL
) STRICT;
CREATE INDEX receipt_batch ON receipt (batch_id, address_id);
-- Receipts that wait for their message.
CREATE INDEX receipt_unmet ON receipt (provider, external_id)
    WHERE batch_id IS NULL AND notice_id IS NULL;
-- Numbers at which nobody is reached, see ReceiptClass::is_permanent.
CREATE INDEX receipt_lost ON receipt (address_id) WHERE class BETWEEN 6 AND 9;

-- Names that gateways gave to messages, where receipts carry these and not our reference: written
-- by whichever comes first, message or receipt, and forgotten after days.
CREATE TABLE sent_name (
    provider TEXT NOT NULL,
    name TEXT NOT NULL,                  -- of one part
    whole TEXT NOT NULL,                 -- of the message's first part
    parts INTEGER NOT NULL,
    batch_id INTEGER,                     -- none yet: only receipts have come
    address_id INTEGER,
    notice_id INTEGER,
    heard INTEGER NOT NULL,               -- 1: a receipt has come
    delivered INTEGER NOT NULL,           -- 1: and the handset has this part
    at INTEGER NOT NULL,
    PRIMARY KEY (provider, name)
) STRICT;
CREATE INDEX sent_name_whole ON sent_name (provider, whole) WHERE parts > 1;
