//! Purposes of keyed draws: each draw of an attempt has a key of its own, so that one draw more or less moves no other.

/// Service demand of step 0; further steps mix in their number.
pub(crate) const DEMAND: u64 = 0x9ae1_6a3b_2f90_404f;
/// Service time during an episode, mixed with the step.
pub(crate) const EPISODE: u64 = 0x369d_ea0f_31a5_3f85;
/// Whether the answer is an error.
pub(crate) const ERROR_COIN: u64 = 0xc949_d7c7_509e_6557;
/// Length of the back-off.
pub(crate) const BACK_OFF: u64 = 0xd6e8_feb8_6659_fd93;
/// Which client sends a request.
pub(crate) const CLIENT: u64 = 0xbf58_476d_1ce4_e5b9;
/// Which instance of a proxy a request goes to.
pub(crate) const INSTANCE: u64 = 0x94d0_49bb_1331_11eb;
/// Which worker of the instance.
pub(crate) const WORKER: u64 = 0xff51_afd7_ed55_8ccd;
/// How long it waits in the queue.
pub(crate) const PATIENCE: u64 = 0xc4ce_b9fe_1a85_ec53;
/// Whether a call is made; mixed with the call.
pub(crate) const CALL_COIN: u64 = 0x2545_f491_4f6c_dd1d;
/// Identity of a call.
pub(crate) const CALL: u64 = 0xd134_2543_de82_ef95;
/// Handling by a proxy on the way to the pod.
pub(crate) const PROXY_BEFORE: u64 = 0xa24b_aed4_963e_e407;
/// Handling by a proxy on the way back.
pub(crate) const PROXY_AFTER: u64 = 0x9fb2_1c65_1e98_df25;
/// Connecting: the two hops of the handshake.
pub(crate) const CONNECT: u64 = 0x8bb8_4b93_962e_acc9;
/// By how much the age of a connection differs from the usual.
pub(crate) const CONNECTION_AGE: u64 = 0x7c3e_91b5_d20a_46ef;
/// Looking a name up, mixed with the number of the query.
pub(crate) const DNS: u64 = 0x6c62_272e_07bb_0142;
/// Which DNS server a port's queries go to.
pub(crate) const DNS_SERVER: u64 = 0x62b8_2175_6295_c58d;
/// Whether two queries of a port meet in the connection-tracking table.
pub(crate) const DNS_RACE: u64 = 0xcbf2_9ce4_8422_2325;
/// Whether a query is lost.
pub(crate) const DNS_LOSS: u64 = 0xaf63_bd4c_8601_b7df;
/// Work of a DNS server.
pub(crate) const DNS_WORK: u64 = 0x9ddf_ea08_eb38_2d69;
/// Asking outside.
pub(crate) const DNS_UPSTREAM: u64 = 0x7a5f_3b1c_2d4e_6f81;
/// Which address stands first in an answer.
pub(crate) const DNS_ORDER: u64 = 0xd1b5_4a32_d192_ed03;
/// Which of its other addresses is tried next.
pub(crate) const DNS_NEXT: u64 = 0x6a09_e667_f3bc_c909;
/// The way back of an answer.
pub(crate) const DNS_BACK: u64 = 0x3c79_ac49_2ba7_b653;
/// Which of several equally good nodes a pod goes to.
pub(crate) const TIE: u64 = 0x3f84_d5b5_b547_0917;
/// Think time of a user.
pub(crate) const THINK: u64 = 0x4b33_a62e_d433_d4a3;
/// Which of several Services behind an ingress controller gets a request.
pub(crate) const SHARE: u64 = 0x5851_f42d_4c95_7f2d;
/// How long the end of a connection is on its way to a client.
pub(crate) const CLOSED: u64 = 0xda94_2042_e4dd_58b5;
/// Which source port a connection takes.
pub(crate) const SOURCE_PORT: u64 = 0x3f84_d5b5_b547_0917;
/// Where a connection from outside enters the cluster.
pub(crate) const GATE: u64 = 0x7fb5_d329_728e_a185;
/// How much longer a hop takes in a latency spike; mixed with the spike.
pub(crate) const LATENCY_SPIKE: u64 = 0x8e9d_5a1c_37f4_b26d;
/// Whether a request stays away while fewer come.
pub(crate) const TRAFFIC_SPIKE: u64 = 0xb7e1_5162_8aed_2a6b;
/// Whether a packet of a message is lost; mixed with how often it was sent before.
pub(crate) const PACKET_LOSS: u64 = 0xe19b_01aa_9d42_c633;
/// Whether a SYN is lost, or its answer; mixed with its number and its connection.
pub(crate) const SYN_LOSS: u64 = 0xaa0d_a7d1_6f3b_84e5;
/// How long news of endpoints takes to who acts on it.
pub(crate) const NEWS: u64 = 0x2b99_2ddf_a232_49d6;
/// The same, where it is the node that delays all on it.
pub(crate) const NEWS_SHARED: u64 = 0xd605_1b55_5c6f_2c39;
/// How long a kube-proxy takes to write its rules.
pub(crate) const RULES_RUN: u64 = 0x1d8e_4e27_c47d_124f;
/// How long the EndpointSlice controller takes for a Service, and whether its write fails.
pub(crate) const SLICES: u64 = 0xeb44_acca_b455_d165;
/// Hops, by their number on the way.
pub(crate) const HOP: [u64; 8] = [
    0x4d5a_2da5_1de1_aa47,
    0x9e6c_63d0_676a_9a99,
    0xc2b2_ae3d_27d4_eb4f,
    0x1656_67b1_9e37_79f9,
    0x85eb_ca77_c2b2_ae63,
    0x27d4_eb2f_1656_67c5,
    0xe703_7ed1_a0b4_28db,
    0xb492_b66f_be98_f273,
];
