//! A limit on everything, in one place. Units stand last in the names.

/// Addresses in one batch: one rank, one lease.
pub const BATCH_ADDRESSES: i64 = 200;
/// Open calls to gateways in one process.
pub const CALLS_OPEN: usize = 64;
/// Hints the feeder keeps out at most.
pub const WINDOW_HINTS: i64 = 1_000;
/// Messages that a batch of households counts for in a window; a notice is one.
pub const BATCH_WEIGHT: i64 = 50;
/// A hint older than this may be given again.
pub const HINT_AGE_MS: i64 = 60_000;
/// How long a lease lasts without renewal.
pub const LEASE_MS: i64 = 30_000;
/// Timers taken by one step.
pub const TIMERS_STEP: i64 = 500;
/// Replies and receipts in one group.
pub const GROUP_ROWS: usize = 200;
/// Counted attempts of one address in one wave.
pub const ATTEMPTS: i64 = 3;
/// Attempts of one address in one wave, throttled ones included.
pub const ATTEMPTS_NUMBERED: i64 = 40;
/// Waits between counted attempts.
pub const RETRY_WAITS_MS: [i64; 3] = [5_000, 20_000, 60_000];
/// Waits after the counted attempts: another address at once, then ever more slowly.
pub const SLOW_WAITS_MS: [i64; 6] = [5_000, 60_000, 120_000, 300_000, 600_000, 1_800_000];
/// After this an unknown life-safety outcome is repeated.
pub const RECEIPT_WINDOW_MS: i64 = 90_000;
/// Bytes of a hook's body.
pub const HOOK_BODY_BYTES: usize = 256 * 1024;
/// Households whose number is shared by more than this answer for nobody.
pub const SHARED_NUMBER: i64 = 3;
/// Messages below 特急 to a household in 24 hours.
pub const MESSAGES_DAY: i64 = 3;
/// Open connections of one process: with the store's and the gateways' they stay under the 1,024
/// descriptors that a shell gives.
pub const CONNECTIONS: usize = 800;
/// Of one address that is no proxy of ours; many telephones share one.
pub const CONNECTIONS_SOURCE: usize = 200;
/// For the head of a request, and until the next one on the same connection.
pub const HEAD_READ_MS: u64 = 10_000;
/// For the body of a request: a form over a bad line.
pub const BODY_READ_MS: u64 = 30_000;
/// For a reader who takes nothing of his answer.
pub const WRITE_STALL_MS: u64 = 30_000;
/// Bytes of a connection's buffer, and so of a request's head.
pub const CONNECTION_BUFFER_BYTES: usize = 64 * 1024;
/// Rows of a list over the API.
pub const PAGE_ROWS: i64 = 500;
/// Doors on one page of a leader's round: with them it stays well under [`PAGE_BYTES`].
pub const PAGE_DOORS: usize = 20;
/// Done doors that are shown folded.
pub const DONE_DOORS: i64 = 15;
/// Other holders that are shown to one.
pub const HANDS_SHOWN: i64 = 20;
/// Bytes of a form sent by a page.
pub const FORM_BODY_BYTES: usize = 64 * 1024;
/// Fields of such a form.
pub const FORM_FIELDS: usize = 2_000;
/// Bytes of a page: it must come through a bad line at night.
pub const PAGE_BYTES: usize = 60 * 1024;
/// A session unused for so long has ended.
pub const SESSION_IDLE_MS: i64 = 2 * 3_600_000;
/// A session ends after so long: a shift of twelve hours and its hand-over.
pub const SESSION_MS: i64 = 14 * 3_600_000;
/// The use of a session is written down at most so often.
pub const SESSION_SEEN_MS: i64 = 60_000;
/// Sessions of one account at once; the oldest make room.
pub const SESSIONS_ACCOUNT: i64 = 20;
/// Days a token lasts at most.
pub const TOKEN_DAYS: i64 = 400;
/// Whether everything is ready is looked up at most so often: it counts the whole roster.
pub const READINESS_KEPT_MS: i64 = 20_000;
/// Wrong setup codes before the code is void.
pub const SETUP_GUESSES: u32 = 10;
/// Bytes of a call's JSON document.
pub const API_BODY_BYTES: usize = 256 * 1024;
/// Passwords hashed at once in one process.
pub const HASHINGS: usize = 2;
/// Tokens of links that open nothing, from one source in one minute.
pub const LINK_MISSES_MINUTE: u32 = 30;
/// Sources told apart in that minute.
pub const LINK_SOURCES: usize = 10_000;
/// Tries of an act on a page that lost a deadlock.
pub const ACT_TRIES: u32 = 5;
/// Those who may wait for it; others are told to come back.
pub const HASHINGS_WAITING: usize = 16;
/// Names and addresses whose failures one process remembers.
pub const ATTEMPT_KEYS: usize = 20_000;
/// Places that a form shows below one place.
pub const TREE_ROWS: i64 = 100;
/// Places that a search in a form shows.
pub const TREE_FOUND: i64 = 20;
/// Orders on one page of their list.
pub const PAPERS_PAGE: i64 = 50;
/// A board's figures are kept so long, whoever looks.
pub const BOARD_KEPT_MS: i64 = 2_000;
/// And so long where nothing has changed: deadlines pass by themselves.
pub const BOARD_STILL_MS: i64 = 20_000;
/// What only standings say is looked up at most so often,
pub const BOARD_SLOW_MS: i64 = 30_000;
/// and no sooner than so many times as long as the last look took.
pub const BOARD_SLOW_TIMES: i64 = 50;
/// Lists, summonses and helps that a board reads of one order.
pub const BOARD_ROWS: i64 = 5_000;
/// Orders whose boards one process keeps.
pub const BOARDS_KEPT: usize = 50;
/// Who watches boards at once, in one process and of one account.
pub const WATCHERS: usize = 500;
pub const WATCHERS_ACCOUNT: usize = 12;
/// A watched order is asked so often whether it has changed.
pub const WATCH_MS: u64 = 1_000;
/// A watcher hears something at least so often, and his session is looked at.
pub const WATCH_BEAT_MS: u64 = 10_000;
/// A watcher comes again after so long.
pub const WATCH_MOST_MS: i64 = 3_600_000;
/// Tasks on one page of the help desk.
pub const DESK_ROWS: i64 = 50;
/// Further looks of one account at the same people are journaled after so long.
pub const LOOK_NOTED_MS: i64 = 600_000;
