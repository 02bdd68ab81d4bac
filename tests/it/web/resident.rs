//! A household's own page: what it is told, what its taps say, and that a look says nothing.

use http::StatusCode;
use tongluo::engine::issue::OrderForm;

use super::phone::{field, link};
use super::{Browser, Faces, Got};
use crate::plant::{HOME, home_number};
use crate::town::{Setup, Town, on_both};

struct Window {
    browser: Browser,
    path: String,
}

impl Window {
    async fn open(faces: &Faces, town: &Town, uid: &str, home: i64) -> Window {
        let code = format!("c{}", HOME + home);
        let url = town.engine.resident_link(&town.approver, uid, &code).await.unwrap();
        let path = url.strip_prefix("https://tl.example").unwrap().to_owned();
        Window { browser: faces.browser(), path }
    }

    async fn looks(&mut self) -> String {
        let got = self.browser.get(&self.path).await;
        assert_eq!(got.status, StatusCode::OK, "{}", got.body);
        got.body
    }

    async fn sends(&mut self, what: &str, more: &[(&str, &str)]) -> Got {
        let page = self.browser.get(&self.path).await;
        let (nonce, key) = (field(&page, "nonce"), field(&page, "key"));
        let mut fields = vec![("do", what), ("nonce", &nonce), ("key", &key)];
        fields.extend(more);
        self.browser.post(&self.path, &fields).await
    }

    async fn presses(&mut self, town: &Town, what: &str, more: &[(&str, &str)]) -> String {
        let got = self.sends(what, more).await;
        assert_eq!((got.status, got.header("location")), (StatusCode::SEE_OTHER, &*self.path));
        town.seconds(5).await;
        self.looks().await
    }
}

#[tokio::test]
async fn a_household_reads_what_to_do_and_says_it_is_gone() {
    on_both(Setup::default(), async |town| {
        let (uid, alert) = town.flood_order().await;
        town.seconds(120).await;
        let faces = Faces::open(&town);
        // 8 has three persons and must move.
        let mut window = Window::open(&faces, &town, &uid, 8).await;
        let page = window.looks().await;
        assert!(page.contains("四明小学") && page.contains("3点前"), "{page}");
        for button in ["知道了", "全家3人都离开了", "要人帮"] {
            assert!(page.contains(button), "{button}: {page}");
        }
        assert!(!page.contains("在家平安"), "{page}");
        assert_eq!(town.custody(alert).await.heard, 0, "a look says nothing");
        let page = window.presses(&town, "heard", &[]).await;
        assert!(page.contains("您说：<b>知道了</b>"), "{page}");
        let heard = town.custody(alert).await;
        assert_eq!((heard.heard, heard.answered), (1, 0), "heard is not gone");
        let page = window.presses(&town, "left", &[]).await;
        assert!(page.contains("登记3人，3人都离开了吗"), "{page}");
        assert_eq!(town.custody(alert).await.answered, 0, "asked back first");
        let page = window.presses(&town, "left", &[("persons", "2")]).await;
        assert!(page.contains("离开了（2人）"), "{page}");
        assert_eq!(town.custody(alert).await.answered, 0);
        let page = window.presses(&town, "left", &[("persons", "3")]).await;
        assert!(page.contains("谢谢，办好了"), "{page}");
        assert_eq!(town.custody(alert).await.answered, 1);
        town
    })
    .await;
}

#[tokio::test]
async fn a_cry_for_help_reaches_the_desk_and_says_so() {
    on_both(Setup::default(), async |town| {
        let (uid, alert) = town.flood_order().await;
        town.seconds(120).await;
        let faces = Faces::open(&town);
        let mut window = Window::open(&faces, &town, &uid, 4).await;
        let page = window.presses(&town, "help", &[]).await;
        let said = "您要人帮，收到了，正在找人。手机别关，能上楼先上楼。危急拨119";
        assert!(page.contains(said), "{page}");
        let tasks = "SELECT class FROM task WHERE kind = 1 ORDER BY class LIMIT 1";
        assert_eq!(town.count(tasks).await, 2);
        let page = window.presses(&town, "help-a", &[]).await;
        assert!(page.contains("您的求救收到了，马上联系您"), "{page}");
        assert_eq!(town.count(tasks).await, 1);
        assert_eq!(town.custody(alert).await.help, 1);
        let uids = "SELECT uid FROM task WHERE kind = 1";
        let rows: Vec<(String,)> = town.rows(uids).await;
        for (task, n) in rows.iter().zip(1..) {
            town.engine.take_task(&town.approver, &task.0, None).await.unwrap();
            let page = window.looks().await;
            assert!(page.contains("值班室接手了"), "{n}: {page}");
        }
        // The page names nobody's number: the home's own hears who took it.
        town.settle().await;
        let heard = town.heard(&home_number(HOME + 4));
        let named = heard.iter().filter(|text| text.contains("李签发接手了")).count();
        assert_eq!(named, 1, "one card, one name: {heard:?}");
        for task in rows {
            town.engine.close_task(&town.approver, &task.0, "已接走").await.unwrap();
        }
        let page = window.looks().await;
        assert!(!page.contains("值班室接手了"), "{page}");
        assert_eq!(town.custody(alert).await.help, 0, "closing finds the page's statements");
        // After the end a cry is still heard, an answer is not.
        town.engine.end(&town.approver, &uid).await.unwrap();
        town.settle().await;
        let page = window.looks().await;
        assert!(page.contains("已解除") && !page.contains("知道了</button>"), "{page}");
        let got = window.sends("heard", &[]).await;
        assert_eq!(got.status, StatusCode::CONFLICT);
        window.presses(&town, "help", &[]).await;
        assert_eq!(town.custody(alert).await.help, 1);
        town
    })
    .await;
}

