"""Kinds that do not come with Kubernetes. `kubectl wait --for=condition=Established crd/NAME` waits
until the API server has them."""

SCALED_OBJECTS = "scaledobjects.keda.sh"
WIDGETS = "widgets.example.org"


def definition(name, kind, version, schema, **more):
    plural, group = name.split(".", 1)
    return {
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": name},
        "spec": {
            "group": group, "scope": "Namespaced",
            "names": {"plural": plural, "kind": kind},
            "versions": [{
                "name": version, "served": True, "storage": True, **more,
                "schema": {"openAPIV3Schema": {"type": "object", **schema}},
            }],
        },
    }


def scaled_objects():
    """As of KEDA, so that listing them is answered."""
    return definition(SCALED_OBJECTS, "ScaledObject", "v1alpha1",
                      {"x-kubernetes-preserve-unknown-fields": True})


def widgets(field):
    """With a scale subresource that has its replicas in this field; no controller makes Pods."""
    count = {"type": "object", "properties": {field: {"type": "integer"}}}
    return definition(WIDGETS, "Widget", "v1", {"properties": {"spec": count, "status": count}},
                      subresources={"scale": {"specReplicasPath": f".spec.{field}",
                                              "statusReplicasPath": f".status.{field}"}})
