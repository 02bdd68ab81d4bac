//! Who may know whom: the rooms of the house are floors, and a room imports only the rooms its row
//! allows (ARCHITECTURE.md). It also holds the few crates to their one place. It reads paths in the
//! text, and does not judge what is done with them.

mod source;

use source::{File, files, is_word, line_of, masked, report, words};

/// A room and the rooms it may import besides itself. `main` is the binary, the rest are folders.
const ROOMS: &[(&str, &[&str])] = &[
    ("base", &[]),
    ("domain", &["base"]),
    ("store", &["base", "domain"]),
    ("queue", &["base", "domain"]),
    ("channel", &["base", "domain"]),
    ("exchange", &["base", "domain"]),
    ("render", &["base", "domain"]),
    ("engine", &["base", "domain", "store", "queue", "channel", "exchange", "render"]),
    ("web", &["base", "domain", "store", "exchange", "render", "engine", "channel::http"]),
    ("practice", &["base", "domain", "store", "queue", "exchange", "render", "engine", "channel"]),
    ("app", ALL_BELOW_APP),
    ("cli", &["app"]),
    ("main", &["app", "cli"]),
];

const ALL_BELOW_APP: &[&str] = &[
    "base", "domain", "store", "queue", "channel", "exchange", "render", "engine", "web",
    "practice",
];

/// Practice gateways decode the protocols from their sheets: what both ends share would hide a
/// fault from both. Only the words of the room and the client are theirs.
const NOT_FOR_PRACTICE: &str = "channel";
const FOR_PRACTICE: &[&str] = &["http"];

/// A crate and the paths that alone may name it.
const CRATES: &[(&str, &[&str])] = &[
    ("sqlx", &["src/store/"]),
    ("lapin", &["src/queue/rabbit.rs"]),
    ("reqwest", &["src/channel/http.rs"]),
    ("anyhow", &["src/app/", "src/cli/", "src/main.rs"]),
];

/// A crate that one file, whichever, may name.
const ONE_FILE: &[&str] = &["tokio_cron_scheduler"];

fn room_of(path: &str) -> Option<&str> {
    match path.strip_prefix("src/")? {
        "main.rs" => Some("main"),
        "lib.rs" => None,
        inside => inside.split('/').next().map(|room| room.strip_suffix(".rs").unwrap_or(room)),
    }
}

/// Every path from the root of the crate that a text names, as segments: `crate::a::{b, c::d}` is
/// `[a, b]` and `[a, c, d]`. A chain of `super` that leaves the room counts as one from the root.
fn paths(path: &str, text: &str) -> Vec<(usize, Vec<String>)> {
    let code = masked(text);
    let depth = path.trim_end_matches("/mod.rs").matches('/').count();
    let mut found = Vec::new();
    let mut supers = 0;
    for (at, word) in words(&code) {
        let rest = code[at + word.len()..].trim_start();
        let Some(rest) = rest.strip_prefix("::") else {
            supers = 0;
            continue;
        };
        let from_root = match word {
            "super" => {
                supers += 1;
                supers >= depth && !rest.trim_start().starts_with("super")
            }
            "crate" | "tongluo" => true,
            _ => false,
        };
        if word != "super" {
            supers = 0;
        }
        if from_root {
            let mut tree = Vec::new();
            expand(rest, &mut Vec::new(), &mut tree);
            let rooms = |path: &Vec<String>| ROOMS.iter().any(|(room, _)| *room == path[0]);
            let known = tree.into_iter().filter(|path| word != "super" || rooms(path));
            found.extend(known.map(|path| (line_of(&code, at), path)));
        }
    }
    found
}

/// Exported macros stand at the root of the crate, whatever room they come from: name, room.
fn macros(files: &[File]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for file in files {
        let code = masked(&file.text);
        for (at, _) in code.match_indices("#[macro_export]") {
            let mut behind = words(&code[at..]).into_iter().map(|(_, word)| word);
            let name = behind.by_ref().find(|word| *word == "macro_rules").and(behind.next());
            let room = room_of(&file.path).unwrap_or("lib");
            found.extend(name.map(|name| (name.to_owned(), room.to_owned())));
        }
    }
    found
}

