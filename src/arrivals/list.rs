//! The list of arrival processes, for `list arrivals` and for error messages.

use crate::random::Listed;

/// Every arrival process a scenario may name.
pub const ARRIVALS: &[Listed] = &[
    Listed { name: "poisson", parameters: "rate", summary: "independent arrivals at a constant rate" },
    Listed { name: "constant", parameters: "rate", summary: "equal gaps, the first arrival at 0" },
    Listed {
        name: "renewal",
        parameters: "interval: DISTRIBUTION",
        summary: "independent gaps of any distribution, the first before the first arrival",
    },
    Listed {
        name: "profile",
        parameters: "[{at, rate}, ..]",
        summary: "Poisson with a piecewise linear rate; the last rate is kept",
    },
    Listed {
        name: "day",
        parameters: "mean, amplitude, period",
        summary: "Poisson with rate mean * (1 + amplitude * sin(2 pi t / period)), amplitude 0 to 1",
    },
    Listed {
        name: "mmpp",
        parameters: "rates: [..], dwell: [..]",
        summary: "Poisson whose rate jumps through states in a cycle, each for an exponential time; 0 is off",
    },
    Listed {
        name: "batches",
        parameters: "rate or interval: DISTRIBUTION, size: DISTRIBUTION",
        summary: "batches at Poisson times (rate counts the batches), or with independent gaps (interval)",
    },
    Listed {
        name: "trace",
        parameters: "file, arrival, service, client, size, path (default: columns named so)",
        summary: "recorded arrivals from a CSV file; units by suffix _s, _ms, _us, _ns",
    },
    Listed {
        name: "closed",
        parameters: "users, think: DISTRIBUTION",
        summary: "a fixed number of users who send, wait, think and send again",
    },
];
