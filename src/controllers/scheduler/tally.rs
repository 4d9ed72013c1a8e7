//! Counts of pods by domain, kept up as pods come and go, for what looks at other pods: spreading and pod affinity.

use std::collections::BTreeMap;

use super::spec::{HOSTNAME, NodeSpec, PodSpec, SpreadConstraint, Term, default_spread};

/// The domains of a label: the number of each node's.
#[derive(Debug, Clone)]
struct Key {
    name: String,
    domain_of: Vec<Option<u32>>,
    count: usize,
}

/// Pods counted by domain.
#[derive(Debug, Clone)]
struct Tally {
    key: usize,
    counts: Vec<u32>,
    total: u32,
    /// Whether pods on a node count, where not all do.
    mask: Option<Vec<bool>>,
    /// Nodes that count, by domain.
    nodes: Vec<u32>,
}

impl Tally {
    fn change(&mut self, keys: &[Key], node: usize, by: i64) {
        if self.mask.as_ref().is_some_and(|mask| !mask[node]) {
            return;
        }
        if let Some(domain) = keys[self.key].domain_of[node] {
            let count = &mut self.counts[domain as usize];
            *count = u32::try_from(i64::from(*count) + by).expect("a pod that goes has come");
            self.total = u32::try_from(i64::from(self.total) + by).expect("a pod that goes has come");
        }
    }
}

/// A constraint on how pods of a kind are spread, with its counts.
#[derive(Debug, Clone)]
pub(super) struct Spread {
    pub(super) constraint: SpreadConstraint,
    tally: usize,
    /// Whether the pod itself counts.
    pub(super) counts_itself: bool,
}

/// A term of pod affinity: the pods it means, and the pods that have it.
#[derive(Debug, Clone)]
struct Pair {
    /// The kind that states it.
    owner: usize,
    role: Role,
    term: Vec<Term>,
    /// Pods that are meant.
    meant: usize,
    /// Pods that state it.
    holders: usize,
}

/// What a term is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Near,
    Apart,
    Preferred(i64),
}

/// Which counts matter for pods of a kind, by what is made of them.
#[derive(Debug, Clone, Default)]
struct Relations {
    /// Pods that must be near.
    near: Vec<usize>,
    /// Whether all that must be near are meant to be of its own kind, too.
    is_near_itself: bool,
    /// Pods that must not be near.
    apart: Vec<usize>,
    /// Pods that do not want it near.
    refused: Vec<usize>,
    /// Pods that make a node better or worse, and by how much.
    wishes: Vec<(usize, i64)>,
}

/// All counts.
#[derive(Debug, Clone, Default)]
pub(super) struct Tallies {
    keys: Vec<Key>,
    tallies: Vec<Tally>,
    /// By kind.
    spreads: Vec<Vec<Spread>>,
    pairs: Vec<Pair>,
    /// The tallies in which pods of a kind count: those that leave out deleted pods, and the others.
    living: Vec<Vec<usize>>,
    all: Vec<Vec<usize>>,
    relations: Vec<Relations>,
    /// Where pods of each kind are: all, and those not deleted.
    placed: Vec<BTreeMap<usize, (u32, u32)>>,
}

/// What holds for a pod of one kind, whatever the node.
#[derive(Debug)]
pub(super) struct View {
    /// The least count over domains, for each hard constraint in order.
    least: Vec<u32>,
    /// Whether no pod is there that its required affinity means, and the pod itself is meant.
    pub(super) begins_group: bool,
}

type Nodes<'n> = (&'n [NodeSpec], &'n [bool]);

impl Tallies {
    fn key(&mut self, name: &str, nodes: &[NodeSpec]) -> usize {
        if let Some(known) = self.keys.iter().position(|key| key.name == name) {
            return known;
        }
        let mut domains: BTreeMap<&str, u32> = BTreeMap::new();
        let number = |node: &'_ NodeSpec| node.domain(name).map(str::to_owned);
        let values: Vec<Option<String>> = nodes.iter().map(number).collect();
        let mut domain_of = Vec::with_capacity(nodes.len());
        for value in &values {
            let next = u32::try_from(domains.len()).expect("nodes are counted by 32 bits");
            domain_of.push(value.as_deref().map(|value| *domains.entry(value).or_insert(next)));
        }
        self.keys.push(Key { name: name.to_owned(), domain_of, count: domains.len() });
        self.keys.len() - 1
    }