#[tokio::test]
async fn a_vulnerable_home_is_looked_after_whatever_it_says() {
    on_both(Setup::default(), async |town| {
        let (uid, alert) = town.flood_order().await;
        town.seconds(120).await;
        let faces = Faces::open(&town);
        // 10 is fragile, must move, two persons.
        let mut window = Window::open(&faces, &town, &uid, 10).await;
        window.presses(&town, "left", &[]).await;
        let page = window.presses(&town, "left", &[("persons", "2")]).await;
        assert!(page.contains("会有人来看一下"), "{page}");
        assert_eq!(town.custody(alert).await.answered, 0);
        // The same tap again says nothing new.
        let page = window.browser.get(&window.path).await;
        let (nonce, key) = (field(&page, "nonce"), field(&page, "key"));
        let tap = [("do", "heard"), ("nonce", &*nonce), ("key", &*key)];
        for _ in 0..2 {
            window.browser.post(&window.path, &tap).await;
        }
        let said = "SELECT count(*) FROM statement WHERE claim = 1";
        assert_eq!(town.count(said).await, 1);
        let forged = [("do", "help"), ("nonce", "0000000000000"), ("key", &*key)];
        let got = window.browser.post(&window.path, &forged).await;
        assert_eq!(got.status, StatusCode::FORBIDDEN);
        // 3 is offered only where somebody must leave, 4 only where safety is asked.
        let mut ring2 = Window::open(&faces, &town, &uid, 5).await;
        let page = ring2.looks().await;
        assert!(!page.contains("都离开了"), "{page}");
        assert!(page.contains("暂不用走"), "{page}");
        for (what, more) in [("left", &[("persons", "9")][..]), ("safe", &[])] {
            assert_eq!(ring2.sends(what, more).await.status, StatusCode::CONFLICT, "{what}");
        }
        town
    })
    .await;
}

#[tokio::test]
async fn one_page_tells_all_open_orders_and_an_answer_is_under_each() {
    on_both(Setup::default(), async |town| {
        let (uid, first) = town.flood_order().await;
        let vars = [("when", "今晚"), ("place", "南雷社区"), ("what", "停水"), ("advice", "存水")];
        let form = OrderForm {
            hazard: "water".into(),
            title: "停水通知".into(),
            template: "public_notice".into(),
            vars: vars.map(|(name, value)| (name.into(), value.into())).into(),
            urgency: Some("urgent".into()),
            act_by: None,
            ..town.flood_form()
        };
        let (_, second) = town.release(&form).await;
        town.seconds(120).await;
        let faces = Faces::open(&town);
        let mut window = Window::open(&faces, &town, &uid, 2).await;
        let page = window.looks().await;
        assert!(page.contains("转移指令") && page.contains("停水通知"), "{page}");
        let at = |words: &str| page.find(words).unwrap();
        assert!(at("转移指令") < at("停水通知"), "the link's own order first");
        window.presses(&town, "heard", &[]).await;
        assert_eq!(town.custody(first).await.heard, 1);
        assert_eq!(town.custody(second).await.heard, 1);
        town
    })
    .await;
}

#[tokio::test]
async fn a_page_of_an_exercise_says_so() {
    on_both(Setup::default(), async |town| {
        let form = OrderForm { kind: "rehearsal".into(), ..town.flood_form() };
        let (uid, _) = town.release(&form).await;
        town.seconds(370).await;
        let faces = Faces::open(&town);
        let mut window = Window::open(&faces, &town, &uid, 2).await;
        let page = window.looks().await;
        assert!(page.contains("class=\"stripe\"") && page.contains("推演"), "{page}");
        let leader = link(&town, crate::plant::leader(0));
        let page = faces.browser().get(&leader).await.body;
        assert!(page.contains("推演"), "{page}");
        assert!(!page.contains("tel:+"), "nobody is called for a rehearsal: {page}");
        town
    })
    .await;
}
