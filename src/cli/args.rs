//! The commands and their arguments, as design and README promise them. It reads nothing but the
//! command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::app::accounts::{RoleAsked, Scopes};

mod roster;

pub use roster::Roster;

/// 铜锣: one warning, every household, until a person answers.
#[derive(Debug, Parser)]
#[command(name = "tongluo", version, propagate_version = true)]
pub struct Cli {
    /// Settings file (default: tongluo.toml, where it exists).
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The account that acts (else the one of TONGLUO_TOKEN).
    #[arg(long = "as", global = true, value_name = "NAME")]
    pub actor: Option<String>,
    /// One JSON document instead of text; log lines as JSON too.
    #[arg(long, global = true)]
    pub json: bool,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve: callbacks in, dispatch, timers.
    Serve {
        #[arg(long, default_value = "web,dispatch,clock")]
        roles: String,
    },
    /// Bring the store's schema up to this program.
    Migrate,
    /// What is still missing before a first order, with its remedy; exit code 1 where anything is.
    Doctor,
    /// The installation's key.
    #[command(subcommand)]
    Key(Key),
    /// Accounts and their roles by place.
    #[command(subcommand)]
    User(User),
    /// API tokens.
    #[command(subcommand)]
    Token(Token),
    /// Orders: draft to end.
    #[command(subcommand)]
    Alert(Alert),
    /// Leaders' lists, on their behalf.
    #[command(subcommand)]
    List(List),
    /// Helps and unclear replies.
    #[command(subcommand)]
    Desk(Desk),
    #[command(subcommand)]
    Journal(Journal),
    #[command(subcommand)]
    Replies(Replies),
    /// Simulated gateway and residents.
    #[command(subcommand)]
    Practice(Practice),
    /// Figures of this machine.
    #[command(subcommand)]
    Bench(Bench),
    /// Who lives where: import, export, or a made-up town.
    #[command(subcommand)]
    Roster(Roster),
    /// The main job, with nothing installed: a made-up town, one night, about two minutes.
    Demo {
        #[arg(long, default_value_t = 20_000)]
        households: u64,
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// Story minutes in a real minute.
        #[arg(long, default_value_t = 60.0)]
        speed: f64,
        /// Ends by itself instead of staying until Ctrl-C.
        #[arg(long)]
        exit: bool,
    },
}

#[derive(Debug, Subcommand)]
pub enum Bench {
    /// One order to every household, and what the machine itself allows.
    Fanout {
        #[arg(long, default_value_t = 100_000)]
        households: i64,
        /// postgres://… (else a SQLite file); a schema is made and removed.
        #[arg(long, value_name = "URL")]
        database: Option<String>,
        /// amqp://… (else in this process); queues are made and removed.
        #[arg(long, value_name = "URL")]
        queue: Option<String>,
    },
    /// What watched boards cost while a town answers: processor time and bytes.
    Board {
        #[arg(long, default_value_t = 20_000)]
        households: i64,
        /// Answers a minute.
        #[arg(long, default_value_t = 2_000)]
        answers: u64,
        /// Browsers that watch.
        #[arg(long, default_value_t = 5)]
        viewers: u32,
        /// Length of each part: nobody watching, then watched.
        #[arg(long, default_value_t = 60)]
        seconds: u64,
    },
    /// The browsers of a measurement.
    #[command(hide = true)]
    Viewers,
    /// The gateway of a measurement: told nothing, answers everything.
    #[command(hide = true)]
    Sink,
}

#[derive(Debug, Subcommand)]
pub enum Key {
    /// Make the key file the settings name; never overwrites one.
    New,
}

#[derive(Debug, Subcommand)]
pub enum User {
    /// Make an account; `token new` makes a token where one is wanted.
    Add {
        name: String,
        /// ROLE@PLACE_CODE, as often as needed.
        #[arg(long = "role", value_parser = RoleAsked::parse, required = true, num_args = 1..)]
        roles: Vec<RoleAsked>,
    },
    /// Accounts by name.
    List {
        /// Begin after this name.
        #[arg(long, default_value = "")]
        after: String,
    },
    /// Set a password, read from standard input.
    Passwd { name: String },
}

