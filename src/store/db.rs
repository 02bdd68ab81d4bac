//! The two databases behind one face: open, begin, run a [`Stmt`] with bound values, get rows.
//!
//! Knows nothing of what the statements mean. Errors are named by what the caller does next.

use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions, PgRow};
use sqlx::sqlite::SqliteSynchronous;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteRow};
use sqlx::{Connection, FromRow, PgPool, Postgres, Sqlite, SqlitePool, Transaction};

use super::file::{FileState, OpenedFile};
use super::{Dialect, Stmt};

/// What went wrong, by what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum StoreFault {
    /// A deadlock, a lost connection, a busy file: the same step may be run again.
    #[error("the store asks to try again: {0}")]
    Again(sqlx::Error),
    /// A unique or check constraint refused a row; the caller says what it means.
    #[error("refused by the constraint {constraint}")]
    Refused { constraint: String },
    /// The address of the store can't be used as it stands.
    #[error("the database URL {url:?} is not usable: {why}")]
    Url { url: String, why: String },
    /// The schema could not be brought up to date.
    #[error("the schema could not be brought up to date: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// A defect of ours: SQLite would bind the missing values as NULL and say nothing.
    #[error("{name} takes {takes} values, {given} were given")]
    Values { name: &'static str, takes: usize, given: usize },
    /// A defect of ours or of the installation.
    #[error("store: {0}")]
    Broken(sqlx::Error),
}

impl StoreFault {
    /// Whether the same step may simply be run again.
    pub fn is_again(&self) -> bool {
        matches!(self, StoreFault::Again(_))
    }
}

impl From<sqlx::Error> for StoreFault {
    fn from(error: sqlx::Error) -> StoreFault {
        use sqlx::Error as E;
        match &error {
            E::Io(_) | E::PoolTimedOut | E::WorkerCrashed | E::Protocol(_) => {
                StoreFault::Again(error)
            }
            E::Database(db) => {
                let code = db.code().unwrap_or_default().to_string();
                if is_again(&code) {
                    StoreFault::Again(error)
                } else if db.is_unique_violation() || db.is_check_violation() {
                    let constraint = db.constraint().unwrap_or(db.message()).to_string();
                    StoreFault::Refused { constraint }
                } else {
                    StoreFault::Broken(error)
                }
            }
            _ => StoreFault::Broken(error),
        }
    }
}

/// Codes after which the same step may succeed: deadlocks, restarts, a full disk, a busy file.
fn is_again(code: &str) -> bool {
    // SQLite's have four digits at most, the primary one in the low byte: busy, locked, I/O, full.
    if code.len() < 5 {
        return code.parse::<u32>().is_ok_and(|code| [5, 6, 10, 13].contains(&(code & 0xff)));
    }
    let postgres = ["40001", "40P01", "57P01", "57P02", "57P03", "53300", "55P03", "53100"];
    postgres.contains(&code)
}

/// SQLite ends a transaction by itself where the disk is full, and sqlx goes on counting it: such
/// a connection refuses every further one. It is closed, and the pool opens a fresh one.
fn sqlite_writer() -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(1)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(true)
        .before_acquire(|connection, _| {
            Box::pin(async move {
                let clean = !connection.is_in_transaction();
                if !clean {
                    tracing::warn!("the writer was left inside a transaction: a fresh one");
                }
                Ok(clean)
            })
        })
}

/// A bound value. Absent values keep their type, since PostgreSQL wants one.
#[derive(Debug, Clone)]
pub enum Val {
    I(i64),
    T(String),
    B(Vec<u8>),
    OptI(Option<i64>),
    OptT(Option<String>),
    OptB(Option<Vec<u8>>),
}

macro_rules! val_from {
    ($($from:ty => $variant:ident),+) => {
        $(impl From<$from> for Val { fn from(v: $from) -> Val { Val::$variant(v.into()) } })+
    };
}
val_from!(
    i64 => I,
    i32 => I,
    u32 => I,
    bool => I,
    String => T,
    &str => T,
    &String => T,
    Vec<u8> => B,
    &[u8] => B,
    Option<i64> => OptI,
    Option<String> => OptT,
    Option<Vec<u8>> => OptB
);

