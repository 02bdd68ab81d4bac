// The whole way of an order by two officials: written, looked at, sent back, mended, released by
// the other, lifted in the end. Every step by what stands on the page.

import assert from "node:assert/strict";
import { test } from "node:test";
import { PHONE, enter, focused, inSight, look, press, shows, type } from "../eyes.mjs";
import { until } from "../office.mjs";
import { signed } from "./signin.mjs";

/** Fills the form of a transfer order for one grid; `see`: what its pages are held to. */
async function write(page, grid, see) {
  await page.goto("/alerts");
  await press(page, page.getByRole("link", { name: "新建" }));
  await see(page, "compose-first");
  await press(page, page.getByRole("link", { name: "转移指令" }).first());
  await choose(page, grid);
}

/** Looks a grid up by its code and takes it in. */
async function choose(page, grid) {
  await page.getByLabel("按名称或编码查找").fill(grid.code);
  await press(page, page.getByRole("button", { name: "查找" }));
  await page.locator(`ul.found input[value="${grid.code}"]`).check();
}

/** Whatever was scrolled, nothing lies over the last line of the preview. */
async function lastLine(page) {
  const last = page.locator("#preview > :last-child");
  for (const at of ["the page's beginning", "the page's end"]) {
    await page.evaluate((end) => {
      window.scrollTo(0, end ? document.documentElement.scrollHeight : 0);
      document.getElementById("preview").scrollTop = 1e6;
    }, at === "the page's end");
    await inSight(last, `the preview's last line, at ${at}`);
  }
  await page.evaluate(() => window.scrollTo(0, 0));
}

/** The live order loses its other grid; what else may be done with it is looked at. */
async function change(town, other, author, approver) {
  const { office } = town;
  const at = (page) => `/alerts/${town.second}/${page}`;
  await until("everybody with a telephone was sent to", 240, async () => {
    const { reach, custody } = await office.does("李签发", `alert show ${town.second}`);
    return reach.doors > 0 && reach.doors === custody.open && reach.unsent === 0;
  });
  await author.goto(at("update"));
  await look(author, "update");
  await author.locator(`ul.chosen input[value="${other.code}"]`).uncheck();
  await press(author, author.getByRole("button", { name: "提交审核" }));
  await approver.goto(at("approve"));
  await look(approver, "approve-update");
  await approver.locator("summary", { hasText: "签发" }).first().click();
  await press(approver, approver.getByRole("button", { name: "确认签发" }));
  for (const name of ["withdraw", "extend"]) {
    await approver.goto(at(name));
    await look(approver, name);
  }
  await approver.goto(at("narrow"));
  await shows(approver.locator("main"), /户收到过旧短信/);
  await approver.getByRole("checkbox").first().check();
  await approver.getByRole("radio").first().check();
  await approver.locator("summary", { hasText: "发给勾选的网格" }).click();
  await look(approver, "narrow");
  await press(approver, approver.getByRole("button", { name: "确认发出" }));
  await shows(approver.getByRole("status"), /正在发出/);
  await approver.goto(at("withdraw"));
  assert.equal(await approver.getByLabel("原来怎么说").inputValue(), "到四明小学");
  await approver.getByLabel("现在怎么说").fill("到东风小学");
  await press(approver, approver.getByRole("button", { name: "只看短信" }).last());
  await look(approver, "withdraw-seen");
}

