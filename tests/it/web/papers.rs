//! What belongs to an order beside its text: the roll of an exercise, filled by one and confirmed
//! by another, and what those are told whom an update left out.

use http::StatusCode;
use tongluo::domain::access::Role;

use super::orders::{order, sign, state, submitted, uid_of};
use super::{Browser, Faces, account, let_in};
use crate::plant::{GRID, HOME, Layout, home_number};
use crate::town::{Setup, on_both};

/// What can't be read is said, and nothing is added.
async fn fill_wrongly(author: &mut Browser, path: &str) {
    for (odd, says) in [
        (None, "还没有选人"),
        (Some(("place", "p99")), "没有地点“p99”"),
        (Some(("lines", "12700000001")), "后面没有姓名"),
        (Some(("lines", "c7")), "也不是住户代码"),
    ] {
        let fields: Vec<(&str, &str)> = odd.into_iter().chain([("do", "fill")]).collect();
        let got = author.submit(path, path, &fields).await;
        assert_eq!(got.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", got.body);
        assert!(got.body.contains(says), "{says}: {}", got.body);
    }
}

#[tokio::test]
async fn an_exercise_is_filled_by_one_and_confirmed_by_another() {
    on_both(Setup::default(), async |town| {
        let_in(&town).await;
        account(&town, 9, "孙查看", &[(Role::Viewer, 1)]).await;
        let faces = Faces::open(&town);
        let (mut author, mut approver) =
            (faces.signed("陈制作").await, faces.signed("李签发").await);
        let mut fields = order(&[("kind", "exercise")]);
        fields.push(("do", "submit"));
        let new = "/alerts/new?template=move_order";
        let got = author.submit(new, "/alerts/new", &fields).await;
        let uid = uid_of(&got);
        let (edit, path) = (format!("/alerts/{uid}/edit"), format!("/alerts/{uid}/roll"));
        assert_eq!(got.header("location"), edit, "an empty roll can't be handed in");
        let page = author.get(&edit).await;
        assert!(page.body.contains(&path) && page.body.contains("名册"), "{}", page.body);
        let page = author.get(&path).await;
        assert!(page.body.contains("名册是空的"), "{}", page.body);
        fill_wrongly(&mut author, &path).await;
        let lines = format!("c{}\n\n{}，王阿婆", HOME + 2, home_number(HOME + 4));
        let fill = [("lines", lines.as_str()), ("do", "fill")];
        let got = author.submit(&path, &path, &fill).await;
        assert_eq!(got.header("location"), format!("{path}?done=filled&n=2"));
        let page = author.get(&path).await;
        assert!(page.body.contains("陈制作加的"), "{}", page.body);
        assert!(!page.body.contains("确认勾选的"), "who writes does not confirm: {}", page.body);
        let own = author.submit(&path, &path, &[("name", "王阿婆"), ("do", "confirm")]).await;
        assert_eq!(own.status, StatusCode::FORBIDDEN, "{}", own.body);
        // It is confirmed while it is with the second person.
        let got = author.submit(&edit, &edit, &fields).await;
        assert!(got.header("location").ends_with("done=submitted"), "{}", got.body);

        let paper = format!("/alerts/{uid}/approve");
        let page = approver.get(&paper).await;
        assert!(page.body.contains("2 个待确认") && page.body.contains(&path), "{}", page.body);
        let got = sign(&mut approver, &uid).await;
        assert_eq!(got.status, StatusCode::CONFLICT, "{}", got.body);
        let got = approver.submit(&path, &path, &[("do", "confirm")]).await;
        assert_eq!(got.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", got.body);
        let one = [("name", "王阿婆"), ("do", "confirm")];
        let got = approver.submit(&path, &path, &one).await;
        assert_eq!(got.header("location"), format!("{path}?done=confirmed&n=1"));
        let got = approver.submit(&path, &path, &one).await;
        assert!(got.body.contains("已经确认过"), "{}", got.body);
        let found = approver.get(&format!("{path}?find=%E9%98%BF%E5%A9%86")).await;
        assert!(found.body.contains("李签发确认"), "{}", found.body);
        assert!(!found.body.contains("id=\"waits\""), "{}", found.body);
        approver.submit(&path, &path, &[("do", "confirm-all")]).await;
        assert!(approver.get(&path).await.body.contains("全部已确认"));
        // Figures are everybody's who may look at the board; names are not.
        let viewed = faces.signed("孙查看").await.get(&path).await;
        assert!(viewed.body.contains("名册上 2 个"), "{}", viewed.body);
        assert!(!viewed.body.contains("王阿婆"), "{}", viewed.body);
        sign(&mut approver, &uid).await;
        assert_eq!(state(&town, &uid).await, (4, 1));
        let late = author.post(&path, &[("do", "fill"), ("place", "p2")]).await;
        assert_eq!(late.status, StatusCode::FORBIDDEN, "no token, no act: {}", late.body);
        let late = author.submit("/alerts/new", &path, &fill).await;
        assert_eq!(late.status, StatusCode::CONFLICT, "{}", late.body);
        assert!(late.body.contains("名册不能再改"), "{}", late.body);
        town.minutes(1).await;
        town
    })
    .await;
}

#[tokio::test]
async fn an_order_that_is_no_exercise_has_no_roll() {
    on_both(Setup::default(), async |town| {
        let_in(&town).await;
        let faces = Faces::open(&town);
        let mut author = faces.signed("陈制作").await;
        let uid = submitted(&mut author, &[]).await;
        let got = author.get(&format!("/alerts/{uid}/roll")).await;
        assert_eq!(got.status, StatusCode::CONFLICT, "{}", got.body);
        let got = author.get("/alerts/0199/roll").await;
        assert_eq!(got.status, StatusCode::NOT_FOUND, "{}", got.body);
        town
    })
    .await;
}

#[tokio::test]
async fn whom_an_update_left_out_is_told_what_an_official_chooses() {
    let layout = Layout { grids: 2, fragile_every: 0, ..Layout::default() };
    on_both(Setup { layout, ..Setup::default() }, async |town| {
        let_in(&town).await;
        let faces = Faces::open(&town);
        let (mut author, mut approver) =
            (faces.signed("陈制作").await, faces.signed("李签发").await);
        // As most rosters name their grids.
        let named = "UPDATE place SET name = '南雷社区第2网格' WHERE id =";
        town.break_in(&format!("{named} {}", GRID + 1)).await;
        let uid = submitted(&mut author, &[]).await;
        sign(&mut approver, &uid).await;
        town.minutes(2).await;
        let (path, paper) = (format!("/alerts/{uid}/narrow"), format!("/alerts/{uid}/approve"));
        assert!(author.get(&path).await.body.contains("没有这样的住户"));
        let (first, second) = (format!("p{GRID}"), format!("p{}", GRID + 1));
        let update = format!("/alerts/{uid}/update");
        let fields = order(&[("place", &first), ("do", "submit")]);
        let got = author.submit(&update, &update, &fields).await;
        assert!(got.header("location").ends_with("done=submitted"), "{}", got.body);
        sign(&mut approver, &uid).await;
        town.minutes(2).await;

        let page = author.get(&paper).await;
        assert!(page.body.contains(&path), "{}", page.body);
        let page = author.get(&path).await;
        for words in ["户收到过旧短信", "<strong>南雷社区第2网格</strong>", "范围更正", "返回通知"]
        {
            assert!(page.body.contains(words), "{words}: {}", page.body);
        }
        let value = |place: &str| format!("name=\"place\" value=\"{place}\"");
        assert!(page.body.contains(&value(&second)) && !page.body.contains(&value(&first)));
        let before = town.taken().len();
        // Who only writes may correct, but sends nobody home.
        account(&town, 8, "吴制作", &[(Role::Author, 1)]).await;
        let mut writer = faces.signed("吴制作").await;
        for (odd, status, says) in [
            (vec![("place", second.as_str())], 422, "发哪一种"),
            (vec![("tell", "range_correction")], 422, "没有选网格"),
            (vec![("tell", "return_notice"), ("place", second.as_str())], 403, "签发"),
            (vec![("tell", "range_correction"), ("place", first.as_str())], 409, "没有发"),
        ] {
            let got = writer.submit(&path, &path, &odd).await;
            assert_eq!(got.status.as_u16(), status, "{}", got.body);
            assert!(got.body.contains(says), "{says}: {}", got.body);
        }
        assert_eq!(town.taken().len(), before);
        let tell = [("tell", "range_correction"), ("place", second.as_str())];
        let got = author.submit(&path, &path, &tell).await;
        assert!(got.header("location").contains("done=told&n="), "{}", got.body);
        town.minutes(1).await;
        let told = town.asked("范围更正").len();
        assert!(told > 0);
        let page = author.get(&path).await;
        assert!(page.body.contains(&format!("已发更正 {told}")), "{told}: {}", page.body);
        assert!(!author.get(&paper).await.body.contains(&path), "nobody is left to be told");
        let home = [("tell", "return_notice"), ("place", second.as_str())];
        approver.submit(&path, &path, &home).await;
        let page = approver.get(&path).await;
        assert!(page.body.contains("已通知返回"), "{}", page.body);
        town
    })
    .await;
}