/// Follows one use tree; returns what stands behind it.
fn expand<'t>(text: &'t str, before: &mut Vec<String>, found: &mut Vec<Vec<String>>) -> &'t str {
    let text = text.trim_start();
    if let Some(mut inside) = text.strip_prefix('{') {
        loop {
            inside = inside.trim_start_matches([',', ' ', '\n', '\t']);
            if let Some(behind) = inside.strip_prefix('}') {
                return behind;
            }
            let length = before.len();
            let behind = expand(inside, before, found);
            before.truncate(length);
            if behind.len() == inside.len() {
                return behind;
            }
            inside = behind;
        }
    }
    let length = text.find(|c| !is_word(c)).unwrap_or(text.len());
    let (name, behind) = text.split_at(length);
    if !name.is_empty() && name != "self" {
        before.push(name.to_owned());
    }
    match behind.trim_start().strip_prefix("::") {
        Some(deeper) if !name.is_empty() => expand(deeper, before, found),
        _ => {
            if !before.is_empty() {
                found.push(before.clone());
            }
            skip_rename(behind.strip_prefix('*').unwrap_or(behind))
        }
    }
}

fn skip_rename(text: &str) -> &str {
    match text.trim_start().strip_prefix("as ") {
        Some(renamed) => renamed.trim_start().trim_start_matches(is_word),
        None => text,
    }
}

fn allowed(room: &str, path: &[String]) -> bool {
    if path[0] == room {
        return true;
    }
    let Some((_, may)) = ROOMS.iter().find(|(name, _)| *name == room) else {
        return false;
    };
    let second = path.get(1).map_or("", String::as_str);
    if room == "practice" && path[0] == NOT_FOR_PRACTICE {
        let is_module = second.starts_with(|c: char| c.is_lowercase());
        return path.len() > 1 && (!is_module || FOR_PRACTICE.contains(&second));
    }
    let whole = format!("{}::{second}", path[0]);
    may.iter().any(|name| *name == path[0] || *name == whole)
}

fn floor_faults(files: &[File]) -> Vec<String> {
    let macros = macros(files);
    let mut faults = Vec::new();
    for file in files {
        let Some(room) = room_of(&file.path) else {
            continue;
        };
        if !ROOMS.iter().any(|(name, _)| *name == room) {
            faults.push(format!("{}: there is no room `{room}`", file.path));
            continue;
        }
        // In the tests of `practice` the two ends of a protocol meet: that is what they are for.
        if room == "practice" && file.path.ends_with("/tests.rs") {
            continue;
        }
        for (line, mut path) in paths(&file.path, &file.text) {
            if let Some((_, home)) = macros.iter().find(|(name, _)| *name == path[0]) {
                path.insert(0, home.clone());
            }
            if !allowed(room, &path) {
                let path = path.join("::");
                faults.push(format!("{}:{line}: `{room}` may not import `{path}`", file.path));
            }
        }
    }
    faults
}

fn crate_faults(files: &[File]) -> Vec<String> {
    let names = |file: &File, name: &str| words(&masked(&file.text)).iter().any(|w| w.1 == name);
    let mut faults = Vec::new();
    for (name, places) in CRATES {
        let outside = |file: &&File| !places.iter().any(|place| file.path.starts_with(place));
        for file in files.iter().filter(outside).filter(|file| names(file, name)) {
            faults.push(format!("{}: only {} may name {name}", file.path, places.join(", ")));
        }
    }
    for name in ONE_FILE {
        let namers: Vec<_> = files.iter().filter(|f| names(f, name)).map(|f| &f.path).collect();
        if namers.len() > 1 {
            faults.push(format!("only one file may name {name}: {namers:?}"));
        }
    }
    faults
}

#[test]
fn every_room_imports_only_what_its_floor_allows() {
    report(&floor_faults(&files("src", &[".rs"])));
}

/// Statements are declared in `store`; elsewhere only a test has SQL of its own.
fn sql_faults(files: &[File]) -> Vec<String> {
    let mut faults = Vec::new();
    let outside = |file: &&File| !file.path.starts_with("src/store/");
    for file in files.iter().filter(outside) {
        let code = masked(&file.text);
        let own = code.find("#[cfg(test)]").map_or(code.as_str(), |tests| &code[..tests]);
        let declares = |(at, word): &(usize, &str)| {
            // Households' statements are a word of the domain.
            *word == "Stmt" || (*word == "statements" && own[at + word.len()..].starts_with('!'))
        };
        for (at, word) in words(own).into_iter().filter(declares) {
            let line = line_of(own, at);
            faults.push(format!("{}:{line}: `{word}`: SQL belongs to the store", file.path));
        }
    }
    faults
}

#[test]
fn no_statement_is_declared_outside_the_store() {
    report(&sql_faults(&files("src", &[".rs"])));
}

#[test]
fn every_crate_with_one_place_is_named_only_there() {
    report(&crate_faults(&files("src", &[".rs"])));
}

#[cfg(test)]
mod the_check_itself {
    use super::*;

    fn file(path: &str, text: &str) -> File {
        File { path: path.to_owned(), text: text.to_owned() }
    }

    fn floor(path: &str, text: &str) -> usize {
        floor_faults(&[file(path, text)]).len()
    }

