//! The roster through the program's own commands, on both engines: what comes in whole, what is
//! refused with nothing changed, two imports at once, and an import in the middle of an alert.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use tongluo::app::accounts::{self, RoleAsked};
use tongluo::app::build::{Built, Part, build_engine, make_key};
use tongluo::app::roster::{self as command, ImportWish};
use tongluo::app::settings::Settings;
use tongluo::domain::roster::{CHUNK_ROWS_MAX, HouseholdRow, RosterFile, Row};
use tongluo::engine::inbox::Inbox;
use tongluo::store::roster::{self, Cursor, Finish, Missing};

use crate::engines::{EngineRoom, rooms};
use crate::plant::{HOME, home_number};
use crate::town::{Setup, Town, on_both};

const KEEP: ImportWish = ImportWish { dry_run: false, retire_missing: false };
const RETIRE: ImportWish = ImportWish { dry_run: false, retire_missing: true };
const ADMIN: Option<&str> = Some("陈管理");

/// A county office with its own folder; both go with it.
struct Office {
    built: Built,
    folder: PathBuf,
    _room: EngineRoom,
}

impl Drop for Office {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

impl Office {
    /// With a generated town in it.
    async fn open(room: EngineRoom, name: &str, households: u64) -> Office {
        let folder = std::env::temp_dir().join(format!(
            "tongluo_{name}_{}_{}",
            room.name,
            std::process::id()
        ));
        fs::create_dir_all(&folder).unwrap();
        let key = folder.join("key");
        make_key(&key).unwrap();
        let variables = [
            ("TONGLUO_DATABASE_URL".to_owned(), room.url.clone()),
            ("TONGLUO_INSTALLATION__KEY_FILE".to_owned(), key.display().to_string()),
        ];
        let settings = Settings::parse("", variables).unwrap();
        let built = build_engine(&settings, Part::Bystander).await.unwrap();
        let office = Office { built, folder, _room: room };
        let first = office.folder.join("first");
        command::generate(households, 7, &first).unwrap();
        let (said, taken) = office.import(&first, KEEP).await;
        assert!(taken, "{said}");
        let root = fs::read_to_string(first.join("places.csv")).unwrap();
        let root = root.lines().nth(1).unwrap().split(',').next().unwrap().to_owned();
        let role = RoleAsked::parse(&format!("admin@{root}")).unwrap();
        accounts::add(&office.built.engine, None, "陈管理", &[role]).await.unwrap();
        office
    }

    /// What was said, and whether the roster was taken.
    async fn import(&self, path: &Path, wish: ImportWish) -> (serde_json::Value, bool) {
        let paths = [path.to_owned()];
        let (said, taken) = command::import(&self.built.engine, ADMIN, &paths, wish).await.unwrap();
        (said.json, taken)
    }

