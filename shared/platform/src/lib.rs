//! What every process of Muster needs before it does anything: settings, time, ids, an orderly
//! stop and the state of its parts. Nothing in here knows about the broker, a database or HTTP.

pub mod clock;
pub mod health;
pub mod host_list;
pub mod host_names;
pub mod ids;
pub mod settings;
pub mod shutdown;
pub mod site;
pub mod slot_amounts;

pub use clock::{Clock, ManualClock, SystemClock, Timestamp};
pub use health::{ComponentHealth, ComponentState, Health, HealthSnapshot};
pub use ids::{Ids, RandomIds, SequentialIds};
pub use settings::Settings;
pub use shutdown::{Drained, Shutdown};
pub use site::Site;
pub use slot_amounts::{InvalidSlotAmount, slot_amount};
