"""Acts as a person in the browser at a port: real input through its debugging port.

Run as a process of its own: python act_as_person.py PORT SHOP
"""

from __future__ import annotations

import json
import sys
import time
import urllib.request
from contextlib import suppress

SECRET = "hunter-22-battery"
TRIES = 300


def main(port: str, shop: str) -> None:
    """Sign in at the shop, look around, and leave."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        wait_for(port, f"http://{shop}/")
        browser = playwright.chromium.connect_over_cdp(f"http://127.0.0.1:{port}")
        (context,) = browser.contexts
        page = next(page for page in context.pages if shop in page.url)
        page.get_by_text("Loading").wait_for(state="hidden")
        page.get_by_label("Name").fill("Ada")
        page.get_by_label("Password").fill(SECRET)
        page.get_by_label("Size").select_option("Large")
        page.get_by_label("Agree").check()
        page.get_by_role("button", name="Sign in").click()
        page.goto(f"http://{shop}/twins")
        page.get_by_role("button", name="Save").nth(1).click()
        page.goto(f"http://{shop}/popup")
        with page.expect_popup() as opened:
            page.get_by_role("link", name="Open shop").click()
        opened.value.get_by_label("Name").fill("Grace")
        opened.value.get_by_label("Name").press("Enter")
        time.sleep(0.7)
        for one in context.pages[::-1]:
            one.close()


def wait_for(port: str, url: str) -> None:
    """Return once the browser at the port shows a page of the address."""
    for _ in range(TRIES):
        time.sleep(0.2)
        with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/json") as answer:
            if any(url in one["url"] for one in json.load(answer)):
                return
    raise TimeoutError(f"no page {url} at port {port}")


if __name__ == "__main__":
    main(*sys.argv[1:])
