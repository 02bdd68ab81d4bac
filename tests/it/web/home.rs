//! The first page: what is live, what waits, what is not ready; each official sees his places.

use tongluo::domain::access::Role;
use tongluo::web::WebSettings;

use super::{Faces, account, let_in};
use crate::plant::Layout;
use crate::town::{Setup, Town, on_both};

/// A street without alerts beside the town's own.
const OTHER_STREET: i64 = 50;

async fn streets(town: &Town) {
    let_in(town).await;
    for sql in [
        "INSERT INTO place (id, code, name, kind, parent_id, depth, ord) \
         VALUES (50, 'p50', '梨洲街道', 'town', 1, 1, 900)",
        "INSERT INTO place_above (place_id, above_id, distance) VALUES (50, 50, 0), (50, 1, 1)",
    ] {
        town.break_in(sql).await;
    }
    account(town, 11, "凤山查看", &[(Role::Viewer, 2)]).await;
    account(town, 12, "梨洲受理", &[(Role::Desk, OTHER_STREET)]).await;
    account(town, 13, "梨洲签发", &[(Role::Approver, OTHER_STREET)]).await;
    account(town, 14, "网格查看", &[(Role::Viewer, 101)]).await;
    account(town, 15, "新来的", &[]).await;
}

fn two_grids() -> Setup {
    Setup { layout: Layout { grids: 2, ..Layout::default() }, ..Setup::default() }
}

async fn home(faces: &Faces, name: &str) -> String {
    let page = faces.signed(name).await.get("/").await;
    assert_eq!(page.status, 200, "{name}: {}", page.body);
    assert!(page.body.len() < 60 * 1024, "{name}: {} bytes", page.body.len());
    page.body
}

#[tokio::test]
async fn each_sees_his_own_places() {
    on_both(two_grids(), async |town| {
        streets(&town).await;
        let faces = Faces::open(&town);
        let calm = home(&faces, "凤山查看").await;
        assert!(calm.contains("现在没有正在执行的预警或指令"), "{calm}");

        let (_, alert) = town.flood_order().await;
        // Before the grids are expanded as well as after.
        for settled in [false, true] {
            if settled {
                town.settle().await;
            }
            let custody = town.custody(alert).await;
            for (name, open) in [("凤山查看", custody.open), ("网格查看", custody.open / 2)]
            {
                let page = home(&faces, name).await;
                assert!(page.contains("转移指令") && page.contains("特急"), "{page}");
                let figure = format!("{open} <small>户未应答 ／ 应跟进 {open} 户");
                assert!(page.contains(&figure), "{name}: {figure}: {page}");
            }
            for name in ["梨洲受理", "新来的"] {
                let page = home(&faces, name).await;
                assert!(!page.contains("转移指令") && !page.contains("未叫醒"), "{name}: {page}");
            }
        }
        assert!(home(&faces, "新来的").await.contains("还没有职责"));
        town
    })
    .await;
}

#[tokio::test]
async fn a_draft_waits_for_whoever_may_sign_it() {
    on_both(two_grids(), async |town| {
        streets(&town).await;
        let faces = Faces::open(&town);
        let (uid, _) = town.draft_order(&town.flood_form()).await;
        for (name, says, not) in [
            ("李签发", "待您签发", "等别人签发"),
            ("陈制作", "等别人签发", "待您签发"),
            ("梨洲签发", "没有等着处理的事", "转移指令"),
            ("凤山查看", "没有等着处理的事", "转移指令"),
        ] {
            let page = home(&faces, name).await;
            assert!(page.contains(says) && !page.contains(not), "{name}: {page}");
        }
        town.engine.give_back(&town.approver, &uid, "<b>错字</b>").await.unwrap();
        let page = home(&faces, "陈制作").await;
        assert!(page.contains("退回理由：&lt;b&gt;错字&lt;/b&gt;"), "{page}");
        town.engine.submit(&town.author, &uid).await.unwrap();
        town.engine.approve(&town.author, &uid, true).await.unwrap();
        assert!(home(&faces, "李签发").await.contains("待补签"));
        assert!(!home(&faces, "陈制作").await.contains("待补签"), "not by whoever did it");
        town.settle().await;
        town
    })
    .await;
}

#[tokio::test]
async fn who_sleeps_is_named_to_the_desk_and_counted_for_the_rest() {
    on_both(two_grids(), async |town| {
        streets(&town).await;
        let faces = Faces::open(&town);
        town.flood_order().await;
        town.minutes(9).await;
        let desk = home(&faces, "李签发").await;
        assert!(desk.contains("未叫醒") && desk.contains("王书记"), "{desk}");
        assert!(desk.contains("入户名单没有人接手"), "{desk}");
        assert!(desk.contains("叫了3次"), "{desk}");
        town.break_in("UPDATE notice SET kind = NULL WHERE purpose = 1 AND n > 101").await;
        assert!(
            home(&faces, "李签发").await.contains("叫了1次"),
            "only what a gateway took counts"
        );
        town.break_in("UPDATE notice SET kind = 2 WHERE purpose = 1").await;
        let desk = home(&faces, "李签发").await;
        assert!(desk.contains("一次也没有发出去") && !desk.contains("叫了"), "{desk}");
        let viewer = home(&faces, "凤山查看").await;
        assert!(viewer.contains("未叫醒") && !viewer.contains("王书记"), "{viewer}");
        assert!(home(&faces, "梨洲受理").await.contains("没有等着处理的事"));
        town
    })
    .await;
}

#[tokio::test]
async fn what_is_not_ready_is_named_with_its_remedy() {
    on_both(two_grids(), async |town| {
        streets(&town).await;
        let page = home(&Faces::open(&town), "李签发").await;
        for says in ["没有进程在做", "本进程不派发", "web.public_url", "值班室</dt>"]
        {
            assert!(page.contains(says), "{says}: {page}");
        }
        // What a helper promised waits for nobody; the night check is a task of its own.
        let task = "INSERT INTO task (uid, alert_id, source_key, kind, class, state, text, \
            opened_at) VALUES";
        town.break_in(&format!("{task} ('u1', 0, 'helper:7:1.5', 5, 2, 1, '已答应去', 1)")).await;
        let page = home(&Faces::open(&town), "李签发").await;
        assert!(page.contains("<strong>夜间检查</strong>：还没有做过"), "{page}");
        assert!(!page.contains("系统告警"), "{page}");
        town.break_in(&format!("{task} ('u2', 0, 'check:1', 4, 2, 0, '断裂', 1)")).await;
        let page = home(&Faces::open(&town), "李签发").await;
        assert!(page.contains("<strong>夜间检查</strong>：没有通过"), "{page}");
        town.break_in("UPDATE address SET state = 1 WHERE human_id = 1").await;
        town.break_in("DELETE FROM account_role WHERE role IN (1, 3)").await;
        let settings =
            WebSettings { public_url: Some("https://a.cn".into()), ..WebSettings::default() };
        let faces = Faces::open_with(&town, settings);
        let page = home(&faces, "李签发").await;
        for says in ["不能发布", "没有人能制作", "项须处理", "<dt>公开网址</dt>"]
        {
            assert!(page.contains(says), "{says}: {page}");
        }
        town
    })
    .await;
}
