//! What of the stage the store has already, and what the store has that nobody names: found by
//! reading, before the merge, so that the merge holds its locks for the differences only.
//!
//! Writes only the import's own stage. Nobody else writes the roster meanwhile: imports hold a
//! lease. Numbers' states may change, and are not compared.

use super::Missing;
use crate::args;
use crate::store::{Stmt, Store, StoreFault};

/// Below it the rows that differ are looked up; else the stage is read through.
const FEW_DIFFER: i64 = 100_000;

macro_rules! same {
    ($file:tt, $($have:literal),+) => {
        concat!("UPDATE stage SET differs = 0 WHERE file = ", file_no!($file),
            " AND EXISTS (SELECT 1 ",
            $($have),+, ")")
    };
}

/// Keys of rows that are in the store and not in the stage.
macro_rules! gone {
    ($file:tt, $($have:literal),+) => {
        concat!("INSERT INTO gone (file, id, id2, id3) SELECT ", file_no!($file), ", ", $($have),+)
    };
}

/// `NOT EXISTS` a staged row of that code.
macro_rules! unnamed {
    ($file:tt, $code:literal) => {
        concat!(
            "NOT EXISTS (SELECT 1 FROM stage s WHERE s.file = ",
            file_no!($file),
            " AND s.code = ",
            $code,
            ")"
        )
    };
}

