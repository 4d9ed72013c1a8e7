//! Metrics as objectives and expectations write them.

use super::super::metric::*;
use crate::cause::FailureCause;

fn names() -> MetricNames {
    MetricNames {
        traffics: vec!["t".into(), "browse".into()],
        calls: vec!["http://cart:8080/items".into(), "reviews".into(), "reviews".into()],
        services: vec![
            ("default".into(), "web".into()),
            ("shop".into(), "cart".into()),
            ("shop".into(), "cart".into()),
        ],
        workloads: vec![
            ("default".into(), "deployment".into(), "web".into(), 4),
            ("shop".into(), "deployment".into(), "cart".into(), 2),
        ],
    }
}

fn parse(text: &str) -> Metric {
    Metric::parse(text, &names()).unwrap_or_else(|bad| panic!("{text}: {bad:?}"))
}

#[test]
fn metrics_are_read() {
    use Quantity as Q;
    use Scope as On;
    use Statistic as S;
    let web = On::Workload(0);
    let longer = ServiceRange { over: 1_500_000_000, up_to: u64::MAX };
    let shorter = ServiceRange { over: 0, up_to: 2_000_000 };
    for (text, scope, quantity, statistic) in [
        ("t.latency.mean", On::Traffic(0), Q::Latency, S::Mean),
        ("browse.latency.p99", On::Traffic(1), Q::Latency, S::Quantile(0.99)),
        ("t.latency.p999", On::Traffic(0), Q::Latency, S::Quantile(0.999)),
        ("t.latency.p99.9", On::Traffic(0), Q::Latency, S::Quantile(0.999)),
        ("t.latency.p5", On::Traffic(0), Q::Latency, S::Quantile(0.05)),
        ("t.queueWait.positive", On::Traffic(0), Q::QueueWait, S::Positive),
        ("t.queueWait[served].mean", On::Traffic(0), Q::QueueWaitServed, S::Mean),
        ("t.queueWait.over(1s)", On::Traffic(0), Q::QueueWait, S::Over(1.0)),
        ("t.errors[queue_full].ratio", On::Traffic(0), Q::Errors(FailureCause::QueueFull), S::Ratio),
        ("t.errorRatio", On::Traffic(0), Q::ErrorRatio, S::Mean),
        ("t.throughput", On::Traffic(0), Q::Throughput, S::Mean),
        ("t.goodput.mean", On::Traffic(0), Q::Goodput, S::Mean),
        ("t.attempts.mean", On::Traffic(0), Q::Attempts, S::Mean),
        ("call/reviews.backOff.values", On::Call(1), Q::BackOff, S::Values),
        ("t.backOff[7].mean", On::Traffic(0), Q::BackOffBefore(7), S::Mean),
        ("deployment/web[0].requests", On::Pod(0, 0), Q::Requests, S::Mean),
        ("t.backOff[request].mean", On::Traffic(0), Q::BackOffOfRequest, S::Mean),
        ("t.clientShare.max", On::Traffic(0), Q::ClientShare, S::Max),
        ("t.slowdown.mean", On::Traffic(0), Q::Slowdown, S::Mean),
        ("t.latency.values", On::Traffic(0), Q::Latency, S::Values),
        ("t.latency[service over 1.5s].mean", On::Traffic(0), Q::LatencyOf(longer), S::Mean),
        ("call/reviews.slowdown[service upTo 2ms].p99", On::Call(1), Q::SlowdownOf(shorter), S::Quantile(0.99)),
        ("t.inSystem.at(5s)", On::Traffic(0), Q::InSystem, S::At(5.0)),
        ("t.service.cv2", On::Traffic(0), Q::Service, S::Cv2),
        ("deployment/web.inSystem.mean", web, Q::InSystem, S::Mean),
        ("deployment/web.inSystem.perPod", web, Q::InSystem, S::PerPod),
        ("deployment/web.inSystem.perPod.mean", web, Q::InSystem, S::PerPod),
        ("deployment/web.inSystem.perPod.atLeast(2)", web, Q::InSystem, S::AtLeast(2)),
        ("deployment/web.inSystem.perPod.p99", web, Q::InSystem, S::Quantile(0.99)),
        ("deployment/web.inSystem.atLeast(5)", web, Q::InSystem, S::AtLeast(5)),
        ("deployment/web[0].inSystem.mean", On::Pod(0, 0), Q::InSystem, S::Mean),
        ("deployment/web.inSystem.maxOverPods.mean", web, Q::InSystem, S::MaxOverPodsMean),
        ("deployment/web.inSystem.imbalance", web, Q::InSystem, S::Imbalance),
        ("deployment/web.queue.mean", web, Q::Queue, S::Mean),
        ("deployment/web.utilization", web, Q::Utilization, S::Mean),
        ("deployment/web.utilization.mean", web, Q::Utilization, S::Mean),
        ("shop/deployment/cart[1].share", On::Pod(1, 1), Q::Share, S::Mean),
        ("deployment/cart.queue.max", On::Workload(1), Q::Queue, S::Max),
        ("deployment/web[0].interarrival.cv2", On::Pod(0, 0), Q::Interarrival, S::Cv2),
        ("call/reviews.latency.mean", On::Call(1), Q::Latency, S::Mean),
        ("call/http://cart:8080/items.latency.p50", On::Call(0), Q::Latency, S::Quantile(0.5)),
        ("service/web.balance.max_over_mean", On::Service(0), Q::Balance(BalanceColumn::MaxOverMean), S::Mean),
        ("service/web.balance.jain.mean", On::Service(0), Q::Balance(BalanceColumn::Jain), S::Mean),
        ("service/shop/cart.connections.max", On::Service(1), Q::Connections, S::Max),
        ("service/cart.share.values", On::Service(1), Q::Share, S::Values),
        ("service/web.picks.sequence", On::Service(0), Q::Picks, S::Sequence),
    ] {
        assert_eq!(parse(text), Metric { scope, quantity, statistic, across: Across::Mean }, "{text}");
    }
}

