//! Which events there are: follows the facts and keeps the latest of each event at hand.
