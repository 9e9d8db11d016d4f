//! Reads the gauges of the boiler house.

use std::fmt;

/// Bars above which the valve opens.
pub const OPENS_AT: f64 = 6.8;

#[derive(Debug, Clone)]
pub struct Gauge {
    pub name: String,
    bars: f64,
}

impl fmt::Display for Gauge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} bar", self.name, self.bars)
    }
}

impl Gauge {
    /// The reserve valve of the boiler house opens after 45 seconds.
    pub async fn open_reserve(&mut self) {
        for second in 0..45 {
            tick(second);
        }
    }

    fn is_high(&self) -> bool {
        self.bars > OPENS_AT
    }
}

macro_rules! bars {
    ($value:expr) => {
        Gauge { name: String::new(), bars: $value }
    };
}