/// What a form looks like; a test reads it.
const FORM_HELP: &str = r#"A form, its places by the codes of places.csv, times in Beijing time:
{"kind": "live", "origin": "own", "hazard": "flood", "title": "转移指令", "issuer": "余姚市防指",
 "template": "move_order", "vars": {"by": "3点", "shelter": "四明小学"},
 "act_by": "2026-07-25 15:00", "places": ["330281006000"]}
kind is always said: live, exercise (only the confirmed roll) or rehearsal (nobody real). Also:
urgency (notice, urgent, flash), expires_at, exclude, zones, rings; of a forwarded warning: origin
forwarded, number, colour, issued_at. Wrong and missing fields are named with those that exist."#;

#[derive(Debug, Subcommand)]
pub enum Token {
    /// Make a token for an account; it is shown once.
    New {
        account: String,
        /// What it is for.
        #[arg(long = "for", value_name = "WHAT")]
        what_for: String,
        /// What it may be used for: read, alert, desk, admin.
        #[arg(long, default_value = "read", value_parser = Scopes::parse)]
        scopes: Scopes,
        #[arg(long, default_value_t = 365)]
        days: i64,
    },
}

/// A form in a file, `-` for standard input.
#[derive(Debug, Args)]
pub struct Form {
    #[arg(long, value_name = "FILE.json")]
    pub form: PathBuf,
}

#[derive(Debug, Subcommand)]
pub enum Alert {
    /// Write a draft from a form; gives its id.
    #[command(after_help = FORM_HELP)]
    Draft(Form),
    /// Hand the newest draft in; every defect is named at once.
    Submit { alert: String },
    /// Release what another person wrote and handed in.
    Approve {
        alert: String,
        /// The mark of what was read, as `alert show` gives it: another text is not signed.
        #[arg(long, value_name = "MARK", default_value = "", hide_default_value = true)]
        seen: String,
        /// Without a second person: an emergency role's right, to be countersigned.
        #[arg(long)]
        bypass: bool,
    },
    /// The second signature under a bypass, by the end of the shift.
    Countersign { alert: String },
    /// Give a submitted version back.
    Return {
        alert: String,
        #[arg(long)]
        reason: String,
    },
    /// Draft, submit and bypass approval in one.
    Send(Form),
    /// Custody, persons not woken, lists, and what waits for somebody.
    Show { alert: String },
    /// Alerts, newest first.
    List,
    /// Write the next version as a draft; places and zones left out stay as they are.
    Update {
        alert: String,
        #[command(flatten)]
        form: Form,
    },
    /// It was wrong: stop, and correct everyone who may have had it.
    Withdraw {
        alert: String,
        /// NAME=VALUE of the correction's text: wrong=…, and right=… where it is known already.
        #[arg(long = "var", value_parser = variable)]
        vars: Vec<(String, String)>,
    },
    /// Throw away a draft, or the next version of a live order: nobody is told anything.
    Discard { alert: String },
    /// Tell those who had an older text, and no longer belong, what holds for them now.
    Narrow {
        alert: String,
        #[arg(long, value_enum)]
        tell: Tell,
        /// Codes of the places they live in.
        #[arg(long = "place", value_name = "PLACE_CODE", required = true, num_args = 1..)]
        places: Vec<String>,
    },
    /// Let it go on for some hours more than it was to.
    Extend {
        alert: String,
        #[arg(long)]
        hours: i64,
    },
    /// The names on the roll of an exercise.
    Roll { alert: String },
    /// Add numbers to the roll of an exercise that is not live yet.
    RollFill {
        alert: String,
        /// Everybody who lives there or answers for it.
        #[arg(long = "place", value_name = "PLACE_CODE", num_args = 1..)]
        places: Vec<String>,
        /// UTF-8 lines: a household's code, or NUMBER,NAME.
        #[arg(long, value_name = "FILE", required_unless_present = "places")]
        file: Option<PathBuf>,
    },
    /// Confirm names on the roll that another person added.
    RollConfirm {
        alert: String,
        #[arg(long = "name", value_name = "NAME", num_args = 1.., required_unless_present = "all")]
        names: Vec<String>,
        /// All of them, read out one by one.
        #[arg(long, conflicts_with = "names")]
        all: bool,
    },
    /// Lift it; who is open stays on the search list.
    End { alert: String },
    /// The sums of custody; exit code 1 where they do not hold.
    Audit { alert: String },
}

