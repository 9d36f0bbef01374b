"""The one web service of the workbench, under /services/werkbank."""
