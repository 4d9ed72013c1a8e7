//! `resolv.conf` as the kubelet writes it for a pod, and the names a resolver makes of one name.
//!
//! Sources: Kubernetes, "DNS for Services and Pods"; the kubelet's `network/dns`; KEP-2595 (limits of the search list);
//! resolv.conf(5) and the sources of glibc, musl and Go.

use crate::time::SimDuration;

/// `dnsPolicy` of a pod.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum DnsPolicy {
    /// Ask the cluster's DNS. The default, whatever its sibling's name says.
    #[default]
    ClusterFirst,
    /// The same, for pods on the node's network too.
    ClusterFirstWithHostNet,
    /// What the node has.
    Default,
    /// Only what `dnsConfig` says.
    None,
}

/// `dnsConfig` of a pod.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DnsConfig {
    /// `nameservers`.
    pub nameservers: Vec<String>,
    /// `searches`.
    pub searches: Vec<String>,
    /// `options`, some without a value.
    pub options: Vec<(String, Option<String>)>,
}

/// What decides about the names that a pod can ask for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PodDns {
    /// `dnsPolicy`.
    pub policy: DnsPolicy,
    /// `hostNetwork`.
    pub host_network: bool,
    /// `dnsConfig`.
    pub config: DnsConfig,
}

/// What the kubelet knows besides the pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterDns {
    /// Address of the Service `kube-dns`.
    pub address: String,
    /// `clusterDomain`.
    pub domain: String,
    /// The node's own file.
    pub host: ResolvConf,
}

/// A `resolv.conf`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ResolvConf {
    /// `nameserver` lines.
    pub nameservers: Vec<String>,
    /// The `search` line.
    pub search: Vec<String>,
    /// The `options` line.
    pub options: Vec<(String, Option<String>)>,
}

/// Most nameservers of a pod.
const NAMESERVERS: usize = 3;
/// Most search domains of a pod, and the longest they may be together (KEP-2595).
const SEARCHES: (usize, usize) = (32, 2048);

impl ResolvConf {
    /// The file that a pod of the namespace gets.
    #[must_use]
    pub fn of_pod(pod: &PodDns, namespace: &str, cluster: &ClusterDns) -> Self {
        let first = match pod.policy {
            DnsPolicy::ClusterFirst if pod.host_network => cluster.host.clone(),
            DnsPolicy::ClusterFirst | DnsPolicy::ClusterFirstWithHostNet => {
                let zone = &cluster.domain;
                let own = [format!("{namespace}.svc.{zone}"), format!("svc.{zone}"), zone.clone()];
                Self {
                    nameservers: vec![cluster.address.clone()],
                    search: own.into_iter().chain(cluster.host.search.iter().cloned()).collect(),
                    options: vec![("ndots".to_owned(), Some("5".to_owned()))],
                }
            }
            DnsPolicy::Default => cluster.host.clone(),
            DnsPolicy::None => Self::default(),
        };
        first.merged(&pod.config)
    }

    /// With `dnsConfig` merged in: lists are appended to without doubles, options replace those of their name.
    #[must_use]
    pub fn merged(mut self, config: &DnsConfig) -> Self {
        append(&mut self.nameservers, &config.nameservers);
        append(&mut self.search, &config.searches);
        for (name, value) in &config.options {
            match self.options.iter_mut().find(|(known, _)| known == name) {
                Some(known) => known.1.clone_from(value),
                None => self.options.push((name.clone(), value.clone())),
            }
        }
        self.nameservers.truncate(NAMESERVERS);
        self.search.truncate(SEARCHES.0);
        while self.search.iter().map(|domain| domain.len() + 1).sum::<usize>() > SEARCHES.1 + 1 {
            self.search.pop();
        }
        self
    }

    /// The file's text.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        if !self.search.is_empty() {
            text += &format!("search {}\n", self.search.join(" "));
        }
        for server in &self.nameservers {
            text += &format!("nameserver {server}\n");
        }
        if !self.options.is_empty() {
            let options = self.options.iter().map(|(name, value)| match value {
                Some(value) => format!("{name}:{value}"),
                None => name.clone(),
            });
            text += &format!("options {}\n", options.collect::<Vec<_>>().join(" "));
        }
        text
    }
}

fn append(list: &mut Vec<String>, more: &[String]) {
    for item in more {
        if !list.contains(item) {
            list.push(item.clone());
        }
    }
}

