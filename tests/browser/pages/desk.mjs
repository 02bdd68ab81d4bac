// The help desk: a cry is taken, given a class and closed, by mouse and by one key each.

import assert from "node:assert/strict";
import { test } from "node:test";
import { look, press } from "../eyes.mjs";
import { signed } from "./signin.mjs";

export default (town) => {
  test("a cry for help is taken and closed at the desk", async () => {
    const page = await signed(town, "周受理");
    await page.getByRole("link", { name: "求助受理席" }).click();
    await look(page, "desk");
    const task = page.locator("li.task").first();
    const id = await task.getAttribute("id");
    await press(page, task.getByRole("button", { name: "接手" }));
    const taken = page.locator(`#${id}`);
    assert.match(await taken.innerText(), /周受理在办/);
    await look(page, "desk-taken");
    await taken.getByLabel("怎么办结的").fill("已接到避灾点");
    await press(page, taken.getByRole("button", { name: "办结" }));
    assert.match(await page.innerText("#desk"), /刚办结[\s\S]*已接到避灾点/);
    await page.context().close();
  });

  test("one key takes the next task", async () => {
    const page = await signed(town, "周受理");
    await page.goto("/desk");
    await page.waitForSelector("li.task");
    await page.keyboard.press("j");
    await page.keyboard.press("t");
    await page.waitForFunction(() => /周受理在办/.test(document.body.innerText));
    await page.context().close();
  });
};
