//! What an order costs, shown to whoever signs it before anything is sent: doors and persons,
//! messages with their parts, minutes at the gateway's rate, doors that only a person reaches.

use anyhow::anyhow;

use crate::engine::Engine;
use crate::store::{expand, order};

/// The price of a version, as far as it can be known before it is sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cost {
    /// Ring, households, persons, households without a mobile.
    pub rings: Vec<(i64, i64, i64, i64)>,
    pub messages: i64,
    /// Parts of all messages.
    pub parts: i64,
    /// Until the last household has been written to.
    pub minutes: i64,
    pub no_phone: i64,
    /// What whoever must move reads, and its parts.
    pub text: String,
    pub text_parts: usize,
}

/// The cost of an order's newest version at `per_second` messages.
pub async fn of(engine: &Engine, uid: &str, per_second: f64) -> anyhow::Result<Cost> {
    let gone = || anyhow!("the order is gone");
    let row = order::by_uid(&engine.store, uid).await?.ok_or_else(gone)?;
    let newest = order::latest_version(&engine.store, row.id).await?;
    let version = order::version(&engine.store, row.id, newest).await?.ok_or_else(gone)?;
    let texts = engine.preview(&row, &version).await?;
    let rings = expand::count_audience(&engine.store, row.id, newest).await?;
    let mut cost = Cost { rings, ..Cost::default() };
    for (ring, homes, _, no_phone) in &cost.rings {
        let parts = texts.iter().find(|text| text.ring == *ring).map_or(0, |text| text.parts);
        let messages = homes - no_phone;
        cost.messages += messages;
        cost.parts += messages * i64::try_from(parts).unwrap_or(0);
        cost.no_phone += no_phone;
    }
    cost.minutes = ((cost.messages as f64 / per_second / 60.0).ceil() as i64).max(1);
    if let Some(first) = texts.into_iter().find(|text| text.ring == 1) {
        cost.text_parts = first.parts;
        cost.text = first.text?;
    }
    Ok(cost)
}

impl Cost {
    fn of_ring(&self, ring: i64) -> (i64, i64) {
        let found = self.rings.iter().find(|row| row.0 == ring);
        found.map_or((0, 0), |row| (row.1, row.2))
    }

    /// In the words of the page.
    pub fn lines(&self) -> [String; 3] {
        let [(move_homes, move_people), (help_homes, _), (told, _)] =
            [1, 2, 3].map(|ring| self.of_ring(ring));
        [
            format!(
                "签发前先看代价：必须转移 {move_homes} 户 {move_people} 人，\
                 帮扶 {help_homes} 户，告知 {told} 户"
            ),
            format!(
                "短信 {} 条（计费 {} 段），最后一户约 {} 分钟后收到；\
                 {} 户没有手机，只能上门",
                self.messages, self.parts, self.minutes, self.no_phone
            ),
            format!("手机上是这样（{} 段）：{}", self.text_parts, self.text),
        ]
    }
}