crate::statements! {
    SAME_PLACES = same!("places", "FROM place p LEFT JOIN place q ON q.id = p.parent_id \
        WHERE p.code = stage.code AND p.name = stage.t1 AND p.retired_at IS NULL \
        AND COALESCE(q.code, '') = stage.refers");
    SAME_HUMANS = same!("humans", "FROM human h WHERE h.code = stage.code AND h.name = stage.t1 \
        AND h.retired_at IS NULL");
    SAME_PHONES = same!("phones", "FROM human h JOIN address a ON a.human_id = h.id \
        WHERE h.code = stage.refers AND a.lane = stage.n1 AND a.hash = stage.hash \
        AND a.ord = stage.n3 AND a.state <> 4");
    SAME_DUTIES = same!("duties", "FROM duty d JOIN place p ON p.id = d.place_id \
        JOIN human h ON h.id = d.human_id WHERE p.code = stage.refers AND h.code = stage.refers2 \
        AND d.role = stage.n1 AND d.ord = stage.n3");
    SAME_ABSENCES = same!("absences", "FROM absence x JOIN human h ON h.id = x.human_id \
        WHERE h.code = stage.refers AND x.from_at = stage.n1 AND x.until_at = stage.n2");
    SAME_HOMES = same!("households", "FROM household h JOIN place p ON p.id = h.place_id \
        LEFT JOIN human m ON m.id = h.helper_id WHERE h.code = stage.code \
        AND p.code = stage.refers AND COALESCE(m.code, '') = stage.refers2 \
        AND h.retired_at IS NULL AND h.kind = stage.n1 AND h.name = stage.t1 \
        AND h.floor = stage.n2 AND h.door = stage.t2 AND h.persons = stage.n3 \
        AND h.needs = stage.n4 AND h.categories = stage.n5");
    SAME_PERSONS = same!("persons", "FROM person q JOIN household h ON h.id = q.household_id \
        WHERE q.code = stage.code AND h.code = stage.refers AND q.name = stage.t1 \
        AND q.needs = stage.n4 AND q.birth_year IS NOT DISTINCT FROM stage.n1");
    SAME_ADDRESSES = same!("addresses", "FROM household h JOIN address a ON a.household_id = h.id \
        LEFT JOIN person q ON q.id = a.person_id WHERE h.code = stage.refers \
        AND a.lane = stage.n1 AND a.hash = stage.hash AND a.ord = stage.n3 AND a.state <> 4 \
        AND COALESCE(q.code, '') = stage.refers2 AND a.relative IS NOT DISTINCT FROM stage.t2");
    SAME_ZONES = same!("zones", "FROM zone z LEFT JOIN human m ON m.id = z.head_id \
        WHERE z.code = stage.code AND z.name = stage.t1 AND z.hazard = stage.t2 \
        AND z.minutes_to_water = stage.n1 AND z.route = stage.t3 AND z.shelter = stage.t4 \
        AND COALESCE(m.code, '') = stage.refers2");
    SAME_ZONE_PLACES = same!("zone_places", "FROM zone_place x JOIN zone z ON z.id = x.zone_id \
        JOIN place p ON p.id = x.place_id WHERE z.code = stage.refers AND p.code = stage.refers2");
    SAME_ZONE_HOMES = same!("zone_homes", "FROM zone_household x JOIN zone z ON z.id = x.zone_id \
        JOIN household h ON h.id = x.household_id WHERE x.direct = 1 AND z.code = stage.refers \
        AND h.code = stage.refers2");

    // A line of humans.csv names all numbers of the person: another one is gone.
    GONE_PHONES = gone!("phones", "a.id, 0, 0 FROM stage t JOIN human h ON h.code = t.code \
        JOIN address a ON a.human_id = h.id WHERE t.file = 2 AND a.state IN (0, 1, 3) \
        AND NOT EXISTS (SELECT 1 FROM stage s WHERE s.file = 3 AND s.refers = t.code \
        AND s.n1 = a.lane AND s.hash = a.hash)");
    GONE_ADDRESSES = gone!("addresses", "a.id, 0, 0 FROM address a JOIN household h \
        ON h.id = a.household_id WHERE a.state IN (0, 1, 3) AND a.lane <> 3 \
        AND NOT EXISTS (SELECT 1 FROM stage s WHERE s.file = 8 AND s.refers = h.code \
        AND s.n1 = a.lane AND s.hash = a.hash)");
    GONE_ZONE_HOMES = gone!("zone_homes", "x.zone_id, x.household_id, 0 FROM zone_household x \
        JOIN zone z ON z.id = x.zone_id JOIN household h ON h.id = x.household_id \
        WHERE x.direct = 1 AND NOT EXISTS (SELECT 1 FROM stage s WHERE s.file = 11 \
        AND s.code = z.code || '|' || h.code)");
    GONE_ZONE_PLACES = gone!("zone_places", "x.zone_id, x.place_id, 0 FROM zone_place x \
        JOIN zone z ON z.id = x.zone_id JOIN place p ON p.id = x.place_id WHERE NOT EXISTS \
        (SELECT 1 FROM stage s WHERE s.file = 10 AND s.code = z.code || '|' || p.code)");
    GONE_DUTIES = gone!("duties", "d.place_id, d.human_id, d.role FROM duty d \
        JOIN place p ON p.id = d.place_id JOIN human h ON h.id = d.human_id WHERE NOT EXISTS \
        (SELECT 1 FROM stage s WHERE s.file = 4 \
        AND s.code = p.code || '|' || CAST(d.role AS text) || '|' || h.code)");
    GONE_ABSENCES = gone!("absences", "x.human_id, x.from_at, 0 FROM absence x \
        JOIN human h ON h.id = x.human_id WHERE NOT EXISTS (SELECT 1 FROM stage s \
        WHERE s.file = 5 AND s.code = h.code || '|' || CAST(x.from_at AS text))");
    GONE_ZONES = concat!(gone!("zones", "z.id, 0, 0 FROM zone z WHERE "),
        unnamed!("zones", "z.code"));
    GONE_PERSONS = concat!(gone!("persons", "q.id, 0, 0 FROM person q WHERE "),
        unnamed!("persons", "q.code"));
    GONE_HOMES = concat!(gone!("households", "h.id, 0, 0 FROM household h \
        WHERE h.retired_at IS NULL AND "), unnamed!("households", "h.code"));
    GONE_PLACES = concat!(gone!("places", "p.id, 0, 0 FROM place p WHERE p.retired_at IS NULL \
        AND "), unnamed!("places", "p.code"));
    GONE_HUMANS = concat!(gone!("humans", "h.id, 0, 0 FROM human h WHERE h.retired_at IS NULL \
        AND "), unnamed!("humans", "h.code"));

    // Numbers that the import touches and that more than one row has, or will have. A number of one
    // row alone is shared with nobody, as it says by itself.
    FIND_SHARED = "INSERT INTO shared (hash) SELECT q.hash FROM (SELECT s.hash FROM stage s \
        WHERE s.differs = 1 AND s.file = 8 UNION ALL SELECT a.hash FROM address a \
        WHERE a.household_id IS NOT NULL AND a.hash IN (SELECT s.hash FROM stage s \
        WHERE s.differs = 1 AND s.file = 8 UNION SELECT b.hash FROM gone g JOIN address b \
        ON b.id = g.id WHERE g.file = 8 UNION SELECT b.hash FROM gone g JOIN address b \
        ON b.household_id = g.id WHERE g.file = 6 UNION SELECT b.hash FROM stage s \
        JOIN household x ON x.code = s.code JOIN address b ON b.household_id = x.id \
        WHERE s.differs = 1 AND s.file = 6)) q GROUP BY q.hash HAVING count(*) > 1";
    INDEX_DIFFERS = "CREATE INDEX IF NOT EXISTS stage_differs ON stage (file, line) \
        WHERE differs = 1";
    INDEX_GONE = "CREATE INDEX IF NOT EXISTS gone_id ON gone (file, id)";
    ANALYZE_GONE = "ANALYZE gone";
    COUNT_DIFFERENCES = "SELECT file, CAST(0 AS bigint), count(*) FROM stage WHERE differs = 1 \
        GROUP BY file UNION ALL SELECT file, CAST(1 AS bigint), count(*) FROM gone GROUP BY file";
    // Siblings whose order among themselves is no longer the store's.
    COUNT_REORDERED = "SELECT count(*) FROM (SELECT row_number() OVER (PARTITION BY p.parent_id \
        ORDER BY COALESCE(s.n3, p.ord), p.code) AS wanted, row_number() OVER \
        (PARTITION BY p.parent_id ORDER BY p.ord, p.code) AS had FROM place p LEFT JOIN stage s \
        ON s.file = 1 AND s.code = p.code) n WHERE n.wanted <> n.had";
}

