// The whole way of an order by two officials: written, looked at, sent back, mended, released by
// the other, lifted in the end. Every step by what stands on the page.

import assert from "node:assert/strict";
import { test } from "node:test";
import { PHONE, look, press, shows } from "../eyes.mjs";
import { signed } from "./signin.mjs";

/** Fills the form of a transfer order for one grid; `see`: what its pages are held to. */
async function write(page, grid, see) {
  await page.goto("/alerts");
  await press(page, page.getByRole("link", { name: "新建" }));
  await see(page, "compose-first");
  await press(page, page.getByRole("link", { name: "转移指令" }).first());
  await page.getByLabel("按名称或编码查找").fill(grid.name);
  await press(page, page.getByRole("button", { name: "查找" }));
  await page.locator(`ul.found input[value="${grid.code}"]`).check();
}

export default (town) => {
  test("an order goes its whole way by two officials", async () => {
    const { office } = town;
    const code = town.grids[3];
    const grid = office.roster("places.csv").find((row) => row.code === code);
    const author = await signed(town, "陈制作");
    await write(author, grid, look);
    await press(author, author.getByRole("button", { name: "提交审核" }));
    await shows(author.getByRole("alert"), /还不能提交/, "what is missing is said at once");
    await look(author, "compose-faults");
    await author.getByLabel("标题").fill("第二次转移指令");
    await author.locator("[name='var.by']").fill("5点");
    await author.locator("[name='var.shelter']").fill("四明小学");
    const preview = /【余姚市防指】[\s\S]*5点[\s\S]*四明小学/;
    await shows(author.locator("#preview"), preview, "it follows what is typed");
    await press(author, author.getByRole("button", { name: "预览", exact: true }).last());
    await shows(author.locator("#preview"), preview);
    await look(author, "compose");
    await press(author, author.getByRole("button", { name: "提交审核" }));
    await shows(author.getByRole("status"), /已提交审核/);
    const path = new URL(author.url()).pathname;
    await shows(author.locator("main"), /不能自己签/);
    assert.equal(await author.getByRole("button", { name: "确认签发" }).count(), 0);
    await look(author, "approve-own");
    const sent = (await office.taken()).length;

    const approver = await signed(town, "李签发");
    await approver.goto(path);
    await look(approver, "approve");
    await approver.getByLabel("退回理由").fill("时间改为4点");
    await press(approver, approver.getByRole("button", { name: "退回", exact: true }));
    await shows(approver.getByRole("status"), /已退回/);

    await author.goto(path);
    await shows(author.locator("main"), /时间改为4点/);
    await press(author, author.getByRole("link", { name: "修改后重新提交" }));
    await author.locator("[name='var.by']").fill("4点");
    await press(author, author.getByRole("button", { name: "提交审核" }));
    const grace = (await office.taken()).slice(sent).filter(({ text }) => text.includes("第二次"));
    assert.equal(grace.length, 0, "nothing goes out before the second official");

    await approver.goto(path);
    await approver.locator("summary", { hasText: "签发" }).first().click();
    await look(approver, "approve-confirm");
    await press(approver, approver.getByRole("button", { name: "确认签发" }));
    town.second = path.split("/")[2];
    const shown = await office.does("李签发", `alert show ${town.second}`);
    assert.equal(shown.state, "live");
    await approver.goto("/alerts");
    await shows(approver.locator("main"), /第二次转移指令/);
    await look(approver, "alerts");

    await approver.goto(`/alerts/${town.second}/end`);
    await look(approver, "end");
    await press(approver, approver.getByRole("button", { name: "确认解除" }));
    await shows(approver.locator("main"), /清点|已解除/);
    await author.context().close();
    await approver.context().close();
  });

  test("an order is written on a phone that runs no script", async () => {
    const page = await signed(town, "陈制作", { size: PHONE, javaScriptEnabled: false });
    const code = town.grids[2];
    const grid = town.office.roster("places.csv").find((row) => row.code === code);
    // Axe needs script itself; the other test looks.
    await write(page, grid, async () => {});
    await page.locator("[name='var.by']").fill("5点");
    await page.locator("[name='var.shelter']").fill("四明小学");
    await press(page, page.getByRole("button", { name: "预览", exact: true }).last());
    await shows(page.locator("#preview"), /【余姚市防指】/);
    await page.context().close();
  });
};
