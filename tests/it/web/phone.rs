//! A leader with his phone: opens the link of his text, presses what stands on the page. It tests
//! nothing itself but that pages are small and custody holds after each press.

use http::StatusCode;
use tongluo::domain::standing::Whereabouts;

use super::{Browser, Faces, Got};
use crate::plant::{HOME, leader};
use crate::town::{Town, apart};

/// The path of the link in a leader's last text that has one.
pub fn link(town: &Town, human: i64) -> String {
    let heard = town.leader_heard(human);
    let mut tokens = heard.iter().rev().map(|text| apart(text).1).filter(|t| !t.is_empty());
    format!("/l/{}", tokens.next().expect("a text with a link"))
}

/// What stands in a hidden field of the page's first form.
pub fn field(page: &Got, name: &str) -> String {
    let mark = format!("name=\"{name}\" value=\"");
    let (_, rest) = page.body.split_once(&mark).unwrap_or_else(|| panic!("{name}: {}", page.body));
    rest.split('"').next().unwrap().to_owned()
}

/// A leader with his phone.
pub struct Phone {
    pub browser: Browser,
    pub path: String,
}

impl Phone {
    pub fn new(faces: &Faces, town: &Town, human: i64) -> Phone {
        Phone { browser: faces.browser(), path: link(town, human) }
    }

    pub async fn looks(&mut self) -> String {
        let got = self.browser.get(&self.path).await;
        assert_eq!(got.status, StatusCode::OK, "{}", got.body);
        assert!(got.body.len() < 60 * 1024, "{} bytes", got.body.len());
        got.body
    }

    /// Opens the page and presses a button on it; gives the page that follows.
    pub async fn presses(&mut self, town: &Town, what: &str, more: &[(&str, &str)]) -> String {
        let page = self.browser.get(&self.path).await;
        self.presses_on(&page, town, what, more).await
    }

    /// The same on a page that was opened some time ago.
    pub async fn presses_on(
        &mut self,
        page: &Got,
        town: &Town,
        what: &str,
        more: &[(&str, &str)],
    ) -> String {
        let (nonce, key) = (field(page, "nonce"), field(page, "key"));
        let mut fields = vec![("do", what), ("nonce", &nonce), ("key", &key)];
        fields.extend(more);
        let got = self.browser.post(&self.path, &fields).await;
        assert_eq!(got.status, StatusCode::SEE_OTHER, "{}", got.body);
        town.seconds(5).await;
        let to = got.header("location").split('#').next().unwrap().to_owned();
        let after = self.browser.get(&to).await;
        assert_eq!(after.status, StatusCode::OK);
        after.body
    }
}

pub fn code(home: i64) -> String {
    format!("c{}", HOME + home)
}

pub async fn standing(town: &Town, home: i64) -> (bool, Whereabouts, i64, i64) {
    let sql = format!(
        "SELECT CAST(CASE WHEN closed_at IS NULL THEN 0 ELSE 1 END AS bigint), whereabouts, \
         refused, helps FROM standing WHERE household_id = {}",
        HOME + home
    );
    let rows: Vec<(i64, i64, i64, i64)> = town.rows(&sql).await;
    let (closed, place, refused, helps) = rows[0];
    (closed == 1, Whereabouts::from_code(place).unwrap(), refused, helps)
}

/// A town at six minutes: the grid leader has been offered his list and has a phone in the hand.
pub async fn offered(town: &Town) -> (String, i64, Faces, Phone) {
    let (uid, alert) = town.flood_order().await;
    town.seconds(370).await;
    let faces = Faces::open(town);
    let phone = Phone::new(&faces, town, leader(0));
    (uid, alert, faces, phone)
}
