//! Hands lines over to the writing thread. Whoever reads them may have stopped reading: signals are heard all the same.

use super::event_loop::{Session, next_signal, tick};
use crate::{plan::launch::Interrupt, sink};

/// Most bytes of stacks that wait to be looked at, and how long to wait where there are more.
const JOBS_BYTES: u64 = 64 << 20;
const JOBS_NAP_NS: u64 = 1_000_000;

/// What became of what was ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// The writer has it all, or what it has no room for is kept while all is stopped (`--lossless`).
    All,
    /// There is nobody to take it.
    Nobody,
    /// This signal came first, from the terminal or not; the rest is kept.
    Interrupted((i32, bool)),
}

impl Session<'_> {
    /// Hands over what is ready.
    pub(super) async fn write(&mut self) -> Written {
        self.held_pieces.extend(self.tracer.take_output());
        if self.brake.is_some() {
            return self.write_without_waiting();
        }
        while !self.held_pieces.is_empty() {
            let room = tokio::select! {
                biased;
                room = self.writer.room() => room,
                signal = next_signal(&self.signals) => return Written::Interrupted(signal),
            };
            let Some(room) = room else {
                return Written::Nobody;
            };
            if let Some(piece) = self.held_pieces.pop_front() {
                room.send(piece);
            }
        }
        self.wait_for_jobs().await
    }

    /// When the drainer must not wait: the buffers have to be emptied even while everything is stopped.
    fn write_without_waiting(&mut self) -> Written {
        while let Some(piece) = self.held_pieces.pop_front() {
            if let Err(piece) = self.writer.try_send(piece) {
                self.held_pieces.push_front(piece);
                return match self.writer.is_closed() {
                    true => Written::Nobody,
                    false => Written::All,
                };
            }
        }
        Written::All
    }

    /// Stacks take more memory than the text that they become: not too many of them.
    async fn wait_for_jobs(&self) -> Written {
        let Some(jobs) = &self.jobs else {
            return Written::All;
        };
        while jobs.bytes() > JOBS_BYTES && !self.writer.is_closed() {
            if self.timer.get_ref().arm(JOBS_NAP_NS).is_err() {
                break;
            }
            tokio::select! {
                biased;
                signal = next_signal(&self.signals) => return Written::Interrupted(signal),
                () = tick(&self.timer, false) => {}
            }
        }
        Written::All
    }

    /// Hands over what is ready when the trace is over: false when there is nobody to take it, or a signal says that it has
    /// been waited for long enough.
    pub(super) async fn write_last(&mut self) -> bool {
        loop {
            if self.given_up.is_some() {
                return false;
            }
            match self.write().await {
                Written::All => return true,
                Written::Nobody => return false,
                Written::Interrupted((signal, _)) => self.give_up(signal),
            }
        }
    }

    fn give_up(&mut self, signal: i32) {
        let how = self.request.launch.interrupt;
        if !matches!(how, Interrupt::Never | Interrupt::NeverStop) {
            self.given_up = Some(signal);
        }
    }

    /// Waits until all is written. `None` when a signal has ended that.
    pub(super) async fn written(&mut self) -> Option<sink::Ending> {
        let mut ending = self.writer.finish()?;
        while self.given_up.is_none() {
            tokio::select! {
                biased;
                ending = &mut ending => return Some(ending.unwrap_or(sink::Ending::Closed)),
                (signal, _) = next_signal(&self.signals) => self.give_up(signal),
            }
        }
        None
    }
}