export default (town) => {
  test("an order goes its whole way by two officials", async () => {
    const { office } = town;
    const code = town.grids[3];
    const places = office.roster("places.csv");
    const [grid, other] =
      [code, town.grids[0]].map((code) => places.find((row) => row.code === code));
    const author = await signed(town, "陈制作");
    await write(author, grid, look);
    await press(author, author.getByRole("button", { name: "提交审核" }));
    await shows(author.getByRole("alert"), /还不能提交/, "what is missing is said at once");
    await look(author, "compose-faults");
    await choose(author, other);
    await author.getByLabel("标题").fill("第二次转移指令");
    await author.locator("[name='var.by']").fill("5点");
    await author.locator("[name='var.shelter']").fill("四明小学");
    const preview = /【余姚市防指】[\s\S]*5点[\s\S]*四明小学/;
    await shows(author.locator("#preview"), preview, "it follows what is typed");
    await press(author, author.getByRole("button", { name: "预览", exact: true }).last());
    await shows(author.locator("#preview"), preview);
    await shows(author.locator("#preview"), /最后发完的网格/);
    await inSight(author.getByRole("button", { name: "提交审核" }), "what hands it in, at 1440");
    await lastLine(author);
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

    await change(town, other, author, approver);
    await approver.goto(`/alerts/${town.second}/end`);
    await look(approver, "end");
    await press(approver, approver.getByRole("button", { name: "确认解除" }));
    await shows(approver.locator("main"), /清点|已解除/);
    await author.context().close();
    await approver.context().close();
  });

  test("times are read and written in Chinese, whatever the browser's language", async () => {
    const page = await signed(town, "陈制作", { locale: "en-US" });
    await page.goto("/alerts/new?template=move_order");
    assert.equal(await page.locator("input[type^=date], input[type=time]").count(), 0);
    const limit = page.getByRole("group", { name: "完成时限" });
    const day = limit.getByLabel("日期");
    const chosen = () => day.evaluate((node) => node.selectedOptions[0].text);
    assert.match(await chosen(), /^今天 \d+月\d+日 周.$/);
    await day.focus();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Tab");
    await focused(page, "#act_by");
    await type(page, "2500");
    await enter(page);
    await shows(limit, /“2500”不是时刻/);
    assert.match(await chosen(), /^明天 /, "what was chosen stays");
    await limit.getByLabel("时刻").focus();
    await type(page, "0500");
    await enter(page);
    await shows(page.locator("#preview"), /完成时限 \d+月\d+日 05:00（还有/);
    await page.context().close();
  });

  test("a wrong text is stopped in two clicks", async () => {
    const { office } = town;
    const wrong = { title: "写错的转移指令", shelter: "错误小学" };
    const uid = await office.release(town.grids, wrong);
    const page = await signed(town, "李签发");
    await page.addInitScript(() => {
      addEventListener("click", (event) => {
        if (event.isTrusted) localStorage.clicks = 1 + Number(localStorage.clicks ?? 0);
      }, true);
    });
    await page.goto(`/alerts/${uid}`);
    await press(page, page.getByRole("link", { name: "撤销更正" }));
    await press(page, page.getByRole("button", { name: "立即停发并更正" }));
    await shows(page.getByRole("status"), /已撤销/);
    assert.equal(await page.evaluate(() => Number(localStorage.clicks)), 2);
    assert.equal((await office.does("李签发", `alert show ${uid}`)).state, "withdrawn");
    const having = async (words) =>
      (await office.taken()).filter(({ text }) => text.includes(words)).map(({ to }) => to);
    // What was in a call at that moment has ended.
    await page.waitForTimeout(3_000);
    const had = new Set(await having("到错误小学。"));
    await until("whoever had it is corrected", 120, async () => {
      const told = new Set(await having("说“到错误小学”，错了"));
      return [...had].every((to) => told.has(to));
    });
    assert.equal(new Set(await having("到错误小学。")).size, had.size, "nobody else had it");
    await page.context().close();
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

  test("an exercise's roll is filled by one official and confirmed by another", async () => {
    const code = town.grids[2];
    const grid = town.office.roster("places.csv").find((row) => row.code === code);
    const author = await signed(town, "陈制作");
    await write(author, grid, async () => {});
    await author.locator("[name='var.by']").fill("5点");
    await author.locator("[name='var.shelter']").fill("四明小学");
    await author.getByLabel("性质").selectOption("exercise");
    await press(author, author.getByRole("button", { name: "提交审核" }));
    await shows(author.getByRole("alert"), /名册|还不能提交/);
    await press(author, author.getByRole("link", { name: "演练名册" }));
    const path = new URL(author.url()).pathname;
    await look(author, "roll-empty");
    await author.getByLabel(grid.name).check();
    await author.getByLabel("单个的人").fill("12700009999，王阿婆");
    await press(author, author.getByRole("button", { name: "加到名册" }));
    await shows(author.getByRole("status"), /加了 \d+ 个号码/);
    const approver = await signed(town, "李签发");
    await approver.goto(`${path}?find=王阿婆`);
    await approver.getByRole("checkbox").first().check();
    await press(approver, approver.getByRole("button", { name: "确认勾选的" }));
    await shows(approver.getByRole("status"), /确认了 \d+ 个号码/);
    await look(approver, "roll");
    await approver.locator("summary", { hasText: "全部确认" }).click();
    await press(approver, approver.getByRole("button", { name: "核对过了" }));
    await shows(approver.locator("main"), /全部已确认/);
    const bytes = Buffer.byteLength(await approver.content());
    assert.ok(bytes < 60 * 1024, `${bytes} bytes`);
    await author.context().close();
    await approver.context().close();
  });
};
