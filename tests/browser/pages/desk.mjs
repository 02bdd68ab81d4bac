// The help desk: a cry is taken, given a class and closed, by mouse and by one key each.

import assert from "node:assert/strict";
import { test } from "node:test";
import { focused, follow, look, press, shows } from "../eyes.mjs";
import { signed } from "./signin.mjs";

export default (town) => {
  test("a cry for help is taken and closed at the desk", async () => {
    const page = await signed(town, "周受理");
    await press(page, page.getByRole("link", { name: "求助受理席" }));
    await look(page, "desk");
    // By its name: another cry may come first meanwhile.
    const id = await page.locator("li.task").first().getAttribute("id");
    const taken = page.locator(`#${id}`);
    await press(page, taken.getByRole("button", { name: "接手" }));
    await shows(taken, /周受理在办/);
    await look(page, "desk-taken");
    await taken.getByLabel("怎么办结的").fill("已接到避灾点");
    // By the key that ends a line: it does nothing else than the button beside the field.
    await follow(page, () => page.keyboard.press("Enter"));
    await shows(page.locator("#desk"), /刚办结[\s\S]*已接到避灾点/);
    await page.context().close();
  });

  test("one key takes the next task", async () => {
    const page = await signed(town, "周受理");
    await page.goto("/desk");
    const task = page.locator("li.task", { hasText: "没有人接" }).first();
    const id = await task.getAttribute("id");
    await page.keyboard.press("j");
    await focused(page, "li.task");
    const stands = await page.locator("li.task").evaluateAll(
      (all, id) => all.findIndex((one) => one.id === id), id,
    );
    for (let at = 0; at < stands; at += 1) await page.keyboard.press("j");
    await focused(page, `#${id}`);
    await follow(page, () => page.keyboard.press("t"));
    await shows(page.locator(`#${id}`), /周受理在办/);
    await page.context().close();
  });
};