impl From<usize> for Val {
    fn from(v: usize) -> Val {
        Val::I(i64::try_from(v).unwrap_or(i64::MAX))
    }
}

/// The values of one call, in the order of `$1`, `$2` …
pub type Args = Vec<Val>;

/// Bound values: `args![alert, "text", Some(3_i64)]`.
#[macro_export]
macro_rules! args {
    ($($value:expr),* $(,)?) => { vec![$($crate::store::Val::from($value)),*] };
}

/// A JSON array of integers, for `{in $n}`.
pub fn ids(values: &[i64]) -> String {
    serde_json::to_string(values).unwrap_or_else(|_| "[]".into())
}

/// A JSON array of objects, for `{rows $n: …}`.
pub fn rows_json<T: serde::Serialize>(rows: &[T]) -> Result<String, StoreFault> {
    serde_json::to_string(rows).map_err(|e| StoreFault::Broken(sqlx::Error::Encode(e.into())))
}

/// A row type that both databases can give.
pub trait Row: PgRead + LiteRead + Send + Unpin {}
impl<T: PgRead + LiteRead + Send + Unpin> Row for T {}

/// Can be read from PostgreSQL.
pub trait PgRead: for<'r> FromRow<'r, PgRow> {}
impl<T: for<'r> FromRow<'r, PgRow>> PgRead for T {}

/// Can be read from SQLite.
pub trait LiteRead: for<'r> FromRow<'r, SqliteRow> {}
impl<T: for<'r> FromRow<'r, SqliteRow>> LiteRead for T {}

pub(crate) enum Pool {
    Postgres(PgPool),
    /// One writer, several readers: SQLite takes one write at a time.
    Sqlite {
        write: SqlitePool,
        read: SqlitePool,
    },
}

/// The store of one installation.
pub struct Store {
    pool: Pool,
    file: Option<OpenedFile>,
}