    /// All files of an export, one after the other.
    async fn exported(&self, name: &str) -> Vec<u8> {
        let out = self.folder.join(name);
        command::export(&self.built.engine, ADMIN, &out).await.unwrap();
        RosterFile::ALL.iter().flat_map(|file| fs::read(out.join(file.name())).unwrap()).collect()
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let folder = self.folder.join("bad");
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join(name);
        fs::write(&path, bytes).unwrap();
        path
    }
}

fn changes(said: &serde_json::Value) -> Vec<serde_json::Value> {
    said["changes"].as_object().unwrap().values().cloned().collect()
}

fn no_change() -> serde_json::Value {
    serde_json::json!({"added": 0, "changed": 0, "retired": 0, "phones": 0})
}

#[tokio::test]
async fn a_generated_town_goes_out_and_comes_back_to_no_difference() {
    for room in rooms().await {
        let office = Office::open(room, "round", 1_500).await;
        let before = office.exported("out").await;
        assert!(before.len() > 100_000);
        for wish in [KEEP, RETIRE] {
            let (said, taken) = office.import(&office.folder.join("out"), wish).await;
            assert!(taken, "{said}");
            assert!(changes(&said).iter().all(|change| *change == no_change()), "{said}");
        }
        assert!(office.exported("again").await == before, "the second export differs");
    }
}

/// A file, its bytes, and where the fault must stand: row, column, value, part of the reason.
type Bad = (&'static str, Vec<u8>, u64, &'static str, &'static str, &'static str);

fn bad_files() -> Vec<Bad> {
    let text = |text: &str| text.as_bytes().to_vec();
    let places = "code,name,kind,parent_code,ord\n";
    let humans = "code,name,phones\n";
    let utf16 = "\u{feff}code,name,phones\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut gbk = text(&format!("{humans}H1,王建国,\nH2,"));
    gbk.extend_from_slice(b"\xc0\xee\xb7\xbc,\n"); // 李芳 in GBK
    let unknown = format!("{places}V9,新社区,village,T9,1\n");
    let cycle = format!("{places}X1,东,village,X2,1\nX2,西,village,X1,1\n");
    let twice = format!("{humans}H1,王建国,\nH1,李芳,\n");
    let typo = format!("{humans}H1,王建国,1380000123O\n");
    let short = format!("{humans}H1,王建国,138000012\n");
    vec![
        ("places.csv", text(&unknown), 2, "parent_code", "T9", "no such place in places.csv"),
        ("places.csv", text(&cycle), 2, "parent_code", "X2", "never lead to the county"),
        ("humans.csv", text(&twice), 3, "code", "H1", "delete one of the rows"),
        (
            "humans.csv",
            text("编号,name,phones\n"),
            1,
            "编号",
            "编号",
            "the header is code,name,phones",
        ),
        ("humans.csv", gbk, 3, "", "H2,", "save it as \"CSV UTF-8\""),
        ("humans.csv", utf16, 1, "", "", "save it as \"CSV UTF-8\""),
        ("humans.csv", text(&typo), 2, "phones", "1380000123O", "'O'"),
        ("humans.csv", text(&short), 2, "phones", "138000012", "too few digits"),
    ]
}

#[tokio::test]
async fn a_bad_file_is_refused_by_row_column_and_remedy_and_nothing_changes() {
    for room in rooms().await {
        let office = Office::open(room, "bad", 600).await;
        let before = office.exported("before").await;
        for (name, bytes, row, column, value, reason) in bad_files() {
            let (said, taken) = office.import(&office.file(name, &bytes), KEEP).await;
            assert!(!taken, "{name} {reason}: {said}");
            let fault = &said["faults"][0];
            assert_eq!(fault["file"], name, "{said}");
            assert_eq!(fault["row"], row, "{said}");
            assert_eq!(fault["column"], column, "{said}");
            assert_eq!(fault["value"], value, "{said}");
            assert!(fault["reason"].as_str().unwrap().contains(reason), "{said}");
            assert!(office.exported("after").await == before, "{name} {reason} changed something");
        }
        // Good rows of a roster whose last file is bad are not taken either.
        let mixed = office.folder.join("mixed");
        fs::create_dir_all(&mixed).unwrap();
        fs::write(mixed.join("humans.csv"), "code,name,phones\nH1,王建国,\n").unwrap();
        let lost = "place_code,human_code,role,ord\nNN,H1,grid_leader,1\n";
        fs::write(mixed.join("duties.csv"), lost).unwrap();
        let (said, taken) = office.import(&mixed, KEEP).await;
        assert!(!taken && said["faults"][0]["file"] == "duties.csv", "{said}");
        assert!(office.exported("after").await == before);
    }
}

#[tokio::test]
async fn a_byte_order_mark_is_no_fault() {
    for room in rooms().await {
        let office = Office::open(room, "bom", 600).await;
        let bytes = "\u{feff}code,name,phones\nH1,王建国,\n".as_bytes();
        let (said, taken) = office.import(&office.file("humans.csv", bytes), KEEP).await;
        assert!(taken && changes(&said)[0]["added"] == 1, "{said}");
    }
}

#[tokio::test]
async fn a_file_of_one_gigabyte_is_refused_before_it_is_read() {
    for room in rooms().await {
        let office = Office::open(room, "large", 600).await;
        let path = office.file("persons.csv", b"code,household_code,name,birth_year,needs\n");
        // Its size only: nothing of it is written.
        fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(1 << 30).unwrap();
        let (said, taken) = office.import(&path, KEEP).await;
        let reason = said["faults"][0]["reason"].as_str().unwrap();
        assert!(!taken && reason.contains("1073741824 bytes"), "{said}");
        assert!(reason.contains("split it by streets"), "{said}");
    }
}

#[tokio::test]
async fn of_two_imports_at_once_one_is_refused_and_may_try_again() {
    for room in rooms().await {
        let office = Office::open(room, "two", 600).await;
        let engine = &office.built.engine;
        let out = office.folder.join("out");
        let before = office.exported("out").await;
        let machine = engine.clock.machine_ms();
        let first =
            roster::begin(&engine.store, "another process", machine).await.unwrap().unwrap();
        let refused = command::import(engine, ADMIN, std::slice::from_ref(&out), RETIRE).await;
        let reason = refused.err().unwrap().to_string();
        assert!(reason.contains("another roster import is under way"), "{reason}");
        first.end().await.unwrap();
        let (said, taken) = office.import(&out, RETIRE).await;
        assert!(taken, "{said}");
        assert!(office.exported("after").await == before);
    }
}

#[tokio::test]
async fn an_import_that_lost_its_turn_changes_nothing() {
    for room in rooms().await {
        let office = Office::open(room, "lost", 600).await;
        let engine = &office.built.engine;
        let before = office.exported("before").await;
        let machine = engine.clock.machine_ms();
        let begun = roster::begin(&engine.store, "slow", machine).await.unwrap();
        let mut slow = begun.unwrap();
        let human = tongluo::domain::roster::HumanRow {
            code: "H1".into(),
            name: "王建国".into(),
            phones: Vec::new(),
        };
        slow.stage(&engine.sealer, &[(2, Row::Human(human))]).await.unwrap();
        assert_eq!(slow.check(Missing::Keep).await.unwrap(), []);
        slow.compare(Missing::Keep).await.unwrap();
        // It stands still for so long that another takes its turn.
        let later = machine + 600_000;
        let quick = roster::begin(&engine.store, "quick", later).await.unwrap().unwrap();
        assert_eq!(slow.merge(later, Finish::Commit).await.unwrap(), None);
        quick.end().await.unwrap();
        assert!(office.exported("after").await == before);
    }
}

async fn rows_of(town: &Town) -> Vec<Row> {
    let mut rows = Vec::new();
    for file in RosterFile::ALL {
        let mut cursor = Cursor::START;
        loop {
            let engine = &town.engine;
            let page = roster::export(&engine.store, &engine.sealer, file, &mut cursor).await;
            let page = page.unwrap();
            if page.is_empty() {
                break;
            }
            rows.extend(page);
        }
    }
    rows
}

async fn import(town: &Town, rows: &[Row], reached: impl Fn(&'static str)) {
    let engine = &town.engine;
    let machine = engine.clock.machine_ms();
    let begun = roster::begin(&engine.store, "import", machine).await.unwrap();
    let mut import = begun.unwrap();
    let numbered: Vec<(u64, Row)> = (2..).zip(rows.iter().cloned()).collect();
    for part in numbered.chunks(CHUNK_ROWS_MAX) {
        import.stage(&engine.sealer, part).await.unwrap();
    }
    RosterFile::ALL.into_iter().for_each(|file| import.has(file));
    reached("staged");
    assert_eq!(import.check(Missing::Retire).await.unwrap(), []);
    reached("checked");
    import.compare(Missing::Retire).await.unwrap();
    reached("compared");
    import.merge(town.now(), Finish::Commit).await.unwrap().unwrap();
    reached("merged");
    import.end().await.unwrap();
}

/// What happened, one after the other.
#[derive(Default)]
struct Events(Mutex<Vec<&'static str>>);

impl Events {
    fn note(&self, what: &'static str) {
        self.0.lock().unwrap().push(what);
    }

    fn has(&self, what: &str) -> bool {
        self.0.lock().unwrap().contains(&what)
    }

    /// How often a thing happened before another did.
    fn before(&self, what: &str, end: &str) -> usize {
        let all = self.0.lock().unwrap();
        all.iter().take_while(|one| **one != end).filter(|one| **one == what).count()
    }
}

/// Homes reply one after the other until the import has merged.
async fn reply_meanwhile(town: &Town, inbox: &Inbox, events: &Events) {
    let mut n = 0;
    while !events.has("merged") {
        n = n % town.homes + 1;
        town.sim.write_in(town.now(), &home_number(HOME + n), "1");
        for request in town.sim.due(town.now()) {
            let answer = inbox.take("practice", &request).await;
            assert_eq!(answer.status(), http::StatusCode::OK);
        }
        events.note("answered");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replies_are_answered_while_a_large_import_runs() {
    on_both(Setup::default(), async |town| {
        town.flood_order().await;
        town.minutes(2).await;
        let mut rows = rows_of(&town).await;
        let home = rows.iter().find_map(|row| match row {
            Row::Household(home) => Some(home.clone()),
            _ => None,
        });
        let home = home.unwrap();
        rows.extend(
            (1..=20_000)
                .map(|n| Row::Household(HouseholdRow { code: format!("new-{n}"), ..home.clone() })),
        );
        let (end, stop) = tokio::sync::watch::channel(false);
        let inbox = Inbox::open(&town.engine, &stop);
        let events = Events::default();
        tokio::join!(
            import(&town, &rows, |what| events.note(what)),
            reply_meanwhile(&town, &inbox, &events)
        );
        end.send(true).unwrap();
        let [staged, compared, merged] =
            ["staged", "compared", "merged"].map(|end| events.before("answered", end));
        println!("answered before it was staged {staged}, compared {compared}, merged {merged}");
        assert!(staged > 0 && compared > staged, "{staged}, {compared}");
        // The one transaction of the merge has SQLite's one writer; PostgreSQL has many.
        assert!(town.is_sqlite() || merged > compared, "held up by the merge: {merged}");
        let heard = "SELECT count(*) FROM standing WHERE heard_at IS NOT NULL";
        assert!(town.count(heard).await > 0);
        let homes = town.count("SELECT count(*) FROM household WHERE code LIKE 'new-%'").await;
        assert_eq!(homes, 20_000);
        town
    })
    .await;
}

#[tokio::test]
async fn homes_that_move_or_go_in_the_middle_of_an_alert_stay_in_somebodys_hands() {
    on_both(Setup::default(), async |town| {
        let (_, alert) = town.flood_order().await;
        town.minutes(2).await;
        let before = town.custody(alert).await;
        let mut rows = rows_of(&town).await;
        let buildings: Vec<String> = rows
            .iter()
            .filter_map(|row| match row {
                Row::Household(home) => Some(home.place.clone()),
                _ => None,
            })
            .collect();
        let (first, last) = (buildings[0].clone(), buildings[buildings.len() - 1].clone());
        assert_ne!(first, last);
        let mut homes = rows.iter_mut().filter_map(|row| match row {
            Row::Household(home) => Some(home),
            _ => None,
        });
        let gone = homes.next().unwrap().code.clone();
        homes.find(|home| home.place == first).unwrap().place = last;
        drop(homes);
        let of_gone = |row: &Row| match row {
            Row::Household(home) => home.code == gone,
            Row::Person(person) => person.household == gone,
            Row::Address(address) => address.household == gone,
            _ => false,
        };
        rows.retain(|row| !of_gone(row));
        import(&town, &rows, |_| {}).await;
        town.check().await;
        let after = town.custody(alert).await;
        assert_eq!((after.audience, after.pursued), (before.audience, before.pursued));
        town.minutes(20).await;
        assert_eq!(town.custody(alert).await.orphans, 0);
        town
    })
    .await;
}
