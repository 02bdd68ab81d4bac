// The live board: one number, drilled into in place, moving by itself.

import assert from "node:assert/strict";
import { test } from "node:test";
import { look, shows } from "../eyes.mjs";
import { signed } from "./signin.mjs";

export default (town) => {
  test("the board shows who is open, opens a place and moves without a hand on it", async () => {
    const page = await signed(town, "李签发");
    await page.goto(`/alerts/${town.alert}`);
    await shows(page.locator(".figure"), /户未应答/);
    const bytes = Buffer.byteLength(await page.content());
    assert.ok(bytes < 60 * 1024, `${bytes} bytes`);
    await look(page, "board");
    const place = page.locator("table.tree a[aria-expanded=false]").first();
    await place.click();
    await page.waitForSelector("table.tree a[aria-expanded=true]");
    await look(page, "board-open");
    const open = () => page.locator(".figure").first().innerText();
    const before = await open();
    // Somebody ticks a door meanwhile.
    const { lists } = await town.office.does("李签发", `alert show ${town.alert}`);
    const list = lists.find((one) => one.place_code === town.grids[1] && one.state === "taken");
    const { open: doors } = await town.office.does("李签发", `list show ${list.list}`);
    const last = doors.at(-1).code;
    await town.office.does("李签发", `list tick ${list.list} ${last} evacuated`);
    await page.waitForFunction(
      (was) => document.querySelector(".figure").innerText !== was, before,
    );
    assert.deepEqual(page.faults, []);
    await page.context().close();
  });
};
