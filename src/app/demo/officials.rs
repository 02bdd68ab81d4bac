//! The officials of the demo, as an installation has them: the first administrator sets itself up,
//! makes the accounts, and each signs in with a password. What they write and sign stands here;
//! when, is `story`'s.

use std::collections::BTreeMap;

use anyhow::bail;

use crate::engine::Engine;
use crate::engine::accounts::{By, RoleAsked};
use crate::engine::issue::{Actor, OrderForm};
use crate::engine::signin::{Caller, SignIn};
use crate::store::order::RingRow;

const ADMIN: &str = "系统管理员";
const AUTHOR: &str = "陈制作";
const APPROVER: &str = "李签发";
const DESK: &str = "受理席";
const GUEST: &str = "来宾";

/// By when people must be out, as the texts say it.
pub const BY_WORDS: &str = "2点半";
pub const WRONG_SCHOOL: &str = "四明小学";
pub const RIGHT_SCHOOL: &str = "东风小学";

/// The account of whoever looks around.
pub struct Guest {
    pub name: &'static str,
    pub password: String,
}

/// Everybody with an account, signed in.
pub struct Officials {
    pub author: Actor,
    pub approver: Actor,
    pub desk: Actor,
}

/// Makes the accounts at the root place (by code) and signs everybody in.
pub async fn appoint(engine: &Engine, root: &str) -> anyhow::Result<(Officials, Guest)> {
    let password = {
        let secret: [u8; 16] = engine.entropy.bytes();
        secret.iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    };
    engine.set_up(ADMIN, &password).await?;
    let admin = sign_in(engine, ADMIN, &password).await?;
    let all: [(&str, &[&str]); 4] = [
        (AUTHOR, &["author"]),
        (APPROVER, &["approver"]),
        (DESK, &["desk"]),
        (GUEST, &["author", "approver", "desk", "viewer", "admin"]),
    ];
    for (name, roles) in all {
        let asked = roles.iter().map(|role| RoleAsked::parse(&format!("{role}@{root}")));
        let asked = asked.collect::<Result<Vec<_>, _>>().map_err(anyhow::Error::msg)?;
        engine.add_account(By::Actor(&admin), name, &asked, Some(&password)).await?;
    }
    let officials = Officials {
        author: sign_in(engine, AUTHOR, &password).await?,
        approver: sign_in(engine, APPROVER, &password).await?,
        desk: sign_in(engine, DESK, &password).await?,
    };
    Ok((officials, Guest { name: GUEST, password }))
}

async fn sign_in(engine: &Engine, name: &str, password: &str) -> anyhow::Result<Actor> {
    let caller = Caller { name, password, source: "127.0.0.1", device: None };
    let SignIn::Opened(value) = engine.sign_in(caller).await? else {
        bail!("{name} 没有登录成功");
    };
    match engine.signed_in(&value).await? {
        Some(actor) => Ok(actor),
        None => bail!("{name} 的登录没有留下"),
    }
}

fn vars(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// The met office's red warning, forwarded to those in danger and those who need somebody
/// (the public hears it by broadcast); it asks nothing and pursues nobody.
pub fn warning(root: &str, issued_at: i64) -> OrderForm {
    let told = |ring: i64| RingRow { ring, demand: 0, pursued: 0 };
    OrderForm {
        origin: "forwarded".into(),
        kind: "live".into(),
        hazard: "rainstorm".into(),
        title: "暴雨红色预警信号".into(),
        issuer: "余姚市气象台".into(),
        number: Some("2026年第47号".into()),
        colour: Some("红色".into()),
        issued_at: Some(issued_at),
        template: "forwarded_rainstorm".into(),
        vars: vars(&[
            ("issuer", "余姚市气象台"),
            ("issued", "20日23时58分"),
            ("title", "暴雨红色预警信号"),
            ("colour", "红色"),
            ("here", "地下车库别进，桥洞别走"),
        ]),
        urgency: Some("flash".into()),
        places: vec![root.into()],
        rings: Some(vec![told(1), told(2)]),
        ..OrderForm::default()
    }
}

/// The headquarters' order to move to a school.
pub fn order(places: &[String], exclude: &[String], school: &str, act_by: i64) -> OrderForm {
    OrderForm {
        origin: "own".into(),
        kind: "live".into(),
        hazard: "flood".into(),
        title: "转移指令".into(),
        issuer: "余姚市防指".into(),
        template: "move_order".into(),
        vars: vars(&[("by", BY_WORDS), ("shelter", school)]),
        urgency: Some("flash".into()),
        act_by: Some(act_by),
        places: places.to_vec(),
        exclude: exclude.to_vec(),
        ..OrderForm::default()
    }
}
