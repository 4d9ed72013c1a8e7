//! The tables of name resolution: the cluster's servers and the clients' resolvers.

use super::shape::Type::{Bool, Count, Dist, Duration, Either, List, Object, Ratio, Text, Word};
use super::shape::{Field, Shape, field, required};

/// Most DNS servers and cores of each.
const MANY: u64 = 10_000;

/// `cluster.dns`.
pub(super) static DNS: Shape = Shape {
    name: "dns",
    doc: "CoreDNS behind the Service kube-dns, and what lies around it.",
    fields: &[
        field(
            "replicas",
            Either(&[Count(1, MANY), Word(&["auto"])]),
            "2",
            "Servers; `auto` as the cluster-proportional autoscaler has them.",
        ),
        field("concurrency", Count(1, MANY), "1", "Queries that a server works on at once: its cores."),
        field("serviceTime", Dist, "{exponential: {mean: 60us}}", "Work of a server for a query."),
        field("ttl", Duration, "30s", "How long answers about the cluster's own names may be used again."),
        field(
            "cache",
            Either(&[Duration, Word(&["none"])]),
            "30s",
            "Longest time that a server keeps an answer from outside.",
        ),
        field("upstream", Dist, "10ms", "Round trip to the resolvers outside the cluster."),
        field(
            "zoneCache",
            Either(&[Duration, Word(&["none"])]),
            "none",
            "Longest time that a server repeats what it answered for a name of the cluster.",
        ),
        field("nodeLocal", Bool, "false", "A cache on every node (NodeLocal DNSCache)."),
        field("autopath", Bool, "false", "Servers walk the search list themselves and answer the first query."),
        field("loss", Ratio, "0", "Probability that a query or its answer is lost, by UDP between nodes."),
        field(
            "race",
            Ratio,
            "0",
            "Probability that A and AAAA from one port meet in the connection-tracking table: one is lost if they go to different servers.",
        ),
        field("domain", Text, "cluster.local", "The cluster's domain."),
        field("hostSearch", List(&Text), "[]", "Search domains of the nodes, which pods inherit."),
        field("external", List(&Object(&EXTERNAL)), "[]", "Names outside the cluster."),
        field("resolver", Object(&RESOLVER), "", "Resolvers of clients that say nothing else."),
    ],
};

/// `cluster.dns.external[]`.
pub(super) static EXTERNAL: Shape = Shape {
    name: "external",
    doc: "A name outside the cluster.",
    fields: &[
        required("name", Text, "The name outside, such as api.example.com."),
        required("to", Text, "`service/NAME` that stands for what the name leads to."),
        field("ttl", Duration, "60s", "How long its answers may be used again."),
        field("ipv6", Bool, "false", "Whether it has an IPv6 address too."),
    ],
};

/// `resolver`.
pub(super) static RESOLVER: Shape = Shape {
    name: "resolver",
    doc: "How clients resolve names.",
    fields: &[
        field("library", Word(&["glibc", "musl", "go"]), "glibc", "Whose resolver it is."),
        field("ndots", Count(0, 15), "5", "Names with fewer dots are first looked for in the search domains."),
        field("timeout", Duration, "5s", "How long an answer is waited for; musl: in all."),
        field("attempts", Count(1, 10), "2", "How often each server is asked."),
        field(
            "singleRequest",
            Either(&[Bool, Word(&["reopen"])]),
            "false",
            "Whether AAAA is asked after the answer to A; `reopen`: from another port.",
        ),
        field("tcp", Bool, "false", "Whether queries go by TCP (use-vc)."),
        field("family", Word(&["both", "ipv4"]), "both", "Whether AAAA is asked at all."),
        field(
            "cache",
            Either(&[Word(&["none", "jvm", "forever"]), Object(&CACHE)]),
            "none",
            "The client's own cache: `jvm` 30 s and 10 s for names that do not exist, `forever` until the end.",
        ),
        field(
            "addresses",
            Word(&["all", "first"]),
            "all",
            "Whether a connection that fails at one address of an answer is tried at the next; with `cache: jvm` `first`.",
        ),
        field(
            "missing",
            Word(&["refuse", "fail"]),
            "refuse",
            "A name or variable that the client does not have: refused here, or left to fail in the run.",
        ),
    ],
};

/// `resolver.cache` as an object.
pub(super) static CACHE: Shape = Shape {
    name: "cache",
    doc: "A cache of the client's own.",
    fields: &[
        required("ttl", Duration, "How long an address is used again."),
        field("negativeTtl", Duration, "0s", "How long it is remembered that there is none."),
        field("atMost", Bool, "false", "Whether the answer's own time to live counts where it is shorter."),
    ],
};

/// The key of traffics, calls and workloads.
pub(super) const RESOLVER_FIELD: Field =
    field("resolver", Object(&RESOLVER), "that of the cluster", "How the clients resolve names.");