/// What whoever no longer belongs is told.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub enum Tell {
    /// 范围更正: you need not do it any more.
    RangeCorrection,
    /// 返回通知: you may go home.
    ReturnNotice,
}

fn variable(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=').filter(|(name, _)| !name.is_empty());
    let (name, value) = pair.ok_or_else(|| format!("{text:?}: write NAME=VALUE"))?;
    Ok((name.into(), value.into()))
}

#[derive(Debug, Subcommand)]
pub enum List {
    /// The list's open doors; the look is journaled.
    Show { list: String },
    /// Take it for the leader it was offered to.
    Take { list: String },
    /// Write down what was seen at a door; who may be seen there is who is registered.
    Tick {
        list: String,
        /// The household's code.
        household: String,
        /// told, evacuated, upstairs, seen, away, nobody, refused, signed-in; on the search list
        /// after the end: found, elsewhere, missing.
        seen: String,
        #[arg(long)]
        persons: Option<i64>,
    },
    /// Offer it to another person, by code: he is told, and it is his once he takes it.
    Give {
        list: String,
        #[arg(long = "to", value_name = "PERSON_CODE")]
        human: String,
    },
    /// The link to a person's lists under an alert, or to a household's own page.
    Link {
        alert: String,
        #[arg(long = "person", value_name = "PERSON_CODE", required_unless_present = "home")]
        human: Option<String>,
        #[arg(long = "home", value_name = "HOUSEHOLD_CODE", conflicts_with = "human")]
        home: Option<String>,
    },
    /// Take the link of a person who lost his phone out of force. The new one is printed and never
    /// sent by SMS: hand it over yourself.
    Revoke {
        alert: String,
        #[arg(long = "person", value_name = "PERSON_CODE")]
        human: String,
    },
}

#[derive(Debug, Subcommand)]
pub enum Desk {
    /// Open and taken tasks, the most urgent first.
    Show {
        #[arg(long)]
        alert: Option<String>,
    },
    /// Takes a task that nobody has, or with --from another's.
    Take {
        task: String,
        /// Who has it now and has let it go.
        #[arg(long, value_name = "NAME")]
        from: Option<String>,
    },
    Close {
        task: String,
        /// How it ended.
        #[arg(long)]
        result: String,
    },
}

#[derive(Debug, Subcommand)]
pub enum Journal {
    /// Walk the whole chain.
    Verify,
    /// One message or reply of a sealed entry, as whoever checks it needs it: its text, its salt
    /// and the entry, and nothing of the other rows. Without a row: the rows of the entry.
    Prove {
        /// The entry's position in the chain.
        #[arg(long = "at")]
        position: i64,
        #[arg(long)]
        row: Option<i64>,
    },
}

#[derive(Debug, Subcommand)]
pub enum Replies {
    /// One text a line in; label, confidence and text out.
    Classify {
        /// A file, or - for standard input.
        #[arg(default_value = "-")]
        file: PathBuf,
        /// The digits offered.
        #[arg(long, default_value = "")]
        menu: String,
    },
}

#[derive(Debug, Subcommand)]
pub enum Practice {
    /// A gateway; nobody answers.
    Gateway(Gateway),
    /// The same with residents and leaders who answer.
    Town {
        #[command(flatten)]
        gateway: Gateway,
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
}

#[derive(Debug, Args)]
pub struct Gateway {
    #[arg(long, default_value = "127.0.0.1:8700")]
    pub listen: String,
    #[arg(long, default_value = "AC0123456789")]
    pub account: String,
    /// The environment variable with the account's token.
    #[arg(long, default_value = "TONGLUO_PRACTICE_SECRET")]
    pub token_variable: String,
    #[arg(long, default_value = "+8612700000000")]
    pub number: String,
    #[arg(long, default_value = "http://127.0.0.1:8600/hooks/practice")]
    pub hook: String,
    /// Messages a second.
    #[arg(long)]
    pub rate: Option<f64>,
    #[arg(long, default_value_t = 1.0)]
    pub speed: f64,
}

#[cfg(test)]
mod tests;
