//! Inside: holding, swapping, booking, and all that people do instead.

use std::time::Duration;

use tokio::time::Instant;

use super::{Ask, Shopper, Stop, Visit};
use crate::{
    crowd::{Manner, pulse::tick},
    frames::Personal,
};

/// How long after its time an expiry may be told.
const EXPIRY_SECS_MAX: u64 = 40;
/// Slots tried before a shopper gives up.
const TRIES_MAX: usize = 12;

impl Shopper {
    pub(super) async fn inside(&mut self) -> Visit {
        if self.plan.manner == Manner::Late {
            return self.until_told("expired").await;
        }
        self.think().await?;
        let entered = self.ask(Ask::Enter).await?;
        if entered.kind != "inside" {
            return self.refused_as("entering", &entered, &["turn_expired", "ticket_ended"]);
        }
        if entered.pass.is_none() {
            self.fault(format!("inside without a pass: {entered:?}"))?;
        }
        self.think().await?;
        if !self.hold_somewhere().await? {
            return self.leave().await;
        }
        match self.plan.manner {
            Manner::Releases => {
                self.think().await?;
                self.ask(Ask::Release).await?;
                self.leave().await
            }
            Manner::Dawdles => {
                self.until_told("released").await?;
                if self.dice.percent(50) || !self.hold_somewhere().await? {
                    return self.leave().await;
                }
                self.book().await
            }
            Manner::Swaps => {
                self.think().await?;
                let slot = self.dice.pick(&self.world.slots).cloned().unwrap_or_default();
                let seats = self.plan.seats;
                self.ask(Ask::Hold { slot, seats }).await?;
                self.book().await
            }
            _ => self.book().await,
        }
    }

    /// Holds seats in the wanted slot, else where some are left; false = nothing to be had.
    pub(super) async fn hold_somewhere(&mut self) -> Result<bool, Stop> {
        let (mut slot, mut seats) = (self.plan.slot.clone(), self.plan.seats);
        for _ in 0..TRIES_MAX {
            let told = self.ask(Ask::Hold { slot: slot.clone(), seats }).await?;
            match (told.kind.as_str(), told.code.as_deref()) {
                ("held", _) => return Ok(true),
                (_, Some("not_enough_seats")) => {}
                _ => {
                    let expected = ["turn_expired", "window_over", "ticket_ended"];
                    self.refused_as("holding", &told, &expected)?;
                    return Ok(false);
                }
            }
            let free: Vec<(String, i64)> = self.socket.as_ref().map_or(vec![], |socket| {
                let seats = &socket.sight().seats;
                seats.iter().filter(|(_, n)| **n > 0).map(|(s, n)| (s.clone(), *n)).collect()
            });
            match self.dice.pick(&free) {
                Some((other, left)) => (slot, seats) = (other.clone(), seats.min(*left)),
                None => return Ok(false),
            }
            self.think().await?;
        }
        Ok(false)
    }

    pub(super) async fn book(&mut self) -> Visit {
        self.think().await?;
        let reference = self.dice.percent(50).then(|| format!("order-{}", self.history.shopper));
        let told = self.ask(Ask::Book { reference: reference.clone() }).await?;
        if told.kind != "booked" {
            let expected =
                ["hold_expired", "no_hold", "window_over", "turn_expired", "ticket_ended"];
            return self.refused_as("booking", &told, &expected);
        }
        if told.booking.is_none() || told.reference != reference {
            self.fault(format!("booked with {reference:?}: {told:?}"))?;
        }
        tick(&self.world.pulse.bookings);
        if self.plan.manner == Manner::Cancels {
            let time = self.dice.millis(500, 4_000);
            self.pause(time).await?;
            let told = self.ask(Ask::Cancel).await?;
            return self.refused_as("cancelling", &told, &[]);
        }
        Ok(())
    }

    pub(super) async fn leave(&mut self) -> Visit {
        let told = self.ask(Ask::Leave).await?;
        self.refused_as("leaving", &told, &["ticket_ended", "turn_expired", "window_over"])
    }

    /// Notes a refusal that has no good reason.
    pub(super) fn refused_as(&mut self, doing: &str, told: &Personal, expected: &[&str]) -> Visit {
        match &told.code {
            Some(code) if !expected.contains(&code.as_str()) => {
                self.fault(format!("{doing} was refused: {told:?}"))
            }
            _ => Ok(()),
        }
    }

    /// Waits until time itself does something to the ticket.
    pub(super) async fn until_told(&mut self, kind: &str) -> Visit {
        let claim = Duration::from_millis(self.world.claim_ms.unsigned_abs());
        let deadline = Instant::now() + claim + Duration::from_secs(EXPIRY_SECS_MAX);
        while let Some(frame) = self.personal(deadline).await? {
            self.told(&frame);
            if frame.kind == kind || frame.kind == "expired" {
                return Ok(());
            }
            // What a socket says first after a reconnect may be the state that came after.
            if kind == "released" && frame.kind == "inside" && frame.seq.is_none() {
                return Ok(());
            }
        }
        self.fault(format!("`{kind}` was never told, last was {:?}", self.ticket.last))
    }
}
