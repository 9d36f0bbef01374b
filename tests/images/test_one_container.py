"""The whole workbench in one container, as somebody gets it who has Podman and nothing else."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser import Browser
from tests.support.containers import Engine
