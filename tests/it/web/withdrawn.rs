//! What was wrong is taken back over the page: at once, as it opens, or with what holds instead.

use http::StatusCode;

use super::orders::{sign, state, submitted, town_of_ten};
use super::{Faces, let_in};
use crate::town::{Setup, on_both};

#[tokio::test]
async fn a_wrong_text_is_stopped_in_mid_wave_by_one_press_on_the_page_as_it_opens() {
    on_both(Setup { rate_per_second: Some(0.5), ..town_of_ten() }, async |town| {
        let_in(&town).await;
        let faces = Faces::open(&town);
        let (mut author, mut approver) =
            (faces.signed("陈制作").await, faces.signed("李签发").await);
        let uid = submitted(&mut author, &[("var.shelter", "错误小学")]).await;
        sign(&mut approver, &uid).await;
        let wrong = "请离家到错误小学";
        // The responsible persons are called first.
        for _ in 0..20 {
            if town.asked(wrong).len() > 2 {
                break;
            }
            town.seconds(5).await;
        }
        let had = town.asked(wrong);
        assert!(!had.is_empty() && had.len() < 8, "{had:?}");
        let path = format!("/alerts/{uid}/withdraw");
        let page = author.get(&path).await;
        let filled = page.body.split_once("name=\"wrong\" value=\"").unwrap().1;
        let filled = filled.split('"').next().unwrap().to_owned();
        author.submit(&path, &path, &[("wrong", &filled), ("right", "")]).await;
        assert_eq!(state(&town, &uid).await.0, 6);
        town.minutes(3).await;
        assert_eq!(town.asked(wrong), had, "nobody else was told the wrong school");
        assert_eq!(town.asked("说“到错误小学”，错了，作废"), had);
        town
    })
    .await;
}

#[tokio::test]
async fn what_was_wrong_is_withdrawn_and_corrected() {
    on_both(town_of_ten(), async |town| {
        let_in(&town).await;
        let faces = Faces::open(&town);
        let (mut author, mut approver) =
            (faces.signed("陈制作").await, faces.signed("李签发").await);
        let uid = submitted(&mut author, &[]).await;
        sign(&mut approver, &uid).await;
        town.minutes(2).await;
        let path = format!("/alerts/{uid}/withdraw");
        // The page opens with the words already in it: to stop takes one press.
        let page = author.get(&path).await;
        assert!(page.body.contains("name=\"wrong\" value=\"到四明小学\""), "{}", page.body);
        let void = "说“<mark>到四明小学</mark>”，错了，作废。请等新的通知";
        assert!(page.body.contains(void), "{}", page.body);
        for (fields, beside) in [
            ([("wrong", ""), ("right", "到东风小学")], "id=\"f-wrong\">不能空着"),
            ([("wrong", "到四明小学"), ("right", "到四明小学")], "id=\"f-right\">和原来的一样"),
        ] {
            let got = author.submit(&path, &path, &fields).await;
            assert_eq!(got.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", got.body);
            assert!(got.body.contains(beside), "{beside}: {}", got.body);
            let typed = format!("value=\"{}\"", fields[1].1);
            assert!(got.body.contains(&typed), "what was typed stays: {}", got.body);
        }
        let fields = [("wrong", "到四明小学"), ("right", "到东风小学"), ("do", "preview")];
        let got = author.submit(&path, &path, &fields).await;
        // Enter in a field looks, and does not confirm.
        let (look, act) = ("class=\"default\" name=\"do\" value=\"preview\"", "class=\"grave\"");
        assert!(got.body.find(look).unwrap() < got.body.find(act).unwrap(), "{}", got.body);
        assert!(got.body.contains("错了。正确的是：<mark>到东风小学</mark>"), "{}", got.body);
        assert_eq!(state(&town, &uid).await.0, 4, "a look takes nothing back");
        author.submit(&path, &path, &fields[..2]).await;
        assert_eq!(state(&town, &uid).await.0, 6);
        town.minutes(2).await;
        assert!(!town.asked("正确的是：到东风小学").is_empty());
        // A draft that never went out is thrown away without a word to anybody.
        let uid = submitted(&mut author, &[("title", "写错的草稿")]).await;
        let before = town.taken().len();
        let page = author.get(&format!("/alerts/{uid}/approve")).await;
        let path = format!("/alerts/{uid}/discard");
        assert!(page.body.contains(&format!("href=\"{path}\"")), "{}", page.body);
        let got = author.submit(&path, &path, &[]).await;
        assert_eq!(got.header("location"), "/alerts?done=discarded", "{}", got.body);
        assert_eq!(state(&town, &uid).await.0, 7);
        assert_eq!(author.get(&path).await.status, StatusCode::CONFLICT, "once");
        let gone = author.get(&format!("/alerts/{uid}/withdraw")).await;
        assert_eq!(gone.status, StatusCode::CONFLICT, "nobody had it: {}", gone.body);
        town.minutes(1).await;
        assert_eq!(town.taken().len(), before);
        town
    })
    .await;
}