/// The stage's files by their numbers in `file_no!`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Staged {
    Places = 1,
    Humans,
    Phones,
    Duties,
    Absences,
    Households,
    Persons,
    Addresses,
    Zones,
    ZonePlaces,
    ZoneHomes,
}

/// How much of each file differs, and how much of it is gone.
#[derive(Debug, Default)]
pub(super) struct Differences {
    rows: Vec<(i64, i64, i64)>,
    reordered: i64,
}

impl Differences {
    fn count(&self, file: Staged, gone: i64) -> i64 {
        let found = self.rows.iter().find(|row| row.0 == file as i64 && row.1 == gone);
        found.map_or(0, |row| row.2)
    }

    pub fn differs(&self, file: Staged) -> bool {
        self.count(file, 0) > 0
    }

    pub fn has_gone(&self, file: Staged) -> bool {
        self.count(file, 1) > 0
    }

    pub fn touches(&self, file: Staged) -> bool {
        self.differs(file) || self.has_gone(file)
    }

    /// Whether the tree must be walked anew.
    pub fn moves_tree(&self) -> bool {
        self.touches(Staged::Places) || self.reordered > 0
    }

    /// Whether a zone has other places or homes.
    pub fn moves_zones(&self) -> bool {
        [Staged::Zones, Staged::ZonePlaces, Staged::ZoneHomes].into_iter().any(|f| self.touches(f))
    }
}

pub(super) async fn compare(store: &Store, missing: Missing) -> Result<Differences, StoreFault> {
    let same: [&Stmt; 11] = [
        &SAME_PLACES,
        &SAME_HUMANS,
        &SAME_PHONES,
        &SAME_DUTIES,
        &SAME_ABSENCES,
        &SAME_HOMES,
        &SAME_PERSONS,
        &SAME_ADDRESSES,
        &SAME_ZONES,
        &SAME_ZONE_PLACES,
        &SAME_ZONE_HOMES,
    ];
    for stmt in same {
        store.exec(stmt, args![]).await?;
    }
    store.exec(&GONE_PHONES, args![]).await?;
    let gone: [&Stmt; 10] = [
        &GONE_ADDRESSES,
        &GONE_ZONE_HOMES,
        &GONE_ZONE_PLACES,
        &GONE_DUTIES,
        &GONE_ABSENCES,
        &GONE_ZONES,
        &GONE_PERSONS,
        &GONE_HOMES,
        &GONE_PLACES,
        &GONE_HUMANS,
    ];
    match missing {
        Missing::Keep => {}
        Missing::Retire => {
            for stmt in gone {
                store.exec(stmt, args![]).await?;
            }
        }
    }
    for stmt in [&INDEX_GONE, &ANALYZE_GONE] {
        store.exec(stmt, args![]).await?;
    }
    let rows: Vec<(i64, i64, i64)> = store.rows(&COUNT_DIFFERENCES, args![]).await?;
    if rows.iter().map(|row| row.2).sum::<i64>() < FEW_DIFFER {
        store.exec(&INDEX_DIFFERS, args![]).await?;
    }
    store.exec(&FIND_SHARED, args![]).await?;
    let reordered: Option<(i64,)> = store.first(&COUNT_REORDERED, args![]).await?;
    Ok(Differences { rows, reordered: reordered.map_or(0, |row| row.0) })
}
