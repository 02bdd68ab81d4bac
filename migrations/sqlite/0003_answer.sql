-- Every answer up: inbound texts, statements, tasks, lists, summonses, notices, timers, journal.

CREATE TABLE inbound (
    id INTEGER PRIMARY KEY,
    source_key TEXT NOT NULL UNIQUE,
    provider TEXT NOT NULL,
    from_hash BLOB,
    from_sealed BLOB,
    last4 TEXT NOT NULL,
    text TEXT NOT NULL,
    raw BLOB,
    sent_at INTEGER,
    received_at INTEGER NOT NULL,
    label TEXT NOT NULL,
    state INTEGER NOT NULL               -- 0 stored, effect owed; 1 effected; 2 at the desk
) STRICT;
CREATE INDEX inbound_owed ON inbound (id) WHERE state = 0;
CREATE INDEX inbound_from ON inbound (from_hash);

CREATE TABLE statement (
    id INTEGER PRIMARY KEY,
    source_key TEXT NOT NULL UNIQUE,
    alert_id INTEGER NOT NULL,
    version INTEGER NOT NULL,
    household_id INTEGER NOT NULL,
    giver INTEGER NOT NULL,              -- domain::statement::Giver, its rank
    giver_id INTEGER,                    -- address, human or account
    claim INTEGER NOT NULL,              -- domain::statement::Claim
    persons INTEGER,
    closes TEXT,                        -- source_keys of the helps it closes, comma separated
    detail TEXT,                        -- where to, why not: a word of domain::doorstep
    observed_at INTEGER NOT NULL,
    stored_at INTEGER NOT NULL,
    source TEXT NOT NULL
) STRICT;
CREATE INDEX statement_household ON statement (alert_id, household_id);

CREATE TABLE address_claim (
    source_key TEXT PRIMARY KEY,
    address_id INTEGER NOT NULL,
    claim INTEGER NOT NULL,              -- 2 opted out, 3 wrong number, 1 dead
    at INTEGER NOT NULL
) STRICT;

CREATE TABLE task (
    id INTEGER PRIMARY KEY,
    uid TEXT NOT NULL UNIQUE,
    alert_id INTEGER NOT NULL,           -- 0: no alert known
    household_id INTEGER,
    building_id INTEGER,
    inbound_id INTEGER,
    source_key TEXT NOT NULL UNIQUE,    -- of the statement or inbound that opened it
    kind INTEGER NOT NULL,               -- 1 help, 2 unclear, 3 search, 4 alarm, 5 helper
    class INTEGER NOT NULL,              -- 1 A, 2 B, 3 C
    state INTEGER NOT NULL,              -- 0 open, 1 taken, 2 done
    text TEXT NOT NULL,
    owner TEXT,
    owner_human INTEGER,                 -- the helper, where it is in his hand
    opened_at INTEGER NOT NULL,
    taken_at INTEGER,
    deadline_at INTEGER,
    closed_at INTEGER,
    result TEXT,
    -- Of a help: the first task of its building's incident, which is one card at the desk with
    -- the tasks of one home under several alerts. Null: it stands alone.
    incident_id INTEGER,
    cries INTEGER NOT NULL DEFAULT 1,       -- how often this home cried while it was open
    cried_at INTEGER                        -- the last time
) STRICT;
CREATE INDEX task_home ON task (household_id) WHERE state < 2;
CREATE INDEX task_building ON task (building_id) WHERE state < 2;
CREATE INDEX task_incident ON task (incident_id);
CREATE INDEX task_open ON task (alert_id, state);
CREATE INDEX task_household ON task (alert_id, household_id);
CREATE INDEX task_owner ON task (owner_human) WHERE state = 1;

CREATE TABLE list (
    id INTEGER PRIMARY KEY,
    uid TEXT NOT NULL UNIQUE,
    alert_id INTEGER NOT NULL,
    place_id INTEGER NOT NULL,
    human_id INTEGER NOT NULL,
    rung INTEGER NOT NULL,               -- domain::plan::Rung, 1 building … 6 duty room
    state INTEGER NOT NULL,              -- domain::list::ListState
    reminded INTEGER NOT NULL DEFAULT 0,
    offered_at INTEGER NOT NULL,
    answered_at INTEGER,
    acted_at INTEGER,
    told_at INTEGER,                     -- a text to him named it; null: not yet
    UNIQUE (alert_id, place_id, human_id)
) STRICT;
CREATE INDEX list_human ON list (human_id, state);

-- Links of leaders (all their lists under an alert) and residents; the token itself is not kept.
CREATE TABLE link (
    id INTEGER PRIMARY KEY,
    hash BLOB NOT NULL UNIQUE,          -- keyed hash of the token
    kind INTEGER NOT NULL,               -- domain::link::Kind
    alert_id INTEGER NOT NULL,
    subject_id INTEGER NOT NULL,         -- human or household
    epoch INTEGER NOT NULL,              -- raised: the tokens before are dead
    created_at INTEGER NOT NULL,
    dies_at INTEGER,                     -- a day after the end of the alert
    shown_at INTEGER,                    -- last noted look; a look proves nothing
    UNIQUE (alert_id, kind, subject_id)
) STRICT;

