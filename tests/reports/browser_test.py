"""The report in a browser: sorting, hovering, hostile names, small screens."""

import pytest

from tests import browser
from tests.reports.report_test import HOSTILE
from tests.reports.report_test import shelf
from tfrobust import reports


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(reports.html_report(shelf(HOSTILE), HOSTILE))
    return path


def test_it_sorts_answers_and_runs_nothing_of_a_record(page):
    with browser.opened(page) as driver:
        browser.check_report(driver)
        assert driver.execute_script("return window.hacked") is None
        head = driver.find_element("css selector", "h1").text
        assert head == " ".join(HOSTILE.split())
        legend = driver.find_elements("css selector", ".legendtext")
        assert HOSTILE in [entry.text for entry in legend]


def test_on_a_phone_the_page_is_as_wide_as_the_screen(page):
    with browser.opened(page, width=500) as driver:
        wide = "return document.documentElement.scrollWidth"
        assert driver.execute_script(wide) <= driver.execute_script(
            "return document.documentElement.clientWidth"
        )


@pytest.mark.parametrize("dark", [False, True])
def test_ink_and_paper_differ_in_either_scheme(page, dark):
    with browser.opened(page, dark=dark) as driver:
        style = "return getComputedStyle(document.body)"
        ink, paper = (
            _brightness(driver.execute_script(f"{style}.{name}"))
            for name in ("color", "backgroundColor")
        )
        assert (ink > paper) == dark
        # WCAG's contrast of black on white is 21; 4.5 is asked for.
        low, high = sorted((ink, paper))
        assert (high + 0.05) / (low + 0.05) >= 7
        label = driver.find_element("css selector", ".xtick text")
        fill = driver.execute_script(
            "return getComputedStyle(arguments[0]).fill", label
        )
        assert _brightness(fill) == pytest.approx(ink)


def _brightness(colour):
    """Return WCAG's relative luminance of rgb(r, g, b)."""
    parts = colour[colour.index("(") + 1 : -1].split(",")[:3]
    shares = [float(part) / 255 for part in parts]
    linear = [
        s / 12.92 if s <= 0.03928 else ((s + 0.055) / 1.055) ** 2.4
        for s in shares
    ]
    return sum(
        w * v for w, v in zip((0.2126, 0.7152, 0.0722), linear, strict=True)
    )
