//! Style as a test: lengths, names, first lines, files nobody reads, migrations in one dialect,
//! loose ends, paths of one machine. What rustfmt and clippy can say is left to them.
//! Every check is shown to fail on a text made up for it.

mod source;

use std::collections::{BTreeMap, BTreeSet};

use source::{File, files, line_of, masked, report, words};

const LINE_COLUMNS: usize = 100;
const FILE_LINES: usize = 500;
const FUNCTION_LINES: usize = 70;

/// The last word a module, file or type may not have, and what to write instead.
const BANNED_NAMES: &[(&str, &str)] = &[
    ("manager", "what it keeps: a registry, a pool, a ledger"),
    ("util", "the noun it is about"),
    ("utils", "the noun it is about"),
    ("common", "the noun it is about, on the lowest floor that needs it"),
    ("misc", "the noun it is about"),
    ("helper", "the verb it does, in the module that needs it"),
    ("helpers", "the verbs they do, in the module that needs them"),
];

/// Roles people have; the words are the roster's, not ours.
const ROLE_NAMES: &[&str] = &["ShelterManager"];

/// Loose ends. Split so that this file does not name them.
const LOOSE_ENDS: &[&str] = &[
    concat!("to", "do!"),
    concat!("unimple", "mented!"),
    concat!("db", "g!"),
    concat!("#[ig", "nore"),
];

/// Beginnings of paths that exist on one machine only, split for the same reason.
const MACHINE_PATHS: &[&str] = &[
    concat!("/wo", "rk/"),
    concat!("/ho", "me/"),
    concat!("/ro", "ot/"),
    concat!("/Us", "ers/"),
    concat!("/tm", "p/"),
];

fn line_faults(file: &File) -> Vec<String> {
    let long = |(_, line): &(usize, &str)| line.chars().count() > LINE_COLUMNS;
    let say = |(n, line): (usize, &str)| {
        let columns = line.chars().count();
        format!("{}:{}: {columns} columns, at most {LINE_COLUMNS}", file.path, n + 1)
    };
    file.text.lines().enumerate().filter(long).map(say).collect()
}

fn length_faults(file: &File) -> Vec<String> {
    let lines = file.text.lines().count();
    match lines > FILE_LINES {
        true => vec![format!("{}: {lines} lines, at most {FILE_LINES}", file.path)],
        false => Vec::new(),
    }
}

/// A function's lines are counted from `fn` to its closing brace.
fn function_faults(file: &File) -> Vec<String> {
    let code = masked(&file.text);
    let all = words(&code);
    let mut faults = Vec::new();
    for pair in all.windows(2).filter(|pair| pair[0].1 == "fn") {
        let (at, name) = (pair[0].0, pair[1].1);
        // `fn(u8) -> u8` is a type: no name follows directly.
        if !code[at + 2..pair[1].0].trim().is_empty() {
            continue;
        }
        let lines = code[at..at + body_end(&code[at..])].lines().count();
        if lines > FUNCTION_LINES {
            let line = line_of(&code, at);
            let path = &file.path;
            faults.push(format!("{path}:{line}: `{name}` {lines} lines, at most {FUNCTION_LINES}"));
        }
    }
    faults
}

/// Bytes from `fn` to behind the brace that closes its body, or to the `;` of one without a body.
fn body_end(code: &str) -> usize {
    let (mut round, mut curly) = (0_i32, 0_i32);
    for (at, c) in code.char_indices() {
        match c {
            '(' | '[' => round += 1,
            ')' | ']' => round -= 1,
            '{' => curly += 1,
            '}' => {
                curly -= 1;
                if curly == 0 && round == 0 {
                    return at + 1;
                }
            }
            ';' if round == 0 && curly == 0 => return at,
            _ => {}
        }
    }
    code.len()
}

/// The last word of a name in snake case or camel case, in small letters.
fn last_word(name: &str) -> String {
    let from = name.char_indices().rev().find(|(at, c)| c.is_uppercase() && *at > 0);
    let tail = name.rsplit('_').next().unwrap_or(name);
    let camel = from.map_or(name, |(at, _)| &name[at..]);
    tail[tail.len() - tail.len().min(camel.len())..].to_lowercase()
}

