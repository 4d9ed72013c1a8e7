//! Names without meaning: small integers that any layer may carry.

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u32);

        impl $name {
            /// The position of the thing in the table that owns it.
            #[must_use]
            #[inline]
            pub const fn index(self) -> usize {
                self.0 as usize
            }
        }

        impl From<usize> for $name {
            fn from(index: usize) -> Self {
                Self(u32::try_from(index).expect("fewer than 2^32 of everything"))
            }
        }
    )*};
}

ids! {
    /// A node of the cluster.
    NodeId,
    /// A zone (failure domain) of the cluster.
    ZoneId,
    /// A workload: a Deployment, ReplicaSet or bare Pod of the scenario.
    WorkloadId,
    /// A pod.
    PodId,
    /// A container that serves requests: one queue and its slots.
    StationId,
    /// A Service port.
    ServiceId,
    /// One pod behind one Service port.
    EndpointId,
    /// A free-standing proxy.
    ProxyId,
    /// A traffic or a call site: everything that sends requests.
    FlowId,
}
