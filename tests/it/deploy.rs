//! What `deploy/` says of this program is true of it: commands, settings, names and limits. The
//! two servers' files are proved by `tests/servers.sh`: all tests' servers start with them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use tongluo::app::settings::Settings;
use tongluo::queue::settings::{DEAD_MAX, DELIVERIES_MAX};
use tongluo::queue::{QueueSettings, every_queue};

use crate::faults::processes::{Process, free_port, program};

const UNIT: &str = include_str!("../../deploy/tongluo.service");
const COMPOSE: &str = include_str!("../../deploy/compose.yaml");
const DOCKERFILE: &str = include_str!("../../deploy/Dockerfile");
const ENV: &str = include_str!("../../deploy/tongluo.env.example");
const README: &str = include_str!("../../deploy/README.md");
const IGNORED: &str = include_str!("../../deploy/Dockerfile.dockerignore");
const MANIFEST: &str = include_str!("../../Cargo.toml");
const DEFINITIONS: &str = include_str!("../../deploy/rabbitmq-definitions.json");
const CONFIG: &str = include_str!("../../config/tongluo.toml");

/// Whether the program's command line is one that it knows.
fn is_command(words: &[String]) -> Result<(), String> {
    let output =
        Command::new(env!("CARGO_BIN_EXE_tongluo")).args(words).arg("--help").output().unwrap();
    let fault = String::from_utf8_lossy(&output.stderr).into_owned();
    output.status.success().then_some(()).ok_or(fault)
}

fn split(line: &str) -> Vec<String> {
    line.split_whitespace().map(str::to_owned).collect()
}

/// The strings of a JSON list behind a mark.
fn list_behind(text: &str, mark: &str) -> Vec<String> {
    let (_, rest) = text.rsplit_once(mark).unwrap();
    serde_json::from_str(rest.lines().next().unwrap()).unwrap()
}

/// Every command in backquotes or in a block of the page, up to what the shell does with it.
fn commands_of_page(page: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for part in page.split('`').flat_map(str::lines).flat_map(|line| line.split("&&")) {
        let Some(rest) = part.trim().strip_prefix("tongluo ") else { continue };
        let words = rest.split(['>', '|', '#']).next().unwrap();
        if words.starts_with(|c: char| c.is_ascii_lowercase()) {
            found.push(split(words));
        }
    }
    found
}

#[test]
fn every_command_is_one_the_program_knows() {
    let (_, line) = UNIT.split_once("ExecStart=/usr/local/bin/tongluo ").unwrap();
    let mut commands = vec![split(line.lines().next().unwrap())];
    let mut image = list_behind(DOCKERFILE, "ENTRYPOINT ");
    assert_eq!(image.remove(0), "tongluo");
    image.extend(list_behind(DOCKERFILE, "\nCMD "));
    commands.push(image);
    let page = commands_of_page(README);
    assert!(page.len() >= 3, "{page:?}");
    commands.extend(page);
    for words in &commands {
        is_command(words).unwrap_or_else(|fault| panic!("{words:?}: {fault}"));
    }
    for wrong in ["--config a.toml sreve", "serve --rolse web", "key make"] {
        assert!(is_command(&split(wrong)).is_err(), "{wrong}");
    }
}

/// Variables that a file sets: the unit's, the image's and the composition's, by their spelling.
fn variables(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
        let line = line.trim_start_matches("Environment=").trim_start_matches("ENV ");
        let pair = line.split_once('=').or_else(|| line.split_once(": "));
        if let Some((name, value)) = pair
            && name.starts_with("TONGLUO_")
        {
            found.push((name.to_owned(), value.to_owned()));
        }
    }
    found
}

#[test]
fn every_variable_is_a_setting() {
    for (file, text, least) in
        [("unit", UNIT, 1), ("compose", COMPOSE, 1), ("image", DOCKERFILE, 1), ("env", ENV, 3)]
    {
        let set = variables(text);
        assert!(set.len() >= least, "{file}: {set:?}");
        Settings::parse(CONFIG, set).unwrap_or_else(|fault| panic!("{file}: {fault}"));
    }
    let wrong = "Environment=TONGLUO_INSTALLATION__KEY_FILLE=x";
    assert!(Settings::parse(CONFIG, variables(wrong)).is_err());
    // What the gateways' secret is called in the example of the settings.
    assert!(CONFIG.contains("TONGLUO_PRACTICE_SECRET") && ENV.contains("TONGLUO_PRACTICE_SECRET"));
}

#[test]
fn no_secret_lies_in_a_file() {
    for (file, text) in [("unit", UNIT), ("compose", COMPOSE), ("image", DOCKERFILE)] {
        for word in ["://", "PASSWORD:", "PASS:", "TOKEN"] {
            assert!(!text.contains(word), "{file}: {word}");
        }
    }
    for (name, value) in variables(ENV) {
        let placeholder = ["-PASSWORD", "-TOKEN"].iter().any(|word| value.contains(word));
        assert!(placeholder, "{name}: a word in capitals to be changed");
    }
}

