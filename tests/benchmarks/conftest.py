"""How `make bench` prints: each file under what it measures, and no marks of tests between the lines."""

from __future__ import annotations

import pytest


def pytest_runtest_setup(item: pytest.Function) -> None:
    module = item.module
    if item is next(one for one in item.session.items if one.path == item.path):
        about = (module.__doc__ or "").partition(" `make bench`")[0].strip()
        print(f"\n{module.__name__}: {about}\n")


def pytest_report_teststatus(report: pytest.TestReport) -> tuple[str, str, str] | None:
    # pytest asks this of all tests that it runs, not only of those in this folder.
    is_here = report.nodeid.partition("::")[0].rpartition("/")[0].endswith("benchmarks")
    return (report.outcome, "", "") if is_here and report.passed else None
