//! NetworkPolicies: which connections reach a pod.
//!
//! A pod that no policy selects takes and opens every connection. One that is selected takes what some rule lets in, and
//! opens what some rule lets out; both ends must agree. What is not let through is dropped: whoever connects gets no
//! answer. Source: Kubernetes, "Network Policies".

use crate::manifest::{NetworkPolicyObject, Peer, PolicyPort, PolicyRule, Selector};

/// The policies, and the labels that they go by.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NetworkPolicies {
    /// The policies of all namespaces.
    pub policies: Vec<NetworkPolicyObject>,
    /// Namespace and labels of the pods of each workload.
    pub pods: Vec<(String, Vec<(String, String)>)>,
    /// Labels of namespaces.
    pub namespaces: Vec<(String, Vec<(String, String)>)>,
}

/// Who opens a connection.
#[derive(Debug, Clone, Copy)]
pub enum From {
    /// A pod of a workload.
    Workload(usize),
    /// A client or proxy that is no pod, by its address.
    Address(u32),
}

impl NetworkPolicies {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.policies.is_empty()
    }

    /// Whether a connection to a port of a workload's pods is dropped.
    #[must_use]
    pub fn drops(&self, from: From, to: usize, (port, name): (u16, Option<&str>)) -> bool {
        if self.is_empty() || to >= self.pods.len() {
            return false;
        }
        let lets_in = self.agree(
            to,
            |policy| policy.ingress.as_deref(),
            |peer, space| self.is_peer(peer, space, from),
            (port, name),
        );
        let lets_out = match from {
            From::Workload(own) => {
                let far = From::Workload(to);
                self.agree(
                    own,
                    |policy| policy.egress.as_deref(),
                    |peer, space| self.is_peer(peer, space, far),
                    (port, name),
                )
            }
            From::Address(_) => true,
        };
        !(lets_in && lets_out)
    }

    /// The same of a connection to a pod that has the network of its node: to policies it is the node's address.
    #[must_use]
    pub fn drops_to_node(&self, from: From, node: u32, port: (u16, Option<&str>)) -> bool {
        let From::Workload(own) = from else { return false };
        let far = From::Address(node);
        !self.agree(own, |policy| policy.egress.as_deref(), |peer, space| self.is_peer(peer, space, far), port)
    }

    /// Whether the policies that select a pod let a connection through in one direction.
    fn agree(
        &self,
        own: usize,
        rules: impl Fn(&NetworkPolicyObject) -> Option<&[PolicyRule]>,
        is_peer: impl Fn(&Peer, &str) -> bool,
        (port, name): (u16, Option<&str>),
    ) -> bool {
        let (namespace, labels) = &self.pods[own];
        let selecting = || {
            let own =
                self.policies.iter().filter(|policy| policy.namespace == *namespace && selects(&policy.pods, labels));
            own.filter_map(|policy| Some((policy, rules(policy)?)))
        };
        let has_port = |wanted: &PolicyPort| match wanted {
            PolicyPort::Numbers(first, last) => (*first..=*last).contains(&port),
            PolicyPort::Name(wanted) => name == Some(wanted.as_str()),
            PolicyPort::Other => false,
        };
        let mut all = selecting().peekable();
        all.peek().is_none()
            || all.any(|(policy, rules)| {
                rules.iter().any(|rule| {
                    let peers = rule.peers.is_empty() || rule.peers.iter().any(|peer| is_peer(peer, &policy.namespace));
                    peers && (rule.ports.is_empty() || rule.ports.iter().any(has_port))
                })
            })
    }

    /// Whether one end is among the peers of a policy in a namespace. Ranges of addresses are meant for what is outside.
    fn is_peer(&self, peer: &Peer, policy_namespace: &str, end: From) -> bool {
        match (peer, end) {
            (Peer::Pods { namespaces, pods }, From::Workload(workload)) => {
                let (namespace, labels) = &self.pods[workload];
                let in_space = match namespaces {
                    None => namespace == policy_namespace,
                    Some(selector) => selects(selector, &self.labels_of(namespace)),
                };
                in_space && pods.as_ref().is_none_or(|selector| selects(selector, labels))
            }
            (Peer::Block(block), From::Address(address)) => {
                let holds = |(first, length): (u32, u8)| {
                    let mask = u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0);
                    address & mask == first & mask
                };
                holds(block.cidr) && !block.except.iter().any(|range| holds(*range))
            }
            _ => false,
        }
    }

    /// Labels of a namespace, its name among them, as the API server gives it to every one.
    fn labels_of(&self, namespace: &str) -> Vec<(String, String)> {
        let own = self.namespaces.iter().find(|(name, _)| name == namespace);
        let mut labels = own.map_or_else(Vec::new, |(_, labels)| labels.clone());
        labels.push(("kubernetes.io/metadata.name".to_owned(), namespace.to_owned()));
        labels
    }
}

