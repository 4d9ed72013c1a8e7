//! `cluster.kernel`.

use super::super::context::{Context, Object};
use super::super::kernel::{Conntrack, Kernel, SourcePorts};
use super::super::tables_flow as tables;
use super::super::values::{self, shorten};

/// What the kernels of nodes allow and forget.
pub(super) fn kernel(cx: &mut Context<'_>, cluster: Option<&Object<'_>>) -> Kernel {
    let Some(object) =
        cluster.and_then(|cluster| cluster.get("kernel")).and_then(|node| cx.object(node, &tables::KERNEL))
    else {
        return Kernel::USUAL;
    };
    let version = object.get("version").and_then(|node| {
        let read = values::text(node).and_then(|text| {
            let numbers = text.split_once('.').map(|(major, minor)| (major.parse(), minor.parse()));
            match numbers {
                Some((Ok(major), Ok(minor))) => Ok((major, minor)),
                _ => Err((
                    format!("expected a version such as 6.8, found `{}`", shorten(text)),
                    Some("write MAJOR.MINOR of the kernel, as `uname -r` begins".to_owned()),
                )),
            }
        });
        cx.take(node, "version", read)
    });
    let conntrack = object.get("conntrack").and_then(|node| cx.object(node, &tables::CONNTRACK)).map(|object| {
        let usual = Conntrack::USUAL;
        Conntrack {
            max: object.count_or(cx, "max", "auto").flatten(),
            time_wait: object.duration(cx, "timeWait").unwrap_or(usual.time_wait),
            close: object.duration(cx, "close").unwrap_or(usual.close),
            syn_sent: object.duration(cx, "synSent").unwrap_or(usual.syn_sent),
            udp: object.duration(cx, "udp").unwrap_or(usual.udp),
        }
    });
    let ports = object.get("sourcePorts").and_then(|node| cx.object(node, &tables::SOURCE_PORTS));
    let source_ports = ports.map(|object| SourcePorts {
        count: object.count32(cx, "count").unwrap_or(SourcePorts::USUAL.count),
        time_wait: object.duration(cx, "timeWait").unwrap_or(SourcePorts::USUAL.time_wait),
    });
    Kernel { version: version.unwrap_or(Kernel::USUAL.version), conntrack, source_ports }
}