#[test]
fn replications_may_be_summed_up_otherwise() {
    assert_eq!(parse("service/web.connections.max.acrossReplications(p95)").across, Across::Quantile(0.95));
    assert_eq!(parse("deployment/web[0].share.acrossReplications(sd)").across, Across::Sd);
    assert_eq!(parse("deployment/web[0].picks.acrossReplications(sd)").across, Across::Sd);
    let equals = parse("service/web.connections.max.acrossReplications(equals 3)");
    assert_eq!((equals.across, equals.dimension()), (Across::Equals(3.0), Dimension::Ratio));
}

#[test]
fn values_have_the_unit_of_what_is_asked() {
    for (text, dimension) in [
        ("t.latency.mean", Dimension::Seconds),
        ("t.latency.variance", Dimension::Number),
        ("t.latency.over(1s)", Dimension::Ratio),
        ("t.throughput", Dimension::PerSecond),
        ("deployment/web.inSystem.mean", Dimension::Number),
        ("deployment/web.inSystem.atLeast(1)", Dimension::Ratio),
        ("deployment/web.utilization", Dimension::Ratio),
    ] {
        assert_eq!(parse(text).dimension(), dimension, "{text}");
    }
}

#[test]
fn mistakes_name_what_there_is() {
    for (text, message, help) in [
        ("brwse.latency.p99", "no traffic is called `brwse`", "did you mean `browse`?"),
        ("t.latancy.p99", "unknown quantity `latancy`", "did you mean `latency`?"),
        (
            "t.latency",
            "`latency` needs a statistic",
            "`latency` has mean, variance, sd, cv2, min, pNN, max, positive, over(T), values",
        ),
        (
            "t.latency.meen",
            "unknown statistic `meen`",
            "did you mean `mean`? `latency` has mean, variance, sd, cv2, min, pNN, max, positive, over(T), values",
        ),
        ("t.latency.p100", "`p100` is not a quantile", "write p50, p99, p999 (99.9 %), min or max"),
        ("t.latency.p0", "`p0` is not a quantile", "write p50, p99, p999 (99.9 %), min or max"),
        ("t.errorRatio.p99", "`errorRatio` has no statistic `p99`", "`errorRatio` has mean"),
        (
            "t.utilization",
            "`utilization` is a quantity of a workload or a pod, not of a traffic",
            "of a traffic there are latency, latency[all], queueWait, queueWait[served], service, slowdown, attempts, backOff, backOff[request], lookup, dnsQueries, errors, errorRatio, inSystem, clientShare, interarrival, throughput, goodput",
        ),
        ("t.errors[queue_ful].ratio", "no failure cause is called `queue_ful`", "did you mean `queue_full`?"),
        ("t.errors.ratio", "`errors` needs a cause", "write for example errors[queue_full].ratio"),
        (
            "t.latency[service > 1s].mean",
            "`[service > 1s]` is not understood",
            "write [service over 10ms], [service upTo 1s] or [service over 10ms upTo 1s]",
        ),
        ("t.slowdown[service over 2s upTo 1s].mean", "no service time lies in `[service over 2s upTo 1s]`", ""),
        ("deployment/web[4].share", "deployment/web has no pod [4]", "it has 4 pods, counted from 0"),
        ("deployment/wep.queue.mean", "no workload `deployment/wep`", "did you mean `deployment/web`?"),
        ("service/wep.picks.sequence", "no service is called `wep`", "did you mean `service/web`?"),
        ("call/review.latency.mean", "no call is called `review`", "did you mean `call/reviews`?"),
        (
            "service/web.connections.max.acrossReplications(mode)",
            "`acrossReplications(mode)` is not understood",
            "write acrossReplications(p50), (p95), (sd) or (equals 3), and nothing after it",
        ),
        (
            "t",
            "a metric is SCOPE.QUANTITY.STATISTIC",
            "of a traffic there are latency, latency[all], queueWait, queueWait[served], service, slowdown, attempts, backOff, backOff[request], lookup, dnsQueries, errors, errorRatio, inSystem, clientShare, interarrival, throughput, goodput",
        ),
    ] {
        let bad = Metric::parse(text, &names()).expect_err(text);
        assert_eq!((bad.0.as_str(), bad.1.as_deref().unwrap_or("")), (message, help), "{text}");
    }
}

#[test]
fn what_is_no_metric_is_refused() {
    for text in [
        "",
        ".",
        "t.",
        "t..",
        "t.latency.",
        "t.latency.over()",
        "t.latency.over(1)",
        "t.latency.mean.mean",
        "deployment/web[.share",
        "t.errors[",
        "call/",
        "service/",
        "/.x",
        "deployment/web[0]",
        "t.latency.p99.9.9",
        "service/web.balance.mean",
        "t.queueWait[x].mean",
        "t.latency[service over 1s",
        "t.latency[service over 1].mean",
        "t.latency[service upTo 1s]",
        "t.queueWait[service upTo 1s].mean",
        "deployment/web.inSystem.perPod.at(5s)",
        "t.latency.perPod.p99",
        "t.backOff[7",
        "t.backOff[7x].mean",
        "t.backOff[7]",
        "t.backOff[-1].mean",
        "deployment/web.latency[service upTo 1s]",
    ] {
        assert!(Metric::parse(text, &names()).is_err(), "{text} was accepted");
    }
}