fn name_faults(file: &File) -> Vec<String> {
    let code = masked(&file.text);
    let stem = file.path.trim_end_matches("/mod.rs").trim_end_matches(".rs");
    let stem = stem.rsplit('/').next().unwrap_or(stem);
    let mut named = vec![(0, stem)];
    let kinds = ["mod", "struct", "enum", "trait", "type", "union"];
    named.extend(words(&code).windows(2).filter(|w| kinds.contains(&w[0].1)).map(|w| w[1]));
    let mut faults = Vec::new();
    for (at, name) in named.into_iter().filter(|(_, name)| !ROLE_NAMES.contains(name)) {
        let last = last_word(name);
        if let Some((_, use_this)) = BANNED_NAMES.iter().find(|(banned, _)| *banned == last) {
            let line = line_of(&code, at);
            faults.push(format!("{}:{line}: not `{name}`; name {use_this}", file.path));
        }
    }
    faults
}

fn opening_faults(file: &File) -> Vec<String> {
    let opens = file.text.starts_with("//! ");
    let fault = || format!("{}: must open with `//!`: what for, and what not", file.path);
    (!opens).then(fault).into_iter().collect()
}

fn loose_end_faults(file: &File) -> Vec<String> {
    let code = masked(&file.text);
    let find = |end: &&str| {
        let at = code.find(*end)?;
        Some(format!("{}:{}: `{end}`", file.path, line_of(&code, at)))
    };
    LOOSE_ENDS.iter().filter_map(find).collect()
}

/// A path begins where no word, dot or brace stands before it: `example.com/home/` is an address.
fn machine_path_faults(file: &File) -> Vec<String> {
    let mut faults = Vec::new();
    for beginning in MACHINE_PATHS {
        for (at, _) in file.text.match_indices(beginning) {
            let before = file.text[..at].chars().next_back().unwrap_or(' ');
            if !before.is_alphanumeric() && !"._-}>/)".contains(before) {
                let line = line_of(&file.text, at);
                faults.push(format!("{}:{line}: `{beginning}` is one machine's", file.path));
            }
        }
    }
    faults
}

/// Every file must be named by a `mod` of the file above it. Each target's own file is a root.
fn unreachable_faults(all: &[File]) -> Vec<String> {
    let texts: BTreeMap<&str, String> =
        all.iter().map(|file| (file.path.as_str(), masked(&file.text))).collect();
    let named = |above: &str, name: &str| {
        let Some(code) = texts.get(above) else {
            return false;
        };
        words(code).windows(2).any(|pair| pair[0].1 == "mod" && pair[1].1 == name)
    };
    let reached = |path: &str| {
        let inside = path.trim_end_matches("/mod.rs").trim_end_matches(".rs");
        let (folder, name) = inside.rsplit_once('/').unwrap_or(("", inside));
        let is_root = match folder {
            "src" => matches!(path, "src/lib.rs" | "src/main.rs"),
            "tests" | "src/bin" | "benches" | "examples" => !path.ends_with("/mod.rs"),
            _ => name == "main" && (folder.starts_with("tests/") || folder.starts_with("src/bin/")),
        };
        let above = match folder {
            "src" => vec!["src/lib.rs".to_owned(), "src/main.rs".to_owned()],
            // A folder of `tests` serves any of the test targets beside it.
            "tests" => texts.keys().map(|p| (*p).to_owned()).collect(),
            _ => vec![
                format!("{folder}.rs"),
                format!("{folder}/mod.rs"),
                format!("{folder}/main.rs"),
            ],
        };
        is_root || above.iter().any(|above| above != path && named(above, name))
    };
    let lost = all.iter().filter(|file| !reached(&file.path));
    lost.map(|file| format!("{}: no `mod` names it", file.path)).collect()
}

fn migration_faults(all: &[File]) -> Vec<String> {
    let of = |dialect: &str| -> BTreeSet<&str> {
        let folder = format!("migrations/{dialect}/");
        all.iter().filter_map(|file| file.path.strip_prefix(&folder)).collect()
    };
    let (postgres, sqlite) = (of("postgres"), of("sqlite"));
    let mut faults = Vec::new();
    for name in postgres.symmetric_difference(&sqlite) {
        faults.push(format!("{name}: a migration of one dialect only"));
    }
    for (n, name) in postgres.iter().enumerate() {
        if !name.starts_with(&format!("{:04}_", n + 1)) {
            faults.push(format!("{name}: should be number {:04}", n + 1));
        }
    }
    faults
}

