"""CustomResourceDefinitions of the tests."""


def definition(kind, group="example.org", version="v1", scope="Namespaced", replicas=None):
    """Of a kind that takes whatever it is given. With a scale subresource that is about the field `replicas`
    of its spec and status, where that is named; no controller makes Pods for it."""
    plural = kind.lower() + "s"
    scale = {"specReplicasPath": f".spec.{replicas}", "statusReplicasPath": f".status.{replicas}"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group, "scope": scope, "names": {"plural": plural, "kind": kind},
            "versions": [{
                "name": version, "served": True, "storage": True,
                **({"subresources": {"scale": scale}} if replicas else {}),
                "schema": {"openAPIV3Schema": {
                    "type": "object", "x-kubernetes-preserve-unknown-fields": True}},
            }],
        },
    }


def scaled_objects():
    """KEDA's kind."""
    return definition("ScaledObject", "keda.sh", "v1alpha1")


def define(world, *definitions):
    """Applies them and waits until they are served."""
    world.apply(*definitions)
    world.kubectl("wait", "--for=condition=Established", "--timeout=30s",
                  *[f"crd/{d['metadata']['name']}" for d in definitions])
