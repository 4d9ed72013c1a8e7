//! The tables of distributions and arrival processes, with their parameters.

use super::shape::Type::{Count, CountDist, Dist, Duration, Either, List, Number, Object, Rate, Ratio, Text};
use super::shape::{Shape, field, required};
use super::tables::MAX_CLIENTS;

/// A distribution of durations: exactly one of these keys.
pub(super) static DIST: Shape = Shape {
    name: "distribution",
    doc: "A distribution of durations; a bare duration is constant.",
    fields: &[
        field("constant", Duration, "", "Always this."),
        field("uniform", Object(&UNIFORM), "", "Uniform between two bounds."),
        field("exponential", Object(&MEAN), "", "Exponential."),
        field("erlang", Object(&ERLANG), "", "Sum of k exponentials."),
        field("gamma", Object(&GAMMA), "", "Gamma."),
        field("hyperexponential", Object(&HYPEREXPONENTIAL), "", "One of several exponentials."),
        field("lognormal", Object(&LOGNORMAL), "", "Lognormal by {mean, cv} or {median, p99}."),
        field("normal", Object(&NORMAL), "", "Normal, drawn again while below zero."),
        field("weibull", Object(&WEIBULL), "", "Weibull."),
        field("pareto", Object(&PARETO), "", "Pareto, bounded where `max` is given."),
        field("bimodal", Object(&BIMODAL), "", "Two values."),
        field("mixture", List(&Object(&MIXTURE_ITEM)), "", "One of several distributions by weight."),
        field("empirical", Object(&EMPIRICAL), "", "Uniformly one of the values of a file."),
        field("histogram", Object(&HISTOGRAM), "", "Buckets, uniform inside each."),
    ],
};

/// A distribution of counts (1, 2, …): the keys of [`DIST`] with plain numbers, and `geometric`.
pub(super) static COUNT_DIST: Shape = Shape {
    name: "countDistribution",
    doc: "A distribution of whole counts; a bare number is constant.",
    fields: &[
        field("constant", Number, "", "Always this."),
        field("uniform", Object(&COUNT_UNIFORM), "", "Uniform between two bounds."),
        field("geometric", Object(&COUNT_MEAN), "", "1, 2, … with this mean."),
    ],
};

/// `uniform` of counts.
pub(super) static COUNT_UNIFORM: Shape = Shape {
    name: "countUniform",
    doc: "Uniform between two bounds.",
    fields: &[required("min", Number, "Smallest."), required("max", Number, "Largest.")],
};

/// `geometric`.
pub(super) static COUNT_MEAN: Shape =
    Shape { name: "countMean", doc: "By its mean.", fields: &[required("mean", Number, "Mean, at least 1.")] };

/// `{min, max}`.
pub(super) static UNIFORM: Shape = Shape {
    name: "uniform",
    doc: "Uniform between two bounds.",
    fields: &[required("min", Duration, "Smallest."), required("max", Duration, "Largest.")],
};

/// `{mean}`.
pub(super) static MEAN: Shape =
    Shape { name: "exponential", doc: "By its mean.", fields: &[required("mean", Duration, "Mean.")] };

/// `{k, mean}`.
pub(super) static ERLANG: Shape = Shape {
    name: "erlang",
    doc: "Sum of k exponentials.",
    fields: &[required("k", Count(1, 1_000_000), "How many."), required("mean", Duration, "Mean of the sum.")],
};

/// `{shape, mean}`.
pub(super) static GAMMA: Shape = Shape {
    name: "gamma",
    doc: "Gamma by shape and mean.",
    fields: &[required("shape", Number, "Shape; 1 is exponential."), required("mean", Duration, "Mean.")],
};

/// `{p, rates}`.
pub(super) static HYPEREXPONENTIAL: Shape = Shape {
    name: "hyperexponential",
    doc: "One of several exponentials.",
    fields: &[
        required("p", List(&Ratio), "Probabilities; they add up to 1."),
        required("rates", List(&Either(&[Rate, Number])), "Rates, such as 2/s (a plain number is per second)."),
    ],
};

/// `{mean, cv}` or `{median, p99}`.
pub(super) static LOGNORMAL: Shape = Shape {
    name: "lognormal",
    doc: "Lognormal by {mean, cv} or {median, p99}.",
    fields: &[
        field("mean", Duration, "", "Mean; with `cv`."),
        field("cv", Number, "", "Standard deviation over mean."),
        field("median", Duration, "", "Median; with `p99`."),
        field("p99", Duration, "", "99th percentile."),
    ],
};

/// `{mean, sd}`.
pub(super) static NORMAL: Shape = Shape {
    name: "normal",
    doc: "Normal, drawn again while below zero.",
    fields: &[required("mean", Duration, "Mean before truncation."), required("sd", Duration, "Standard deviation.")],
};

/// `{shape, scale}`.
pub(super) static WEIBULL: Shape = Shape {
    name: "weibull",
    doc: "Weibull.",
    fields: &[required("shape", Number, "Shape; 1 is exponential."), required("scale", Duration, "Scale.")],
};

/// `{alpha, min[, max]}`.
pub(super) static PARETO: Shape = Shape {
    name: "pareto",
    doc: "Pareto, bounded where `max` is given.",
    fields: &[
        required("alpha", Number, "Tail index."),
        required("min", Duration, "Smallest."),
        field("max", Duration, "unbounded", "Largest."),
    ],
};

/// `{p, low, high}`.
pub(super) static BIMODAL: Shape = Shape {
    name: "bimodal",
    doc: "Two values.",
    fields: &[
        required("p", Ratio, "Probability of `high`."),
        required("low", Duration, "The usual value."),
        required("high", Duration, "The other value."),
    ],
};

