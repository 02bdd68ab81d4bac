//! The demo without the command line.
use tongluo::app::demo::{DemoArgs, run};
#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arg = |n: usize| std::env::args().nth(n).and_then(|a| a.parse::<f64>().ok());
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_writer(std::io::stderr)
        .init();
    run(DemoArgs {
        households: arg(1).unwrap_or(20_000.0) as u64,
        speed: arg(2).unwrap_or(75.0),
        exit: true,
        json: std::env::args().nth(3).is_some(),
        ..DemoArgs::default()
    })
    .await
}
