//! The promises of the message path (design §3) and of tracing (§7), one a file: real processes, real
//! signals, both databases, in one process and in parts.

mod archiving;
mod broker_kill;
mod chaos;
mod drain;
mod full_stream;
mod kill_points;
mod lost_tail;
mod one_winner;
mod poison;
mod producers;
mod same_command;
mod service_away;
mod traces;
