//! Why a kind or a field has no effect, in one place so that the words stay the same.

use crate::yaml::{Node, Value};

/// Why objects of a kind have no effect.
pub(super) fn kind(kind: &str) -> &'static str {
    match kind {
        "StatefulSet" | "DaemonSet" | "Job" | "CronJob" | "ReplicationController" => {
            "only Deployments, ReplicaSets and Pods run pods in the model"
        }
        "VerticalPodAutoscaler" | "ScaledObject" => {
            "only HorizontalPodAutoscalers scale in the model: `spec.replicas` stays as it is"
        }
        "IngressClass" | "GatewayClass" => "the scenario lists its controllers under cluster.ingress",
        "VirtualService" => "a service mesh is not modelled: a scenario's traffic names a Service",
        "Endpoints" | "EndpointSlice" => "endpoints follow from the selectors of Services",
        _ => "not part of the model",
    }
}

/// Why a field has no effect, by its path without indices.
pub(super) fn field(path: &str) -> &'static str {
    let inner = path.strip_prefix("spec.template.").unwrap_or(path);
    if let Some(container_field) = inner.strip_prefix("spec.containers[].") {
        return match container_field {
            "resources.claims" => "devices are not modelled",
            "lifecycle.postStart" => "the scenario says how long a container takes to start",
            _ => "the scenario says how a container serves",
        };
    }
    match inner {
        "spec.priorityClassName" | "spec.priority" => "no pod makes room for another: preemption is not modelled",
        "spec.schedulerName" => "pods are placed as kube-scheduler does it",
        "spec.minReadySeconds" => "only a Deployment waits until its pods have been ready for a time",
        "spec.restartPolicy" => "containers that end are always started again",
        "spec.topologyKeys" => "Kubernetes dropped it in 1.22; write `trafficDistribution`",
        "spec.hostAliases" => "names resolve by DNS alone",
        _ => "not part of the model",
    }
}

/// Whether a field belongs to the bookkeeping that every dump repeats.
pub(super) fn is_bookkeeping(path: &str) -> bool {
    let inner = path.strip_prefix("spec.template.").unwrap_or(path);
    let Some(field) = inner.strip_prefix("metadata.") else { return inner == "status" };
    matches!(
        field,
        "annotations"
            | "creationTimestamp"
            | "finalizers"
            | "generateName"
            | "generation"
            | "labels"
            | "managedFields"
            | "ownerReferences"
            | "resourceVersion"
            | "selfLink"
            | "uid"
    )
}

/// Whether a field says no more than what holds without it, so that ignoring it changes nothing.
pub(super) fn says_nothing(path: &str, node: &Node) -> bool {
    let leaf = path.rsplit('.').next().unwrap_or(path);
    match &node.value {
        Value::Null => true,
        Value::List(items) => {
            items.is_empty() || (leaf == "ipFamilies" && items.iter().all(|ip| ip.as_str() == Some("IPv4")))
        }
        Value::Map(entries) => entries.is_empty(),
        Value::Scalar(scalar) => {
            let text = scalar.text.as_str();
            text.is_empty()
                || node.as_bool() == Some(false)
                || matches!(
                    (leaf, text),
                    ("dnsPolicy", "ClusterFirst")
                        | ("enableServiceLinks", "true")
                        | ("externalTrafficPolicy" | "internalTrafficPolicy", "Cluster")
                        | ("ipFamilyPolicy", "SingleStack")
                        | ("preemptionPolicy", "PreemptLowerPriority")
                        | ("priority", "0")
                        | ("restartPolicy", "Always")
                        | ("schedulerName", "default-scheduler")
                        | ("serviceAccount" | "serviceAccountName", "default")
                        | ("sessionAffinity", "None")
                        | ("terminationGracePeriodSeconds", "30")
                )
        }
    }
}