#[test]
fn the_definitions_are_the_queues_as_the_program_declares_them() {
    let settings = QueueSettings::new("memory:");
    let queue = |name: String, arguments: Value| {
        json!({"name": name, "vhost": "tongluo", "durable": true, "auto_delete": false,
            "arguments": arguments})
    };
    let kept = |most: u32| json!({"x-queue-type": "quorum", "x-max-length": most});
    let work = json!({
        "x-queue-type": "quorum", "x-delivery-limit": DELIVERIES_MAX,
        "x-dead-letter-exchange": "", "x-dead-letter-routing-key": settings.dead_name(),
        "x-max-length": settings.depth_max, "x-overflow": "reject-publish",
    });
    let mut queues =
        vec![queue(settings.dead_name(), kept(DEAD_MAX)), queue(settings.probe_name(), kept(1))];
    for (topic, class) in every_queue() {
        queues.push(queue(settings.queue_name(topic, class), work.clone()));
    }
    let names: BTreeSet<&str> = queues.iter().map(|q| q["name"].as_str().unwrap()).collect();
    assert_eq!(names.len(), settings.every_name().len());
    let wanted = json!({"vhosts": [{"name": "tongluo"}], "queues": queues});
    let shipped: Value = serde_json::from_str(DEFINITIONS).unwrap();
    assert_eq!(shipped, wanted, "write this to deploy/rabbitmq-definitions.json:\n{wanted:#}");
}

#[test]
fn systemd_takes_the_unit() {
    let known = Command::new("systemd-analyze").arg("--version").output();
    if known.is_err() {
        let required = std::env::var("REQUIRE_SERVERS").is_ok_and(|value| value == "1");
        assert!(!required, "systemd-analyze is not installed");
        println!("skipped: systemd-analyze is not installed");
        return;
    }
    let folder = std::env::temp_dir().join(format!("unit_{}", std::process::id()));
    fs::create_dir(&folder).unwrap();
    let file = folder.join("tongluo.service");
    let verify = |text: &str| {
        // It wants to find the program; here it lies elsewhere.
        let program = env!("CARGO_BIN_EXE_tongluo");
        fs::write(&file, text.replace("/usr/local/bin/tongluo", program)).unwrap();
        let output = Command::new("systemd-analyze").arg("verify").arg(&file).output().unwrap();
        String::from_utf8_lossy(&output.stderr)
            .lines()
            .filter(|line| line.contains("tongluo.service"))
            .collect::<Vec<_>>()
            .join("\n")
    };
    let said = verify(UNIT);
    let wrong = verify(&UNIT.replace("ProtectHome=yes", "ProtectHoem=yes"));
    fs::remove_dir_all(&folder).unwrap();
    assert_eq!(said, "");
    assert!(wrong.contains("ProtectHoem"), "a wrong word is seen: {wrong:?}");
}

/// What the image is made of, out of the tree.
fn copied() -> Vec<&'static str> {
    let lines = DOCKERFILE.lines().filter_map(|line| line.strip_prefix("COPY "));
    lines
        .filter(|line| !line.starts_with("--from="))
        .flat_map(|line| line.rsplit_once(' ').unwrap().0.split_whitespace())
        .collect()
}

/// The files whose text is built into the program, as paths from the root of the tree.
fn built_in(folder: &Path, found: &mut BTreeSet<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            built_in(&path, found);
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        for part in text.split("include_str!(\"").skip(1) {
            let named = folder.join(part.split('"').next().unwrap());
            found.extend(named.canonicalize().ok());
        }
    }
}

