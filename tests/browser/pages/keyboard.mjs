// Without a mouse and without a finger: sign-in, the first page, a leader's list.

import assert from "node:assert/strict";
import { test } from "node:test";
import { DESK, enter, focused, shows, tabTo, tabs, type } from "../eyes.mjs";
import { PASSWORD } from "../office.mjs";
import { freshDoor, held, offered } from "./round.mjs";

export default (town) => {
  test("an official signs in, looks about and signs out by keyboard", async () => {
    const page = await town.eyes.someone();
    await page.goto("/login");
    await focused(page, "#name");
    await type(page, "李签发");
    await tabTo(page, "密码");
    await type(page, PASSWORD);
    await enter(page);
    assert.equal(new URL(page.url()).pathname, "/", await page.innerText("main"));
    const stops = await tabs(page);
    assert.equal(stops[0], "跳到正文", "the first stop leads past the menu");
    assert.ok(stops.includes("退出"), stops.join(" | "));
    await page.goto("/");
    await tabTo(page, "跳到正文");
    await page.keyboard.press("Enter");
    await focused(page, "#main");
    await page.goto("/");
    await tabTo(page, "退出");
    await enter(page);
    assert.equal(new URL(page.url()).pathname, "/login");
    await page.context().close();
  });

  test("a list is taken and a door ticked by keyboard", async () => {
    const page = await offered(town, 2, { size: DESK });
    await tabTo(page, "我来接手");
    await enter(page);
    assert.equal((await held(town, 2)).length, 1);
    const door = await freshDoor(page).getAttribute("id");
    await tabTo(page, "已转移");
    await page.keyboard.press("Enter");
    await focused(page, "details[open] > summary");
    await tabTo(page, "投亲靠友");
    await enter(page);
    await shows(page.getByRole("status"), /办好了/);
    assert.equal(await page.locator(`li.door#${door}`).count(), 0);
    await tabs(page, 40);
    await page.context().close();
  });
};