/// Whose resolver a client uses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Library {
    /// The GNU C library: most images, and the languages that call it.
    #[default]
    Glibc,
    /// musl: Alpine images.
    Musl,
    /// Go's own resolver.
    Go,
}

/// What the options line of a file means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Names with fewer dots are first looked for in the search domains.
    pub ndots: u32,
    /// How long an answer is waited for.
    pub timeout: SimDuration,
    /// How often each server is asked.
    pub attempts: u32,
    /// Whether lookups begin with the servers in turn.
    pub rotate: bool,
    /// Whether AAAA is asked only after the answer to A.
    pub single_request: bool,
    /// The same, from another source port.
    pub single_request_reopen: bool,
    /// Whether TCP is used.
    pub use_vc: bool,
}

impl Options {
    /// Reads an options line as a library does; what it does not know it skips.
    ///
    /// The defaults of all three are 1 dot, 5 s and 2 attempts. Their upper limits differ: glibc (`resolv.h`) 15 dots,
    /// 30 s, 5 attempts; musl 15, 60 s, 10; Go only the 15 dots.
    #[must_use]
    pub fn read(options: &[(String, Option<String>)], library: Library) -> Self {
        let (longest, most) = match library {
            Library::Glibc => (30, 5),
            Library::Musl => (60, 10),
            Library::Go => (u32::MAX, u32::MAX),
        };
        let mut read = Self {
            ndots: 1,
            timeout: SimDuration::from_secs(5),
            attempts: 2,
            rotate: false,
            single_request: false,
            single_request_reopen: false,
            use_vc: false,
        };
        for (name, value) in options {
            let number = value.as_deref().and_then(|value| value.parse::<u32>().ok());
            match (name.as_str(), number) {
                ("ndots", Some(number)) => read.ndots = number.min(15),
                ("timeout", Some(number)) => {
                    read.timeout = SimDuration::from_secs(u64::from(number.clamp(1, longest)));
                }
                ("attempts", Some(number)) => read.attempts = number.clamp(1, most),
                // musl asks all servers at once and knows none of the rest.
                _ if library == Library::Musl => {}
                ("rotate", _) => read.rotate = true,
                ("single-request", _) => read.single_request = true,
                ("single-request-reopen", _) => read.single_request_reopen = true,
                ("use-vc", _) => read.use_vc = true,
                _ => {}
            }
        }
        read
    }
}

/// The names that are asked for, in order, until one has an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidates {
    /// Absolute names, without the last dot.
    pub names: Vec<String>,
    /// Which of them is the name as it was given.
    pub as_given: Option<usize>,
}