    fn tally(&mut self, key: &str, mask: Option<Vec<bool>>, (nodes, present): Nodes<'_>) -> usize {
        let key = self.key(key, nodes);
        let domains = self.keys[key].count;
        let mut tally = Tally { key, counts: vec![0; domains], total: 0, mask, nodes: vec![0; domains] };
        count_nodes(&mut tally, &self.keys[key], present);
        self.tallies.push(tally);
        self.tallies.len() - 1
    }

    /// The last of the kinds is new.
    pub(super) fn add_kind(&mut self, kinds: &[PodSpec], nodes: Nodes<'_>) {
        let (own, pod) = (kinds.len() - 1, &kinds[kinds.len() - 1]);
        self.placed.push(BTreeMap::new());
        self.living.push(Vec::new());
        self.all.push(Vec::new());
        self.relations.push(Relations { is_near_itself: true, ..Relations::default() });
        // What others count.
        for (other, (spreads, spec)) in self.spreads.iter().zip(kinds).enumerate() {
            for spread in spreads {
                if is_counted(&spread.constraint, (other, spec), (own, pod)) {
                    self.living[own].push(spread.tally);
                }
            }
        }
        for pair in &self.pairs {
            if pair.term.iter().all(|term| term.means(&kinds[pair.owner].namespace, pod)) {
                self.all[own].push(pair.meant);
                self.relations[own].is_meant_by(pair);
            }
        }
        self.add_spreads(kinds, nodes);
        self.add_pairs(kinds, nodes);
    }

    fn add_spreads(&mut self, kinds: &[PodSpec], nodes: Nodes<'_>) {
        let (own, pod) = (kinds.len() - 1, &kinds[kinds.len() - 1]);
        let (constraints, by_default) = match &pod.spread[..] {
            [] if pod.is_spread_by_default => (default_spread(), true),
            stated => (stated.to_vec(), false),
        };
        let mut spreads = Vec::new();
        for constraint in &constraints {
            // A node counts only if it has all labels that constraints of this sort ask for.
            let alike = |other: &&SpreadConstraint| other.is_hard == constraint.is_hard;
            let complete = |node: &NodeSpec| {
                by_default || constraints.iter().filter(alike).all(|other| node.domain(&other.key).is_some())
            };
            let mask: Vec<bool> = nodes.0.iter().map(|node| complete(node) && constraint.counts(pod, node)).collect();
            let mask = mask.contains(&false).then_some(mask);
            let tally = self.tally(&constraint.key, mask, nodes);
            for (other, spec) in kinds.iter().enumerate() {
                if is_counted(constraint, (own, pod), (other, spec)) {
                    self.living[other].push(tally);
                    self.count_placed(tally, other, false);
                }
            }
            let counts_itself = is_counted(constraint, (own, pod), (own, pod));
            spreads.push(Spread { constraint: constraint.clone(), tally, counts_itself });
        }
        self.spreads.push(spreads);
    }

    fn add_pairs(&mut self, kinds: &[PodSpec], nodes: Nodes<'_>) {
        let (own, pod) = (kinds.len() - 1, &kinds[kinds.len() - 1]);
        let affinity = &pod.pod_affinity;
        // Required affinity counts pods that all its terms mean, each term in its own domains.
        let near = affinity.near.iter().enumerate().map(|(first, _)| {
            let mut terms = affinity.near.clone();
            terms.swap(0, first);
            (Role::Near, terms)
        });
        let apart = affinity.apart.iter().map(|term| (Role::Apart, vec![term.clone()]));
        let preferred = affinity.preferred.iter().map(|(weight, term)| (Role::Preferred(*weight), vec![term.clone()]));
        for (role, term) in near.chain(apart).chain(preferred).collect::<Vec<_>>() {
            let (meant, holders) = (self.tally(&term[0].key, None, nodes), self.tally(&term[0].key, None, nodes));
            let pair = Pair { owner: own, role, term, meant, holders };
            self.relations[own].states(&pair, pod);
            for (other, spec) in kinds.iter().enumerate() {
                if pair.term.iter().all(|term| term.means(&pod.namespace, spec)) {
                    self.all[other].push(meant);
                    self.count_placed(meant, other, true);
                    self.relations[other].is_meant_by(&pair);
                }
            }
            self.all[own].push(holders);
            self.pairs.push(pair);
        }
    }

