//! Rules that no recording ran long enough to show, and what the table forgets.

use super::*;

fn spec(scheduler: Kind, persistence: Option<u64>) -> Spec {
    Spec {
        address: "10.96.0.1:80".parse().expect("an address"),
        scheduler,
        flags: Flags::default(),
        persistence: persistence
            .map(|seconds| Persistence { timeout: SimDuration::from_secs(seconds), netmask: u32::MAX }),
        one_packet: false,
    }
}

fn with_servers(settings: Settings, spec: Spec, thresholds: (u32, u32)) -> Ipvs {
    let mut ipvs = Ipvs::new(settings);
    let service = ipvs.add_service(spec);
    for host in 1..=3 {
        let address = format!("10.0.0.{host}:80").parse().expect("an address");
        ipvs.add_server(service, address, 1, thresholds);
    }
    ipvs
}

fn seconds(seconds: u64) -> SimTime {
    SimTime::ZERO + SimDuration::from_secs(seconds)
}

const fn client(address: u32) -> Client {
    Client { address, port: None }
}

fn server(opened: Opened) -> (u32, Handle) {
    match opened {
        Opened::To { server, entry, .. } => (server, entry),
        other => panic!("{other:?} is no server"),
    }
}

#[test]
fn closed_connections_count_until_their_time_is_over() {
    let mut ipvs = with_servers(Settings::KUBE_PROXY, spec(Kind::Lc, None), (0, 0));
    let (first, entry) = server(ipvs.open(0, client(1)));
    ipvs.close(entry, Closing::ByClient);
    ipvs.advance(seconds(119));
    assert_eq!((ipvs.servers(0)[first].inactive, ipvs.entries()), (1, 1));
    ipvs.advance(seconds(120));
    assert_eq!((ipvs.servers(0)[first].inactive, ipvs.entries()), (0, 0));
}

#[test]
fn packets_keep_a_connection_and_silence_of_a_quarter_of_an_hour_ends_it() {
    let mut ipvs = with_servers(Settings::KUBE_PROXY, spec(Kind::Rr, None), (0, 0));
    let (_, entry) = server(ipvs.open(0, client(1)));
    ipvs.advance(seconds(600));
    assert!(ipvs.packet(entry));
    ipvs.advance(seconds(1_499));
    assert_eq!(ipvs.entries(), 1);
    ipvs.advance(seconds(1_500));
    assert!(!ipvs.packet(entry) && ipvs.entries() == 0);
}

#[test]
fn an_overloaded_server_takes_connections_again_when_enough_have_left() {
    let mut ipvs = with_servers(Settings::KERNEL, spec(Kind::Fo, None), (4, 2));
    let entries: Vec<(u32, Handle)> = (0..5).map(|host| server(ipvs.open(0, client(host)))).collect();
    let first = entries[0].0;
    assert!(entries[..4].iter().all(|(server, _)| *server == first) && entries[4].0 != first);
    for (_, entry) in &entries[..2] {
        ipvs.close(*entry, Closing::Reset);
    }
    ipvs.advance(seconds(10));
    assert!(ipvs.servers(0)[first].overloaded, "two are not fewer than two");
    ipvs.close(entries[2].1, Closing::Reset);
    ipvs.advance(seconds(20));
    assert!(!ipvs.servers(0)[first].overloaded);
    assert_eq!(server(ipvs.open(0, client(9))).0, first);
}

#[test]
fn a_deleted_server_is_gone_with_its_connections_and_clients() {
    let mut ipvs = with_servers(Settings::KUBE_PROXY, spec(Kind::Rr, Some(10_800)), (0, 0));
    let (first, entry) = server(ipvs.open(0, client(1)));
    assert_eq!(server(ipvs.open(0, client(1))).0, first);
    ipvs.delete_server(0, first);
    assert_eq!(ipvs.entries(), 0);
    assert!(!ipvs.packet(entry));
    assert_ne!(server(ipvs.open(0, client(1))).0, first);
}

#[test]
fn a_template_that_outlived_its_time_has_a_timeout_of_a_minute_for_ever() {
    let mut ipvs = with_servers(Settings::KUBE_PROXY, spec(Kind::Rr, Some(80)), (0, 0));
    let (first, held) = server(ipvs.open(0, client(1)));
    // Over at 80 s, but the connection is still open: it lives on until 140 s.
    ipvs.advance(seconds(100));
    let (second, entry) = server(ipvs.open(0, client(1)));
    assert_eq!(first, second);
    ipvs.close(held, Closing::Reset);
    ipvs.close(entry, Closing::Reset);
    ipvs.advance(seconds(159));
    assert_eq!(ipvs.entries(), 1);
    ipvs.advance(seconds(160));
    assert_eq!(ipvs.entries(), 0, "not at 180 s");
    assert_ne!(server(ipvs.open(0, client(1))).0, first);
}