/// What a resolver makes of a name: with the search domains where it has fewer dots than `ndots`, and as it is.
///
/// A name that ends in a dot is asked for as it is and not otherwise. With at least `ndots` dots the name comes first
/// as it is and then with the search domains; musl leaves those out.
#[must_use]
pub fn candidates(name: &str, search: &[String], ndots: u32, library: Library) -> Candidates {
    if let Some(absolute) = name.strip_suffix('.') {
        return Candidates { names: vec![absolute.to_owned()], as_given: Some(0) };
    }
    let dots = name.bytes().filter(|byte| *byte == b'.').count();
    let mut names: Vec<String> =
        search.iter().map(|domain| format!("{name}.{}", domain.trim_end_matches('.'))).collect();
    if dots < ndots as usize {
        names.push(name.to_owned());
        let last = names.len() - 1;
        return Candidates { names, as_given: Some(last) };
    }
    if library == Library::Musl {
        names.clear();
    }
    names.insert(0, name.to_owned());
    Candidates { names, as_given: Some(0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cluster(host_search: &[&str]) -> ClusterDns {
        ClusterDns {
            address: "10.96.0.10".to_owned(),
            domain: "cluster.local".to_owned(),
            host: ResolvConf {
                nameservers: vec!["192.0.2.53".to_owned()],
                search: host_search.iter().map(|domain| (*domain).to_owned()).collect(),
                options: vec![("timeout".to_owned(), Some("2".to_owned()))],
            },
        }
    }

    fn option(name: &str, value: Option<&str>) -> (String, Option<String>) {
        (name.to_owned(), value.map(str::to_owned))
    }

    #[test]
    fn cluster_first_is_the_default_and_asks_the_cluster() {
        let text = ResolvConf::of_pod(&PodDns::default(), "front", &cluster(&["corp.example"])).text();
        assert_eq!(
            text,
            "search front.svc.cluster.local svc.cluster.local cluster.local corp.example\nnameserver 10.96.0.10\noptions ndots:5\n"
        );
    }

    #[test]
    fn a_pod_on_the_host_s_network_has_the_host_s_file_unless_it_says_otherwise() {
        let mut pod = PodDns { host_network: true, ..PodDns::default() };
        let host = cluster(&["corp.example"]);
        assert_eq!(ResolvConf::of_pod(&pod, "front", &host), host.host);
        pod.policy = DnsPolicy::ClusterFirstWithHostNet;
        assert_eq!(ResolvConf::of_pod(&pod, "front", &host).nameservers, ["10.96.0.10"]);
        pod = PodDns { policy: DnsPolicy::Default, ..PodDns::default() };
        assert_eq!(ResolvConf::of_pod(&pod, "front", &host), host.host);
    }

    #[test]
    fn dns_config_is_merged_in() {
        let config = DnsConfig {
            nameservers: vec!["10.96.0.10".to_owned(), "192.0.2.1".to_owned()],
            searches: vec!["svc.cluster.local".to_owned(), "extra.example".to_owned()],
            options: vec![option("ndots", Some("2")), option("single-request-reopen", None)],
        };
        let pod = PodDns { config, ..PodDns::default() };
        let file = ResolvConf::of_pod(&pod, "front", &cluster(&[]));
        assert_eq!(file.nameservers, ["10.96.0.10", "192.0.2.1"]);
        assert_eq!(file.search, ["front.svc.cluster.local", "svc.cluster.local", "cluster.local", "extra.example"]);
        assert_eq!(file.options, [option("ndots", Some("2")), option("single-request-reopen", None)]);
        let alone = PodDns { policy: DnsPolicy::None, ..pod };
        assert_eq!(ResolvConf::of_pod(&alone, "front", &cluster(&[])).search, ["svc.cluster.local", "extra.example"]);
    }

    #[test]
    fn lists_are_cut_at_their_limits() {
        let long = DnsConfig {
            nameservers: (0..5).map(|n| format!("192.0.2.{n}")).collect(),
            searches: (0..40).map(|n| format!("d{n}.example")).collect(),
            options: Vec::new(),
        };
        let file = ResolvConf::default().merged(&long);
        assert_eq!((file.nameservers.len(), file.search.len()), (3, 32));
        let wide = DnsConfig { searches: (0..20).map(|n| format!("{n:0200}")).collect(), ..DnsConfig::default() };
        let file = ResolvConf::default().merged(&wide);
        // Ten of 200 characters and the blanks between them are 2,009; an eleventh would be too much.
        assert_eq!(file.search.len(), 10);
    }

    #[test]
    fn libraries_read_options_within_their_limits() {
        let line = [option("ndots", Some("99")), option("timeout", Some("90")), option("attempts", Some("99"))];
        let read = |library| {
            let options = Options::read(&line, library);
            (options.ndots, options.timeout.as_secs_f64(), options.attempts)
        };
        assert_eq!(read(Library::Glibc), (15, 30.0, 5));
        assert_eq!(read(Library::Musl), (15, 60.0, 10));
        assert_eq!(read(Library::Go), (15, 90.0, 99));
        let words = [option("rotate", None), option("use-vc", None), option("edns0", None)];
        assert!(Options::read(&words, Library::Glibc).use_vc && !Options::read(&words, Library::Musl).use_vc);
        assert_eq!(Options::read(&[], Library::Go).ndots, 1);
    }

    #[test]
    fn names_are_completed_by_their_dots() {
        let search: Vec<String> = ["front.svc.cluster.local", "svc.cluster.local"].map(str::to_owned).to_vec();
        let of = |name, ndots, library| {
            let found = candidates(name, &search, ndots, library);
            (found.names, found.as_given)
        };
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let searched = names(&["a.b.front.svc.cluster.local", "a.b.svc.cluster.local", "a.b"]);
        assert_eq!(of("a.b", 5, Library::Musl), (searched.clone(), Some(2)));
        let mut first = searched;
        first.rotate_right(1);
        assert_eq!(of("a.b", 1, Library::Go), (first, Some(0)));
        assert_eq!(of("a.b", 1, Library::Musl), (names(&["a.b"]), Some(0)));
        assert_eq!(of("a.b.", 5, Library::Glibc), (names(&["a.b"]), Some(0)));
    }
}
