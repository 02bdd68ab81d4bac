-- Who lives where, who answers for whom. Codes are the roster's own; ids stay inside.

CREATE TABLE place (
    id INTEGER PRIMARY KEY,
    code TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,                 -- county town village grid building stairwell
    parent_id INTEGER REFERENCES place (id),
    depth INTEGER NOT NULL,              -- 0 at the root
    ord INTEGER NOT NULL,                -- place in the tree's walking order, parents first
    retired_at INTEGER
) STRICT;
CREATE INDEX place_parent ON place (parent_id);
CREATE INDEX place_kind ON place (kind);

-- The tree's closure: every place above a place, itself at distance 0.
CREATE TABLE place_above (
    place_id INTEGER NOT NULL,
    above_id INTEGER NOT NULL,
    distance INTEGER NOT NULL,
    PRIMARY KEY (place_id, above_id)
) STRICT;
CREATE INDEX place_above_below ON place_above (above_id, place_id);

CREATE TABLE human (
    id INTEGER PRIMARY KEY,
    code TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    retired_at INTEGER
) STRICT;

CREATE TABLE household (
    id INTEGER PRIMARY KEY,
    code TEXT NOT NULL UNIQUE,
    kind INTEGER NOT NULL,               -- 1 home, 2 unit
    name TEXT NOT NULL,
    grid_id INTEGER NOT NULL,
    building_id INTEGER NOT NULL,
    place_id INTEGER NOT NULL,           -- stairwell where there is one, else the building
    floor INTEGER NOT NULL,
    door TEXT NOT NULL,
    persons INTEGER NOT NULL,
    needs INTEGER NOT NULL,              -- bits of domain::need
    categories INTEGER NOT NULL,         -- bits of domain::need, transfer categories
    helper_id INTEGER REFERENCES human (id),
    ord INTEGER NOT NULL,                -- walking order inside the grid
    retired_at INTEGER
) STRICT;
CREATE INDEX household_grid ON household (grid_id, ord);
CREATE INDEX household_place ON household (place_id);
CREATE INDEX household_helper ON household (helper_id);

-- Persons and numbers come by the hundred thousand: an import checks what they refer to as a set,
-- and no key of theirs is looked up row by row once more.
CREATE TABLE person (
    id INTEGER PRIMARY KEY,
    code TEXT NOT NULL UNIQUE,
    household_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    birth_year INTEGER,
    needs INTEGER NOT NULL
) STRICT;
CREATE INDEX person_household ON person (household_id);

CREATE TABLE address (
    id INTEGER PRIMARY KEY,
    household_id INTEGER,
    human_id INTEGER,
    person_id INTEGER,
    lane INTEGER NOT NULL,
    realm INTEGER NOT NULL,
    sealed BLOB NOT NULL,
    hash BLOB NOT NULL,
    last4 TEXT NOT NULL,
    ord INTEGER NOT NULL,
    relative TEXT,                      -- set: belongs to a relative who does not live there
    shares INTEGER NOT NULL DEFAULT 1,   -- households with the same number on this lane
    speaks_for INTEGER NOT NULL DEFAULT 1, -- 1: the one row that is messaged for a shared number
    state INTEGER NOT NULL DEFAULT 0,    -- 0 good, 1 dead, 2 opted out, 3 wrong number, 4 gone
    state_at INTEGER
) STRICT;
CREATE UNIQUE INDEX address_of_household ON address (household_id, lane, hash)
    WHERE household_id IS NOT NULL;
CREATE UNIQUE INDEX address_of_human ON address (human_id, lane, hash)
    WHERE human_id IS NOT NULL;
CREATE INDEX address_hash ON address (hash);
CREATE INDEX address_order ON address (household_id, lane, ord)
    WHERE household_id IS NOT NULL;

CREATE TABLE duty (
    place_id INTEGER NOT NULL REFERENCES place (id),
    human_id INTEGER NOT NULL REFERENCES human (id),
    role INTEGER NOT NULL,               -- domain::duty::Role
    ord INTEGER NOT NULL,
    PRIMARY KEY (place_id, role, human_id)
) STRICT;
CREATE INDEX duty_human ON duty (human_id);

CREATE TABLE absence (
    human_id INTEGER NOT NULL REFERENCES human (id),
    from_at INTEGER NOT NULL,
    until_at INTEGER NOT NULL,
    PRIMARY KEY (human_id, from_at)
) STRICT;

CREATE TABLE zone (
    id INTEGER PRIMARY KEY,
    code TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    hazard TEXT NOT NULL,
    minutes_to_water INTEGER NOT NULL,
    route TEXT NOT NULL,
    shelter TEXT NOT NULL,
    head_id INTEGER REFERENCES human (id)
) STRICT;
CREATE TABLE zone_place (
    zone_id INTEGER NOT NULL REFERENCES zone (id),
    place_id INTEGER NOT NULL REFERENCES place (id),
    PRIMARY KEY (zone_id, place_id)
) STRICT;
-- Members of the zones, household by household, worked out at import.
CREATE TABLE zone_household (
    zone_id INTEGER NOT NULL,
    household_id INTEGER NOT NULL,
    direct INTEGER NOT NULL DEFAULT 0,    -- 1: named itself, not through its place
    PRIMARY KEY (household_id, zone_id)
) STRICT;

CREATE TABLE account (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    password_hash TEXT,
    human_id INTEGER REFERENCES human (id),
    created_at INTEGER NOT NULL,
    disabled_at INTEGER
) STRICT;
CREATE TABLE account_role (
    account_id INTEGER NOT NULL REFERENCES account (id),
    place_id INTEGER NOT NULL REFERENCES place (id),
    role INTEGER NOT NULL,               -- domain::access::Role
    PRIMARY KEY (account_id, place_id, role)
) STRICT;

-- Who is signed in. Only the hash of a cookie's value is kept; all instants are machine time.
CREATE TABLE session (
    hash BLOB PRIMARY KEY,
    account_id INTEGER NOT NULL REFERENCES account (id),
    opened_at INTEGER NOT NULL,
    seen_at INTEGER NOT NULL
) STRICT;
CREATE INDEX session_account ON session (account_id);
-- What programs show instead of a password. All instants are machine time.
CREATE TABLE token (
    id INTEGER PRIMARY KEY,
    hash BLOB NOT NULL UNIQUE,
    account_id INTEGER NOT NULL REFERENCES account (id),
    name TEXT NOT NULL,
    scopes INTEGER NOT NULL,                      -- bits of domain::scope
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at INTEGER
) STRICT;
CREATE INDEX token_account ON token (account_id);

CREATE TABLE setting (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;