    #[test]
    fn catches_a_forbidden_import_in_every_form() {
        for text in [
            "use crate::engine::pump;",
            "use crate::{base::clock, engine::pump};",
            "use crate::{\n    base::{clock, limits::*},\n    engine,\n};",
            "use crate::{base::clock as now, engine};",
            "fn a() { let _ = crate::engine::pump(); }",
            "fn a(b: &crate::engine::Pump) {}",
            "use super::super::engine::pump;",
            "use crate :: engine;",
            "mod tests { use super::super::super::engine::pump; }",
        ] {
            assert_eq!(floor("src/store/batch.rs", text), 1, "{text}");
            assert_eq!(floor("src/app/doctor.rs", text), 0, "{text}");
        }
        assert_eq!(floor("src/domain/mod.rs", "use super::store::Pool;"), 1);
        assert_eq!(floor("src/domain/mod.rs", "use crate::{store::Pool, web, base::clock};"), 2);
    }

    #[test]
    fn leaves_alone_what_is_allowed_or_only_said() {
        for text in [
            "use crate::{base::clock, domain::{alert, list}};",
            "use crate::store::db::Pool;",
            "use super::{db, engine};",
            "// crate::engine\nconst A: &str = \"crate::engine\";",
            "/// See [`crate::engine`].\nfn a() {}",
        ] {
            assert_eq!(floor("src/store/batch.rs", text), 0, "{text}");
        }
    }

    #[test]
    fn takes_an_exported_macro_for_its_room() {
        let defined = "#[macro_export]\nmacro_rules! args { () => {} }";
        let faults =
            |path, text| floor_faults(&[file("src/store/db.rs", defined), file(path, text)]).len();
        assert_eq!(faults("src/engine/chain.rs", "fn a() { crate::args!(1) }"), 0);
        assert_eq!(faults("src/store/batch.rs", "use crate::{args, domain::list};"), 0);
        assert_eq!(faults("src/render/notice.rs", "use crate::args;"), 1);
    }

    #[test]
    fn holds_web_to_the_client_and_practice_off_the_codecs() {
        assert_eq!(floor("src/web/oidc.rs", "use crate::channel::http::Client;"), 0);
        assert_eq!(floor("src/web/oidc.rs", "use crate::channel::twilio;"), 1);
        assert_eq!(floor("src/web/oidc.rs", "use crate::queue::Hint;"), 1);
        assert_eq!(floor("src/practice/gateway.rs", "use crate::channel::{Message, http};"), 0);
        assert_eq!(floor("src/practice/gateway.rs", "use crate::channel::twilio::decode;"), 1);
        assert_eq!(floor("src/main.rs", "use tongluo::cli;"), 0);
        assert_eq!(floor("src/main.rs", "use tongluo::store::Pool;"), 1);
        assert_eq!(floor("src/attic/mod.rs", ""), 1);
    }

    #[test]
    fn holds_sql_to_the_store() {
        let faults = |path: &str, text: &str| sql_faults(&[file(path, text)]).len();
        for text in [
            "crate::statements! { A = \"SELECT 1\"; }",
            "static A: Stmt = Stmt::new(\"A\", \"SELECT 1\");",
            "use crate::store::{Stmt, Store};",
        ] {
            assert!(faults("src/app/bench.rs", text) > 0, "{text}");
            assert_eq!(faults("src/store/bench.rs", text), 0, "{text}");
            let tested = format!("fn a() {{}}\n#[cfg(test)]\nmod tests {{ {text} }}");
            assert_eq!(faults("src/engine/chain.rs", &tested), 0, "{text}");
        }
        assert_eq!(faults("src/app/bench.rs", "// Stmt\nfn a(statement: Store) {}"), 0);
    }

    #[test]
    fn holds_crates_to_their_place() {
        let faults = |path, text| crate_faults(&[file(path, text)]).len();
        assert_eq!(faults("src/engine/send.rs", "fn a(e: sqlx::Error) {}"), 1);
        assert_eq!(faults("src/store/db.rs", "fn a(e: sqlx::Error) {}"), 0);
        assert_eq!(faults("src/queue/mod.rs", "use lapin::Channel;"), 1);
        assert_eq!(faults("src/channel/twilio.rs", "use reqwest::Client;"), 1);
        assert_eq!(faults("src/domain/alert.rs", "fn a() -> anyhow::Result<()> {}"), 1);
        assert_eq!(faults("src/domain/alert.rs", "// sqlx, \"lapin\"\nfn a() {}"), 0);
        let twice = ["src/app/a.rs", "src/app/b.rs"].map(|p| file(p, "use tokio_cron_scheduler;"));
        assert_eq!(crate_faults(&twice[..1]).len(), 0);
        assert_eq!(crate_faults(&twice).len(), 1);
    }
}