    /// Counts the pods of a kind that are there already.
    fn count_placed(&mut self, tally: usize, kind: usize, deleted_too: bool) {
        for (node, (all, living)) in &self.placed[kind] {
            let count = if deleted_too { *all } else { *living };
            self.tallies[tally].change(&self.keys, *node, i64::from(count));
        }
    }

    /// Nodes came, went or changed what counts there.
    pub(super) fn recount(&mut self, kinds: &[PodSpec], nodes: Nodes<'_>) {
        for tally in &mut self.tallies {
            count_nodes(tally, &self.keys[tally.key], nodes.1);
        }
        for kind in 0..kinds.len() {
            for index in 0..self.spreads[kind].len() {
                let Spread { constraint, tally, .. } = self.spreads[kind][index].clone();
                if constraint.honors_taints {
                    let alike = |other: &&SpreadConstraint| other.is_hard == constraint.is_hard;
                    let complete = |node: &NodeSpec| {
                        kinds[kind].spread.iter().filter(alike).all(|other| node.domain(&other.key).is_some())
                    };
                    let counts = |node: &NodeSpec| complete(node) && constraint.counts(&kinds[kind], node);
                    self.tallies[tally].mask = Some(nodes.0.iter().map(counts).collect());
                    self.tallies[tally].counts.fill(0);
                    self.tallies[tally].total = 0;
                    let key = self.tallies[tally].key;
                    count_nodes(&mut self.tallies[tally], &self.keys[key], nodes.1);
                    for other in
                        (0..kinds.len()).filter(|other| self.living[*other].contains(&tally)).collect::<Vec<_>>()
                    {
                        self.count_placed(tally, other, false);
                    }
                }
            }
        }
    }

    pub(super) fn bind(&mut self, kind: usize, node: usize) {
        let there = self.placed[kind].entry(node).or_default();
        *there = (there.0 + 1, there.1 + 1);
        for tally in self.living[kind].iter().chain(&self.all[kind]) {
            self.tallies[*tally].change(&self.keys, node, 1);
        }
    }

    pub(super) fn terminate(&mut self, kind: usize, node: usize) {
        self.placed[kind].entry(node).or_default().1 -= 1;
        for tally in &self.living[kind] {
            self.tallies[*tally].change(&self.keys, node, -1);
        }
    }

    pub(super) fn release(&mut self, kind: usize, node: usize) {
        let there = self.placed[kind].entry(node).or_default();
        there.0 -= 1;
        if there.0 == 0 {
            self.placed[kind].remove(&node);
        }
        for tally in &self.all[kind] {
            self.tallies[*tally].change(&self.keys, node, -1);
        }
    }

    pub(super) fn view(&self, kind: usize) -> View {
        let least = self.spreads[kind].iter().filter(|spread| spread.constraint.is_hard).map(|spread| {
            let tally = &self.tallies[spread.tally];
            let domains = tally.nodes.iter().filter(|nodes| **nodes > 0).count();
            let with_nodes = tally.counts.iter().zip(&tally.nodes).filter(|(_, nodes)| **nodes > 0);
            match with_nodes.map(|(count, _)| *count).min() {
                Some(least) if domains >= spread.constraint.min_domains as usize => least,
                _ => 0,
            }
        });
        let relations = &self.relations[kind];
        let begins_group =
            relations.is_near_itself && relations.near.iter().all(|meant| self.tallies[*meant].total == 0);
        View { least: least.collect(), begins_group }
    }

    /// Whether the hard constraints of a kind let a pod go to a node; a missing label is told apart.
    pub(super) fn spreads(&self, kind: usize, node: usize, view: &View) -> Result<(), bool> {
        let hard = self.spreads[kind].iter().filter(|spread| spread.constraint.is_hard);
        for (spread, least) in hard.zip(&view.least) {
            let tally = &self.tallies[spread.tally];
            let Some(domain) = self.keys[tally.key].domain_of[node] else { return Err(true) };
            let there = tally.counts[domain as usize] + u32::from(spread.counts_itself);
            if there.saturating_sub(*least) > spread.constraint.max_skew {
                return Err(false);
            }
        }
        Ok(())
    }

