//! What other people's systems say, in Greffe's own words: one module per system.
//!
//! Invariants: nothing here reads or writes the log or the network; what comes from outside is never
//! trusted to be of the promised form, and is text, whatever it looks like.

pub mod observium;
