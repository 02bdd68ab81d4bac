//! An order's way over the pages by two officials, without script: written, looked at, handed in,
//! given back, signed, changed, lifted; what is wrong is said beside its field and nothing typed is
//! lost; and whoever may not is refused.

use http::StatusCode;
use tongluo::domain::access::Role;

use super::{Browser, Faces, Got, account, acts, let_in};
use crate::plant::Layout;
use crate::town::{Setup, Town, on_both};

/// The form of a 转移指令 for the street, as typed.
pub fn order<'a>(more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut fields = vec![
        ("template", "move_order"),
        ("kind", "live"),
        ("title", "转移指令"),
        ("issuer", "余姚市防指"),
        ("hazard", "flood"),
        ("var.by", "3点"),
        ("var.shelter", "四明小学"),
        ("place", "p2"),
        ("ring.1", "evacuation"),
        ("ring.1.pursued", "1"),
        ("ring.2", "receipt"),
        ("ring.2.pursued", "1"),
        ("ring.3", "inform"),
        ("act_by.day", "2013-10-08"),
        ("act_by", "0300"),
        ("expires_at.day", "2013-10-08"),
        ("urgency", "flash"),
    ];
    for (name, value) in more {
        fields.retain(|(known, _)| known != name);
        if !value.is_empty() {
            fields.push((name, value));
        }
    }
    fields
}

const NEW: &str = "/alerts/new?template=move_order";

/// The uid of the order to whose paper an answer leads.
pub fn uid_of(got: &Got) -> String {
    assert_eq!(got.status, StatusCode::SEE_OTHER, "{}", got.body);
    let path = got.header("location");
    path.split('/').nth(2).unwrap_or_else(|| panic!("{path}")).to_owned()
}

pub async fn submitted(author: &mut Browser, more: &[(&str, &str)]) -> String {
    let mut fields = order(more);
    fields.push(("do", "submit"));
    uid_of(&author.submit(NEW, "/alerts/new", &fields).await)
}

fn seen(got: &Got) -> String {
    let (_, rest) = got.body.split_once("name=\"seen\" value=\"").expect("something to sign");
    rest.split('"').next().unwrap().to_owned()
}

/// Signs what the page shows.
pub async fn sign(approver: &mut Browser, uid: &str) -> Got {
    let path = format!("/alerts/{uid}/approve");
    let seen = seen(&approver.get(&path).await);
    approver.submit(&path, &path, &[("seen", &seen)]).await
}

pub async fn state(town: &Town, uid: &str) -> (i64, i64) {
    town.rows(&format!("SELECT state, version FROM alert WHERE uid = '{uid}'")).await[0]
}

/// A home without a phone among ten.
pub fn town_of_ten() -> Setup {
    let layout = Layout { no_phone_every: 5, ..Layout::default() };
    Setup { layout, rate_per_second: Some(0.1), ..Setup::default() }
}

/// What a look at the order of a town of ten says.
const SKETCHED: [&str; 11] = [
    "<b>10</b> 户",
    "没有电话</dt><dd><b>2</b> 户",
    "第一波短信</dt><dd><b>8</b>",
    "<b>1分钟</b>",
    "最后发完的网格：<strong>",
    "<strong>1</strong> 个网格各一张入户名单",
    "<strong>特急</strong>",
    "没人接的到值班室",
    "转移指令：<mark>3点</mark>前请离家到<mark>四明小学</mark>。",
    "按 <strong>1</strong> 条计费",
    "第1次叫应责任人",
];