/// `{weight, DISTRIBUTION}`: the keys of [`DIST`] beside a weight.
pub(super) static MIXTURE_ITEM: Shape = Shape {
    name: "mixtureItem",
    doc: "A part of a mixture: a weight, and one distribution beside it.",
    fields: &[
        required("weight", Number, "Weight relative to the others."),
        DIST.fields[0],
        DIST.fields[1],
        DIST.fields[2],
        DIST.fields[3],
        DIST.fields[4],
        DIST.fields[5],
        DIST.fields[6],
        DIST.fields[7],
        DIST.fields[8],
        DIST.fields[9],
        DIST.fields[10],
        DIST.fields[11],
        DIST.fields[12],
        DIST.fields[13],
    ],
};

/// `{file, column}`.
pub(super) static EMPIRICAL: Shape = Shape {
    name: "empirical",
    doc: "Values of a CSV file with a header.",
    fields: &[
        field("file", Text, "", "The file, relative to this one."),
        field("data", Text, "", "The file's text itself, instead of `file`."),
        field(
            "column",
            Text,
            "the first",
            "Its column; the unit is the name's ending (_s, _ms, _us, _ns), else seconds.",
        ),
    ],
};

/// `{le, count}`.
pub(super) static HISTOGRAM: Shape = Shape {
    name: "histogram",
    doc: "Buckets, uniform inside each.",
    fields: &[
        required("le", List(&Either(&[Duration, Number])), "Upper bounds, ascending (a plain number is seconds)."),
        required("count", List(&Number), "Observations up to each bound: cumulative, as Prometheus prints them."),
    ],
};

/// `arrivals`: exactly one of these keys.
pub(super) static ARRIVALS: Shape = Shape {
    name: "arrivals",
    doc: "When requests come; rates are totals over all clients unless `ratePerClient` is written.",
    fields: &[
        field("poisson", Object(&RATE), "", "Poisson process."),
        field("constant", Object(&RATE), "", "Evenly spaced, the first at 0."),
        field("renewal", Object(&RENEWAL), "", "Independent intervals."),
        field(
            "profile",
            List(&Object(&PROFILE_POINT)),
            "",
            "Poisson with a rate that is linear between points; the last rate is kept.",
        ),
        field("day", Object(&DAY), "", "Poisson with a sinusoidal rate."),
        field("mmpp", Object(&MMPP), "", "Poisson with a rate that jumps between states in a cycle."),
        field("batches", Object(&BATCHES), "", "Batches at Poisson times, or with independent gaps."),
        field("trace", Object(&TRACE), "", "The rows of a CSV file."),
        field("closed", Object(&CLOSED), "", "Users who wait for the answer, think, and ask again."),
    ],
};

/// `{rate}`.
pub(super) static RATE: Shape = Shape {
    name: "rate",
    doc: "By its rate.",
    fields: &[
        field("rate", Rate, "", "Total over all clients."),
        field("ratePerClient", Rate, "", "Of each client; instead of `rate`."),
    ],
};

/// `{interval}`.
pub(super) static RENEWAL: Shape = Shape {
    name: "renewal",
    doc: "Independent intervals.",
    fields: &[required("interval", Dist, "Time between two arrivals.")],
};

/// `{at, rate}`.
pub(super) static PROFILE_POINT: Shape = Shape {
    name: "profilePoint",
    doc: "The rate at a time.",
    fields: &[
        required("at", Duration, "Time since the start."),
        field("rate", Rate, "", "Rate there."),
        field("ratePerClient", Rate, "", "Rate of each client; instead of `rate`."),
    ],
};

/// `{mean, amplitude, period}`.
pub(super) static DAY: Shape = Shape {
    name: "day",
    doc: "A sinusoidal rate.",
    fields: &[
        required("mean", Rate, "Mean rate."),
        required("amplitude", Either(&[Rate, Ratio]), "Swing around the mean: a rate, or a ratio of the mean."),
        required("period", Duration, "Length of a cycle."),
    ],
};

/// `{rates, dwell}`.
pub(super) static MMPP: Shape = Shape {
    name: "mmpp",
    doc: "States in a cycle, each with its rate and mean stay.",
    fields: &[
        required("rates", List(&Rate), "Rate in each state; 0/s is off."),
        required("dwell", List(&Duration), "Mean stay in each state."),
    ],
};

/// `{rate, size}`.
pub(super) static BATCHES: Shape = Shape {
    name: "batches",
    doc: "Batches at Poisson times, or with independent gaps.",
    fields: &[
        field("rate", Rate, "", "Batches, in total."),
        field("ratePerClient", Rate, "", "Batches of each client; instead of `rate`."),
        field("interval", Dist, "", "Time between two batches, before the first too; instead of `rate`."),
        required("size", CountDist, "Requests in a batch."),
    ],
};

/// `{file, …columns}`.
pub(super) static TRACE: Shape = Shape {
    name: "trace",
    doc: "The rows of a CSV file with a header, in order of time.",
    fields: &[
        field("file", Text, "", "The file, relative to this one."),
        field("data", Text, "", "The file's text itself, instead of `file`."),
        field("arrival", Text, "arrival_s", "Column of the arrival time; the unit is the name's ending."),
        field("service", Text, "service_s where there is one", "Column of the service time."),
        field("client", Text, "client where there is one", "Column of the client's number."),
        field("size", Text, "size where there is one", "Column of the size."),
        field("path", Text, "path where there is one", "Column of the path."),
    ],
};

/// `{users, think}`.
pub(super) static CLOSED: Shape = Shape {
    name: "closed",
    doc: "Users who wait for the answer, think, and ask again.",
    fields: &[
        required("users", Count(1, MAX_CLIENTS), "How many."),
        field("think", Dist, "0s", "Time between an answer and the next request."),
    ],
};
