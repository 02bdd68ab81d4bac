//! From parsed arguments to one call of `app`, a line a command.

use std::process::ExitCode;

use anyhow::Context;

use super::args::{
    Alert, Bench, Cli, Command, Desk, Gateway, Journal, Key, List, Practice, Replies, Roster, Tell,
    Token, User,
};
use crate::app::accounts::Scope;
use crate::app::build::{self, Part};
use crate::app::practice::Behind;
use crate::app::roster::{self, ImportWish};
use crate::app::serve::{self, Duties};
use crate::app::settings::Settings;
use crate::app::telemetry::{self, Detail, LogForm};
use crate::app::{
    Said, accounts, alerts, bench, demo, doctor, exercises, hands, practice, proofs, replies,
};

/// A measurement, or the other side of one.
async fn run_bench(cli: &Cli, which: &Bench) -> anyhow::Result<()> {
    let said = match which {
        Bench::Sink => return bench::sink::serve().await,
        Bench::Viewers => return bench::viewers::serve().await,
        Bench::Board { households, answers, viewers, seconds } => {
            let report = bench::board::board(bench::board::BoardArgs {
                households: *households,
                answers_per_minute: *answers,
                viewers: *viewers,
                seconds: *seconds,
            })
            .await?;
            Said::new(serde_json::to_value(&report)?, report.text())
        }
        Bench::Fanout { households, database, queue } => {
            let report = bench::fanout(bench::FanoutArgs {
                households: *households,
                database: database.clone(),
                queue: queue.clone(),
            })
            .await?;
            Said::new(serde_json::to_value(&report)?, report.text())
        }
    };
    say(cli, &said);
    Ok(())
}

pub(super) async fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    let form = if cli.json { LogForm::Json } else { LogForm::Text };
    let tells = matches!(cli.command, Command::Demo { .. });
    let detail = if tells { Detail::Telling } else { Detail::Working };
    telemetry::start(form, detail);
    let settings = || Settings::load(cli.config.as_deref());
    match &cli.command {
        Command::Serve { roles } => serve::serve(&settings()?, Duties::parse(roles)?).await?,
        Command::Migrate => say(&cli, &build::migrate(&settings()?).await?),
        Command::Doctor => {
            let (said, whole) = doctor::look(&settings()?).await?;
            say(&cli, &said);
            return Ok(ExitCode::from(u8::from(!whole)));
        }
        Command::Key(Key::New) => say(&cli, &build::make_first_key(&settings()?).await?),
        Command::Replies(Replies::Classify { file, menu }) => classify(file, menu)?,
        Command::Practice(Practice::Gateway(gateway)) => {
            practice::run(behind(gateway, Behind::Nobody)).await?;
        }
        Command::Practice(Practice::Town { gateway, seed }) => {
            let shares = Box::default();
            let town = Behind::Town { seed: *seed, shares };
            practice::run(behind(gateway, town)).await?;
        }
        Command::Bench(which) => run_bench(&cli, which).await?,
        Command::Roster(Roster::Generate { households, seed, out }) => {
            say(&cli, &roster::generate(*households, *seed, out)?);
        }
        Command::Demo { households, seed, speed, exit } => {
            demo::run(demo::DemoArgs {
                households: *households,
                seed: *seed,
                speed: *speed,
                exit: *exit,
                json: cli.json,
            })
            .await?;
        }
        Command::Roster(_)
        | Command::User(_)
        | Command::Token(_)
        | Command::Alert(_)
        | Command::List(_)
        | Command::Desk(_)
        | Command::Journal(_) => return act(&cli, &settings()?).await,
    }
    Ok(ExitCode::SUCCESS)
}

