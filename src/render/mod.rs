//! The texts people get, and the pages. What is said stands in `templates/messages/zh-CN` and
//! `templates/pages`, who may say which words in `wording`; nothing here decides who is told or
//! when.

mod catalog;
mod fault;
mod mend;
mod messages;
mod notice;
pub mod pages;
mod resident;
pub mod time;
mod wording;

pub use catalog::{CORRECTION, Origin, TemplateInfo, VariableInfo};
pub use fault::RenderFault;
pub use mend::{Mended, Said, relative_name};
pub use messages::{MAX_TEXT_UNITS, Messages, SIGNATURE_UNITS};
pub use notice::{
    HelpClass, HomeAt, MAX_TITLE_UNITS, NoticeHead, NoticeText, OpenDoors, PersonAt, PlaceDoors,
    WhyWithdrawn,
};
pub use pages::{Asset, Pages};
pub use resident::{Audience, MergedPart, ResidentText};
pub use time::{say_date, say_time};
pub use wording::check_wording;