/// Paths and names in a page's code spans that no file of `all` has.
fn naming_faults(page: &File, all: &[File]) -> Vec<String> {
    let known: BTreeSet<&str> =
        all.iter().flat_map(|file| words(&file.text)).map(|w| w.1).collect();
    let module = |path: &[&str]| {
        let ends = [format!("/{}.rs", path.join("/")), format!("/{}/mod.rs", path.join("/"))];
        all.iter().filter(move |file| ends.iter().any(|end| file.path.ends_with(end)))
    };
    let is_there = |name: &str| {
        let parts: Vec<&str> = name.split("::").collect();
        let Some((last, path)) = parts.split_last() else { return true };
        let inside = |file: &File| words(&file.text).iter().any(|word| word.1 == *last);
        match path {
            [] => known.contains(last),
            // A type and what it has, or a crate's.
            [one] if module(path).chain(module(&parts)).next().is_none() => {
                known.contains(one) && known.contains(last)
            }
            _ => module(&parts).next().is_some() || module(path).any(inside),
        }
    };
    let spans = page.text.split('`').skip(1).step_by(2);
    let names: BTreeSet<&str> = spans
        .flat_map(|span| span.split(|c: char| !(c.is_ascii_alphanumeric() || "_:".contains(c))))
        .map(|name| name.trim_matches(':'))
        .filter(|name| name.contains("::") || name.contains('_'))
        .collect();
    let gone = names.into_iter().filter(|name| !is_there(name));
    gone.map(|name| format!("{}: `{name}` is nowhere in the code", page.path)).collect()
}

fn check(folders: &[&str], ends: &[&str], fault: fn(&File) -> Vec<String>) {
    let all: Vec<File> = folders.iter().flat_map(|folder| files(folder, ends)).collect();
    assert!(!all.is_empty(), "nothing was read below {folders:?}");
    report(&all.iter().flat_map(fault).collect::<Vec<_>>());
}

const CODE: &[&str] = &["src", "tests", "benches", "migrations"];

#[test]
fn lines_are_at_most_a_hundred_columns() {
    check(CODE, &[".rs", ".sh", ".sql"], line_faults);
}

#[test]
fn files_are_at_most_five_hundred_lines() {
    check(CODE, &[".rs", ".sh", ".sql"], length_faults);
}

#[test]
fn functions_are_at_most_seventy_lines() {
    check(CODE, &[".rs"], function_faults);
}

#[test]
fn names_say_what_a_thing_is() {
    check(CODE, &[".rs"], name_faults);
}

#[test]
fn every_file_opens_with_what_it_is_for() {
    check(CODE, &[".rs"], opening_faults);
}

#[test]
fn there_are_no_loose_ends() {
    check(CODE, &[".rs"], loose_end_faults);
}

#[test]
fn no_path_of_one_machine_is_written_down() {
    check(&[""], &[".rs", ".md", ".sh", ".toml", ".sql", ".j2"], machine_path_faults);
}

#[test]
fn every_file_is_named_by_a_mod() {
    let all: Vec<File> = ["src", "tests"].iter().flat_map(|f| files(f, &[".rs"])).collect();
    report(&unreachable_faults(&all));
}

#[test]
fn what_the_architecture_names_is_there() {
    let mut all = files("src", &[".rs"]);
    all.extend(files("tests", &[".rs"]));
    let page = files("", &["ARCHITECTURE.md"]);
    report(&naming_faults(&page[0], &all));
}

#[test]
fn every_migration_stands_in_both_dialects() {
    report(&migration_faults(&files("migrations", &[".sql"])));
}

#[cfg(test)]
mod the_checks_themselves {
    use super::*;

    fn file(path: &str, text: &str) -> File {
        File { path: path.to_owned(), text: text.to_owned() }
    }

    fn code(text: &str) -> File {
        file("src/domain/alert.rs", text)
    }

    #[test]
    fn lengths_are_caught_one_beyond_the_limit() {
        let line = |columns| line_faults(&code(&"铜".repeat(columns))).len();
        assert_eq!((line(100), line(101)), (0, 1));
        let lines = |count| length_faults(&code(&"a\n".repeat(count))).len();
        assert_eq!((lines(500), lines(501)), (0, 1));
    }

