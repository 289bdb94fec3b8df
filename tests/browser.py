"""A page as a reader's browser shows it: headless Chromium, if installed."""

import contextlib
import shutil

import pytest


@contextlib.contextmanager
def opened(path, *, width=1200, dark=False):
    """Open a file and yield the driver; skip, saying so, without Chromium."""
    if not (shutil.which("chromium") and shutil.which("chromedriver")):
        pytest.skip(
            "no Chromium here: apt-get install chromium chromium-driver"
        )
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    for switch in (
        "headless=new",
        "no-sandbox",
        "disable-gpu",
        "disable-dev-shm-usage",
        "disable-quic",
        "no-first-run",
        "disable-background-networking",
        "disable-component-update",
        "disable-sync",
        f"window-size={width},1000",
    ):
        options.add_argument(f"--{switch}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    service = webdriver.ChromeService(shutil.which("chromedriver"))
    driver = webdriver.Chrome(options, service)
    try:
        if dark:
            scheme = {"name": "prefers-color-scheme", "value": "dark"}
            driver.execute_cdp_cmd(
                "Emulation.setEmulatedMedia", {"features": [scheme]}
            )
        driver.get(path.resolve().as_uri())
        yield driver
    finally:
        driver.quit()


def complaints(driver):
    """Return what the page wrote to the console."""
    return [entry["message"] for entry in driver.get_log("browser")]


def check_report(driver):
    """Assert what every report must do: no complaint, sort, hover."""
    assert complaints(driver) == []
    check_sorting(driver)
    check_hover(driver)
    assert complaints(driver) == []


def check_sorting(driver):
    """Click the headings of the first table; its rows must follow."""
    table = driver.find_element("css selector", "table.sortable")
    for column in (0, 1):
        head = table.find_elements("css selector", "th")[column]
        for falling in (False, True):
            head.find_element("css selector", "button").click()
            cells = table.find_elements(
                "css selector", f"tbody td:nth-child({column + 1})"
            )
            shown = [cell.text for cell in cells]
            keys = [float(s) for s in shown] if column else shown
            assert len(keys) > 1
            assert keys == sorted(keys, reverse=falling)
            want = "descending" if falling else "ascending"
            assert head.get_attribute("aria-sort") == want


def check_hover(driver):
    """Point at a mark of the first curve; its value must appear."""
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.support.wait import WebDriverWait

    mark = driver.find_element("css selector", ".scatterlayer .point")
    driver.execute_script("arguments[0].scrollIntoView()", mark)
    ActionChains(driver).move_to_element(mark).perform()

    def text(_):
        found = driver.find_elements("css selector", ".hoverlayer text")
        return " ".join(element.text for element in found)

    assert ":" in WebDriverWait(driver, 10).until(text)
