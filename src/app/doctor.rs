//! `tongluo doctor`: what is still missing before a first order, line by line with its remedy. It
//! builds what `serve` would, looks, and changes nothing but the schema; the readings are the
//! engine's. Anybody who may open the store may ask: it tells counts, and nobody's name.

use serde_json::{Value, json};

use super::Said;
use super::build::{self, Part};
use super::settings::Settings;
use crate::engine::readiness::{Light, OwnState, Reading};

/// What only a serving process knows of itself.
const OF_SERVING: [&str; 3] = ["时钟", "派发", "队列"];

/// Everything that must be ready, the worst first; whether nothing must be done.
///
/// # Errors
/// What keeps the program from being built at all: settings, key, store, a gateway's secret.
pub async fn look(settings: &Settings) -> anyhow::Result<(Said, bool)> {
    let built = build::build_engine(settings, Part::Dispatcher).await?;
    let engine = &*built.engine;
    let own = OwnState { public_url: settings.web.public_url.as_deref(), hold: false, fed_at: 0 };
    let mut readings = engine.readiness(own).await;
    readings.retain(|one| !OF_SERVING.contains(&one.name));
    if engine.is_without_accounts().await? {
        let remedy =
            "tongluo user add 姓名 --role admin@最上级地点编码，或打开 serve 给出的 /setup";
        readings.insert(
            0,
            Reading {
                name: "账号",
                light: Light::Act,
                said: "还没有".into(),
                remedy: remedy.into(),
            },
        );
    }
    engine.store.close().await;
    let whole = readings.iter().all(|one| one.light != Light::Act);
    let line = |one: &Reading| {
        let (light, name, said) = (one.light.chinese(), one.name, &one.said);
        match one.remedy.as_str() {
            "" => format!("{light}  {name}：{said}"),
            remedy => format!("{light}  {name}：{said}\n        → {remedy}"),
        }
    };
    let row = |one: &Reading| {
        json!({"name": one.name, "light": one.light.word(), "said": one.said,
            "remedy": one.remedy})
    };
    let text: Vec<String> = readings.iter().map(line).collect();
    Ok((Said::new(Value::Array(readings.iter().map(row).collect()), text.join("\n")), whole))
}
