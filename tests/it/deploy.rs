//! What `deploy/` says of this program is true of it: commands, settings, names and limits. The
//! two servers' files are proved by `tests/servers.sh`: all tests' servers start with them.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use serde_json::{Value, json};
use tongluo::app::settings::Settings;
use tongluo::queue::settings::{DEAD_MAX, DELIVERIES_MAX};
use tongluo::queue::{QueueSettings, every_queue};

const UNIT: &str = include_str!("../../deploy/tongluo.service");
const COMPOSE: &str = include_str!("../../deploy/compose.yaml");
const DOCKERFILE: &str = include_str!("../../deploy/Dockerfile");
const ENV: &str = include_str!("../../deploy/tongluo.env.example");
const README: &str = include_str!("../../deploy/README.md");
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
