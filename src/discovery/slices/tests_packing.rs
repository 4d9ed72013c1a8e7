//! The tables of Kubernetes' own tests of how endpoints are packed, carried over by hand (release 1.34):
//! `endpointslice/reconciler_test.go`.

use super::tests::ready;
use super::*;

/// Endpoints of one port.
fn of_port(port: u16, endpoints: impl IntoIterator<Item = u32>) -> Vec<Listed> {
    endpoints.into_iter().map(|endpoint| Listed { port, ..ready(endpoint, 0) }).collect()
}

fn all(count: u32) -> Vec<Listed> {
    of_port(80, 0..count)
}

/// Slices that hold what they are said to hold, however that came about.
fn existing(slices: Vec<Vec<Listed>>) -> Slices {
    Slices { slices, is_written: true }
}

struct Row {
    test: &'static str,
    before: Slices,
    wanted: Vec<Listed>,
    most: usize,
    sizes: Vec<usize>,
    /// Created, updated, deleted.
    writes: [usize; 3],
}

fn row(
    test: &'static str,
    before: Slices,
    wanted: Vec<Listed>,
    sizes: impl IntoIterator<Item = usize>,
    writes: [usize; 3],
) -> Row {
    Row { test, before, wanted, most: MOST_IN_A_SLICE, sizes: sizes.into_iter().collect(), writes }
}

/// Rows that begin with slices as the controller made them, or with none.
fn rows_from_scratch() -> Vec<Row> {
    let new = Slices::default;
    let by_name: Vec<Listed> = (0..300_u16).flat_map(|one| of_port(8080 + one % 5, [u32::from(one)])).collect();
    let not_ready = all(50).into_iter().map(|one| Listed { serving: !one.endpoint.is_multiple_of(3), ..one }).collect();
    let mut rows = vec![
        row("TestReconcile1EndpointSlice: no slices", new(), vec![], [], [1, 0, 0]),
        row("TestReconcile1EndpointSlice: the same placeholder", Slices::of(&[]), vec![], [], [0, 0, 0]),
        row("TestReconcile1EndpointSlicePublishNotReadyAddresses", new(), not_ready, [50], [1, 0, 0]),
        row("TestReconcileManyPods", new(), all(250), [100, 100, 50], [3, 0, 0]),
        row(
            "TestReconcileEndpointSlicesUpdating",
            Slices::of(&all(250)),
            of_port(81, 0..250),
            [100, 100, 50],
            [0, 3, 0],
        ),
        row("…ServicesReservedLabels", Slices::of(&all(250)), all(250), [100, 100, 50], [0, 0, 0]),
        row("TestReconcileEndpointSlicesNamedPorts", new(), by_name, [60; 5], [5, 0, 0]),
        row("TestReconcileEndpointSlicesMetrics: first", new(), all(20), [20], [1, 0, 0]),
        row("TestReconcileEndpointSlicesMetrics: then", Slices::of(&all(20)), all(10), [10], [0, 1, 0]),
        row("TestReconcileEndpointSlicesRecreation: owned", Slices::of(&all(1)), all(1), [1], [0, 0, 0]),
        row("TestReconcilerPodMissingNode: one goes", Slices::of(&all(2)), all(1), [1], [0, 1, 0]),
        row("TestReconcilerPodMissingNode: all go", Slices::of(&all(2)), vec![], [], [0, 1, 0]),
    ];
    for (most, sizes) in
        [(50, vec![50; 5]), (80, vec![80, 80, 80, 10]), (150, vec![150, 100]), (250, vec![250]), (500, vec![250])]
    {
        let writes = [sizes.len(), 0, 0];
        rows.push(Row { most, ..row("TestReconcileMaxEndpointsPerSlice", new(), all(250), sizes, writes) });
    }
    rows
}

/// Rows that begin with slices that are packed otherwise.
fn rows_from_others() -> Vec<Row> {
    let quarters = |count: u32| {
        let from = |first: usize| of_port(80, (first as u32..count - 4).step_by(4));
        existing(vec![from(1), from(3)])
    };
    let tenths = || existing((0..10).map(|slice| of_port(80, slice * 30..slice * 30 + 30)).collect());
    let changing = existing(vec![of_port(80, 0..80), of_port(80, 100..120)]);
    let mut changed = of_port(80, (0..80).chain(100..120).chain(200..215));
    for one in changed.iter_mut().take(100).step_by(10) {
        (one.ready, one.serving) = (false, false);
    }
    vec![
        row("…SomePreexisting", quarters(250), all(250), [89, 61, 100], [1, 1, 0]),
        row("…SomePreexistingWorseAllocation", quarters(300), all(300), [74, 74, 100, 52], [2, 0, 0]),
        row("…Recycling: nothing changed", tenths(), all(300), [30; 10], [0, 0, 0]),
        row("…Recycling: another port", tenths(), of_port(81, 0..300), [100; 3], [0, 3, 7]),
        row("…UpdatePacking", changing, changed, [95, 20], [0, 2, 0]),
    ]
}

#[test]
fn packing() {
    for row in rows_from_scratch().into_iter().chain(rows_from_others()) {
        let mut slices = row.before;
        let (written, Writes { created, updated, deleted }) = slices.reconcile_up_to(row.most, &row.wanted);
        let sizes: Vec<usize> = slices.slices.iter().map(Vec::len).collect();
        assert_eq!(sizes, row.sizes, "{}", row.test);
        assert_eq!([created, updated, deleted], row.writes, "{}", row.test);
        let changed = written.iter().filter(|written| **written).count();
        let of_empty = usize::from(row.sizes.is_empty() && created + updated > 0);
        assert_eq!(changed + of_empty, created + updated, "{}", row.test);
        let mut listed: Vec<u32> = slices.listed().map(|one| one.endpoint).collect();
        listed.sort_unstable();
        let mut wanted: Vec<u32> = row.wanted.iter().map(|one| one.endpoint).collect();
        wanted.sort_unstable();
        assert_eq!(listed, wanted, "{}", row.test);
        assert_eq!(slices.reconcile_up_to(row.most, &row.wanted).1, Writes::default(), "{}: once more", row.test);
    }
}