    #[test]
    fn functions_are_measured_to_their_own_brace() {
        let function = |body: usize| {
            let filler = "    let a = ['{', '\\''];\n".repeat(body);
            let text = format!("fn a(\n    b: [u8; 3],\n) {{\n{filler}}}\nfn c() {{ \"}}\"; }}\n");
            function_faults(&code(&text)).len()
        };
        assert_eq!((function(66), function(67)), (0, 1));
        let many = format!("trait A {{ fn a();\n{} }}", "fn b(f: fn(u8)) {}\n".repeat(90));
        assert_eq!(function_faults(&code(&many)).len(), 0);
        let inside = format!("fn a() {{ fn b() {{\n{}}} }}", "b();\n".repeat(80));
        assert_eq!(function_faults(&code(&inside)).len(), 2);
    }

    #[test]
    fn banned_names_are_caught_and_roles_are_not() {
        for text in [
            "struct PoolManager;",
            "mod utils;",
            "mod test_helpers { }",
            "enum StringUtil {}",
            "trait Common {}",
        ] {
            assert_eq!(name_faults(&code(text)).len(), 1, "{text}");
        }
        assert_eq!(name_faults(&file("src/store/util.rs", "")).len(), 1);
        assert_eq!(name_faults(&file("src/store/util/mod.rs", "")).len(), 1);
        for text in ["struct A { helper: u8 }", "struct HelperDuty;", "struct ShelterManager;"] {
            assert_eq!(name_faults(&code(text)).len(), 0, "{text}");
        }
    }

    #[test]
    fn openings_loose_ends_and_machine_paths_are_caught() {
        assert_eq!(opening_faults(&code("use std::fmt;\n//! late")).len(), 1);
        assert_eq!(opening_faults(&code("//! What for.")).len(), 0);
        for end in LOOSE_ENDS {
            assert_eq!(loose_end_faults(&code(&format!("fn a() {{ {end} }}"))).len(), 1, "{end}");
            assert_eq!(loose_end_faults(&code(&format!("// {end}\n"))).len(), 0, "{end}");
        }
        for beginning in MACHINE_PATHS {
            assert_eq!(machine_path_faults(&code(&format!("\"{beginning}a\""))).len(), 1);
            assert_eq!(machine_path_faults(&code(&format!("https://a.cn{beginning}a"))).len(), 0);
        }
    }

    #[test]
    fn files_nobody_names_are_caught() {
        let tree = |root: &'static str| {
            let all = [
                file("src/lib.rs", root),
                file("src/store/mod.rs", "mod batch; // mod list;"),
                file("src/store/batch.rs", "mod tests;"),
                file("src/store/batch/tests.rs", ""),
                file("src/store/list.rs", ""),
                file("tests/stories.rs", "mod town;"),
                file("tests/town/mod.rs", "mod people;"),
                file("tests/town/people.rs", ""),
            ];
            unreachable_faults(&all)
        };
        assert_eq!(tree("pub mod store;"), ["src/store/list.rs: no `mod` names it"]);
        assert_eq!(tree("").len(), 2);
    }

    #[test]
    fn names_that_are_nowhere_are_caught() {
        let all = [
            file("src/engine/feed.rs", "pub fn feed_once() {}"),
            file("src/store/mod.rs", "pub struct Stmt;"),
        ];
        let faults = |text: &str| naming_faults(&file("ARCHITECTURE.md", text), &all).len();
        assert_eq!(
            faults("`engine::feed`, `engine::feed::feed_once`, `store::Stmt`, feed_twice"),
            0
        );
        assert_eq!(faults("`engine::feed::feed_twice`"), 1);
        assert_eq!(faults("`engine::feet`"), 1);
        assert_eq!(faults("see `feed_twice` and `feed_once`"), 1);
    }

    #[test]
    fn migrations_of_one_dialect_or_out_of_order_are_caught() {
        let faults = |paths: &[&str]| {
            let all: Vec<File> =
                paths.iter().map(|p| file(&format!("migrations/{p}.sql"), "")).collect();
            migration_faults(&all).len()
        };
        assert_eq!(faults(&["postgres/0001_a", "sqlite/0001_a"]), 0);
        assert_eq!(faults(&["postgres/0001_a"]), 1);
        assert_eq!(faults(&["postgres/0001_a", "sqlite/0001_b"]), 2);
        assert_eq!(faults(&["postgres/0002_a", "sqlite/0002_a"]), 1);
        assert_eq!(faults(&[]), 0);
    }
}
