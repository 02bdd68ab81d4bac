//! A step driven by hand: polled until it is done, until it waits for a slow gateway, or until it
//! is stopped at its n-th await, as a kill stops a process there. What a kill costs is not
//! counted here.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

use tongluo::engine::EngineFault;

/// A step of one process on its way.
pub type Step = Pin<Box<dyn Future<Output = Result<(), EngineFault>>>>;

/// How a drive ended.
#[derive(Debug)]
pub enum Ended {
    Done(Result<(), EngineFault>),
    /// At the await it was to be stopped at. Whoever drops the step kills it there.
    Stopped,
    /// Every call it has open waits for its gateway.
    Waiting,
}

/// Drives `step`. An await that is not ready at once counts; the `stop_at`-th ends the drive.
pub async fn drive(step: &mut Step, stop_at: Option<usize>, waits: impl Fn() -> bool) -> Ended {
    let mut awaits = 0;
    poll_fn(|cx| match step.as_mut().poll(cx) {
        Poll::Ready(done) => Poll::Ready(Ended::Done(done)),
        Poll::Pending => {
            awaits += 1;
            if stop_at == Some(awaits) {
                Poll::Ready(Ended::Stopped)
            } else if waits() {
                Poll::Ready(Ended::Waiting)
            } else {
                Poll::Pending
            }
        }
    })
    .await
}