CREATE TABLE sheet (
    id INTEGER PRIMARY KEY,
    uid TEXT NOT NULL UNIQUE,
    alert_id INTEGER NOT NULL,
    place_id INTEGER NOT NULL,
    human_id INTEGER NOT NULL,
    handed_at INTEGER NOT NULL,
    return_at INTEGER NOT NULL,
    returned_at INTEGER
) STRICT;

CREATE TABLE summons (
    alert_id INTEGER NOT NULL,
    human_id INTEGER NOT NULL,
    place_id INTEGER NOT NULL,           -- the highest place for which he is called
    role INTEGER NOT NULL,               -- his highest on the ladder; 1: not on it
    n INTEGER NOT NULL,                  -- calls so far
    called_at INTEGER NOT NULL,
    woken_at INTEGER,
    reported_at INTEGER,                 -- stood on an un-woken list
    PRIMARY KEY (alert_id, human_id)
) STRICT;

CREATE TABLE notice (
    id INTEGER PRIMARY KEY,
    alert_id INTEGER NOT NULL,
    batch_id INTEGER NOT NULL,
    address_id INTEGER NOT NULL,
    purpose INTEGER NOT NULL,            -- domain::notice::Purpose
    n INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    human_id INTEGER,
    household_id INTEGER,
    text TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    kind INTEGER,                        -- outcome, null until there is one
    due_at INTEGER,                      -- tried once more then
    provider TEXT,
    external_id TEXT,
    code TEXT,
    at INTEGER,
    UNIQUE (alert_id, address_id, purpose, n)
) STRICT;
CREATE INDEX notice_batch ON notice (batch_id);
CREATE INDEX notice_human ON notice (human_id, purpose) WHERE human_id IS NOT NULL;

-- What whoever no longer belongs is told, by place; told again as old leases end.
CREATE TABLE farewell (
    id INTEGER PRIMARY KEY,
    alert_id INTEGER NOT NULL,
    place_id INTEGER NOT NULL,
    purpose INTEGER NOT NULL,            -- domain::notice::Purpose
    text TEXT NOT NULL,
    told_at INTEGER NOT NULL
) STRICT;

CREATE TABLE timer (
    id INTEGER PRIMARY KEY,
    alert_id INTEGER NOT NULL,
    kind INTEGER NOT NULL,               -- domain::plan::TimerKind
    place_id INTEGER NOT NULL,           -- 0: none
    subject_id INTEGER NOT NULL,         -- task, human, version; 0: none
    step INTEGER NOT NULL,               -- which rung comes next
    due_at INTEGER NOT NULL,
    UNIQUE (alert_id, kind, place_id, subject_id)
) STRICT;
CREATE INDEX timer_due ON timer (due_at);

CREATE TABLE journal (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    act TEXT NOT NULL,
    alert_id INTEGER,
    detail TEXT NOT NULL,
    pos INTEGER UNIQUE,                  -- given with hash by the one chainer
    hash BLOB
) STRICT;
CREATE INDEX journal_unchained ON journal (id) WHERE pos IS NULL;
CREATE INDEX journal_alert ON journal (alert_id);

CREATE TABLE lease (
    name TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    until_at INTEGER NOT NULL            -- machine time
) STRICT;
-- One GCRA row a provider: the theoretical arrival time in story time, microseconds.
CREATE TABLE permit (
    provider TEXT PRIMARY KEY,
    arrival_us INTEGER NOT NULL
) STRICT;
CREATE TABLE job_slot (
    job TEXT NOT NULL,
    slot INTEGER NOT NULL,
    until_at INTEGER NOT NULL,            -- machine time: in one process's hands until then
    done_at INTEGER,
    PRIMARY KEY (job, slot)
) STRICT;
CREATE TABLE event (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    topic TEXT NOT NULL,
    body TEXT NOT NULL,
    published_at INTEGER
) STRICT;
CREATE TABLE callout (
    id INTEGER PRIMARY KEY,
    uid TEXT NOT NULL UNIQUE,
    alert_id INTEGER NOT NULL,
    place_id INTEGER NOT NULL,
    needed INTEGER NOT NULL,
    by_at INTEGER NOT NULL,
    state INTEGER NOT NULL
) STRICT;
CREATE TABLE responder (
    callout_id INTEGER NOT NULL,
    human_id INTEGER NOT NULL,
    state INTEGER NOT NULL,
    asked_at INTEGER NOT NULL,
    answered_at INTEGER,
    PRIMARY KEY (callout_id, human_id)
) STRICT;
CREATE TABLE access (
    gateway TEXT PRIMARY KEY,
    sealed BLOB NOT NULL,                  -- its token
    good_until INTEGER NOT NULL,              -- machine time, as got_at
    got_at INTEGER NOT NULL
) STRICT;
CREATE TABLE binding (
    hash BLOB NOT NULL,                    -- of the follower who asks
    phone BLOB NOT NULL,                   -- hash of the number he named
    source_key TEXT NOT NULL,              -- of what he said
    mark TEXT NOT NULL,                    -- of the code that went to that number; used: empty
    asked_at INTEGER NOT NULL,
    first_at INTEGER NOT NULL,                -- of the asks that are counted
    asks INTEGER NOT NULL,
    tries INTEGER NOT NULL,                   -- wrong codes
    PRIMARY KEY (hash, phone)
) STRICT;
CREATE INDEX binding_phone ON binding (phone, asked_at);