fn selects(selector: &Selector, labels: &[(String, String)]) -> bool {
    selector.requirements.iter().all(|requirement| {
        let value = labels.iter().find(|(key, _)| *key == requirement.key).map(|(_, value)| value);
        let is_met = value.is_some_and(|value| requirement.values.is_empty() || requirement.values.contains(value));
        is_met == requirement.wanted
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::{Block, Requirement};

    fn labels(text: &str) -> Vec<(String, String)> {
        let pair = |pair: &str| pair.split_once('=').map(|(key, value)| (key.to_owned(), value.to_owned()));
        text.split(',').filter_map(pair).collect()
    }

    fn selector(text: &str) -> Selector {
        let requirement = |(key, value)| Requirement { key, values: vec![value], wanted: true };
        Selector { requirements: labels(text).into_iter().map(requirement).collect() }
    }

    fn rule(peers: Vec<Peer>, ports: Vec<PolicyPort>) -> PolicyRule {
        PolicyRule { peers, ports }
    }

    fn pods(text: &str) -> Peer {
        Peer::Pods { namespaces: None, pods: Some(selector(text)) }
    }

    /// 0: web, 1: db, 2: client in `default`; 3: client in `other`, which has the label team=red.
    fn with(ingress: Option<Vec<PolicyRule>>, egress: Option<Vec<PolicyRule>>) -> NetworkPolicies {
        let policy = NetworkPolicyObject {
            namespace: "default".to_owned(),
            name: "p".to_owned(),
            pods: selector("app=web"),
            ingress,
            egress,
        };
        let pod = |namespace: &str, text: &str| (namespace.to_owned(), labels(text));
        NetworkPolicies {
            policies: vec![policy],
            pods: vec![
                pod("default", "app=web"),
                pod("default", "app=db"),
                pod("default", "app=client"),
                pod("other", "app=client"),
            ],
            namespaces: vec![("other".to_owned(), labels("team=red"))],
        }
    }

    const HTTP: (u16, Option<&str>) = (80, Some("http"));

    #[test]
    fn only_selected_pods_are_guarded() {
        let none = with(Some(vec![]), None);
        assert!(none.drops(From::Workload(2), 0, HTTP) && none.drops(From::Address(7), 0, HTTP));
        assert!(!none.drops(From::Workload(2), 1, HTTP), "db is not selected");
        assert!(!none.drops(From::Workload(0), 1, HTTP), "nothing is said of what web opens");
        let all = with(Some(vec![rule(vec![], vec![])]), None);
        assert!(!all.drops(From::Workload(3), 0, HTTP) && !all.drops(From::Address(7), 0, HTTP));
    }

    #[test]
    fn peers_are_of_the_policy_s_namespace_unless_it_names_others() {
        let near = with(Some(vec![rule(vec![pods("app=client")], vec![])]), None);
        assert!(!near.drops(From::Workload(2), 0, HTTP) && near.drops(From::Workload(3), 0, HTTP));
        assert!(near.drops(From::Workload(1), 0, HTTP) && near.drops(From::Address(7), 0, HTTP));
        let by_name = Peer::Pods { namespaces: Some(selector("kubernetes.io/metadata.name=other")), pods: None };
        let by_label = Peer::Pods { namespaces: Some(selector("team=red")), pods: Some(selector("app=client")) };
        for peer in [by_name, by_label] {
            let far = with(Some(vec![rule(vec![peer], vec![])]), None);
            assert!(far.drops(From::Workload(2), 0, HTTP) && !far.drops(From::Workload(3), 0, HTTP));
        }
    }

    #[test]
    fn ports_by_number_range_and_name() {
        let drops =
            |ports: Vec<PolicyPort>| with(Some(vec![rule(vec![], ports)]), None).drops(From::Workload(2), 0, HTTP);
        assert!(!drops(vec![PolicyPort::Numbers(80, 80)]) && !drops(vec![PolicyPort::Numbers(1, 100)]));
        assert!(!drops(vec![PolicyPort::Name("http".to_owned())]));
        assert!(drops(vec![PolicyPort::Numbers(81, 90)]) && drops(vec![PolicyPort::Other]));
        assert!(!drops(vec![PolicyPort::Other, PolicyPort::Numbers(80, 80)]));
    }

    #[test]
    fn both_ends_must_agree() {
        let out = with(None, Some(vec![rule(vec![pods("app=db")], vec![])]));
        assert!(!out.drops(From::Workload(0), 1, HTTP) && out.drops(From::Workload(0), 2, HTTP));
        assert!(!out.drops(From::Workload(2), 0, HTTP));
        let mut both = with(None, Some(vec![rule(vec![], vec![])]));
        both.policies.push(NetworkPolicyObject {
            pods: selector("app=db"),
            egress: None,
            ingress: Some(vec![]),
            ..both.policies[0].clone()
        });
        assert!(both.drops(From::Workload(0), 1, HTTP));
        // Rules add up: another policy that lets it in is enough.
        both.policies.push(NetworkPolicyObject {
            pods: selector("app=db"),
            egress: None,
            ingress: Some(vec![rule(vec![], vec![])]),
            ..both.policies[0].clone()
        });
        assert!(!both.drops(From::Workload(0), 1, HTTP));
    }

    #[test]
    fn blocks_are_for_those_outside() {
        let block = Peer::Block(Block { cidr: (0x0a00_0000, 8), except: vec![(0x0a01_0000, 16)] });
        let outside = with(Some(vec![rule(vec![block], vec![])]), None);
        assert!(!outside.drops(From::Address(0x0a02_0001), 0, HTTP));
        assert!(
            outside.drops(From::Address(0x0a01_0001), 0, HTTP) && outside.drops(From::Address(0x0b00_0001), 0, HTTP)
        );
        assert!(outside.drops(From::Workload(2), 0, HTTP));
    }

    #[test]
    fn expressions() {
        let of = |values: &[&str], wanted| Selector {
            requirements: vec![Requirement {
                key: "a".to_owned(),
                values: values.iter().map(|value| (*value).to_owned()).collect(),
                wanted,
            }],
        };
        assert!(selects(&of(&["1", "2"], true), &labels("a=2")) && !selects(&of(&["1", "2"], true), &labels("a=3")));
        // NotIn and DoesNotExist are met by pods without the label.
        assert!(selects(&of(&["1"], false), &labels("b=1")) && !selects(&of(&["1"], false), &labels("a=1")));
        assert!(selects(&of(&[], true), &labels("a=9")) && selects(&of(&[], false), &labels("b=9")));
    }
}