/// An open transaction. Dropped without [`Tx::commit`], nothing of it happened.
pub enum Tx {
    Postgres(Transaction<'static, Postgres>),
    Sqlite(Transaction<'static, Sqlite>),
}

macro_rules! bind {
    ($query:expr, $args:expr) => {{
        let mut query = $query;
        for value in $args {
            query = match value {
                Val::I(v) => query.bind(v),
                Val::T(v) => query.bind(v),
                Val::B(v) => query.bind(v),
                Val::OptI(v) => query.bind(v),
                Val::OptT(v) => query.bind(v),
                Val::OptB(v) => query.bind(v),
            };
        }
        query
    }};
}

fn check(stmt: &Stmt, args: &Args) -> Result<(), StoreFault> {
    let (takes, given) = (stmt.takes(), args.len());
    if takes == given {
        return Ok(());
    }
    Err(StoreFault::Values { name: stmt.name, takes, given })
}

impl Store {
    /// Opens `postgres://…` (schema by `?options=-csearch_path=…`) or `sqlite:PATH`.
    pub async fn open(url: &str, connections: u32) -> Result<Store, StoreFault> {
        let bad = |why: String| StoreFault::Url { url: mask(url), why };
        if url.starts_with("postgres") {
            // Sets of a hundred thousand rows are sorted in memory; our statements are too short
            // for compiling them to pay.
            let options = PgConnectOptions::from_str(url)
                .map_err(|e| bad(e.to_string()))?
                .options([("work_mem", "32MB"), ("jit", "off")]);
            let pool = PgPoolOptions::new()
                .max_connections(connections)
                .acquire_timeout(Duration::from_secs(5))
                .connect_with(options)
                .await?;
            return Ok(Store { pool: Pool::Postgres(pool), file: None });
        }
        let options = SqliteConnectOptions::from_str(url)
            .map_err(|e| bad(e.to_string()))?
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .pragma("cache_size", "-32000")
            .busy_timeout(Duration::from_secs(10));
        // Made once: where the file is moved away later, no connection makes an empty one.
        let first = options.clone().create_if_missing(true);
        sqlx::SqliteConnection::connect_with(&first).await?.close().await?;
        let file = OpenedFile::of(options.get_filename());
        let write = sqlite_writer()
            .acquire_timeout(Duration::from_secs(30))
            .connect_with(options.clone())
            .await?;
        let read = SqlitePoolOptions::new()
            .max_connections(connections.clamp(1, 4))
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_with(options)
            .await?;
        Ok(Store { pool: Pool::Sqlite { write, read }, file })
    }

    /// Whether something may be at this address already: opening a SQLite file makes it.
    pub fn may_exist(url: &str) -> bool {
        let file = SqliteConnectOptions::from_str(url);
        file.map_or(true, |options| options.get_filename().exists())
    }

    /// Another handle on the same store with one connection and its own temporary tables. Kept
    /// for as long as the handle lives; reads and writes take turns on it.
    pub async fn alone(&self) -> Result<Store, StoreFault> {
        Ok(match &self.pool {
            Pool::Postgres(pool) => {
                let memory = [("temp_buffers", "128MB"), ("work_mem", "64MB")];
                let options = (*pool.connect_options()).clone().options(memory);
                let pool = PgPoolOptions::new()
                    .max_connections(1)
                    .idle_timeout(None)
                    .max_lifetime(None)
                    .connect_with(options)
                    .await?;
                Store { pool: Pool::Postgres(pool), file: None }
            }
            Pool::Sqlite { write, .. } => {
                let options = (*write.connect_options()).clone();
                let write = sqlite_writer().connect_with(options).await?;
                let file = self.file.clone();
                Store { pool: Pool::Sqlite { read: write.clone(), write }, file }
            }
        })
    }

    /// Many rows at once by PostgreSQL's `COPY`, as its own transaction; elsewhere a defect.
    pub async fn copy_in(&self, copy: &'static str, rows: Vec<u8>) -> Result<(), StoreFault> {
        match &self.pool {
            Pool::Postgres(pool) => {
                let mut connection = pool.acquire().await?;
                let mut copying = connection.copy_in_raw(copy).await?;
                copying.send(rows).await?;
                copying.finish().await?;
                Ok(())
            }
            Pool::Sqlite { .. } => {
                Err(StoreFault::Broken(sqlx::Error::Configuration("SQLite has no COPY".into())))
            }
        }
    }

    /// Whether the file that was opened still stands where it was. One look at the disk.
    pub async fn file_state(&self) -> FileState {
        match &self.file {
            Some(file) => file.state().await,
            None => FileState::Same,
        }
    }

    pub(crate) fn pool(&self) -> &Pool {
        &self.pool
    }

    /// Which dialect this store speaks.
    pub fn dialect(&self) -> Dialect {
        match self.pool {
            Pool::Postgres(_) => Dialect::Postgres,
            Pool::Sqlite { .. } => Dialect::Sqlite,
        }
    }

    /// Begins a writing transaction (SQLite: `BEGIN IMMEDIATE`, one at a time).
    pub async fn begin(&self) -> Result<Tx, StoreFault> {
        Ok(match &self.pool {
            Pool::Postgres(pool) => Tx::Postgres(pool.begin().await?),
            Pool::Sqlite { write, .. } => Tx::Sqlite(write.begin_with("BEGIN IMMEDIATE").await?),
        })
    }

    /// Reads outside a transaction.
    pub async fn rows<T: Row>(&self, stmt: &Stmt, args: Args) -> Result<Vec<T>, StoreFault> {
        check(stmt, &args)?;
        let sql = stmt.sql(self.dialect());
        Ok(match &self.pool {
            Pool::Postgres(pool) => {
                bind!(sqlx::query_as::<Postgres, T>(sql), args).fetch_all(pool).await?
            }
            Pool::Sqlite { read, .. } => {
                bind!(sqlx::query_as::<Sqlite, T>(sql), args).fetch_all(read).await?
            }
        })
    }

    /// The first row, where there is one.
    pub async fn first<T: Row>(&self, stmt: &Stmt, args: Args) -> Result<Option<T>, StoreFault> {
        Ok(self.rows(stmt, args).await?.into_iter().next())
    }

    /// One statement as its own transaction; the number of rows changed.
    pub async fn exec(&self, stmt: &Stmt, args: Args) -> Result<u64, StoreFault> {
        check(stmt, &args)?;
        let sql = stmt.sql(self.dialect());
        Ok(match &self.pool {
            Pool::Postgres(pool) => {
                bind!(sqlx::query::<Postgres>(sql), args).execute(pool).await?.rows_affected()
            }
            Pool::Sqlite { write, .. } => {
                bind!(sqlx::query::<Sqlite>(sql), args).execute(write).await?.rows_affected()
            }
        })
    }

    /// One writing statement with `RETURNING`, as its own transaction.
    pub async fn take<T: Row>(&self, stmt: &Stmt, args: Args) -> Result<Vec<T>, StoreFault> {
        check(stmt, &args)?;
        let sql = stmt.sql(self.dialect());
        Ok(match &self.pool {
            Pool::Postgres(pool) => {
                bind!(sqlx::query_as::<Postgres, T>(sql), args).fetch_all(pool).await?
            }
            Pool::Sqlite { write, .. } => {
                bind!(sqlx::query_as::<Sqlite, T>(sql), args).fetch_all(write).await?
            }
        })
    }

    /// Lets the database look at a statement without running it.
    pub async fn prepare(&self, stmt: &Stmt) -> Result<(), StoreFault> {
        use sqlx::Executor;
        let sql = sqlx::SqlSafeStr::into_sql_str(stmt.sql(self.dialect()));
        match &self.pool {
            Pool::Postgres(pool) => drop(pool.prepare(sql).await?),
            Pool::Sqlite { write, .. } => drop(write.prepare(sql).await?),
        }
        Ok(())
    }

    /// Closes all connections.
    pub async fn close(&self) {
        match &self.pool {
            Pool::Postgres(pool) => pool.close().await,
            Pool::Sqlite { write, read } => {
                read.close().await;
                write.close().await;
            }
        }
    }
}

impl Tx {
    fn dialect(&self) -> Dialect {
        match self {
            Tx::Postgres(_) => Dialect::Postgres,
            Tx::Sqlite(_) => Dialect::Sqlite,
        }
    }

    /// Runs a statement; the number of rows changed.
    pub async fn exec(&mut self, stmt: &Stmt, args: Args) -> Result<u64, StoreFault> {
        check(stmt, &args)?;
        let sql = stmt.sql(self.dialect());
        Ok(match self {
            Tx::Postgres(tx) => {
                bind!(sqlx::query::<Postgres>(sql), args).execute(&mut **tx).await?.rows_affected()
            }
            Tx::Sqlite(tx) => {
                bind!(sqlx::query::<Sqlite>(sql), args).execute(&mut **tx).await?.rows_affected()
            }
        })
    }

    /// Runs a statement that gives rows.
    pub async fn rows<T: Row>(&mut self, stmt: &Stmt, args: Args) -> Result<Vec<T>, StoreFault> {
        check(stmt, &args)?;
        let sql = stmt.sql(self.dialect());
        Ok(match self {
            Tx::Postgres(tx) => {
                bind!(sqlx::query_as::<Postgres, T>(sql), args).fetch_all(&mut **tx).await?
            }
            Tx::Sqlite(tx) => {
                bind!(sqlx::query_as::<Sqlite, T>(sql), args).fetch_all(&mut **tx).await?
            }
        })
    }

    /// The first row, where there is one.
    pub async fn first<T: Row>(
        &mut self,
        stmt: &Stmt,
        args: Args,
    ) -> Result<Option<T>, StoreFault> {
        Ok(self.rows(stmt, args).await?.into_iter().next())
    }

    /// Takes it back, and waits until its locks are gone.
    pub async fn rollback(self) -> Result<(), StoreFault> {
        match self {
            Tx::Postgres(tx) => tx.rollback().await?,
            Tx::Sqlite(tx) => tx.rollback().await?,
        }
        Ok(())
    }

    /// Makes it so.
    pub async fn commit(self) -> Result<(), StoreFault> {
        match self {
            Tx::Postgres(tx) => tx.commit().await?,
            Tx::Sqlite(tx) => tx.commit().await?,
        }
        Ok(())
    }
}

/// A URL without its password, for errors and logs.
pub fn mask(url: &str) -> String {
    let Some((head, tail)) = url.split_once("://") else {
        return url.into();
    };
    match tail.rsplit_once('@') {
        Some((user, host)) => {
            let user = user.split(':').next().unwrap_or_default();
            format!("{head}://{user}:***@{host}")
        }
        None => url.into(),
    }
}
