//! Contract suites and stories, one binary. Servers come from `TEST_PG_URL` and `TEST_AMQP_URL`;
//! without them a server test says that it is skipped, unless `REQUIRE_SERVERS=1`.

mod calendar;
mod cli;
mod deploy;
mod engines;
mod faults;
mod hooks;
mod independent;
mod own_queue;
mod plant;
mod provider_contract;
mod pump;
mod queue_contract;
mod roster;
mod session_story;
mod sessions;
mod sim;
mod statements;
mod stepped;
mod store_contract;
mod stories;
mod town;
mod vendor;
mod web;
mod wechatpy;