    /// Whether required affinity to pods lets a pod go to a node.
    pub(super) fn is_near(&self, kind: usize, node: usize, view: &View) -> bool {
        let there = |meant: &usize| self.has_domain(*meant, node) && (view.begins_group || self.at(*meant, node) > 0);
        self.relations[kind].near.iter().all(there)
    }

    /// Whether required anti-affinity of its own lets it.
    pub(super) fn is_apart(&self, kind: usize, node: usize) -> bool {
        self.relations[kind].apart.iter().all(|meant| self.at(*meant, node) == 0)
    }

    /// Whether the required anti-affinity of pods that are there lets it.
    pub(super) fn is_let_in(&self, kind: usize, node: usize) -> bool {
        self.relations[kind].refused.iter().all(|holders| self.at(*holders, node) == 0)
    }

    /// Whether anybody cares near which other pods a pod of a kind stands.
    pub(super) fn has_wishes(&self, kind: usize) -> bool {
        !self.relations[kind].wishes.is_empty()
    }

    /// How much a pod of a kind wants to a node because of other pods there, its wishes and theirs together.
    pub(super) fn wish(&self, kind: usize, node: usize) -> i64 {
        self.relations[kind].wishes.iter().map(|(tally, weight)| weight * i64::from(self.at(*tally, node))).sum()
    }

    /// The soft constraints of a kind.
    pub(super) fn soft(&self, kind: usize) -> impl Iterator<Item = &Spread> {
        self.spreads[kind].iter().filter(|spread| !spread.constraint.is_hard)
    }

    /// Pods that a constraint counts in the domain of a node.
    pub(super) fn in_domain(&self, spread: &Spread, node: usize) -> Option<u32> {
        let tally = &self.tallies[spread.tally];
        self.keys[tally.key].domain_of[node].map(|domain| tally.counts[domain as usize])
    }

    /// In how many domains nodes are.
    pub(super) fn domains(&self, spread: &Spread, nodes: &[usize]) -> usize {
        let key = &self.keys[self.tallies[spread.tally].key];
        if key.name == HOSTNAME {
            return nodes.iter().filter(|node| key.domain_of[**node].is_some()).count();
        }
        let mut seen = vec![false; key.count];
        nodes.iter().filter_map(|node| key.domain_of[*node]).for_each(|domain| seen[domain as usize] = true);
        seen.iter().filter(|seen| **seen).count()
    }

    fn has_domain(&self, tally: usize, node: usize) -> bool {
        self.keys[self.tallies[tally].key].domain_of[node].is_some()
    }

    fn at(&self, tally: usize, node: usize) -> u32 {
        let tally = &self.tallies[tally];
        self.keys[tally.key].domain_of[node].map_or(0, |domain| tally.counts[domain as usize])
    }
}

impl Relations {
    /// Pods of this kind state a term.
    fn states(&mut self, pair: &Pair, pod: &PodSpec) {
        match pair.role {
            Role::Near => {
                self.near.push(pair.meant);
                self.is_near_itself &= pair.term.iter().all(|term| term.means(&pod.namespace, pod));
            }
            Role::Apart => self.apart.push(pair.meant),
            Role::Preferred(weight) => self.wishes.push((pair.meant, weight)),
        }
    }

    /// Others state one that means pods of this kind. What they require counts one when nodes are scored.
    fn is_meant_by(&mut self, pair: &Pair) {
        match pair.role {
            Role::Near => self.wishes.push((pair.holders, 1)),
            Role::Apart => self.refused.push(pair.holders),
            Role::Preferred(weight) => self.wishes.push((pair.holders, weight)),
        }
    }
}

/// Whether a constraint of pods of one kind counts those of another. The cluster's own constraints count a controller's pods.
fn is_counted(constraint: &SpreadConstraint, (own, pod): (usize, &PodSpec), (other, spec): (usize, &PodSpec)) -> bool {
    if pod.spread.is_empty() {
        return own == other;
    }
    let selects = constraint.selector.as_ref().is_some_and(|selector| selector.selects(&spec.labels));
    selects && pod.namespace == spec.namespace
}

fn count_nodes(tally: &mut Tally, key: &Key, present: &[bool]) {
    tally.nodes.fill(0);
    for (node, domain) in key.domain_of.iter().enumerate() {
        if let Some(domain) = domain
            && present[node]
            && tally.mask.as_ref().is_none_or(|mask| mask[node])
        {
            tally.nodes[*domain as usize] += 1;
        }
    }
}
