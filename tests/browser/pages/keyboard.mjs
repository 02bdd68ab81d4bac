// Without a mouse and without a finger: sign-in, the first page, an order's whole way by two
// officials, a leader's list, a resident's page. Only keys are pressed; what is read is free.

import assert from "node:assert/strict";
import { test } from "node:test";
import { DESK, enter, focused, shows, tabOn, tabTo, tabs, type } from "../eyes.mjs";
import { PASSWORD } from "../office.mjs";
import { freshDoor, held, offered } from "./round.mjs";

const TITLE = "键盘写的指令";

/** Signs in by keys; every page after it is reached by keys as well. */
async function signedByKeys(town, name) {
  const page = await town.eyes.someone();
  await page.goto("/login");
  await focused(page, "#name");
  await type(page, name);
  await tabTo(page, "密码");
  await type(page, PASSWORD);
  await enter(page);
  return page;
}

/** Writes an order for one grid and hands it in; gives its path. */
async function writtenByKeys(page, grid) {
  await tabTo(page, "预警与指令");
  await enter(page);
  await tabTo(page, "新建");
  await enter(page);
  await tabTo(page, "转移指令");
  await enter(page);
  await tabOn(page, "#var-by");
  await type(page, "5点");
  await tabOn(page, "#var-shelter");
  await type(page, "四明小学");
  await tabOn(page, "#title");
  await type(page, TITLE);
  await tabOn(page, "#find");
  await type(page, grid);
  await tabTo(page, "查找");
  await enter(page);
  await tabOn(page, `ul.found input[value="${grid}"]`);
  await page.keyboard.press("Space");
  await page.waitForFunction(() => document.activeElement.checked);
  await tabTo(page, "预览");
  await enter(page);
  await shows(page.locator("#preview"), /四明小学/);
  await tabTo(page, "提交审核");
  await enter(page);
  await shows(page.getByRole("status"), /已提交审核/);
  return new URL(page.url()).pathname;
}

export default (town) => {
  test("an official signs in, looks about and signs out by keyboard", async () => {
    const page = await signedByKeys(town, "李签发");
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

  test("an order is written, signed, watched and ended by keyboard", async () => {
    const author = await signedByKeys(town, "陈制作");
    const path = await writtenByKeys(author, town.grids[town.grids.length >> 1]);
    await author.context().close();

    const page = await signedByKeys(town, "李签发");
    await tabTo(page, TITLE);
    await enter(page);
    assert.equal(new URL(page.url()).pathname, path, "it waits on the first page");
    await tabTo(page, "签发");
    await page.keyboard.press("Enter");
    await focused(page, "details[open] > summary");
    await tabTo(page, "确认签发");
    await enter(page);
    await shows(page.getByRole("status"), /已签发/);

    await tabTo(page, "看执行情况");
    await enter(page);
    await shows(page.locator(".figure"), /户未应答/);
    const board = new URL(page.url()).pathname;
    // The order of one grid has no branches: those of the night's order are opened.
    await page.goto(`/alerts/${town.alert}`);
    await tabOn(page, "table.tree a[aria-expanded=false]");
    await page.keyboard.press("Enter");
    await page.waitForSelector("table.tree a[aria-expanded=true]");
    await page.waitForFunction(() => document.activeElement.closest(".tree") !== null);
    await page.goto(board);
    await tabTo(page, "解除");
    await enter(page);
    await tabTo(page, "确认解除");
    await enter(page);
    await shows(page.locator("main"), /清点|已解除/);
    assert.deepEqual(page.faults, []);
    await page.context().close();
  });

  test("a household answers by keyboard", async () => {
    const rows = town.office.roster("households.csv");
    const zone = town.office.roster("zone_members.csv").at(-1).place_code;
    const here = (row) => row.code.startsWith(zone) && row.kind === "home" && !row.needs;
    const home = rows.filter((row) => here(row) && row.persons === "2").at(-1);
    const page = await town.eyes.someone({ size: DESK });
    await page.goto(await town.office.homePath(town.alert, home.code));
    await tabTo(page, "知道了");
    await enter(page);
    await shows(page.getByRole("status").first(), /知道了/);
    await tabTo(page, "全家2人都");
    await enter(page);
    await tabTo(page, "是，2人都走了");
    await enter(page);
    await shows(page.getByRole("status").first(), /谢谢，办好了/);
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