#[tokio::test]
async fn an_order_goes_its_whole_way_by_two_officials() {
    on_both(town_of_ten(), async |town| {
        let_in(&town).await;
        let faces = Faces::open(&town);
        let (mut author, mut approver) =
            (faces.signed("陈制作").await, faces.signed("李签发").await);
        let first = author.get("/alerts/new").await;
        for word in ["防指指令", "转发预警", "群众提示", "template=move_order"] {
            assert!(first.body.contains(word), "{word}: {}", first.body);
        }
        // A look counts and writes nothing.
        let got = author.submit(NEW, "/alerts/new", &order(&[("do", "preview")])).await;
        assert_eq!(got.status, StatusCode::OK, "{}", got.body);
        for words in SKETCHED {
            assert!(got.body.contains(words), "{words}: {}", got.body);
        }
        assert!(got.body.len() < 60 * 1024, "{}", got.body.len());
        assert_eq!(town.count("SELECT count(*) FROM alert").await, 0);

        let uid = submitted(&mut author, &[]).await;
        assert_eq!(state(&town, &uid).await, (2, 0));
        let path = format!("/alerts/{uid}/approve");
        let own = author.get(&path).await;
        assert!(own.body.contains("谁制作的（或独自发出的）谁不能签"), "{}", own.body);
        assert!(!own.body.contains("确认签发"), "{}", own.body);
        let paper = approver.get(&path).await;
        for words in ["确认签发", "退回理由", "余姚市防指", "<mark>四明小学</mark>", "陈制作"]
        {
            assert!(paper.body.contains(words), "{words}: {}", paper.body);
        }
        // It is given back, with a reason, and written anew.
        let back = format!("/alerts/{uid}/return");
        let got = approver.submit(&path, &back, &[("reason", " ")]).await;
        assert_eq!(got.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", got.body);
        let old = seen(&paper);
        approver.submit(&path, &back, &[("reason", "避灾点写错了")]).await;
        let edit = format!("/alerts/{uid}/edit");
        let page = author.get(&edit).await;
        assert!(page.body.contains("避灾点写错了"), "{}", page.body);
        assert!(page.body.contains("name=\"var.shelter\" value=\"四明小学\""), "{}", page.body);
        for field in ["<option value=\"2013-10-08\" selected>", "name=\"act_by\" value=\"03:00\""] {
            assert!(page.body.contains(field), "{field}: {}", page.body);
        }
        town.clock.advance_ms(1_000);
        let fields = order(&[("var.shelter", "东风小学"), ("do", "submit")]);
        let got = author.submit(&edit, &edit, &fields).await;
        assert_eq!(uid_of(&got), uid);
        // What was read before is not what is signed now.
        let got = approver.submit(&path, &path, &[("seen", &old)]).await;
        assert_eq!(got.status, StatusCode::CONFLICT, "{}", got.body);
        assert_eq!(state(&town, &uid).await, (2, 0));
        let got = sign(&mut approver, &uid).await;
        assert!(got.header("location").ends_with("?done=live"), "{}", got.body);
        assert_eq!(state(&town, &uid).await, (4, 1));
        town.minutes(3).await;
        assert!(!town.asked("东风小学").is_empty() && town.asked("四明小学").is_empty());
        for act in ["alert.submit", "alert.return", "alert.approve"] {
            assert!(!acts(&town, act).await.is_empty(), "{act}");
        }
        town
    })
    .await;
}

#[tokio::test]
async fn an_order_is_changed_extended_and_lifted_with_one_confirmation_each() {
    on_both(town_of_ten(), async |town| {
        let_in(&town).await;
        let faces = Faces::open(&town);
        let (mut author, mut approver) =
            (faces.signed("陈制作").await, faces.signed("李签发").await);
        let uid = submitted(&mut author, &[]).await;
        sign(&mut approver, &uid).await;
        town.minutes(2).await;
        let update = format!("/alerts/{uid}/update");
        let page = author.get(&update).await;
        assert!(page.body.contains("第2版"), "{}", page.body);
        let fields = order(&[("var.shelter", "东风小学"), ("do", "submit")]);
        assert_eq!(uid_of(&author.submit(&update, &update, &fields).await), uid);
        assert_eq!(state(&town, &uid).await, (4, 1), "nothing changes before it is signed");
        let again = author.get(&update).await;
        assert_eq!(again.header("location"), format!("/alerts/{uid}/approve"));
        let paper = approver.get(&format!("/alerts/{uid}/approve")).await;
        for words in [
            "和第1版比",
            "去哪里</strong>：原来 <del>四明小学</del>，改为 <ins>东风小学</ins>",
            "去掉“四明”，加上“",
            "”、“东风”。",
            "<del>四明</del><ins>东风</ins>",
        ] {
            assert!(paper.body.contains(words), "{words}: {}", paper.body);
        }
        sign(&mut approver, &uid).await;
        assert_eq!(state(&town, &uid).await, (4, 2));
        town.minutes(2).await;

        let (extend, end) = (format!("/alerts/{uid}/extend"), format!("/alerts/{uid}/end"));
        let got = approver.submit(&extend, &extend, &[("hours", "90")]).await;
        assert_eq!(got.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", got.body);
        let got = approver.submit(&extend, &extend, &[("hours", "6")]).await;
        assert_eq!(got.status, StatusCode::SEE_OTHER, "{}", got.body);
        let page = approver.get(&end).await;
        assert!(page.body.contains("清点名单") && page.body.contains("确认解除"), "{}", page.body);
        assert_eq!(state(&town, &uid).await.0, 4, "a look lifts nothing");
        let got = approver.submit(&end, &end, &[]).await;
        assert!(got.header("location").ends_with("done=searching"), "{:?}", got.headers);
        assert_eq!(state(&town, &uid).await.0, 5);
        let got = approver.get(&end).await;
        assert_eq!(got.status, StatusCode::CONFLICT, "{}", got.body);
        assert!(got.body.contains("解除"), "{}", got.body);
        let list = author.get("/alerts").await;
        let (_, past) = list.body.split_once("结束了的").unwrap();
        assert!(past.contains("转移指令") && past.contains(&uid), "{}", list.body);
        town
    })
    .await;
}

#[tokio::test]
async fn what_is_wrong_is_said_beside_its_field_and_nothing_typed_is_lost() {
    on_both(Setup::default(), async |town| {
        let_in(&town).await;
        let faces = Faces::open(&town);
        let mut author = faces.signed("陈制作").await;
        for (name, value, beside, says) in [
            ("var.by", "", "var.by", "不能空着"),
            ("var.shelter", "到x.cn看", "var.shelter", "网址"),
            ("var.zone", "橙色预警区", "var.zone", "只有转发的预警才有颜色"),
            ("var.by", "三点以前都要走到学校去不要耽误了", "", ""),
            ("var.by", "三点以前大家都要走到学校里面去不要耽误了", "var.by", "请缩短"),
            ("title", "", "title", "缺标题"),
            ("title", "橙色、", "title", "标点"),
            ("issuer", "", "issuer", "缺发布单位"),
            ("act_by.day", "2013-10-07", "act_by", "已经过了"),
            ("act_by", "明天三点", "act_by", "“明天三点”不是时刻：请写24小时制的四个数字"),
            ("act_by", "3am", "act_by", "如 1500 就是下午3点"),
            ("expires_at", "02：00", "expires_at", "早于完成时限"),
            ("urgency", "notice", "urgency", "不逐户跟进"),
            ("place", "", "places", "还没有选地点"),
            ("place", "p99", "places", "底册里没有"),
            ("exclude", "p2", "places", "只留一个"),
            ("zone", "Z-9", "zones", "底册里没有"),
        ] {
            let mut fields = order(&[(name, value)]);
            fields.push(("do", "submit"));
            if beside.is_empty() {
                fields.last_mut().unwrap().1 = "preview";
            }
            let got = author.submit(NEW, "/alerts/new", &fields).await;
            if beside.is_empty() {
                assert_eq!(got.status, StatusCode::OK, "{name} {value}: {}", got.body);
                continue;
            }
            assert_eq!(got.status, StatusCode::UNPROCESSABLE_ENTITY, "{name} {value}");
            let mark = format!("id=\"f-{beside}\">");
            let (_, rest) = got.body.split_once(&mark).unwrap_or_else(|| {
                panic!("{name} {value}: no {mark} in {}", got.body);
            });
            let said = rest.split('<').next().unwrap();
            assert!(said.contains(says), "{name} {value}: {said}");
            for (name, value) in &fields {
                let kept = format!("value=\"{value}\"");
                let typed = !matches!(*name, "do" | "template") && !name.ends_with("pursued");
                assert!(!typed || got.body.contains(&kept), "{name}={value} is lost");
            }
        }
        assert_eq!(town.count("SELECT count(*) FROM alert").await, 0);
        town
    })
    .await;
}

#[tokio::test]
async fn places_are_found_and_opened_level_by_level_without_script() {
    on_both(Setup::default(), async |town| {
        let_in(&town).await;
        let faces = Faces::open(&town);
        let mut author = faces.signed("陈制作").await;
        let look = async |author: &mut Browser, fields: &[(&str, &str)]| {
            let got = author.submit(NEW, "/alerts/new", &order(fields)).await;
            assert_eq!(got.status, StatusCode::OK, "{}", got.body);
            assert!(got.body.contains("name=\"var.shelter\" value=\"四明小学\""), "{}", got.body);
            got.body
        };
        let rows: Vec<(String, String)> =
            town.rows("SELECT code, name FROM place ORDER BY depth, ord LIMIT 4").await;
        let [_, street, community, grid] = &rows[..] else { panic!("{rows:?}") };
        // Opened: the next level is there; inside what is chosen it can be left out.
        let body = look(&mut author, &[("place", ""), ("do", &format!("open.{}", street.0))]).await;
        let choose = format!("name=\"place\" value=\"{}\"", community.0);
        assert!(body.contains(&choose), "{body}");
        let body = look(&mut author, &[("do", &format!("open.{}", community.0))]).await;
        let leave = format!("name=\"exclude\" value=\"{}\"", grid.0);
        assert!(body.contains(&leave) && !body.contains(&choose), "{body}");
        // Found by name and by code, with the way to it.
        for words in [&grid.1, &grid.0] {
            let body = look(&mut author, &[("place", ""), ("find", words), ("do", "find")]).await;
            let found = format!("name=\"place\" value=\"{}\"", grid.0);
            assert!(body.contains(&found) && body.contains(&community.1), "{words}: {body}");
        }
        let body = look(&mut author, &[("find", "没有%这里"), ("do", "find")]).await;
        assert!(body.contains("没有名称含“没有%这里”的地点"), "{body}");
        // Left out is left out of the count.
        let body = look(&mut author, &[("exclude", &grid.0), ("do", "again")]).await;
        assert!(body.contains("<strong>除外</strong>"), "{body}");
        town
    })
    .await;
}

#[tokio::test]
async fn whoever_may_not_is_refused_and_a_forged_form_does_nothing() {
    on_both(Setup::default(), async |town| {
        let_in(&town).await;
        account(&town, 11, "看的人", &[(Role::Viewer, 1)]).await;
        account(&town, 12, "网格制作", &[(Role::Author, 100), (Role::Approver, 100)]).await;
        account(&town, 13, "两职", &[(Role::Author, 1), (Role::Approver, 1)]).await;
        let faces = Faces::open(&town);
        let mut author = faces.signed("陈制作").await;
        let uid = submitted(&mut author, &[]).await;
        let path = format!("/alerts/{uid}/approve");

        let mut viewer = faces.signed("看的人").await;
        assert_eq!(viewer.get("/alerts/new").await.status, StatusCode::FORBIDDEN);
        let paper = viewer.get(&path).await;
        assert_eq!(paper.status, StatusCode::OK);
        assert!(!paper.body.contains("确认签发") && !paper.body.contains("退回理由"));
        let (csrf, seen_there) = (paper.csrf(), {
            let mut approver = faces.signed("李签发").await;
            seen(&approver.get(&path).await)
        });
        for to in ["approve", "return", "withdraw", "end", "edit", "update", "countersign"] {
            let fields =
                [("csrf", &*csrf), ("seen", &seen_there), ("reason", "不"), ("do", "submit")];
            let got = viewer.post(&format!("/alerts/{uid}/{to}"), &fields).await;
            assert_eq!(got.status, StatusCode::FORBIDDEN, "{to}: {}", got.body);
        }
        // His place is one grid of the street: the order is beyond it, and what he typed is kept.
        let mut grid = faces.signed("网格制作").await;
        assert_eq!(grid.get(&path).await.status, StatusCode::FORBIDDEN);
        let got = grid.submit(NEW, "/alerts/new", &order(&[("do", "submit")])).await;
        assert_eq!(got.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", got.body);
        assert!(got.body.contains("没有权限") && got.body.contains("value=\"四明小学\""));
        // Both roles in one hand do not make two persons.
        let mut both = faces.signed("两职").await;
        let mine = submitted(&mut both, &[("title", "自己写的")]).await;
        let own = format!("/alerts/{mine}/approve");
        let (mut approver, page) = (faces.signed("李签发").await, both.get(&own).await);
        let read = seen(&approver.get(&own).await);
        let got = both.post(&own, &[("csrf", &page.csrf()), ("seen", &read)]).await;
        assert_eq!(got.status, StatusCode::CONFLICT, "{}", got.body);
        assert!(got.body.contains("两人制"), "{}", got.body);
        // Not our form.
        let forged = approver.post(&path, &[("seen", &seen_there)]).await;
        assert_eq!(forged.status, StatusCode::FORBIDDEN, "{}", forged.body);
        assert_eq!(state(&town, &uid).await, (2, 0));
        assert_eq!(state(&town, &mine).await, (2, 0));
        assert_eq!(faces.browser().get(&path).await.status, StatusCode::SEE_OTHER);
        assert_eq!(author.get("/alerts/0199/approve").await.status, StatusCode::NOT_FOUND);
        town
    })
    .await;
}

#[tokio::test]
async fn one_person_alone_releases_in_an_emergency_and_another_signs_afterwards() {
    on_both(Setup::default(), async |town| {
        let_in(&town).await;
        let faces = Faces::open(&town);
        let (mut author, mut approver) =
            (faces.signed("陈制作").await, faces.signed("李签发").await);
        let uid = submitted(&mut author, &[]).await;
        let path = format!("/alerts/{uid}/approve");
        let page = author.get(&path).await;
        assert!(page.body.contains("确认紧急签发"), "{}", page.body);
        let read = seen(&page);
        let got = author.submit(&path, &path, &[("seen", &read), ("bypass", "1")]).await;
        assert!(got.header("location").ends_with("done=live"), "{}", got.body);
        assert_eq!(state(&town, &uid).await, (4, 1));
        let page = author.get(&path).await;
        assert!(page.body.contains("还没有补签"), "{}", page.body);
        let to = format!("/alerts/{uid}/countersign");
        let got = author.submit(&path, &to, &[]).await;
        assert_eq!(got.status, StatusCode::FORBIDDEN, "{}", got.body);
        assert!(approver.get("/").await.body.contains(&path), "it waits on the first page");
        let got = approver.submit(&path, &to, &[]).await;
        assert!(got.header("location").ends_with("done=countersigned"), "{}", got.body);
        assert!(!approver.get(&path).await.body.contains("还没有补签"));
        town.minutes(1).await;
        town
    })
    .await;
}

#[tokio::test]
async fn a_warning_is_forwarded_word_for_word_and_asks_nobody_to_leave_by_itself() {
    on_both(Setup::default(), async |town| {
        let_in(&town).await;
        let faces = Faces::open(&town);
        let mut author = faces.signed("陈制作").await;
        let page = author.get("/alerts/new?template=forwarded_typhoon").await;
        let chosen = "<option value=\"receipt\" selected>";
        assert_eq!(page.body.matches(chosen).count(), 2, "{}", page.body);
        let fields = [
            ("template", "forwarded_typhoon"),
            ("kind", "live"),
            ("hazard", "typhoon"),
            ("var.issuer", "余姚市气象台"),
            ("var.issued", "7日21时30分"),
            ("var.title", "台风橙色预警信号"),
            ("var.colour", "红色"),
            ("number", "2013-07"),
            ("place", "p2"),
            ("ring.1", "receipt"),
            ("ring.1.pursued", "1"),
            ("ring.2", "receipt"),
            ("ring.2.pursued", "1"),
            ("ring.3", "inform"),
            ("do", "submit"),
        ];
        let got = author.submit("/alerts/new?template=forwarded_typhoon", "/alerts/new", &fields);
        let got = got.await;
        assert_eq!(got.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(got.body.contains("id=\"f-var.colour\">和标题里的颜色不一致"), "{}", got.body);
        let fields = fields.map(|(name, value)| match name {
            "var.colour" => (name, "橙色"),
            _ => (name, value),
        });
        let got = author.submit("/alerts/new?template=forwarded_typhoon", "/alerts/new", &fields);
        let uid = uid_of(&got.await);
        let paper = author.get(&format!("/alerts/{uid}/approve")).await;
        assert!(paper.body.contains("warn-orange\">橙色"), "{}", paper.body);
        let kept: Vec<(String, String)> =
            town.rows(&format!("SELECT title, issuer FROM alert WHERE uid = '{uid}'")).await;
        assert_eq!(kept[0], ("台风橙色预警信号".into(), "余姚市气象台".into()));
        town
    })
    .await;
}
