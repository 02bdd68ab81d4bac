//! The texts people get. What is said stands in `templates/messages/zh-CN`, who may say which
//! words in `wording`, and nothing here decides who is told or when.

mod catalog;
mod fault;
mod mend;
mod messages;
mod notice;
mod resident;
pub mod time;
mod wording;

pub use catalog::{Origin, TemplateInfo, VariableInfo};
pub use fault::RenderFault;
pub use mend::{Mended, Said, relative_name};
pub use messages::{MAX_TEXT_UNITS, Messages, SIGNATURE_UNITS};
pub use notice::{
    HelpClass, HomeAt, MAX_TITLE_UNITS, NoticeHead, NoticeText, OpenDoors, PersonAt, PlaceDoors,
    WhyWithdrawn,
};
pub use resident::{Audience, MergedPart, ResidentText};
pub use time::say_time;
pub use wording::check_wording;
