//! The list of distributions, for `list distributions` and for error messages.

/// One thing a scenario may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listed {
    /// The word in scenarios.
    pub name: &'static str,
    /// Its parameters, with defaults where there are any.
    pub parameters: &'static str,
    /// What it is, in one line.
    pub summary: &'static str,
}

/// Every distribution a scenario may name.
pub const DISTRIBUTIONS: &[Listed] = &[
    Listed { name: "constant", parameters: "DURATION", summary: "always the same; a bare duration means it too" },
    Listed { name: "uniform", parameters: "min, max", summary: "equally likely between two bounds" },
    Listed { name: "exponential", parameters: "mean", summary: "no memory; cv 1" },
    Listed { name: "erlang", parameters: "k, mean", summary: "sum of k exponentials; cv 1/sqrt(k)" },
    Listed { name: "gamma", parameters: "shape, mean", summary: "Erlang with any shape above 0; cv 1/sqrt(shape)" },
    Listed {
        name: "hyperexponential",
        parameters: "p: [..], rates: [..]",
        summary: "with probability p[i] exponential with rates[i] a second; cv 1 or more",
    },
    Listed {
        name: "lognormal",
        parameters: "mean, cv | median, p99",
        summary: "exponential of a normal; usual for service times",
    },
    Listed { name: "normal", parameters: "mean, sd", summary: "normal, values below 0 drawn again" },
    Listed { name: "weibull", parameters: "shape, scale", summary: "P(X > x) = exp(-(x/scale)^shape)" },
    Listed {
        name: "pareto",
        parameters: "alpha, min, max (default: none)",
        summary: "P(X > x) = (min/x)^alpha, cut off at max; heavy tail",
    },
    Listed { name: "bimodal", parameters: "p, low, high", summary: "high with probability p, else low" },
    Listed {
        name: "mixture",
        parameters: "[{weight, DISTRIBUTION}, ..]",
        summary: "one of several distributions, in the ratio of the weights",
    },
    Listed { name: "empirical", parameters: "file, column", summary: "one of the values of a CSV column" },
    Listed {
        name: "histogram",
        parameters: "le: [..], count: [..]",
        summary: "Prometheus buckets: cumulative counts at upper bounds, uniform inside a bucket",
    },
    Listed { name: "geometric", parameters: "mean", summary: "counts 1, 2, 3, ..; only where a count is expected" },
];
