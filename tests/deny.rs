//! What the product is built on, held to `deny.toml` by what is on the disk: licences, banned
//! crates, one version of some, and one registry with checksums. It knows no advisories: those
//! need a network, and `cargo deny check`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use serde::Deserialize;

#[derive(Deserialize)]
struct Deny {
    graph: Graph,
    bans: Bans,
    licenses: Licenses,
    sources: Sources,
}

#[derive(Deserialize)]
struct Graph {
    targets: Vec<String>,
}

#[derive(Deserialize)]
struct Bans {
    wildcards: String,
    deny: Vec<Banned>,
}

#[derive(Deserialize)]
struct Banned {
    #[serde(rename = "crate")]
    name: String,
    /// Only a second version of it is refused.
    #[serde(default, rename = "deny-multiple-versions")]
    one_version: bool,
}

#[derive(Deserialize)]
struct Licenses {
    allow: BTreeSet<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Sources {
    unknown_registry: String,
    unknown_git: String,
}

#[derive(Deserialize)]
struct Lock {
    package: Vec<Locked>,
}

/// A row of Cargo.lock; ours has neither source nor checksum.
#[derive(Debug, Clone, Default, Deserialize)]
struct Locked {
    name: String,
    version: String,
    source: Option<String>,
    checksum: Option<String>,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
struct Package {
    id: String,
    name: String,
    version: String,
    license: Option<String>,
    source: Option<String>,
    dependencies: Vec<Dependency>,
}

#[derive(Debug, Clone, Default, Deserialize)]
struct Dependency {
    name: String,
    req: String,
}

/// Whether a licence expression can be kept with the allowed ones alone. A slash is an old `OR`.
fn is_kept(expression: &str, allow: &BTreeSet<String>) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut at = 0;
    any_of(&words, &mut at, allow) == Some(true) && at == words.len()
}

/// None here and below: the expression is torn.
fn any_of(words: &[&str], at: &mut usize, allow: &BTreeSet<String>) -> Option<bool> {
    let mut kept = all_of(words, at, allow)?;
    while words.get(*at) == Some(&"OR") {
        *at += 1;
        kept |= all_of(words, at, allow)?;
    }
    Some(kept)
}

fn all_of(words: &[&str], at: &mut usize, allow: &BTreeSet<String>) -> Option<bool> {
    let mut kept = one(words, at, allow)?;
    while words.get(*at) == Some(&"AND") {
        *at += 1;
        kept &= one(words, at, allow)?;
    }
    Some(kept)
}

fn one(words: &[&str], at: &mut usize, allow: &BTreeSet<String>) -> Option<bool> {
    let word = *words.get(*at)?;
    *at += 1;
    if word == "(" {
        let kept = any_of(words, at, allow)?;
        let closed = *words.get(*at)? == ")";
        *at += 1;
        return closed.then_some(kept);
    }
    if words.get(*at) != Some(&"WITH") {
        return Some(allow.contains(word));
    }
    let exception = words.get(*at + 1)?;
    *at += 2;
    Some(allow.contains(&format!("{word} WITH {exception}")))
}

/// What of the crates that are built for us breaks the rules.
fn broken_by_crates(deny: &Deny, crates: &[Package]) -> Vec<String> {
    let mut broken = Vec::new();
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for one in crates {
        let Package { name, version, license, source, dependencies, .. } = one;
        versions.entry(name).or_default().insert(version);
        match license {
            None => broken.push(format!("{name} {version}: no licence")),
            Some(license) if !is_kept(license, &deny.licenses.allow) => {
                broken.push(format!("{name} {version}: licence {license}"));
            }
            Some(_) => {}
        }
        if source.is_none() && deny.bans.wildcards == "deny" {
            let any = dependencies.iter().filter(|d| d.req == "*");
            broken.extend(any.map(|d| format!("{name}: any version of {}", d.name)));
        }
    }
    for banned in &deny.bans.deny {
        let found = versions.get(banned.name.as_str()).map_or(0, BTreeSet::len);
        if found > usize::from(banned.one_version) {
            broken.push(format!("{}: {found} versions of it", banned.name));
        }
    }
    broken
}

/// What of the lock comes from elsewhere than the one registry, or is not held by a checksum.
fn broken_by_lock(lock: &[Locked]) -> Vec<String> {
    let mut broken = Vec::new();
    let mut registries = BTreeSet::new();
    for Locked { name, version, source, checksum } in lock {
        match source.as_deref() {
            None if name == "tongluo" => continue,
            Some(source) if source.starts_with("registry+https://") => {
                registries.insert(source);
            }
            other => broken.push(format!("{name} {version}: from {other:?}")),
        }
        if checksum.is_none() {
            broken.push(format!("{name} {version}: no checksum"));
        }
    }
    if registries.len() > 1 {
        broken.push(format!("more than one registry: {registries:?}"));
    }
    broken
}

fn ours() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn rules() -> Deny {
    toml::from_str(&std::fs::read_to_string(ours().join("deny.toml")).unwrap()).unwrap()
}

/// The crates that are built for a target, with all features, the tests' own among them.
fn built_for(target: &str) -> Vec<Package> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let words = ["metadata", "--offline", "--locked", "--format-version", "1", "--all-features"];
    let mut command = Command::new(cargo);
    command.args(words).args(["--filter-platform", target]).current_dir(ours());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let known: Metadata = serde_json::from_slice(&output.stdout).unwrap();
    let built: BTreeSet<String> = known.resolve.nodes.into_iter().map(|node| node.id).collect();
    known.packages.into_iter().filter(|package| built.contains(&package.id)).collect()
}