/// The commands that act on the store as an account.
async fn act(cli: &Cli, settings: &Settings) -> anyhow::Result<ExitCode> {
    let built = build::build_engine(settings, Part::Bystander).await?;
    let engine = &*built.engine;
    let by = cli.actor.as_deref();
    let mut whole = true;
    let said = match &cli.command {
        Command::User(User::Add { name, roles }) => accounts::add(engine, by, name, roles).await?,
        Command::User(User::List { after }) => accounts::list(engine, by, after).await?,
        Command::User(User::Passwd { name }) => accounts::passwd(engine, by, name).await?,
        Command::Token(Token::New { account, what_for, scopes, days }) => {
            accounts::new_token(engine, by, account, what_for, *scopes, *days).await?
        }
        Command::Alert(command) => {
            let (said, holds) = alert(engine, by, command).await?;
            whole = holds;
            said
        }
        Command::List(command) => list(engine, by, command).await?,
        Command::Desk(command) => desk(engine, by, command).await?,
        Command::Journal(command) => journal(engine, by, command).await?,
        Command::Roster(Roster::Import { files, dry_run, retire_missing }) => {
            let wish = ImportWish { dry_run: *dry_run, retire_missing: *retire_missing };
            let (said, taken) = roster::import(engine, by, files, wish).await?;
            whole = taken;
            said
        }
        Command::Roster(Roster::Revive { numbers, since }) => {
            roster::revive(engine, by, numbers.as_deref(), since.as_deref()).await?
        }
        Command::Roster(Roster::Export { out }) => roster::export(engine, by, out).await?,
        Command::Roster(Roster::Generate { .. })
        | Command::Demo { .. }
        | Command::Serve { .. }
        | Command::Migrate
        | Command::Doctor
        | Command::Key(_)
        | Command::Replies(_)
        | Command::Practice(_)
        | Command::Bench(_) => return Ok(ExitCode::SUCCESS),
    };
    say(cli, &said);
    engine.store.close().await;
    Ok(ExitCode::from(u8::from(!whole)))
}

/// Whoever reads may have read enough: a closed pipe ends it quietly, what was done is done.
fn say(cli: &Cli, said: &Said) {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    let written = if cli.json {
        writeln!(out, "{}", said.json)
    } else if said.text.is_empty() {
        Ok(())
    } else {
        writeln!(out, "{}", said.text)
    };
    if let Err(fault) = written.and_then(|()| out.flush())
        && fault.kind() != std::io::ErrorKind::BrokenPipe
    {
        tracing::error!(%fault, "standard output cannot be written");
    }
}

type Engine = crate::app::build::EngineHandle;

async fn alert(engine: &Engine, by: Option<&str>, command: &Alert) -> anyhow::Result<(Said, bool)> {
    let scope = match command {
        Alert::Show { .. } | Alert::List | Alert::Audit { .. } => Scope::Read,
        Alert::Draft(_)
        | Alert::Send(_)
        | Alert::Submit { .. }
        | Alert::Approve { .. }
        | Alert::Return { .. }
        | Alert::Update { .. }
        | Alert::Withdraw { .. }
        | Alert::Discard { .. }
        | Alert::Countersign { .. }
        | Alert::Extend { .. }
        | Alert::Narrow { .. }
        | Alert::Roll { .. }
        | Alert::RollFill { .. }
        | Alert::RollConfirm { .. }
        | Alert::End { .. } => Scope::Alert,
    };
    let actor = accounts::actor(engine, by, scope).await?;
    let said = match command {
        Alert::Draft(form) => alerts::draft(engine, &actor, &alerts::read_form(&form.form)?).await,
        Alert::Send(form) => alerts::send(engine, &actor, &alerts::read_form(&form.form)?).await,
        Alert::Submit { alert } => alerts::submit(engine, &actor, alert).await,
        Alert::Approve { alert, seen, bypass } => {
            alerts::approve(engine, &actor, alert, seen, *bypass).await
        }
        Alert::Return { alert, reason } => alerts::give_back(engine, &actor, alert, reason).await,
        Alert::Show { alert } => {
            // As on the board: a token for figures shows no names.
            let names = accounts::actor(engine, by, Scope::Desk).await.is_ok();
            alerts::show(engine, &actor, alert, names).await
        }
        Alert::List => alerts::list(engine, &actor).await,
        Alert::Update { alert, form } => {
            alerts::update(engine, &actor, alert, &alerts::read_form(&form.form)?).await
        }
        Alert::Withdraw { alert, vars } => {
            let vars = vars.iter().cloned().collect();
            alerts::withdraw(engine, &actor, alert, &vars).await
        }
        Alert::Discard { alert } => alerts::discard(engine, &actor, alert).await,
        Alert::Countersign { alert } => alerts::countersign(engine, &actor, alert).await,
        Alert::Extend { alert, hours } => alerts::extend(engine, &actor, alert, *hours).await,
        Alert::Narrow { alert, tell, places } => {
            let farewell = match tell {
                Tell::RangeCorrection => alerts::Farewell::RangeCorrection,
                Tell::ReturnNotice => alerts::Farewell::ReturnNotice,
            };
            alerts::narrow(engine, &actor, alert, farewell, places).await
        }
        Alert::Roll { alert } => exercises::show(engine, &actor, alert).await,
        Alert::RollFill { alert, places, file } => {
            let lines = file.as_deref().map(exercises::read_lines).transpose()?;
            let fill =
                exercises::RollFill { places: places.clone(), lines: lines.unwrap_or_default() };
            exercises::fill(engine, &actor, alert, &fill).await
        }
        Alert::RollConfirm { alert, names, all } => {
            let names = (!all).then_some(names.as_slice());
            exercises::confirm(engine, &actor, alert, names).await
        }
        Alert::End { alert } => alerts::end(engine, &actor, alert).await,
        Alert::Audit { alert } => return alerts::audit(engine, &actor, alert).await,
    };
    Ok((said?, true))
}

