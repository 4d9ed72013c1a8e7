//! Whose behaviour is simulated: the version of Kubernetes.

/// `cluster.kubernetes`: major and minor version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Kubernetes(pub u32, pub u32);

impl Kubernetes {
    /// What holds where a scenario says nothing.
    pub const USUAL: Self = Self(1, 34);
    /// The oldest that is simulated: EndpointSlices are what kube-proxy reads.
    pub const OLDEST: Self = Self(1, 20);

    /// Whether it is this version or a later one.
    #[must_use]
    pub fn at_least(self, major: u32, minor: u32) -> bool {
        self >= Self(major, minor)
    }

    /// Whether EndpointSlices have pods that are on their way out (from 1.26 on); before, they leave at once.
    #[must_use]
    pub fn lists_terminating(self) -> bool {
        self.at_least(1, 26)
    }
}