#[test]
fn the_image_is_made_of_what_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let sources = copied();
    assert!(sources.len() >= 6, "{sources:?}");
    for source in &sources {
        assert!(root.join(source).exists(), "{source} is not in the tree");
        let top = source.split('/').next().unwrap();
        assert!(IGNORED.lines().any(|line| line == format!("!{top}")), "{top} is ignored");
    }
    let mut found = BTreeSet::new();
    built_in(&root.join("src"), &mut found);
    assert!(found.len() > 5, "{}", found.len());
    for path in &found {
        let inside = path.strip_prefix(root).unwrap();
        // What only tests read is not built.
        if inside.starts_with("tests") || inside.extension().is_some_and(|ext| ext == "md") {
            continue;
        }
        let taken = sources.iter().any(|source| inside.starts_with(source));
        assert!(taken, "{} is built in and not copied", inside.display());
    }
    let after = |text: &'static str, mark: &str| {
        let (_, rest) = text.split_once(mark).unwrap_or_else(|| panic!("{mark}"));
        rest.split([' ', '-', '\n', '"']).find(|word| !word.is_empty()).unwrap()
    };
    // The compiler is one that the package takes, and the program has its name.
    let version =
        |text: &str| -> Vec<u32> { text.split('.').map(|part| part.parse().unwrap()).collect() };
    let (has, needs) = (after(DOCKERFILE, "FROM rust:"), after(MANIFEST, "rust-version = "));
    assert!(version(has) >= version(needs), "rust {has}, the package needs {needs}");
    assert!(Path::new(env!("CARGO_BIN_EXE_tongluo")).ends_with(after(DOCKERFILE, "--bin ")));
    // It lies on the path, and reads the settings that lie beside it.
    assert!(DOCKERFILE.contains("COPY --from=build /tongluo /usr/local/bin/tongluo\n"));
    let entry = list_behind(DOCKERFILE, "ENTRYPOINT ");
    let settings = entry.iter().skip_while(|word| *word != "--config").nth(1).unwrap();
    assert!(DOCKERFILE.contains(&format!("COPY config/tongluo.toml {settings}\n")));
    // One user, by number, and not root.
    let user = after(DOCKERFILE, "--uid ");
    assert_eq!(after(DOCKERFILE, "\nUSER "), format!("{user}:{user}"));
    assert!(user.parse::<u32>().unwrap() > 0 && COMPOSE.contains(&format!("user {user}")));
    let home = after(DOCKERFILE, "--home-dir ");
    for word in ["WORKDIR", "VOLUME"] {
        assert!(DOCKERFILE.contains(&format!("\n{word} {home}\n")), "{word}");
    }
    // One port, from the setting to the outside.
    let port = after(DOCKERFILE, "\nEXPOSE ");
    assert!(DOCKERFILE.contains(&format!("TONGLUO_WEB__LISTEN=0.0.0.0:{port}\n")));
    assert!(COMPOSE.contains(&format!("\"127.0.0.1:{port}:{port}\"")));
    assert!(health_check().contains(&format!("/127.0.0.1/{port} ")));
}

#[test]
fn the_composition_names_files_that_are_there_or_told_of() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy");
    let named: BTreeSet<&str> = COMPOSE
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'))
        .filter_map(|line| {
            let line = line.trim().trim_start_matches("- ");
            let file = line.strip_prefix("env_file: ").or_else(|| line.strip_prefix("file: ./"));
            file.or_else(|| line.strip_prefix("./")?.split(':').next())
        })
        .collect();
    assert!(named.len() >= 6, "{named:?}");
    for file in named {
        let made = README.contains(file);
        assert!(folder.join(file).exists() || made, "{file}: neither there nor told of");
        let example = folder.join(format!("{file}.example"));
        assert!(!file.ends_with(".env") || example.exists(), "{file} has no example");
    }
    // A service, a secret and a volume is named where it is used and where it is made.
    for name in ["tongluo_key", "postgres_password", "queue_listens"] {
        let made = COMPOSE.lines().filter(|line| *line == format!("  {name}:")).count();
        let used = COMPOSE.lines().filter(|line| {
            [format!("- {name}"), format!("- source: {name}")].contains(&line.trim().to_owned())
        });
        assert_eq!((made, used.count()), (1, 1), "{name}");
    }
}

/// The command by which an engine of containers asks whether it lives, as its shell is given it.
fn health_check() -> String {
    let (_, rest) = DOCKERFILE.split_once("\nHEALTHCHECK ").unwrap();
    let (_, command) = rest.split_once(" CMD ").unwrap();
    let mut lines = command.lines();
    let mut whole = String::new();
    for line in lines.by_ref() {
        whole += line.trim_end_matches('\\');
        if !line.ends_with('\\') {
            break;
        }
    }
    whole
}

#[tokio::test]
async fn the_health_check_knows_the_living_from_the_dead() {
    let folder = std::env::temp_dir().join(format!("health_{}", std::process::id()));
    fs::create_dir(&folder).unwrap();
    let port = free_port();
    let settings = format!(
        "[installation]\npractice = true\n\n[database]\nurl = \"sqlite:tongluo.db\"\n\n\
         [web]\nlisten = \"127.0.0.1:{port}\"\n"
    );
    fs::write(folder.join("tongluo.toml"), settings).unwrap();
    for words in [["key", "new"].as_slice(), &["migrate"]] {
        assert!(program(&folder).args(words).output().unwrap().status.success(), "{words:?}");
    }
    let command = health_check().replace("/8600", &format!("/{port}"));
    let lives = || Command::new("sh").args(["-c", &command]).output().unwrap();
    let mut serving = Process::start(&folder, "serve", &["serve"]);
    serving.serves().await;
    let said = lives();
    assert!(said.status.success(), "{command}: {said:?}");
    serving.kill();
    assert!(!lives().status.success(), "{command}");
    fs::remove_dir_all(&folder).unwrap();
}