async fn list(engine: &Engine, by: Option<&str>, command: &List) -> anyhow::Result<Said> {
    let actor = accounts::actor(engine, by, Scope::Desk).await?;
    match command {
        List::Show { list } => hands::show_list(engine, &actor, list).await,
        List::Take { list } => hands::take_list(engine, &actor, list).await,
        List::Give { list, human } => hands::give_list(engine, &actor, list, human).await,
        List::Link { alert, human, home } => {
            hands::link(engine, &actor, alert, human.as_deref(), home.as_deref()).await
        }
        List::Revoke { alert, human } => hands::revoke(engine, &actor, alert, human).await,
        List::Tick { list, household, seen, persons } => {
            hands::tick_list(engine, &actor, list, household, seen, *persons).await
        }
    }
}

async fn desk(engine: &Engine, by: Option<&str>, command: &Desk) -> anyhow::Result<Said> {
    let actor = accounts::actor(engine, by, Scope::Desk).await?;
    match command {
        Desk::Show { alert } => hands::show_desk(engine, &actor, alert.as_deref()).await,
        Desk::Take { task, from } => hands::take_task(engine, &actor, task, from.as_deref()).await,
        Desk::Close { task, result } => hands::close_task(engine, &actor, task, result).await,
    }
}

async fn journal(engine: &Engine, by: Option<&str>, command: &Journal) -> anyhow::Result<Said> {
    let actor = accounts::actor(engine, by, Scope::Read).await?;
    match command {
        Journal::Verify => proofs::verify(engine, &actor).await,
        Journal::Prove { position, row } => proofs::prove(engine, &actor, *position, *row).await,
    }
}

fn classify(file: &std::path::Path, menu: &str) -> anyhow::Result<()> {
    let out = std::io::BufWriter::new(std::io::stdout().lock());
    if file == std::path::Path::new("-") {
        replies::classify(std::io::stdin().lock(), out, menu)?;
        return Ok(());
    }
    let opened = std::fs::File::open(file).with_context(|| file.display().to_string())?;
    replies::classify(std::io::BufReader::new(opened), out, menu)?;
    Ok(())
}

fn behind(gateway: &Gateway, behind: Behind) -> practice::Practice {
    practice::Practice {
        listen: gateway.listen.clone(),
        account_sid: gateway.account.clone(),
        token_variable: gateway.token_variable.clone(),
        number: gateway.number.clone(),
        hook_url: gateway.hook.clone(),
        rate_per_second: gateway.rate,
        speed: gateway.speed,
        behind,
    }
}