#[test]
fn what_is_built_keeps_the_rules_of_deny_toml() {
    let deny = rules();
    assert!(deny.graph.targets.len() >= 2, "both machines it runs on");
    for target in &deny.graph.targets {
        let crates = built_for(target);
        assert!(crates.len() > 100, "{}", crates.len());
        let broken = broken_by_crates(&deny, &crates);
        assert!(broken.is_empty(), "for {target}:\n{}", broken.join("\n"));
        for banned in deny.bans.deny.iter().filter(|banned| banned.one_version) {
            let known = crates.iter().any(|one| one.name == banned.name);
            assert!(known, "deny.toml: {} is not used any more", banned.name);
        }
    }
}

#[test]
fn what_is_locked_comes_from_one_registry() {
    let deny = rules();
    assert_eq!(deny.sources.unknown_registry, "deny");
    assert_eq!(deny.sources.unknown_git, "deny");
    let text = std::fs::read_to_string(ours().join("Cargo.lock")).unwrap();
    let lock: Lock = toml::from_str(&text).unwrap();
    let broken = broken_by_lock(&lock.package);
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn licences_are_read_with_their_brackets() {
    let allow: BTreeSet<String> =
        ["MIT", "ISC", "Apache-2.0 WITH LLVM-exception"].map(str::to_owned).into();
    let kept = |text: &str| is_kept(text, &allow);
    for good in ["MIT", "GPL-3.0 OR MIT", "MIT/GPL-3.0", "(GPL-3.0 OR ISC) AND MIT"] {
        assert!(kept(good), "{good}");
    }
    assert!(kept("Apache-2.0 WITH LLVM-exception"));
    for bad in ["GPL-3.0", "MIT AND GPL-3.0", "(MIT OR ISC) AND GPL-3.0", "Apache-2.0", ""] {
        assert!(!kept(bad), "{bad}");
    }
    for torn in ["MIT OR", "(MIT", "MIT)", "MIT ISC", "MIT WITH", "MIT WITH LLVM-exception"] {
        assert!(!kept(torn), "{torn}");
    }
}

fn package(name: &str, version: &str, license: Option<&str>) -> Package {
    Package {
        name: name.into(),
        version: version.into(),
        license: license.map(str::to_owned),
        source: Some("registry+https://registry.example".into()),
        ..Package::default()
    }
}

#[test]
fn every_kind_of_violation_is_found() {
    let deny = rules();
    let found = |crates: &[Package]| broken_by_crates(&deny, crates).join("; ");
    let good = package("good", "1.0.0", Some("MIT"));
    assert_eq!(found(std::slice::from_ref(&good)), "");
    let copyleft = package("copyleft", "1.0.0", Some("AGPL-3.0-only"));
    assert_eq!(found(&[copyleft]), "copyleft 1.0.0: licence AGPL-3.0-only");
    assert_eq!(found(&[package("bare", "1.0.0", None)]), "bare 1.0.0: no licence");
    let banned = package("openssl-sys", "0.9.0", Some("MIT"));
    assert_eq!(found(&[banned]), "openssl-sys: 1 versions of it");
    let twice = ["0.22.0", "0.23.0"].map(|version| package("rustls", version, Some("MIT")));
    assert_eq!(found(&twice[..1]), "");
    assert_eq!(found(&twice), "rustls: 2 versions of it");
    let any = Dependency { name: "good".into(), req: "*".into() };
    let own = Package { source: None, dependencies: vec![any], ..good };
    assert_eq!(found(&[own]), "good: any version of good");
}

#[test]
fn every_strange_source_is_found() {
    let locked = |source: Option<&str>, checksum: Option<&str>| Locked {
        name: "one".into(),
        version: "1.0.0".into(),
        source: source.map(str::to_owned),
        checksum: checksum.map(str::to_owned),
    };
    let found = |lock: &[Locked]| broken_by_lock(lock).join("; ");
    let good = locked(Some("registry+https://registry.example"), Some("00"));
    assert_eq!(found(std::slice::from_ref(&good)), "");
    let git = locked(Some("git+https://git.example/one"), Some("00"));
    assert!(found(&[git]).contains("git+https"), "a repository");
    assert!(found(&[locked(None, Some("00"))]).contains("None"), "a folder");
    let open = locked(Some("registry+http://registry.example"), Some("00"));
    assert!(found(&[open]).contains("registry+http:"), "in the clear");
    let bare = locked(Some("registry+https://registry.example"), None);
    assert_eq!(found(&[bare]), "one 1.0.0: no checksum");
    let other = locked(Some("registry+https://other.example"), Some("00"));
    assert!(found(&[good, other]).contains("more than one registry"));
}
