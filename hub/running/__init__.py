"""Starting, watching and stopping one workbench on one machine."""
