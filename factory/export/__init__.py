"""Published images, by digest → files for other launchers. Pure: values in, documents out."""

from factory.export.compose import compose_file
from factory.export.github import Login, workflow
from factory.export.kuberay import Kube, kuberay_files
from factory.export.launch import Launch, Pinned
from factory.export.placing import placed
from factory.export.ray_up import Aws, Hosts, Nodes, cluster_file, ecr_region

__all__ = [
    "Aws",
    "Hosts",
    "Kube",
    "Launch",
    "Login",
    "Nodes",
    "Pinned",
    "cluster_file",
    "compose_file",
    "ecr_region",
    "kuberay_files",
    "placed",
    "workflow",
]
