//! `/r/{token}`: what one household is asked, in big letters, and three or four buttons. A look
//! says nothing; a tap is a form with the page's nonce. What a tap means is `engine::home`'s.

use axum::extract::{Path, Query};
use axum::http::{HeaderMap, Method};
use serde::Deserialize;

use super::bearer::{find, may_repeat, page_key, preview, tap};
use super::fields::Fields;
use super::{PageFault, PageResult, Posted, Visitor};
use crate::domain::alert::State;
use crate::domain::demand::Demand;
use crate::domain::link::Kind;
use crate::domain::statement::Claim;
use crate::domain::triage::Triage;
use crate::engine::doorstep::Acted;
use crate::engine::home::{Home, OwnWord, Told, Word};
use crate::render::pages::{Value, context};
use crate::render::time::{say_clock, say_moment};
use crate::render::{HelpClass, NoticeText, RenderFault};

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    /// Past the page for robots.
    open: Option<String>,
}

pub(super) async fn show(
    page: Visitor,
    method: Method,
    headers: HeaderMap,
    Path(token): Path<String>,
    Query(asked): Query<Asked>,
) -> PageResult {
    let path = format!("/r/{token}");
    if let Some(robot) = preview(&page, &headers, &path).filter(|_| asked.open.is_none()) {
        return robot;
    }
    let link = match find(&page, Kind::Resident, &token).await? {
        Ok(link) => link,
        Err(gone) => return Ok(gone),
    };
    let home = page.engine().home(&link).await?.ok_or(PageFault::NotFound)?;
    if method == Method::GET {
        page.engine().note_shown(&link).await?;
    }
    let words = context! {
        path => format!("/r/{}", link.token),
        nonce => page.engine().page_nonce(&link),
        key => page_key(&page),
        ..home_words(&page, &home)?
    };
    page.about(home.kind).view("resident.html", words)
}

pub(super) async fn act(
    page: Visitor,
    Path(token): Path<String>,
    Posted(form): Posted,
) -> PageResult {
    let link = match find(&page, Kind::Resident, &token).await? {
        Ok(link) => link,
        Err(gone) => return Ok(gone),
    };
    if !page.engine().is_page_nonce(&link, form.secret("nonce")) {
        return Err(PageFault::Forged);
    }
    let word = read_word(&form)?;
    let (tap, engine) = (tap(&form), page.engine());
    let mut turn = 0;
    let acted = loop {
        match engine.act_at_home(&link, tap, word).await {
            Err(fault) if may_repeat(&fault, turn).await => turn += 1,
            acted => break acted?,
        }
    };
    if acted == Acted::Unfit {
        let why = "没有记：这条通知已经变了，请返回看最新的。有危险拨119。";
        return Err(PageFault::Refused(why.into()));
    }
    page.go(&format!("/r/{}", link.token))
}

fn read_word(form: &Fields) -> Result<Word, PageFault> {
    Ok(match form.text("do")? {
        "heard" => Word::Heard,
        "help" | "help-b" => Word::Help(Triage::B),
        "help-a" => Word::Help(Triage::A),
        "help-c" => Word::Help(Triage::C),
        "left" => Word::Left { persons: form.number("persons")? },
        "safe" => Word::SafeHome,
        _ => return Err(PageFault::Form("页面上没有这个按钮。".into())),
    })
}

fn home_words(page: &Visitor, home: &Home) -> Result<Value, PageFault> {
    let orders: Vec<Value> = home.orders.iter().map(order_words).collect();
    let words: Vec<Value> = home.words.iter().map(own_word).collect();
    let demand = home.demand.unwrap_or(Demand::Inform);
    let stay: Vec<i64> = if home.persons <= 12 { (1..home.persons).collect() } else { Vec::new() };
    Ok(context! {
        name => home.name.clone(),
        at => format!("{}{}", home.building, home.door),
        orders,
        words,
        in_force => home.demand.is_some(),
        moves => demand.must_move(),
        upstairs => demand == Demand::Upstairs,
        safety => demand == Demand::Safety,
        persons => home.persons,
        stay,
        total => home.persons,
        helps => home.helps,
        help_said => help_said(page, home)?,
        help_fresh => home.helps > 0 && is_plain_help(home.words.first()),
        verify => home.verify && !home.closed,
        closed => home.closed,
        ask_back => home.ask_back,
    })
}

fn is_plain_help(word: Option<&OwnWord>) -> bool {
    word.is_some_and(|word| word.claim == Claim::Help(Triage::B))
}

/// The same words as a text would bring: that it arrived; a name only after somebody took it.
fn help_said(page: &Visitor, home: &Home) -> Result<Option<String>, RenderFault> {
    let helps = home.words.iter().filter_map(|word| match word.claim {
        Claim::Help(class) => Some(class),
        _ => None,
    });
    let Some(class) = helps.min().filter(|_| home.helps > 0) else {
        return Ok(None);
    };
    let text = match (home.help_taken_at, class) {
        (Some(_), _) => NoticeText::HelpTaken { who: "值班室" },
        (None, Triage::A) => NoticeText::HelpReceived { class: HelpClass::Life },
        (None, Triage::B) => NoticeText::HelpReceived { class: HelpClass::Carry },
        (None, Triage::C) => NoticeText::HelpReceived { class: HelpClass::Supply },
    };
    page.engine().messages.notice_words(&text, page.now_ms()).map(Some)
}

fn order_words(told: &Told) -> Value {
    let state = match told.state {
        State::Live if told.dropped => "dropped",
        State::Live => "live",
        State::Withdrawn => "withdrawn",
        State::Draft | State::Submitted | State::Returned | State::Ended | State::Discarded => {
            "ended"
        }
    };
    context! {
        title => told.title.clone(),
        issuer => told.issuer.clone(),
        text => told.text.clone(),
        by => told.by.clone(),
        shelter => told.shelter.clone(),
        issued => say_moment(told.issued_at),
        state,
        upstairs => told.demand == Demand::Upstairs,
    }
}

fn own_word(word: &OwnWord) -> Value {
    let all = word.persons.map_or(String::new(), |n| format!("（{n}人）"));
    let what = match word.claim {
        Claim::Heard => "知道了".into(),
        Claim::Help(_) => "要人帮".into(),
        Claim::LeftAll => format!("离开了{all}"),
        Claim::Upstairs => format!("上楼或离开了{all}"),
        Claim::SafeHome => "在家平安".into(),
        other => crate::domain::doorstep::say(other, None).into(),
    };
    context! { what, at => say_clock(word.at) }
}
