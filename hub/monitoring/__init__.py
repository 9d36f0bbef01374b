"""What a Prometheus and a Grafana need to watch a workbench: files to copy, checked against what it really tells."""
